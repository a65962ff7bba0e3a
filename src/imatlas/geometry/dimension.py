"""The intrinsic dimension of a set of rows, from how fast balls around them fill.

On a manifold of dimension m the number of rows within radius r grows as r^m, so with T_j the distance to the j-th neighbor

    maximum likelihood   1 / m_i = (1 / (k - 1)) sum_{j < k} log(T_k / T_j),     m = 1 / mean_i (1 / m_i)
    TwoNN                mu = T_2 / T_1 has F(mu) = 1 - mu^-m:  m = slope of -log(1 - F) against log mu

The inverse is what is averaged, since it is the unbiased quantity. Zero distances (duplicates) say nothing about filling and
are passed over, and so are ties with the last distance. Both estimates fall behind in many dimensions and are corrected,
`calibration.py`. With the rows at hand, angles between neighbors give a third estimate, `angles.py`.

References: Levina, Bickel, "Maximum likelihood estimation of intrinsic dimension", 2004; MacKay, Ghahramani, comments on it,
2005; Facco, d'Errico, Rodriguez, Laio, "Estimating the intrinsic dimension of datasets by a minimal neighborhood
information", 2017, arXiv 1803.06992.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from imatlas.geometry.angles import squared_cosines
from imatlas.geometry.calibration import calibrate
from imatlas.geometry.readings import crowd_sizes, require_neighbors
from imatlas.values import Dimension, KnnGraph

__all__ = ["estimate_dimension"]

_INDEPENDENT = 0.6  # of the rows: neighbors share radii; 40 repeated Gaussians scatter 1.1 to 1.3 times as wide as 1 / sqrt(n)
_EDGE = 0.09  # how far angles fall behind on cubes of 7 dimensions and more

_Estimate = tuple[float, tuple[float, float]]


def estimate_dimension(
    graph: KnnGraph, *, X: np.ndarray | sparse.spmatrix | None = None, n_neighbors: int | None = None
) -> Dimension:
    """Estimate the intrinsic dimension of the rows of a graph.

    Parameters
    ----------
    graph : Euclidean or angular neighbor graph with at least 2 neighbors per row, best 15 or more.
    X : (n, d) the rows themselves, for a third estimate from angles ("neighbor_angles"); not needed for the others.
    n_neighbors : neighbors used, all by default. Fewer: less bias from curvature and edges, more noise.

    Returns
    -------
    Dimension with the maximum-likelihood value; each method by name with its 95 % interval, which covers the noise of the
    rows and that nobody knows how the set ends (evenly filled to an edge, or thinning out); and the dimension around each
    row, averaged over its neighbors: of 15 neighbors, on a flat set, it scatters by 10 % about its mean. Without any spread
    (all rows equal, or all equally far) the dimension is 0.

    Raises
    ------
    InputError
        If fewer than 2 neighbors per row are there or used (4 with X), or X has another number of rows.

    Examples
    --------
    >>> import numpy as np
    >>> from imatlas.neighbors import knn_graph
    >>> plane = np.random.default_rng(0).normal(size=(500, 2)) @ np.ones((2, 5))
    >>> round(estimate_dimension(knn_graph(plane)).value)
    1
    """
    k = graph.n_neighbors if n_neighbors is None else min(n_neighbors, graph.n_neighbors)
    require_neighbors(k, 2, "dimension")
    lengths = graph.lengths[:, :k]
    sums, counts = _log_ratios(lengths)
    typical = float(np.exp(np.log(crowd_sizes(graph)[counts > 0]).mean())) if counts.any() else 1.0
    found = {
        "maximum_likelihood": _maximum_likelihood(sums, counts, typical, k),
        "two_nearest": _two_nearest(lengths, typical),
    }
    if X is not None:
        found["neighbor_angles"] = _from_angles(*squared_cosines(X, graph, n_neighbors=k))
    value, interval = found["maximum_likelihood"]
    return Dimension(
        value,
        interval,
        by_method={name: estimate for name, (estimate, _) in found.items()},
        local=_local(graph, sums, counts, k=k, fallback=value),
        intervals={name: ends for name, (_, ends) in found.items()},
    )


def _log_ratios(lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give for each row the sum of log(T_k / T_j) over 0 < T_j < T_k, and how many there are."""
    outer = lengths[:, -1:]
    usable = (lengths > 0) & (lengths < outer)
    ratios = np.divide(outer, lengths, out=np.ones_like(lengths), where=usable)
    return np.log(ratios).sum(axis=1), usable.sum(axis=1)


def _maximum_likelihood(sums: np.ndarray, counts: np.ndarray, n_rows: float, k: int) -> _Estimate:
    known = counts > 0
    if not known.any():
        return 0.0, (0.0, 0.0)
    inverse = sums[known].sum() / counts[known].sum()
    noise = np.std(sums[known] / counts[known]) / np.sqrt(_INDEPENDENT * known.sum()) / inverse
    return _calibrated(1 / inverse, noise, n_rows, k)


def _two_nearest(lengths: np.ndarray, n_rows: float) -> _Estimate:
    """Fit the TwoNN line through the origin to the lower 90 % of the ratios of the first two different distances above zero."""
    first = np.where(lengths > 0, lengths, np.inf).min(axis=1)
    second = np.where(lengths > first[:, None], lengths, np.inf).min(axis=1)
    known = np.isfinite(second)
    mu = np.sort(np.log(second[known] / first[known]))
    n_kept = int(0.9 * len(mu))
    if n_kept < 1:
        return 0.0, (0.0, 0.0)
    survival = -np.log1p(-np.arange(1, n_kept + 1) / (len(mu) + 1))
    kept = mu[:n_kept]
    raw = (kept * survival).sum() / (kept * kept).sum()  # not by BLAS, whose order of adding depends on threads
    return _calibrated(raw, 1 / np.sqrt(_INDEPENDENT * len(mu)), n_rows, 2)


def _calibrated(raw: float, noise: float, n_rows: float, k: int) -> _Estimate:
    """Give the dimension for a raw reading with its relative noise, and the interval: both families, and the noise."""
    ends = raw / (1 + 1.96 * noise), raw / max(1 - 1.96 * noise, 0.05)
    value, low, high = calibrate(np.array([raw, *ends]), np.full(3, n_rows), k)
    return float(value[0]), (float(low[1]), float(high[2]))


def _from_angles(sums: np.ndarray, counts: np.ndarray) -> _Estimate:
    """Give the inverse mean squared cosine; the interval reaches up by what edges take away."""
    known = counts > 0
    if sums[known].sum() <= 1e-9 * known.sum():  # no steps, or all at right angles
        return 0.0, (0.0, 0.0)
    inverse = sums[known].sum() / counts[known].sum()
    noise = 1.96 * np.std(sums[known] / counts[known]) / np.sqrt(_INDEPENDENT * known.sum())
    low, high = 1 / (inverse + noise), 1 / max(inverse - noise, 0.05 * inverse)
    return float(1 / inverse), (float(low), float(high * (1 + _EDGE * (1 - min(inverse, 1)))))


def _local(graph: KnnGraph, sums: np.ndarray, counts: np.ndarray, *, k: int, fallback: float) -> np.ndarray:
    """Average the inverse dimension of each row with its neighbors', then calibrate; the fallback where nothing is known."""
    sums = sums + sums[graph.indices].sum(axis=1)
    counts = counts + counts[graph.indices].sum(axis=1)
    raw = counts / np.where(counts > 0, sums, 1)
    return np.where(counts > 0, calibrate(raw, crowd_sizes(graph), k)[0], fallback).astype(np.float32)
