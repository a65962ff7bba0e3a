"""How densely the manifold is populated around each row, in the manifold's own dimension.

A ball of m dimensions that reaches the k-th neighbor holds k - 1 rows inside it, so per unit of m-dimensional volume

    log p_i = log(k - 1) - log n - log V_m - m log r_k,     V_m = pi^(m / 2) / Gamma(m / 2 + 1)

One m serves all rows: densities of different dimension have different units and could not be compared. A single radius is
noisy (1 / sqrt(k) in log p), so each row takes the mean of its own and its neighbors' values.

Reference: Loftsgaarden, Quesenberry, "A nonparametric estimate of a multivariate density function", 1965.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from imatlas.values import Dimension, KnnGraph

__all__ = ["estimate_density"]


def estimate_density(graph: KnnGraph, dimension: Dimension) -> np.ndarray:
    """Estimate the log density of the manifold at each row.

    Parameters
    ----------
    graph : neighbor graph; more neighbors give a smoother estimate.
    dimension : the intrinsic dimension of the same rows.

    Returns
    -------
    float32 (n,), natural logarithm, finite. Rows with k or more duplicates take the smallest radius above zero of the set.
    """
    n, k = graph.indices.shape
    radii = graph.distances[:, -1].astype(np.float64)
    if graph.metric in ("cosine", "correlation"):
        radii = np.sqrt(2 * radii)
    positive = radii[radii > 0]
    if not len(positive):
        return np.zeros(n, dtype=np.float32)
    m = dimension.value
    log_volume = m / 2 * np.log(np.pi) - gammaln(m / 2 + 1)
    log_radii = np.log(np.maximum(radii, positive.min()))
    log_density = np.log(max(k - 1, 1)) - np.log(n) - log_volume - m * log_radii
    return ((log_density + log_density[graph.indices].sum(axis=1)) / (k + 1)).astype(np.float32)
