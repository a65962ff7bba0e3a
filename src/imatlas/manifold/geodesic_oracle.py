"""Distances along the data between any two rows: bounds at once, the exact length and the path when wanted.

Landmarks l bound every geodesic from both sides,

    max_l |g(l, i) - g(l, j)|  <=  g(i, j)  <=  min_l (g(l, i) + g(l, j)),

and the upper bound U makes the exact search short: halfway along the shortest path lies a link (u, v) with g(i, u) <= U / 2
and g(v, j) <= U / 2, so two searches that stop at U / 2 meet in it. In many dimensions two balls of half the radius hold a
tiny share of the rows that one ball holds. Without landmarks the searches start small and grow until they meet.

References: Nicholson, "Finding the shortest route between two points in a network", 1966 (both ends); Goldberg, Harrelson, 2005
(landmarks).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import dijkstra

from imatlas.checks import InputError
from imatlas.manifold.geodesics import landmark_geodesics
from imatlas.values import Geodesics, KnnGraph

__all__ = ["GeodesicOracle", "geodesic_path"]

_GROWTH = 1.5
_SLACK = 1 + 1e-9  # more than what rounding takes from a sum of float64 steps


@dataclass(frozen=True)
class GeodesicOracle:
    """Geodesic distances and paths between any rows of a graph.

    Parameters
    ----------
    graph : neighbor graph.
    geodesics : its landmarks and their distances, from `landmark_geodesics`.

    Examples
    --------
    >>> import numpy as np
    >>> from imatlas.neighbors import knn_graph
    >>> turn = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    >>> oracle = GeodesicOracle.of(knn_graph(np.stack([np.cos(turn), np.sin(turn)], axis=1), n_neighbors=2))
    >>> oracle.distance([0, 0], [25, 50]).round(2).tolist()  # a quarter and half of the circle
    [1.57, 3.14]
    """

    graph: KnnGraph
    geodesics: Geodesics

    def __post_init__(self) -> None:
        n = self.geodesics.distances.shape[1]
        if n != len(self.graph):
            raise InputError(f"The landmarks know {n} rows, the graph {len(self.graph)}; give those measured on this graph.")

    @classmethod
    def of(cls, graph: KnnGraph, n_landmarks: int = 128, seed: int = 0) -> GeodesicOracle:
        """Measure the landmarks of a graph; see `landmark_geodesics`."""
        return cls(graph, landmark_geodesics(graph, n_landmarks, seed))

    def bounds(self, i: np.ndarray | int, j: np.ndarray | int) -> tuple[np.ndarray, np.ndarray]:
        """Give certified lower and upper bounds of the distances between rows i and j; see `Geodesics.bounds`."""
        return self.geodesics.bounds(i, j)

    def distance(self, i: np.ndarray | int, j: np.ndarray | int) -> np.ndarray:
        """Measure the distances between rows i and j exactly.

        Parameters
        ----------
        i, j : row numbers, scalars or arrays that broadcast against each other.

        Returns
        -------
        float64 of their common shape, exact up to the rounding of a float64 sum; infinite between components. It takes two
        short searches a pair: for many pairs that share few rows, `manifold_distance` is faster.

        Raises
        ------
        InputError
            If a row number is not one of the graph's.
        """
        i, j = np.broadcast_arrays(i, j)
        _, upper = self.bounds(i, j)
        lengths = upper.copy()  # right where it is 0 (a row to itself) or infinite (between components)
        for place in np.argwhere((upper > 0) & np.isfinite(upper)):
            where = tuple(place)
            ends = sorted((int(i[where]), int(j[where])))
            lengths[where] = _meet(self.graph, *ends, reach=upper[where] / 2 * _SLACK)[0]
        return lengths

    def path(self, i: int, j: int) -> np.ndarray:
        """Give the rows along the shortest path from row i to row j, both included, int64.

        Raises
        ------
        InputError
            If a row number is not one of the graph's, or the rows lie in different components.
        """
        _check_ends(self.graph, i, j)
        upper = float(self.bounds(i, j)[1])
        return _meet(self.graph, i, j, reach=upper / 2 * _SLACK)[1]


def geodesic_path(graph: KnnGraph, i: int, j: int) -> np.ndarray:
    """Give the rows along the shortest path from row i to row j, both included, int64; no landmarks are needed.

    Raises
    ------
    InputError
        If a row number is out of range, or the rows lie in different components.
    """
    _check_ends(graph, i, j)
    return _meet(graph, i, j, reach=float(graph.lengths[[i, j]].max(initial=np.finfo(np.float32).tiny)))[1]


def _check_ends(graph: KnnGraph, i: int, j: int) -> None:
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


def _meet(graph: KnnGraph, i: int, j: int, *, reach: float) -> tuple[float, np.ndarray]:
    """Give the length of the shortest path between two rows of one component, and its rows.

    Parameters
    ----------
    reach : above 0, how far the first search goes from each end. A path found that is no longer than twice the reach is the
        shortest; else the reach grows.
    """
    if i == j:
        return 0.0, np.array([i], dtype=np.int64)
    links = graph.adjacency
    while True:
        lengths, before = dijkstra(links, directed=True, indices=[i, j], limit=reach, return_predecessors=True)
        near = np.flatnonzero(np.isfinite(lengths[0]))
        ball = links[near]
        sources = np.repeat(near, np.diff(ball.indptr))
        whole = lengths[0, sources] + ball.data + lengths[1, ball.indices]
        best = int(np.argmin(whole))
        if whole[best] <= 2 * reach:
            way, back = _trace(before[0], int(sources[best]), i), _trace(before[1], int(ball.indices[best]), j)
            return float(whole[best]), np.array(way[::-1] + back, dtype=np.int64)
        reach *= _GROWTH


def _trace(before: np.ndarray, row: int, end: int) -> list[int]:
    """Give the rows from one row back to the end the search began at."""
    way = [row]
    while way[-1] != end:
        way.append(int(before[way[-1]]))
    return way
