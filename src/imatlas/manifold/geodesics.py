"""Distances along the data: shortest paths on the neighbor graph.

    g(i, j) = min over paths i = v_0, v_1, ..., v_m = j of sum_t d(v_t, v_t+1)

From a few landmarks one shortest-path tree each reaches all rows. Each landmark is the row farthest from those before it, among
the rows with most links: the rows farthest of all are outliers, no path runs past them, and their bounds are loose (on MNIST
the gap between upper and lower bound is 0.4 of the distance by linked landmarks, 0.6 by outliers, 0.5 by random rows).
Between components there is no path and the distance is infinite.

References: Dijkstra, 1959; Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985 (farthest points); de
Silva, Tenenbaum, "Global versus local methods in nonlinear dimensionality reduction", 2003 (landmarks); Goldberg, Harrelson,
"Computing the shortest path: A* search meets graph theory", 2005 (bounds).
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import dijkstra, reverse_cuthill_mckee

from imatlas.checks import InputError
from imatlas.values import Geodesics, KnnGraph, straight_lengths

__all__ = ["all_geodesics", "geodesics_of_new", "landmark_geodesics"]

_LINKED = 8  # landmarks are chosen among this many times as many rows, those with most links


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
    Geodesics, landmarks in the order found within each component, largest component first. Beside the graph, memory is that
    of the answer: 4 bytes per landmark and row, 512 MB for 128 landmarks of a million rows.

    Raises
    ------
    InputError
        If n_landmarks is below 1.
    """
    if n_landmarks < 1:
        raise InputError(f"n_landmarks is {n_landmarks}; wanted at least 1. 128 is usual.")
    n, rng = len(graph), np.random.default_rng(seed)
    # Rows that are near on the graph stand near in memory; on large graphs a tree takes two thirds of the time.
    order = reverse_cuthill_mckee(graph.adjacency, symmetric_mode=True)
    sizes = graph.component_sizes
    counts = np.minimum(sizes, np.maximum(np.round(n_landmarks * sizes / n).astype(int), min(8, n_landmarks)))
    landmarks = np.empty(counts.sum(), dtype=np.int64)
    distances = np.full((counts.sum(), n), np.inf, dtype=np.float32)
    first = 0
    for part, (size, count) in enumerate(zip(sizes, counts)):
        rows, mine = order[graph.components[order] == part], slice(first, first + count)
        landmarks[mine] = _farthest_points(graph, rows, int(rng.integers(size)), distances[mine])
        first += count
    return Geodesics(landmarks=landmarks, distances=distances)


def all_geodesics(graph: KnnGraph, rows: np.ndarray | None = None) -> np.ndarray:
    """Give shortest-path distances float64 (b, n) from some rows (all by default) to all rows; exact."""
    return dijkstra(graph.adjacency, directed=True, indices=rows)  # both directions are stored: half the work of undirected


def geodesics_of_new(graph: KnnGraph, neighbors: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Give shortest-path distances float64 (b, n) of new rows, which enter the graph by their nearest rows.

    Parameters
    ----------
    graph : neighbor graph of the n old rows.
    neighbors, distances : (b, k), the old rows each new row is linked to, in the graph's metric. New rows are no one's way.
    """
    n, (b, k) = len(graph), neighbors.shape
    straight = straight_lengths(distances.astype(np.float64), graph.metric)
    lengths = np.maximum(straight, np.finfo(np.float32).tiny).ravel()
    entries = sparse.csr_matrix((lengths, neighbors.ravel(), np.arange(0, b * k + 1, k)), shape=(b, n))
    whole = sparse.bmat([[graph.adjacency, None], [entries, sparse.csr_matrix((b, b))]], format="csr")
    return dijkstra(whole, directed=True, indices=np.arange(n, n + b))[:, :n]


def _farthest_points(graph: KnnGraph, rows: np.ndarray, start: int, distances: np.ndarray) -> np.ndarray:
    """Choose landmarks in one component and write their distances into float32 (m, n).

    Parameters
    ----------
    rows : int64 (size,), the component's rows, in the order in which its part of the graph is laid out.
    start : place in it of the row from which the first landmark is farthest.
    distances : rows of the whole table that are to be filled.
    """
    part = graph.adjacency[rows][:, rows]
    # Ties are broken by row number, not by the layout.
    pool = np.lexsort([rows, -np.diff(part.indptr)])[: max(_LINKED * len(distances), 64)]
    pool = pool[np.argsort(rows[pool])]
    found = np.empty(len(distances), dtype=np.int64)
    nearest = dijkstra(part, directed=True, indices=start)[pool]
    for place in range(len(distances)):
        chosen = int(np.argmax(nearest))
        lengths = dijkstra(part, directed=True, indices=pool[chosen])
        found[place], distances[place, rows] = rows[pool[chosen]], lengths
        nearest = lengths[pool] if place == 0 else np.minimum(nearest, lengths[pool])
        nearest[chosen] = -1
    return found
