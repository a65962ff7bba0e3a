"""Which points of one set lie inside the neighbor balls of another.

The ball of row i reaches to its k-th nearest other row: B_i = {y : |x_i - y| < r_i}. A ball of radius zero (k exact
duplicates) holds exact duplicates of its centre and nothing else. One matrix product per block, in float32 or bfloat16, screens
all pairs; whatever its error bound (that of `neighbors.ExactSearch`) leaves open is decided by differences in float64, so the
answer does not depend on its precision. Membership is kept as bits: n m / 8 bytes whatever the data, 12 MB for
10,000 x 10,000, even when one blurred image lies in every ball; where counts alone are asked for nothing is kept of the pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from imatlas.checks import InputError
from imatlas.evaluation.nearest import exact_distances, float32_pair, nearest_rows, row_blocks
from imatlas.neighbors.exact import ExactSearch
from imatlas.neighbors.workers import map_blocks

__all__ = ["Membership", "MutualCounts", "ball_radii", "members", "mutual_counts"]

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


@dataclass(frozen=True)
class MutualCounts:
    """What the balls of two sets (n and m rows) hold of one another.

    Parameters
    ----------
    points_per_ball : int64 (n,), points of the second set in each ball of the first.
    is_inside : bool (m,), whether a point of the second set lies in a ball of the first.
    is_reached : bool (n,), whether a point of the first set lies in a ball of the second.
    """

    points_per_ball: np.ndarray
    is_inside: np.ndarray
    is_reached: np.ndarray


def ball_radii(rows: np.ndarray, k: int, *, low_precision: bool | None = None) -> np.ndarray:
    """Give the distance of each row to its k-th nearest other row, float64 (n,).

    Raises
    ------
    InputError
        If there are no more than k rows.
    """
    if len(rows) <= k:
        raise InputError(f"{len(rows)} rows, but {k} neighbors of each were asked for. Give more rows or a smaller k.")
    return nearest_rows(rows, rows, n_neighbors=k, same=True, low_precision=low_precision)[0][:, -1]


def members(centres: np.ndarray, radii: np.ndarray, points: np.ndarray, *, low_precision: bool | None = None) -> Membership:
    """Find which points lie inside which balls.

    Parameters
    ----------
    centres : (n, d) float; radii : (n,) float64, >= 0.
    points : (m, d) float.
    low_precision : screen in bfloat16; None measures once which is faster. The answer is the same.

    Returns
    -------
    Membership (n, m).
    """
    pairs = _Pairs((centres, radii), (points, None), low_precision)

    def pack(block: slice) -> np.ndarray:
        ball, point, holds, _ = pairs.near(block)
        inside = np.zeros((block.stop - block.start, len(points)), dtype=bool)
        inside[ball[holds] - block.start, point[holds]] = True
        return np.packbits(inside, axis=1)

    return Membership(np.concatenate(map_blocks(pack, pairs.blocks())), len(points))


def mutual_counts(
    first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray], *, low_precision: bool | None = None
) -> MutualCounts:
    """Count in one pass what the balls of each of two sets hold of the other.

    Parameters
    ----------
    first, second : rows (n, d) and (m, d) float, each with the radii of its balls, float64 (n,) and (m,).
    low_precision : screen in bfloat16; None measures once which is faster. The answer is the same.
    """
    pairs = _Pairs(first, second, low_precision)
    counts = MutualCounts(
        np.zeros(len(first[0]), dtype=np.int64), np.zeros(len(second[0]), dtype=bool), np.zeros(len(first[0]), dtype=bool)
    )

    def count(block: slice) -> None:
        left, right, in_left, in_right = pairs.near(block)
        counts.points_per_ball[block] = np.bincount(left[in_left] - block.start, minlength=block.stop - block.start)
        counts.is_inside[right[in_left]] = True
        counts.is_reached[left[in_right]] = True

    map_blocks(count, pairs.blocks())
    return counts


class _Pairs:
    """The pairs of two sets of which one may lie in the other's ball.

    Parameters
    ----------
    first, second : rows and the radii of their balls; None for radii nobody asks about.
    low_precision : of the screen.
    """

    def __init__(
        self,
        first: tuple[np.ndarray, np.ndarray],
        second: tuple[np.ndarray, np.ndarray | None],
        low_precision: bool | None,
    ) -> None:
        (self.left, self.left_radii), (self.right, self.right_radii) = first, second
        self.queries, rows = float32_pair(self.left, self.right)
        self.search = ExactSearch(rows, low_precision=low_precision)
        self.right_lengths = np.sqrt(self.search.squared[: len(rows)].numpy().astype(np.float64))

    def blocks(self) -> Iterator[slice]:
        return self.search.blocks(len(self.left))

    def near(self, block: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Give pairs of rows, left and right (p,), and whether the left's ball holds the right and the other way round."""
        centred = self.search.centred(self.queries[block])
        lengths, lost = centred.norm(dim=1).numpy().astype(np.float64), self.search.lost(centred)
        radii = self.left_radii[block]
        by_left = self._limits(radii, self.search.error(lengths, lengths + radii, lost))
        scores = self.search.scores(centred)  # (b, w)
        near = scores >= self._screened(by_left[1])[:, None]
        if self.right_radii is not None:
            # A left row in the ball of y is no longer than |y| + s, and rounding takes no more than the block's worst share.
            reach = self.right_lengths + self.right_radii
            share = (lost / np.maximum(lengths, 1e-30)).max()
            by_right = self._limits(self.right_radii, self.search.error(reach, self.right_lengths, share * reach))
            near[:, : len(self.right)] |= scores[:, : len(self.right)] >= self._screened(by_right[1])
        inside_block, right = np.divmod(np.flatnonzero(near.numpy()), near.shape[1])
        found = scores[torch.from_numpy(inside_block), torch.from_numpy(right)].double().numpy()
        left = inside_block + block.start
        in_left, is_open = _called(found, by_left, inside_block)
        in_right = np.zeros(len(found), dtype=bool)
        if self.right_radii is not None:
            in_right, open_too = _called(found, by_right, right)
            is_open |= open_too
        asked = np.flatnonzero(is_open)
        distances = exact_distances(self.left, left[asked], self.right, right[asked])
        in_left[asked] = _holds(self.left_radii[left[asked]], distances)
        if self.right_radii is not None:
            in_right[asked] = _holds(self.right_radii[right[asked]], distances)
        return left, right, in_left, in_right

    def _limits(self, radii: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give the scores above which a point surely lies in each ball, and below which it surely does not."""
        squares, slack = np.square(radii), self.search.slack
        sure = (squares - error) / (1 + slack)
        return np.where(sure > 0, -sure / 2, np.inf), -(squares + error) / (1 - slack) / 2

    def _screened(self, limit: np.ndarray) -> torch.Tensor:
        """Bring limits, all below zero, to the format of the scores; coarse ones are lowered by what rounding might raise."""
        if self.search.low:
            return torch.from_numpy(limit * (1 + 2 * self.search.slack)).bfloat16()
        return torch.from_numpy(limit).float()


def _called(scores: np.ndarray, limits: tuple[np.ndarray, np.ndarray], balls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Say of pairs (p,) with the ball of each whether the screen puts the point inside, and whether it leaves that open."""
    sure, never = limits
    inside = scores > sure[balls]
    return inside, ~inside & (scores >= never[balls])


def _holds(radii: np.ndarray, distances: np.ndarray) -> np.ndarray:
    return (distances < radii) | ((radii == 0) & (distances == 0))
