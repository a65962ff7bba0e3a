"""Coverage that one stray image cannot fake, on a scale on which real images get 1.

With B_i the ball of real row i to its k-th real neighbor, y_j weighs w_j = min(1, k / #balls around it), so that a hub near
the mean adds no more than other images do, and a ball is as full as
    c_i = min(1, sum_{j in B_i} w_j / 3).
The mean of c_i is read off the curve that shares s of the real stand-ins trace: 0.8 means "covers the real images as 80 %
as many real ones would". One image moves it by about 1/m. Three images fill a ball because then a generator that draws only
7, 4 or 1 of 10 kinds gets 0.65, 0.35, 0.09 (16 features; with one image 0.36, 0.15, 0.04, with five 0.83, 0.53, 0.15), and
because balls that one image fills are nearly all full: the flat end of that curve cannot be read off well.

Errors: what each point adds to the mean of c_i, what each ball adds beside what it adds to the curve at that share, less the
variance of pairs, which is in both. A real row also bounds the balls it is a neighbor of: without it each would reach one
neighbor further and hold about 1/k more.
Sources: Naeem et al. (2020, arXiv 2002.09797); Salvy et al., clipped density and coverage (2025, arXiv 2507.01761).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from imatlas.evaluation.balls import Membership
from imatlas.evaluation.intervals import NORMAL_95, Estimate, Traced, row_errors

__all__ = ["Covering", "K", "PairSum", "calibrated_coverage", "drawn_balls", "open_share", "unseen_share"]

K = 5
FILL = 3
CURVE_POINTS = 13
CURVE_ORDERS = 8


def calibrated_coverage(generated: Membership, stand_ins: Membership, neighbors: np.ndarray, *, seed: int = 0) -> Estimate:
    """Give the share of real images that would cover the reference as well as the generated ones do.

    Parameters
    ----------
    generated, stand_ins : which generated and which real stand-in rows lie in the balls of the reference.
    neighbors : int (n, k), the rows of the reference that each ball reaches to.
    seed : of the orders in which stand-ins are added.

    Returns
    -------
    Estimate: 0 covers nothing, 1 as well as real images; the interval holds the error of both sides.
    """
    return Covering.of(generated, stand_ins, neighbors, seed).estimate(generated)


@dataclass(frozen=True)
class Covering:
    """How full the balls of the reference are, with the error of that beside the curve it is read off from."""

    level: Traced
    curve: _Curve

    @classmethod
    def of(cls, generated: Membership, stand_ins: Membership, neighbors: np.ndarray, seed: int) -> Covering:
        """Work it out from which generated and which stand-in rows lie in the balls of the reference."""
        k = neighbors.shape[1]
        shares, filled = _thinned(stand_ins, k, seed)  # (p,), (n, o, p)
        by_ball = (np.minimum(filled, FILL) / FILL).mean(axis=1)  # (n, p)
        curve = _Curve(shares, by_ball.mean(axis=0))
        weights = hub_weights(generated, k)
        own = generated.sum_points(weights[:, None])[:, 0]
        covered = np.minimum(own, FILL) / FILL
        share = min(1.0, curve.share_at(float(covered.mean())))
        thinned = filled[:, :, int(np.abs(shares - share).argmin())]
        unit = 1 / (FILL * len(own))
        points = PairSum(generated, open_share(own, FILL), weights * unit)
        real = PairSum(stand_ins, open_share(thinned, FILL).mean(axis=1), hub_weights(stand_ins, k) * unit * share)
        grown = open_share(own, FILL) * own - (open_share(thinned, FILL) * thinned).mean(axis=1)
        beside = covered - _columns_at(by_ball, shares, share)
        balls, ball_pairs = drawn_balls(beside / len(own), grown * unit, neighbors)
        own_errors = points.point_errors
        level = Traced(
            value=float(covered.mean()),
            own=float(own_errors @ own_errors),
            shared=np.concatenate([balls, -real.point_errors]),
            own_pairs=points.pair_variance,
            shared_pairs=real.pair_variance + ball_pairs,
        )
        return cls(level, curve)

    def estimate(self, generated: Membership) -> Estimate:
        """Read the coverage off the curve, with its interval; generated as for `of`."""
        reach = NORMAL_95 * self.level.error
        low, value, high = (self.curve.share_at(self.level.value + step) for step in (-reach, 0.0, reach))
        counts = generated.balls_per_point
        return Estimate(
            value,
            (min(low, value), max(high, value, unseen_share(generated.n_points))),
            {
                "capped_coverage": self.level.value,
                "capped_coverage_of_real": float(self.curve.levels[-1]),
                "plain_coverage": float((generated.points_per_ball > 0).mean()),
                "largest_hub_share": float(counts.max() / len(generated.bits)),
                "largest_hub": int(counts.argmax()),
            },
        )


@dataclass(frozen=True)
class PairSum:
    """A sum over pairs of a ball and a point inside it, sum_ij a_i b_j [y_j in B_i], by what each adds.

    Parameters
    ----------
    inside : which points lie in which balls, (n, m).
    balls, points : a (n,) and b (m,).
    """

    inside: Membership
    balls: np.ndarray
    points: np.ndarray

    @cached_property
    def by_ball(self) -> np.ndarray:
        """What each ball adds, (n,)."""
        return self.balls * self.inside.sum_points(self.points[:, None])[:, 0]

    @cached_property
    def by_point(self) -> np.ndarray:
        """What each point adds, (m,)."""
        return self.points * self.inside.sum_balls(self.balls[:, None])[:, 0]

    @property
    def point_errors(self) -> np.ndarray:
        """What drawing each point adds to the error, (m,)."""
        return row_errors(self.by_point * len(self.by_point))

    @property
    def pair_variance(self) -> float:
        """The variance that belongs to pairs: of what neither the ball nor the point explains alone."""
        n, m = len(self.balls), len(self.points)
        squares = float(np.square(self.points) @ self.inside.sum_balls(np.square(self.balls)[:, None])[:, 0])
        explained = np.square(self.by_ball).sum() / m + np.square(self.by_point).sum() / n - self.by_ball.sum() ** 2 / (n * m)
        return max(0.0, squares - float(explained))


def drawn_balls(by_ball: np.ndarray, growing: np.ndarray, neighbors: np.ndarray) -> tuple[np.ndarray, float]:
    """Give what drawing each ball's row adds to the error, (n,), and the variance due to pairs of these rows.

    Parameters
    ----------
    by_ball : (n,), what each ball adds.
    growing : (n,), k times what it would add more if it reached one neighbor further.
    neighbors : int (n, k), the rows it reaches to.
    """
    n, k = neighbors.shape
    lost = np.repeat(growing / k, k)
    gains = np.bincount(neighbors.ravel(), weights=lost, minlength=n)
    return row_errors(n * (by_ball - gains)), float(lost @ lost)


def unseen_share(n: int) -> float:
    """Give the largest share of which none may be among n with a chance of 1 in 40."""
    return float(1 - 0.025 ** (1 / n))


def open_share(filled: np.ndarray, limit: int) -> np.ndarray:
    """Give the slope of min(x, limit): 1 below the limit, 0 above, 1/2 at it."""
    return (filled < limit - 1e-4) / 2 + (filled < limit + 1e-4) / 2


@dataclass(frozen=True)
class _Curve:
    """Mean coverage (p,) of rising shares (p,) of the stand-ins; read off linearly, and beyond its end along its last piece."""

    shares: np.ndarray
    levels: np.ndarray

    def share_at(self, level: float) -> float:
        if level <= self.levels[-1]:
            return float(np.interp(level, self.levels, self.shares))
        return float(self.shares[-1] + (level - self.levels[-1]) / self.slope_at(level))

    def slope_at(self, level: float) -> float:
        piece = int(np.clip(np.searchsorted(self.levels, level), 1, len(self.levels) - 1))
        return float(max(1e-12, np.diff(self.levels)[piece - 1] / np.diff(self.shares)[piece - 1]))


def hub_weights(inside: Membership, k: int) -> np.ndarray:
    """Give min(1, k / #balls around it) of each point, (m,)."""
    return np.minimum(1.0, k / np.maximum(inside.balls_per_point, 1))


def _thinned(stand_ins: Membership, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Give how full the balls are, (n, o, p), of shares (p,) of the stand-ins, in several orders.

    Each order begins an eighth of the stand-ins later than the one before, so that all of them serve about equally often.
    """
    m = stand_ins.n_points
    n_taken = np.unique(np.round(np.linspace(0.0, 1.0, CURVE_POINTS) * m))
    ranks = np.random.default_rng(seed).permutation(m)[:, None] - np.arange(CURVE_ORDERS) * m // CURVE_ORDERS
    taken = (ranks % m)[:, :, None] < n_taken  # (m, o, p)
    weights = hub_weights(stand_ins, k)[:, None] * taken.reshape(m, -1)
    return n_taken / m, stand_ins.sum_points(weights).reshape(len(stand_ins.bits), CURVE_ORDERS, -1)


def _columns_at(by_ball: np.ndarray, shares: np.ndarray, share: float) -> np.ndarray:
    """Give the columns (n,) of (n, p) at a share between two of (p,)."""
    right = int(np.clip(np.searchsorted(shares, share), 1, len(shares) - 1))
    part = (share - shares[right - 1]) / (shares[right] - shares[right - 1])
    return by_ball[:, right - 1] * (1 - part) + by_ball[:, right] * part
