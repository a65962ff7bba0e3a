"""Charts: values at a point from the nearest points where they are known, by a local affine fit.

With weights w_j that fall with the distance of the k nearest points y_j from z, the fit is read at z itself:

    min over a, B   sum_j w_j |x_j - a - B (y_j - z)|^2 + ridge |B|^2,     x(z) = a = sum_j c_j x_j

    c = G^-1 1 / (1^T G^-1 1),    G_ij = (y_i - z) . (y_j - z) + ridge delta_ij / w_i,    ridge = 0.1 r^2 sum_j w_j / p

r is the distance to the k-th point, p the number of axes a chart can have. The c_j depend on the points only and sum to 1, so
values are mixed, never extrapolated far: where one strays more than 1 from its even share, all are drawn back together.

References: Cleveland, "Robust locally weighted regression", 1979; Saul, Roweis, "Think globally, fit locally", 2003 (the same
weights from the Gram matrix).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from imatlas.neighbors.workers import map_blocks

__all__ = ["blocks_of_steps", "chart_shares", "mix_rows", "read_charts", "step_products"]

_RIDGE = 0.1  # of the spread along one axis of a chart; in noisy features less of it magnifies noise


def read_charts(
    centers: np.ndarray | sparse.csr_matrix,
    known: np.ndarray | sparse.csr_matrix,
    values: np.ndarray,
    near: np.ndarray,
    lengths: np.ndarray,
) -> np.ndarray:
    """Read values at points from charts around them.

    Parameters
    ----------
    centers : (b, p), points; dense or CSR.
    known : (n, p), points where the values are known; of the same kind.
    values : float32 (n, m), the values there.
    near, lengths : (b, k), the known points nearest to each point and their distances, rising.

    Returns
    -------
    float32 (b, m). At a known point, its own values. No point's answer depends on which others come with it.
    """
    read = np.empty((len(near), values.shape[1]), dtype=np.float32)

    def fill(block: slice) -> None:
        shares = chart_shares(step_products(centers[block], known, near[block]), lengths[block], known.shape[1])
        read[block] = np.where(lengths[block, :1] == 0, values[near[block, 0]], mix_rows(shares, near[block], values))

    map_blocks(fill, blocks_of_steps(near.shape[0], near.shape[1], known.shape[1]))
    return read


def chart_shares(products: np.ndarray, lengths: np.ndarray, n_axes: int) -> np.ndarray:
    """Give the coefficients c float64 (b, k) of charts.

    Parameters
    ----------
    products : float64 (b, k, k), inner products of the steps from each point to its nearest known points.
    lengths : (b, k), lengths of those steps, rising.
    n_axes : dimension of the space of the points.
    """
    k = lengths.shape[1]
    squared = np.square(lengths.astype(np.float64))
    reach = np.maximum(squared[:, -1:], 1e-60)
    weights = np.exp(-2 * squared / reach)  # (b, k)
    total = weights.sum(axis=1, keepdims=True)
    gram = products / reach[:, :, None]
    own = np.arange(k)
    gram[:, own, own] += _RIDGE / min(n_axes, k) * total / weights
    shares = np.linalg.solve(gram, np.ones((*lengths.shape, 1)))[:, :, 0]
    shares /= shares.sum(axis=1, keepdims=True)
    even = weights / total
    return even + (shares - even) / np.maximum(np.abs(shares - even).max(axis=1, keepdims=True), 1)


def mix_rows(shares: np.ndarray, near: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Give sums of rows of values (n, m) by shares (b, k), float32 (b, m), each in the order of its own neighbors."""
    b, k = near.shape
    mixing = sparse.csr_matrix((shares.astype(np.float32).ravel(), near.ravel(), np.arange(0, b * k + 1, k)), (b, len(values)))
    return np.asarray(mixing @ values)


def step_products(
    centers: np.ndarray | sparse.csr_matrix, rows: np.ndarray | sparse.csr_matrix, members: np.ndarray
) -> np.ndarray:
    """Give inner products float64 (b, m, m) of the steps from each center (b, d) to its members, rows of (n, d).

    To be called where linear algebra has one thread, as within `map_blocks`: the bits depend on how many it has.
    """
    if not sparse.issparse(rows):
        steps = rows[members].astype(np.float64) - np.asarray(centers)[:, None]  # (b, m, d)
        return steps @ steps.transpose(0, 2, 1)
    products = np.empty((len(members), members.shape[1], members.shape[1]))
    for row, (center, near) in enumerate(zip(centers, members)):
        mine = rows[near]
        toward = (mine @ center.T).toarray()
        products[row] = (mine @ mine.T).toarray() - toward - toward.T + (center @ center.T).toarray()
    return products


def blocks_of_steps(n: int, m: int, d: int) -> Iterator[slice]:
    """Give slices of at most 512 of n points whose m steps in d dimensions take at most 32 MB."""
    step = int(np.clip(2**22 // ((m + 1) * max(d, m)), 1, 512))
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))
