"""Distances along the data: shortest paths on the neighbor graph.

    g(i, j) = min over paths i = v_0, v_1, ..., v_m = j of sum_t d(v_t, v_t+1)

From a few landmarks, each the row farthest from those before it, one shortest-path tree per landmark reaches all rows.
Between components there is no path and the distance is infinite.

References: Dijkstra, 1959; de Silva, Tenenbaum, "Global versus local methods in nonlinear dimensionality reduction", 2003
(landmarks).
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import dijkstra

from imatlas.checks import InputError
from imatlas.values import Geodesics, KnnGraph

__all__ = ["all_geodesics", "geodesic_path", "geodesics_of_new", "landmark_geodesics"]


def landmark_geodesics(graph: KnnGraph, n_landmarks: int = 128, seed: int = 0) -> Geodesics:
    """Measure shortest paths from landmarks to all rows.

    Parameters
    ----------
    graph : neighbor graph.
    n_landmarks : landmarks in all, shared among components by size, at least min(size, 8) in each. More are more exact and
        take time in proportion.
    seed : of the row each component's search starts from.

    Returns
    -------
    Geodesics, landmarks in the order found within each component, largest component first.

    Raises
    ------
    InputError
        If n_landmarks is below 1.
    """
    if n_landmarks < 1:
        raise InputError(f"n_landmarks is {n_landmarks}; wanted at least 1. 128 is usual.")
    n, rng = len(graph), np.random.default_rng(seed)
    landmarks, distances = [], []
    for part, size in enumerate(graph.component_sizes):
        rows = np.flatnonzero(graph.components == part)
        count = min(int(size), max(round(n_landmarks * size / n), min(8, n_landmarks)))
        found, lengths = _farthest_points(graph, rows, count, int(rng.integers(size)))
        landmarks.append(found)
        distances.append(lengths)
    return Geodesics(landmarks=np.concatenate(landmarks), distances=np.concatenate(distances))


def geodesic_path(graph: KnnGraph, i: int, j: int) -> np.ndarray:
    """Give the rows along the shortest path from row i to row j, both included, int64.

    Raises
    ------
    InputError
        If a row number is out of range, or the rows lie in different components.
    """
    n = len(graph)
    for row in (i, j):
        if not 0 <= row < n:
            raise InputError(f"Row {row} was asked for; wanted 0 to {n - 1}. Choose a row of the graph.")
    if graph.components[i] != graph.components[j]:
        sizes = graph.component_sizes
        raise InputError(
            f"Rows {i} and {j} lie in different components of the graph ({sizes[graph.components[i]]} and "
            f"{sizes[graph.components[j]]} rows), so no path along the data joins them. Raise n_neighbors, or ask for "
            "bridges with join_components."
        )
    if i == j:
        return np.array([i], dtype=np.int64)
    _, before = dijkstra(graph.adjacency, directed=False, indices=j, return_predecessors=True)
    path = [i]
    while path[-1] != j:
        path.append(int(before[path[-1]]))
    return np.array(path, dtype=np.int64)


def all_geodesics(graph: KnnGraph, rows: np.ndarray | None = None) -> np.ndarray:
    """Give shortest-path distances float64 (b, n) from some rows (all by default) to all rows; exact."""
    return dijkstra(graph.adjacency, directed=False, indices=rows)


def geodesics_of_new(graph: KnnGraph, neighbors: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Give shortest-path distances float64 (b, n) of new rows, which enter the graph by their nearest rows.

    Parameters
    ----------
    graph : neighbor graph of the n old rows.
    neighbors, distances : (b, k), the old rows each new row is linked to. New rows are no one's way.
    """
    n, (b, k) = len(graph), neighbors.shape
    lengths = np.maximum(distances.astype(np.float64), np.finfo(np.float32).tiny).ravel()
    entries = sparse.csr_matrix((lengths, neighbors.ravel(), np.arange(0, b * k + 1, k)), shape=(b, n))
    whole = sparse.bmat([[graph.adjacency, None], [entries, sparse.csr_matrix((b, b))]], format="csr")
    return dijkstra(whole, directed=True, indices=np.arange(n, n + b))[:, :n]


def _farthest_points(graph: KnnGraph, rows: np.ndarray, count: int, start: int) -> tuple[np.ndarray, np.ndarray]:
    """Choose landmarks within one component and give them with their distances float32 (count, n)."""
    part = graph.adjacency[rows][:, rows]
    landmarks = np.empty(count, dtype=np.int64)
    distances = np.full((count, len(graph)), np.inf, dtype=np.float32)
    nearest = np.full(len(rows), np.inf)
    farthest = int(np.argmax(dijkstra(part, directed=False, indices=start)))
    taken = np.zeros(len(rows), dtype=bool)
    for place in range(count):
        lengths = dijkstra(part, directed=False, indices=farthest)
        landmarks[place], taken[farthest] = rows[farthest], True
        distances[place, rows] = lengths
        nearest = np.minimum(nearest, lengths)
        farthest = int(np.argmax(np.where(taken, -1, nearest)))
    return landmarks, distances
