"""The distances of a graph, checked, as lengths that grow linearly along the manifold."""

from __future__ import annotations

import numpy as np

from imatlas.checks import InputError
from imatlas.values import KnnGraph

__all__ = ["lengths_of", "require_neighbors"]

_ANGULAR = ("cosine", "correlation")


def lengths_of(graph: KnnGraph) -> np.ndarray:
    """Give the distances of a graph as lengths; cosine and correlation distance are half the square of one.

    Returns
    -------
    float64 (n, k), rising along each row; infinite where a row has no further neighbor.

    Raises
    ------
    InputError
        If distances are NaN, negative or falling along a row, or a row is its own neighbor: whatever was read from such a
        graph would be wrong.
    """
    distances = graph.distances
    broken = np.isnan(distances).any(axis=1) | (distances < 0).any(axis=1) | (distances[:, 1:] < distances[:, :-1]).any(axis=1)
    if broken.any():
        raise InputError(
            f"{broken.sum():,} rows of the graph, first row {broken.argmax()}, have distances that are NaN, negative or not "
            "rising; wanted distances from nearest to farthest. Sort each row, or make the graph with knn_graph."
        )
    own = (graph.indices == np.arange(len(graph))[:, None]).any(axis=1)
    if own.any():
        raise InputError(
            f"{own.sum():,} rows of the graph, first row {own.argmax()}, are their own neighbor; wanted other rows only. "
            "Leave the row itself out (often the first column), or make the graph with knn_graph."
        )
    lengths = distances.astype(np.float64)
    return np.sqrt(2 * lengths) if graph.metric in _ANGULAR else lengths


def require_neighbors(graph: KnnGraph, least: int, purpose: str) -> None:
    """Refuse a graph with too few neighbors per row.

    Raises
    ------
    InputError
        If there are fewer than `least`.
    """
    if graph.n_neighbors < least:
        raise InputError(
            f"The graph has {graph.n_neighbors} neighbor(s) per row; {purpose} needs at least {least}. Make a graph of "
            f"more neighbors, best 15 (that takes more than {least} rows)."
        )
