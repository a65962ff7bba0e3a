"""Which points of one set lie inside the neighbor balls of another.

The ball of row i reaches to its k-th nearest other row: B_i = {y : |x_i - y| < r_i}. A ball of radius zero (k exact
duplicates) holds exact duplicates of its centre and nothing else. Pairs whose float32 distance is too close to the
radius to call are decided in float64. Membership is kept as bits: n m / 8 bytes whatever the data, 12 MB for
10,000 x 10,000, even when one blurred image lies in every ball.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from imatlas.checks import InputError
from imatlas.evaluation.nearest import centred_pair, exact_distances, nearest_rows, row_blocks

__all__ = ["Membership", "ball_radii", "members"]

TIE_TOLERANCE = 4e-6
_ONES_IN_BYTE = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1, dtype=np.uint8)


@dataclass(frozen=True)
class Membership:
    """A yes/no matrix (n balls, m points) kept as bits.

    Parameters
    ----------
    bits : uint8 (n, ceil(m / 8)).
    n_points : m.
    """

    bits: np.ndarray
    n_points: int

    @cached_property
    def points_per_ball(self) -> np.ndarray:
        """Points inside each ball, int64 (n,)."""
        return _ONES_IN_BYTE[self.bits].sum(axis=1, dtype=np.int64)

    @cached_property
    def balls_per_point(self) -> np.ndarray:
        """Balls around each point, int64 (m,)."""
        return self.sum_balls(np.ones((len(self.bits), 1)))[:, 0].astype(np.int64)

    def sum_points(self, weights: np.ndarray) -> np.ndarray:
        """Sum the weights (m, c) of the points inside each ball; gives float64 (n, c)."""
        columns = torch.from_numpy(np.asarray(weights, dtype=np.float32))
        parts = [torch.mm(inside, columns).double() for _, inside in self._blocks()]
        return torch.cat(parts).numpy()

    def sum_balls(self, weights: np.ndarray) -> np.ndarray:
        """Sum the weights (n, c) of the balls around each point; gives float64 (m, c)."""
        total = torch.zeros(self.n_points, np.shape(weights)[1], dtype=torch.float64)
        columns = torch.from_numpy(np.asarray(weights, dtype=np.float32))
        for block, inside in self._blocks():
            total += torch.mm(inside.T, columns[block])
        return total.numpy()

    def _blocks(self) -> Iterator[tuple[slice, torch.Tensor]]:
        for block in row_blocks(len(self.bits), self.n_points):
            inside = np.unpackbits(self.bits[block], axis=1, count=self.n_points)
            yield block, torch.from_numpy(inside).float()


def ball_radii(rows: np.ndarray, k: int) -> np.ndarray:
    """Give the distance of each row to its k-th nearest other row, float64 (n,).

    Raises
    ------
    InputError
        If there are no more than k rows.
    """
    if len(rows) <= k:
        raise InputError(f"{len(rows)} rows, but {k} neighbors of each were asked for. Give more rows or a smaller k.")
    return nearest_rows(rows, rows, n_neighbors=k, same=True)[0][:, -1]


def members(centres: np.ndarray, radii: np.ndarray, points: np.ndarray) -> Membership:
    """Find which points lie inside which balls.

    Parameters
    ----------
    centres : (n, d) float; radii : (n,) float64, >= 0.
    points : (m, d) float.

    Returns
    -------
    Membership (n, m).
    """
    left, right = centred_pair(centres, points)
    left_squares, right_squares = left.square().sum(dim=1), right.square().sum(dim=1)
    squared_radii = torch.from_numpy(np.square(radii))
    doubt = TIE_TOLERANCE * (left_squares + right_squares.max())
    bits = []
    for block in row_blocks(len(left), len(right)):
        excess = torch.addmm(right_squares, left[block], right.T, alpha=-2.0)
        excess += (left_squares[block].double() - squared_radii[block]).float()[:, None]  # |x - y|^2 - r^2
        inside = excess < 0
        close = (excess.abs_() <= doubt[block, None]).nonzero()
        if len(close):
            ball, point = close.T
            rows = ball.numpy() + block.start
            distances = exact_distances(centres, rows, points, point.numpy())
            decided = (distances < radii[rows]) | ((radii[rows] == 0) & (distances == 0))
            inside[ball, point] = torch.from_numpy(decided)
        bits.append(np.packbits(inside.numpy(), axis=1))
    return Membership(np.concatenate(bits), len(right))
