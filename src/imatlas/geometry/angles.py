"""The intrinsic dimension from the angles between steps from neighbor to neighbor.

Two independent directions in m dimensions have a mean squared cosine of 1 / m. Directions from a row to its neighbors are not
independent where the density falls: all lean towards the middle, and in many dimensions most rows lie near an edge. Steps
between two neighbors do not lean, so with u_a = (x_2a - x_2a-1) / |x_2a - x_2a-1|, each neighbor used once,

    1 / m = mean over a < b of (u_a . u_b)^2

It needs the rows beside the graph, and hardly depends on how many there are; curvature within a neighborhood raises it.

References: Thordsen, Schubert, "ABID: Angle based intrinsic dimensionality", 2020, arXiv 2006.12880 (from the row itself);
Johnsson, Soneson, Fontes, "Low bias local intrinsic dimension estimation from expected simplex skewness", 2015.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from imatlas.checks import InputError
from imatlas.geometry.readings import require_neighbors
from imatlas.values import KnnGraph

__all__ = ["squared_cosines"]

_MOST_ROWS = 5000
_BLOCK = 2**22  # numbers gathered at once


def squared_cosines(X: np.ndarray | sparse.spmatrix, graph: KnnGraph, *, n_neighbors: int) -> tuple[np.ndarray, np.ndarray]:
    """Give for evenly chosen rows the sum of squared cosines between steps among their neighbors.

    Parameters
    ----------
    X : (n, d) rows the graph was made of, dense or CSR.
    graph : their graph, at least 4 neighbors per row.
    n_neighbors : neighbors used.

    Returns
    -------
    sums and counts, float64 (b,), b at most 5,000: a global mean gains nothing from more rows. Duplicates count once.

    Raises
    ------
    InputError
        If X has another number of rows than the graph, or there are fewer than 4 neighbors.
    """
    if X.shape[0] != len(graph):
        raise InputError(f"X has {X.shape[0]} rows, the graph {len(graph)}; give the rows the graph was made of.")
    require_neighbors(n_neighbors, 4, "dimension from angles")
    chosen = np.unique(np.linspace(0, len(graph) - 1, min(len(graph), _MOST_ROWS)).astype(np.int64))
    size = max(1, _BLOCK // (X.shape[1] * n_neighbors))
    parts = []
    with threadpool_limits(1):
        for start in range(0, len(chosen), size):
            block = chosen[start : start + size]
            places = _gather(X, graph.indices[block, :n_neighbors], graph.metric)
            parts.append(_sums(*_distinct(places, graph.distances[block, :n_neighbors])))
    return np.concatenate([sums for sums, _ in parts]), np.concatenate([counts for _, counts in parts])


def _distinct(places: np.ndarray, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put neighbors (b, k, d) that are no copies of the row itself or of the one before first, and count them.

    Two steps that touch at copies of one row would not be independent.
    """
    copies = distances == 0
    copies[:, 1:] |= (places[:, 1:] == places[:, :-1]).all(axis=2)
    order = np.argsort(copies, axis=1, kind="stable")[:, : places.shape[1] // 2 * 2]
    return np.take_along_axis(places, order[:, :, None], axis=1), (~copies).sum(axis=1)


def _gather(X: np.ndarray | sparse.spmatrix, near: np.ndarray, metric: str) -> np.ndarray:
    """Give neighbors (b, k, d) as places in the space in which the metric is Euclidean."""
    rows = X[near.ravel()]
    rows = np.asarray(rows.toarray() if sparse.issparse(rows) else rows, dtype=np.float64)
    if metric == "correlation":
        rows = rows - rows.mean(axis=1, keepdims=True)
    if metric in ("cosine", "correlation"):
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        rows = rows / np.where(norms > 0, norms, 1)
    return rows.reshape(*near.shape, -1)


def _sums(places: np.ndarray, n_distinct: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum the squared cosines between different steps of each neighborhood (b, 2s, d), and count them."""
    steps = places[:, 1::2] - places[:, ::2]
    lengths = np.linalg.norm(steps, axis=2, keepdims=True)
    usable = (lengths > 0) & (np.arange(steps.shape[1])[:, None] < (n_distinct // 2)[:, None, None])
    steps = np.where(usable, steps / np.where(lengths > 0, lengths, 1), 0)
    known = usable.sum(axis=(1, 2))
    cosines = steps @ steps.transpose(0, 2, 1)  # (b, s, s)
    return np.square(cosines).sum(axis=(1, 2)) - known, (known * (known - 1)).astype(np.float64)
