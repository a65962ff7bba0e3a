"""Short rows that stand for long ones while candidates are sought.

Rows are turned onto their first q principal components, p, with what is left over, r, known by its length alone. Between
neighbors the leftovers are partly alike, so half of a candidate's counts:

    |x - y|^2  is ranked as  |p_x - p_y|^2 + |r_y|^2 / 2     (terms of x alone change no ranking)

On noisy images this halves what a plain projection misses. Rows of at most q numbers are kept as they are. The axes
come from a sample by block power steps, so wide rows cost no d x d table.

Reference: Halko, Martinsson, Tropp, "Finding structure with randomness", 2011, arXiv 0909.4061.
"""

from __future__ import annotations

import numpy as np
import torch

from imatlas.neighbors.workers import map_blocks, row_blocks

__all__ = ["Screen", "principal_axes"]

_WIDTH = 128
_SAMPLE = 10_000
_SHARE = 0.5


class Screen:
    """Short rows of a set.

    Parameters
    ----------
    rows : float32 (n, d), contiguous.
    seed : of the axes' start.

    Attributes
    ----------
    short : float32 tensor (n, q), q = min(d, 128).
    leftover : float32 tensor (n,), half of the squared length that the short rows lack; 0 where nothing is lacking.
    heights : float32 tensor (n,), -(|p|^2 + leftover) / 2, so that p_x . p_y + height_y ranks the candidates y of x.
    """

    def __init__(self, rows: np.ndarray, *, seed: int = 0) -> None:
        n, d = rows.shape
        center, axes = principal_axes(rows, _WIDTH, seed=seed)
        self._center = torch.from_numpy(center)
        self._axes = None if d <= _WIDTH else torch.from_numpy(axes)
        self.short = torch.empty(n, min(d, _WIDTH))
        self.leftover = torch.zeros(n)
        self.heights = torch.empty(n)

        def fill(block: slice) -> None:
            centred = torch.from_numpy(rows[block]) - self._center
            self.short[block] = short = centred if self._axes is None else centred @ self._axes
            kept = short.square().sum(1)
            if self._axes is not None:
                self.leftover[block] = _SHARE * (centred.square().sum(1) - kept).clamp(min=0)
            self.heights[block] = -(kept + self.leftover[block]) / 2

        map_blocks(fill, row_blocks(n, 2048))

    def shorten(self, rows: np.ndarray) -> torch.Tensor:
        """Give the short form float32 (b, q) of new rows (b, d)."""
        centred = torch.from_numpy(rows) - self._center
        return centred if self._axes is None else centred @ self._axes


def principal_axes(rows: np.ndarray, n_axes: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Find the first principal axes of a sample of up to 20,000 rows, by two block power steps.

    Parameters
    ----------
    rows : float32 (n, d).
    n_axes : axes wanted; there are at most d.
    seed : of the start.

    Returns
    -------
    center float32 (d,) and axes float32 (d, min(n_axes, d)), widest first. The same bits at any number of threads.
    """
    sample = rows[:: max(1, len(rows) // _SAMPLE)]
    center = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
    return center, map_blocks(lambda _: _block_power(sample - center, n_axes, seed), [0])[0]


def _block_power(centred: np.ndarray, n_axes: int, seed: int) -> np.ndarray:
    sample = torch.from_numpy(centred)
    width = min(n_axes + 8, sample.shape[1])
    basis = torch.linalg.qr(torch.randn(sample.shape[1], width, generator=torch.Generator().manual_seed(seed))).Q
    for _ in range(2):
        basis = torch.linalg.qr(sample.T @ (sample @ basis)).Q
    shadow = sample @ basis
    _, turn = torch.linalg.eigh(shadow.T @ shadow)
    return (basis @ turn.flip(1))[:, :n_axes].contiguous().numpy()
