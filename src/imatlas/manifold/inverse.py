"""Charts: from a place on a map back to features, and how far such an answer can be trusted.

Near a place z the inverse of a map is about affine. It is fitted to the k fitted rows nearest on the map, with weights w_j
that fall with their distance from z, and read at z itself:

    min over a, B   sum_j w_j |x_j - a - B (y_j - z)|^2 + ridge |B|^2,     x(z) = a = sum_j c_j x_j

    c = G^-1 1 / (1^T G^-1 1),    G_ij = (y_i - z) . (y_j - z) + ridge delta_ij / w_i,    ridge = 0.1 sum_j w_j r^2 / q

The c_j depend on map places only and sum to 1, so features are mixed, never extrapolated far: where one of them strays more
than 1 from its even share, all are drawn back together. The same for every place whichever come with it. The charts serve the
other way too, from features to places, for maps that cannot place new rows themselves.

Confidence compares the chart at z with the chart at the fitted row y nearest to it, both without rows that lie at their
centre: r is the distance to the k-th row used, s the root mean square distance of those rows' features from the chart's answer,

    confidence(z) = 1 / (1 + max(0, r(z) / r(y) - 1)^2 + max(0, s(z) / s(y) - 1)^2)

1 at a fitted row, near 1 among the data, 1/2 where the support is twice as far as it is for the data there, falling as 1 / r^2.

References: Cleveland, "Robust locally weighted regression", 1979 (local affine smoothing); Saul, Roweis, "Think globally, fit
locally", 2003 (the same weights from the Gram matrix).
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from imatlas.neighbors import search

__all__ = ["chart_confidence", "chart_size", "invert_map", "read_charts"]

_BLOCK = 2048
_TREE_DIMENSIONS = 6  # above it a tree looks at most rows anyway, and comparing all of them is faster
_RIDGE = 0.1  # of the spread a chart has along one of its axes; in noisy features less of it magnifies noise


def chart_size(n_components: int, n_rows: int) -> int:
    """Give how many rows a chart is fitted to: twice as many as it has unknowns, at least 10, at most all."""
    return min(max(10, 2 * n_components + 2), n_rows)


def invert_map(places: np.ndarray, coordinates: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Give features for places on a map.

    Parameters
    ----------
    places : (b, q) map coordinates.
    coordinates : float32 (n, q), fitted places.
    rows : float32 (n, d), features of the fitted rows.

    Returns
    -------
    float32 (b, d). At the place of a fitted row, that row's features.
    """
    near, lengths = _nearest(places, coordinates, chart_size(coordinates.shape[1], len(coordinates)))
    return read_charts(places, coordinates, rows, near, lengths)


def read_charts(
    centers: np.ndarray, charted: np.ndarray, values: np.ndarray, near: np.ndarray, lengths: np.ndarray
) -> np.ndarray:
    """Read values at points from charts around them.

    Parameters
    ----------
    centers : (b, p), points.
    charted : (n, p), fitted points.
    values : float32 (n, m), known at the fitted points.
    near, lengths : (b, k), the fitted points nearest to each point and their distances, rising.

    Returns
    -------
    float32 (b, m). On a fitted point, its own values.
    """
    read = np.empty((len(centers), values.shape[1]), dtype=np.float32)
    for start in range(0, len(centers), _BLOCK):
        block = slice(start, start + _BLOCK)
        shares = _shares(centers[block].astype(np.float64), charted, near[block], lengths[block].astype(np.float64))
        read[block] = np.where(lengths[block, :1] == 0, values[near[block, 0]], _mix(shares, near[block], values))
    return read


def chart_confidence(places: np.ndarray, coordinates: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Give how far the features read at places can be trusted.

    Parameters
    ----------
    places, coordinates, rows : as `invert_map` takes them.

    Returns
    -------
    float64 (b,) in [0, 1]; see the module.
    """
    nearest, _ = _nearest(places, coordinates, 1)
    homes, own = np.unique(nearest[:, 0], return_inverse=True)
    floor = 1e-6 * max(float(np.ptp(coordinates, axis=0).max()), 1e-30), 1e-6 * max(float(np.abs(rows).max()), 1e-30)
    here = _reach_and_spread(places, coordinates, rows)
    there = _reach_and_spread(coordinates[homes], coordinates, rows)
    excess = [np.maximum((z + e) / (y[own] + e) - 1, 0) for z, y, e in zip(here, there, floor)]
    return 1 / (1 + np.square(excess[0]) + np.square(excess[1]))


def _reach_and_spread(places: np.ndarray, coordinates: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give r and s float64 (b,) of charts from which the rows at their very centre are left out."""
    n = len(coordinates)
    k = chart_size(coordinates.shape[1], n)
    near, lengths = _nearest(places, coordinates, min(k + 1, n))
    on_row = (lengths[:, :1] == 0) if n > k else np.zeros((len(near), 1), dtype=bool)
    near = np.where(on_row, near[:, -k:], near[:, :k])
    lengths = np.where(on_row, lengths[:, -k:], lengths[:, :k]).astype(np.float64)
    spread = np.empty(len(places))
    for start in range(0, len(places), _BLOCK):
        block = slice(start, start + _BLOCK)
        shares = _shares(places[block].astype(np.float64), coordinates, near[block], lengths[block])
        answers, total = _mix(shares, near[block], rows), np.zeros(len(shares))
        for column in near[block].T:
            total += np.square(rows[column] - answers).sum(axis=1, dtype=np.float64)
        spread[block] = np.sqrt(total / k)
    return lengths[:, -1], spread


def _nearest(places: np.ndarray, coordinates: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the k fitted places (b, k) nearest to some places, and their distances."""
    if coordinates.shape[1] > _TREE_DIMENSIONS:
        return search(places, coordinates, k)
    lengths, near = cKDTree(coordinates, balanced_tree=False, compact_nodes=False).query(places, k=k)
    return np.asarray(near).reshape(len(places), k), np.asarray(lengths).reshape(len(places), k)


def _shares(centers: np.ndarray, charted: np.ndarray, near: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Give the coefficients c float64 (b, k) of charts around points (b, p)."""
    reach = np.maximum(lengths[:, -1:], 1e-30)
    weights = np.exp(-2 * np.square(lengths / reach))  # (b, k)
    steps = (charted[near].astype(np.float64) - centers[:, None]) / reach[:, :, None]  # (b, k, p)
    gram = steps @ steps.transpose(0, 2, 1)
    total = weights.sum(axis=1, keepdims=True)
    own = np.arange(near.shape[1])
    gram[:, own, own] += _RIDGE / charted.shape[1] * total / weights
    shares = np.linalg.solve(gram, np.ones((*near.shape, 1)))[:, :, 0]
    shares /= shares.sum(axis=1, keepdims=True)
    even = weights / total
    return even + (shares - even) / np.maximum(np.abs(shares - even).max(axis=1, keepdims=True), 1)


def _mix(shares: np.ndarray, near: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Give sums of values (n, m) by shares (b, k), float32 (b, m), each in the order of its own neighbors."""
    b, k = near.shape
    mixing = sparse.csr_matrix((shares.astype(np.float32).ravel(), near.ravel(), np.arange(0, b * k + 1, k)), (b, len(values)))
    return np.asarray(mixing @ values)
