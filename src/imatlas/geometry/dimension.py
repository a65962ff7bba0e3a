"""The intrinsic dimension of a set of rows, from how fast balls around them fill.

On a manifold of dimension m the number of rows within radius r grows as r^m, so with T_j the distance to the j-th neighbor

    maximum likelihood   1 / m_i = (1 / (k - 1)) sum_{j < k} log(T_k / T_j),     m = 1 / mean_i (1 / m_i)
    TwoNN                mu = T_2 / T_1 has F(mu) = 1 - mu^-m:  m = slope of -log(1 - F) against log mu

The inverse is what is averaged, since it is the unbiased quantity. Zero distances (duplicates) say nothing about filling and
are passed over: a row counts from its first distance above zero.

References: Levina, Bickel, "Maximum likelihood estimation of intrinsic dimension", 2004; MacKay, Ghahramani, comments on it,
2005; Facco, d'Errico, Rodriguez, Laio, "Estimating the intrinsic dimension of datasets by a minimal neighborhood
information", 2017, arXiv 1803.06992.
"""

from __future__ import annotations

import numpy as np

from imatlas.checks import InputError
from imatlas.values import Dimension, KnnGraph

__all__ = ["estimate_dimension"]


def estimate_dimension(graph: KnnGraph, *, n_neighbors: int | None = None) -> Dimension:
    """Estimate the intrinsic dimension of the rows of a graph.

    Parameters
    ----------
    graph : Euclidean or angular neighbor graph with at least 3 neighbors per row (2 in tiny sets).
    n_neighbors : neighbors used, all by default. Fewer: less bias from curvature and edges, more noise.

    Returns
    -------
    Dimension with the maximum-likelihood value, its 95 % interval (rows that share neighbors are not independent, so n / k
    rows count), both methods by name, and the dimension around each row averaged over its neighbors. Without any spread
    (all rows equal) the dimension is 0.

    Raises
    ------
    InputError
        If the graph has fewer than 2 neighbors per row.

    Examples
    --------
    >>> import numpy as np
    >>> from imatlas.neighbors import knn_graph
    >>> plane = np.random.default_rng(0).normal(size=(500, 2)) @ np.ones((2, 5))
    >>> round(estimate_dimension(knn_graph(plane)).value)
    1
    """
    k = graph.n_neighbors if n_neighbors is None else min(n_neighbors, graph.n_neighbors)
    if k < 2:
        raise InputError(f"The graph has {k} neighbor(s) per row; dimension needs at least 2. Raise n_neighbors to 15.")
    distances = _angular_to_euclidean(graph)[:, :k]
    sums, counts = _log_ratios(distances)
    known = counts > 0
    if not known.any() or sums[known].sum() <= 0:
        return Dimension(0.0, (0.0, 0.0), {"maximum_likelihood": 0.0, "two_nearest": 0.0}, np.zeros(len(graph), np.float32))
    inverse = sums[known].sum() / counts[known].sum()
    spread = np.std(sums[known] / counts[known]) / np.sqrt(max(1.0, known.sum() / k))
    low, high = 1 / (inverse + 1.96 * spread), 1 / max(inverse - 1.96 * spread, 1e-3 * inverse)
    return Dimension(
        value=float(1 / inverse),
        interval=(float(low), float(high)),
        by_method={"maximum_likelihood": float(1 / inverse), "two_nearest": _two_nearest(distances)},
        local=_local(graph, sums, counts, 1 / inverse),
    )


def _angular_to_euclidean(graph: KnnGraph) -> np.ndarray:
    """Give distances that grow linearly along the manifold: 1 - cos is half the square of one."""
    distances = graph.distances.astype(np.float64)
    return np.sqrt(2 * distances) if graph.metric in ("cosine", "correlation") else distances


def _log_ratios(distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give for each row the sum of log(T_k / T_j) over positive T_j, j < k, and how many there are."""
    inner, outer = distances[:, :-1], distances[:, -1:]
    usable = (inner > 0) & (outer > 0)
    ratios = np.divide(outer, inner, out=np.ones_like(inner), where=usable)
    return np.log(ratios).sum(axis=1), usable.sum(axis=1)


def _two_nearest(distances: np.ndarray) -> float:
    """Fit the TwoNN line through the origin to the lower 90 % of the ratios of the first two positive distances."""
    first = np.argmax(distances > 0, axis=1)
    rows = np.flatnonzero((distances[:, -1] > 0) & (first + 1 < distances.shape[1]))
    mu = np.sort(np.log(distances[rows, first[rows] + 1] / distances[rows, first[rows]]))
    n_kept = max(1, int(0.9 * len(mu)))
    if len(mu) < 2 or mu[n_kept - 1] <= 0:
        return 0.0
    survival = -np.log1p(-np.arange(1, n_kept + 1) / (len(mu) + 1))
    return float(mu[:n_kept] @ survival / (mu[:n_kept] @ mu[:n_kept]))


def _local(graph: KnnGraph, sums: np.ndarray, counts: np.ndarray, fallback: float) -> np.ndarray:
    """Average the inverse dimension of each row with its neighbors'; the global value where nothing is known."""
    sums = sums + sums[graph.indices].sum(axis=1)
    counts = counts + counts[graph.indices].sum(axis=1)
    return np.where(sums > 0, counts / np.where(sums > 0, sums, 1), fallback).astype(np.float32)
