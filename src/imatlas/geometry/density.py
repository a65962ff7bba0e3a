"""How densely the manifold is populated around each row, in the manifold's own dimension.

A ball of m dimensions that reaches the k-th of n rows at r_k holds its share of them. Its volume is Gamma distributed, so that
without bias in the logarithm (psi the digamma function)

    log p_i = psi(k) - log n - log V_m - m log r_k,     V_m = pi^(m / 2) / Gamma(m / 2 + 1)

One m serves all rows: densities of different dimension have different units and could not be compared. A single radius is
noisy (1 / sqrt(k) in log p). The best number of rows to average over grows as n^(4 / (4 + m)): nearly all in one dimension,
fewer than k in many. Each step along the symmetric graph, to the mean of a row's own and its linked rows' values, widens
the reach by one radius, so t steps average over about k t^(m / 2) rows, and

    t = (n^(4 / (4 + m)) / (3 k))^(2 / m),  rounded down;  0 from about 5 dimensions up, 1,200 for a curve of 10,000 rows

(of four factors, 1/3 gave the best lowest rank correlation on 72 mixtures of 1 to 3 dimensions). Many steps are taken at once:
with W the step, T_j the Chebyshev polynomials and P(j) the chance of a plain random walk to stand at j after t steps,
W^t = sum_j P(j) T_j(W), and of these j only about sqrt(15 t) count.

References: Loftsgaarden, Quesenberry, "A nonparametric estimate of a multivariate density function", 1965; Mack, Rosenblatt,
"Multivariate k-nearest neighbor density estimates", 1979; Sachdeva, Vishnoi, "Faster algorithms via approximation theory",
2014, theorem 3.3.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.special import digamma, gammaln

from imatlas.geometry.readings import require_neighbors
from imatlas.values import Dimension, KnnGraph

__all__ = ["estimate_density"]

_SHARE = 1 / 3
_MOST_STEPS = 1500  # about 150 products with W; more steps hardly raise the rank correlation
_LOST = 1e-3  # of the random walk's chance, beyond the last Chebyshev polynomial


def estimate_density(graph: KnnGraph, dimension: Dimension) -> np.ndarray:
    """Estimate the log density of the manifold at each row.

    Parameters
    ----------
    graph : neighbor graph; more neighbors give a smoother estimate.
    dimension : the intrinsic dimension of the same rows.

    Returns
    -------
    float32 (n,), natural logarithm of rows per unit volume as a share of all rows, finite. Rows with k or more duplicates
    take the smallest radius above zero of the set. All zero if no distance is above zero.

    Raises
    ------
    InputError
        If the graph has no neighbors.
    """
    require_neighbors(graph.n_neighbors, 1, "density")
    n, k = graph.indices.shape
    radii = graph.lengths[:, -1]
    positive = radii[radii > 0]
    if not len(positive):
        return np.zeros(n, dtype=np.float32)
    m = dimension.value
    log_volume = m / 2 * np.log(np.pi) - gammaln(m / 2 + 1) + m * np.log(np.maximum(radii, positive.min()))
    log_density = digamma(k) - np.log(n) - log_volume
    return _smoothed(log_density, _links(graph.indices), _steps(n, k, m)).astype(np.float32)


def _steps(n: int, k: int, m: float) -> int:
    """Give the number of smoothing steps."""
    if m <= 0:
        return 0
    log_steps = 2 / m * np.log(_SHARE * n ** (4 / (4 + m)) / k)
    return int(min(np.exp(min(log_steps, np.log(_MOST_STEPS))), n))


def _links(indices: np.ndarray) -> sparse.csr_matrix:
    """Give the symmetric pattern of the graph (n, n), ones where either row lists the other; bridges are left out."""
    n, k = indices.shape
    listed = sparse.csr_matrix((np.ones(n * k), indices.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))
    listed.sort_indices()
    return listed.maximum(listed.T.tocsr())


def _smoothed(values: np.ndarray, links: sparse.csr_matrix, n_steps: int) -> np.ndarray:
    """Replace values n_steps times by the mean of a row's own and its linked rows', up to 0.1 % of their spread."""
    if n_steps == 0:
        return values
    share = 1 / (1 + links.sum(axis=1).A1)
    step = lambda v: share * (v + links @ v)  # noqa: E731
    offsets = np.arange(n_steps % 2, n_steps + 1, 2)
    chances = np.exp(
        gammaln(n_steps + 1) - gammaln((n_steps + offsets) / 2 + 1) - gammaln((n_steps - offsets) / 2 + 1)
        - n_steps * np.log(2) + np.log(2) * (offsets > 0)
    )  # fmt: skip
    n_kept = int(np.searchsorted(np.cumsum(chances), 1 - _LOST)) + 1
    weights = dict(zip(offsets[:n_kept].tolist(), chances[:n_kept] / chances[:n_kept].sum()))
    middle = values.mean()
    before, now = values - middle, step(values - middle)  # T_0 and T_1
    total = weights.get(0, 0.0) * before + weights.get(1, 0.0) * now
    for j in range(2, offsets[n_kept - 1] + 1):
        before, now = now, 2 * step(now) - before
        if j in weights:
            total += weights[j] * now
    return total + middle
