"""From a place on a map back to features, by a tangent chart around it.

Near a place z the inverse of a map is about affine. It is fitted to the k fitted rows nearest on the map, with weights w_j
that fall with their distance from z, and read at z itself:

    min over a, B   sum_j w_j |x_j - a - B (y_j - z)|^2 + ridge |B|^2,     x(z) = a = sum_j c_j x_j

The c_j depend on map places only and sum to 1, so features are mixed, never extrapolated far: coefficients are kept within
[-1, 1] and renormalised. The same for every place whichever come with it.

Reference: Cleveland, "Robust locally weighted regression", 1979 (local affine smoothing).
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

__all__ = ["invert_map"]


def invert_map(places: np.ndarray, coordinates: np.ndarray, rows: np.ndarray, *, n_neighbors: int = 8) -> np.ndarray:
    """Give features for places on a map.

    Parameters
    ----------
    places : (b, q) map coordinates.
    coordinates : (n, q) fitted places.
    rows : float32 (n, d) features of the fitted rows.
    n_neighbors : rows mixed, at least q + 2 are used; more is smoother, fewer is sharper.

    Returns
    -------
    float32 (b, d). At the place of a fitted row, that row's features.
    """
    n, q = coordinates.shape
    k = min(max(n_neighbors, q + 2), n)
    distances, near = cKDTree(coordinates).query(places, k=k)
    distances, near = distances.reshape(len(places), k), near.reshape(len(places), k)
    features = np.empty((len(places), rows.shape[1]), dtype=np.float32)
    for start in range(0, len(places), 4096):
        block = slice(start, start + 4096)
        shares = _shares(places[block].astype(np.float64), coordinates[near[block]].astype(np.float64), distances[block])
        mixed = sum(shares[:, [j]] * rows[near[block, j]] for j in range(k))
        features[block] = np.where(distances[block, :1] == 0, rows[near[block, 0]], mixed)
    return features


def _shares(places: np.ndarray, charted: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Give the coefficients c (b, k) of the local affine fits."""
    reach = np.maximum(distances[:, -1:], 1e-12)
    weights = np.exp(-2 * np.square(distances / reach))  # (b, k)
    steps = (charted - places[:, None]) / reach[:, :, None]
    design = np.concatenate([np.ones_like(weights)[:, :, None], steps], axis=2)  # (b, k, q + 1)
    weighted = design * weights[:, :, None]
    normal = weighted.transpose(0, 2, 1) @ design
    axes = np.arange(1, normal.shape[1])
    normal[:, axes, axes] += 0.1 * weights.sum(axis=1)[:, None]
    first = np.zeros((len(places), normal.shape[1], 1))
    first[:, 0] = 1
    shares = (weighted @ np.linalg.solve(normal, first))[:, :, 0]
    shares = np.clip(shares, -1, 1)
    return shares / shares.sum(axis=1, keepdims=True)
