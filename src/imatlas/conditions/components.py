"""What conditions of features share: rows less the mean of their group, along principal axes, at unit spread.

With means m_g of the groups and the covariance C of all x - m_g(x), eigenvalues l_1 >= l_2 >= ... and eigenvectors v_j, the
code of a row is (v_j . (x - m_g(x)) / sqrt(l_j))_j: zero mean in each group, unit spread over all, numbers uncorrelated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.spatial.distance import cdist

__all__ = ["StandardAxes", "fit_axes", "group_means"]

BLOCK = 8192
FAINT = 1e-6
"""Share of the largest eigenvalue below which an axis is rounding, not spread."""


@dataclass(frozen=True)
class StandardAxes:
    """The small fit that turns feature rows into standardised codes.

    Parameters
    ----------
    means : float32 (g, d), one per group.
    axes : float32 (d, q), divided by the spread along them.
    """

    means: np.ndarray
    axes: np.ndarray

    def codes(self, rows: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
        """Give the codes float32 (b, q) of rows (b, d) in their groups (b,); without groups, or -1, in the nearest one."""
        blocks = []
        for start in range(0, len(rows), BLOCK):
            some = np.asarray(rows[start : start + BLOCK], dtype=np.float32)
            of = np.full(len(some), -1) if groups is None else groups[start : start + BLOCK]
            blocks.append((some - self.means[self._settled(some, of)]) @ self.axes)
        return np.concatenate(blocks) if blocks else np.zeros((0, self.axes.shape[1]), np.float32)

    def _settled(self, rows: np.ndarray, groups: np.ndarray) -> np.ndarray:
        if (groups >= 0).all():
            return groups
        return np.where(groups >= 0, groups, cdist(rows, self.means).argmin(axis=1))

    def pack(self) -> dict[str, np.ndarray]:
        """Give the arrays, for `unpack`."""
        return {"means": self.means, "axes": self.axes}

    @classmethod
    def unpack(cls, arrays: Mapping[str, np.ndarray]) -> StandardAxes:
        """Give the fit that `pack` took apart."""
        return cls(arrays["means"], arrays["axes"])


def fit_axes(rows: np.ndarray, groups: np.ndarray, n_axes: int) -> StandardAxes | None:
    """Fit means and principal axes.

    Parameters
    ----------
    rows : (n, d), may be a memory map; read in blocks, summed in float64.
    groups : int64 (n,), -1 = none: such rows take no part.
    n_axes : axes wanted; fewer where the rows have fewer.

    Returns
    -------
    The fit, or None if no row differs from the mean of its group.
    """
    n_groups = int(groups.max(initial=-1)) + 1
    means = group_means(rows, groups, n_groups)
    scatter = np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, len(rows), BLOCK):
        of = groups[start : start + BLOCK]
        rest = np.asarray(rows[start : start + BLOCK], dtype=np.float64)[of >= 0] - means[of[of >= 0]]
        scatter += rest.T @ rest
    values, vectors = np.linalg.eigh(scatter / max(1, (groups >= 0).sum()))
    values, vectors = values[::-1][:n_axes], vectors[:, ::-1][:, :n_axes]
    kept = values > FAINT * max(values[0], np.finfo(np.float32).tiny)
    if not kept.any():
        return None
    vectors = vectors[:, kept] / np.sqrt(values[kept])
    signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])])  # eigh leaves the sign open
    return StandardAxes(means.astype(np.float32), (vectors * signs).astype(np.float32))


def group_means(rows: np.ndarray, groups: np.ndarray, n_groups: int) -> np.ndarray:
    """Give the mean float64 (g, d) of the rows of each group, zero for a group without rows; -1 belongs to none."""
    sums = np.zeros((n_groups, rows.shape[1]))
    for start in range(0, len(rows), BLOCK):
        of = groups[start : start + BLOCK]
        known = np.flatnonzero(of >= 0)
        members = sparse.csr_matrix((np.ones(len(known)), (of[known], known)), shape=(n_groups, len(of)))
        sums += members @ np.asarray(rows[start : start + BLOCK], dtype=np.float64)
    return sums / np.maximum(1, np.bincount(groups[groups >= 0], minlength=n_groups))[:, None]
