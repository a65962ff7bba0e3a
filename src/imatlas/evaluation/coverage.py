"""Precision, recall, density and coverage from neighbor balls, and versions one stray image cannot fool.

With B_i the ball of real row i to its k-th real neighbor (n real, m generated):
    precision = share of generated inside any B_i;  recall = the same with roles swapped
    density = 1/(k m) sum_j #{i : y_j in B_i};      coverage = share of B_i that hold a generated row.
A single generated image near the mean lies in nearly every ball (a hub) and lifts coverage and recall from 0 to 1.
So the defaults are
    clipped density: radii clipped at their median, counts per image at k, divided by what real stand-ins get;
    calibrated coverage (calibrated.py): what an image may add is bounded, and the result is read off a curve of real ones.
Errors come from drawing the points and from drawing the balls, each by what one of them adds (calibrated.py).
Sources: Kynkäänniemi et al. (2019, arXiv 1904.06991); Naeem et al. (2020, arXiv 2002.09797).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np

from imatlas.evaluation.balls import Membership, ball_radii, members, mutual_counts
from imatlas.evaluation.calibrated import Covering, K, PairSum, drawn_balls, open_share, unseen_share
from imatlas.evaluation.doors import require_features
from imatlas.evaluation.intervals import Estimate, Traced, row_errors
from imatlas.evaluation.judged import Comparison, compare
from imatlas.evaluation.nearest import nearest_rows
from imatlas.values import Score, Trial

__all__ = [
    "NeighborShares",
    "clipped_density_metric",
    "coverage_metric",
    "density_metric",
    "expected_coverage",
    "neighbor_shares",
    "precision_metric",
    "recall_metric",
    "trace_clipped_density",
    "trace_coverage",
    "trace_density",
    "trace_precision",
    "trace_recall",
]


@dataclass(frozen=True)
class NeighborShares:
    """Precision, recall, coverage in [0, 1] and density (1 for equal distributions)."""

    precision: float
    recall: float
    density: float
    coverage: float


def neighbor_shares(
    real: np.ndarray, generated: np.ndarray, *, k: int = K, low_precision: bool | None = None
) -> NeighborShares:
    """Give precision, recall, density and coverage of two feature sets.

    Parameters
    ----------
    real, generated : (n, d) and (m, d) float, more than k rows each.
    k : neighbors that set a ball's radius; more of them make wider balls and higher shares.
    low_precision : screen pairs in bfloat16; None measures once which is faster. The numbers are the same.

    Raises
    ------
    InputError
        If a set has no more than k rows or numbers that are not finite, or the widths differ.

    Warns
    -----
    UserWarning
        If some balls have radius zero because rows are repeated more than k times.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(100, 4))
    >>> neighbor_shares(rows, rows)
    NeighborShares(precision=1.0, recall=1.0, density=1.0, coverage=1.0)
    """
    require_features(real, generated)
    real_radii, generated_radii = (ball_radii(rows, k, low_precision=low_precision) for rows in (real, generated))
    n_flat = int((real_radii == 0).sum() + (generated_radii == 0).sum())
    if n_flat:
        warnings.warn(
            f"{n_flat} rows have {k} exact duplicates; their balls hold only those.",
            UserWarning,
            stacklevel=2,
        )
    counts = mutual_counts((real, real_radii), (generated, generated_radii), low_precision=low_precision)
    return NeighborShares(
        precision=float(counts.is_inside.mean()),
        recall=float(counts.is_reached.mean()),
        density=float(counts.points_per_ball.sum() / (k * len(generated))),
        coverage=float((counts.points_per_ball > 0).mean()),
    )


def expected_coverage(n_real: int, n_generated: int, k: int = K) -> float:
    """Give the expected plain coverage of two samples of one continuous distribution, in any dimension.

    1 - prod_{j=1..k} (n - j) / (n + m - j): the chance that none of the k nearest of the n + m - 1 others is generated.
    """
    j = np.arange(1, k + 1)
    return float(1 - np.prod((n_real - j) / (n_real + n_generated - j)))


def coverage_metric(trial: Trial, space: str) -> Score:
    """Score a trial by calibrated, hub-proof coverage: the default measure of diversity."""
    comparison = compare(trial, space)
    estimate = comparison.once(_covering).estimate(comparison.once(_in_real_balls))
    hub = int(comparison.rows[int(estimate.details["largest_hub"])])
    named = replace(estimate, details=dict(estimate.details) | {"largest_hub": hub})
    return _score(comparison, "coverage", named, floor=1.0, block="diversity")


def clipped_density_metric(trial: Trial, space: str) -> Score:
    """Score a trial by clipped density, 1 for real images: the share of quality one hub cannot fake."""
    comparison = compare(trial, space)
    estimate = trace_clipped_density(comparison).estimate()
    high = max(estimate.interval[1], unseen_share(len(comparison.generated)))
    reaching = replace(estimate, interval=(estimate.interval[0], high))
    return _score(comparison, "clipped_density", reaching, floor=1.0, block="quality")


def precision_metric(trial: Trial, space: str) -> Score:
    """Score a trial by the share of generated images inside a real neighbor ball."""
    comparison = compare(trial, space)
    estimate = _within_shares(trace_precision(comparison).estimate(), len(comparison.generated))
    floor = trace_precision(comparison.floor)
    return _score(comparison, "precision", estimate, floor=floor.value, block="quality")


def density_metric(trial: Trial, space: str) -> Score:
    """Score a trial by plain density, for comparison with published numbers; one real outlier can raise it."""
    comparison = compare(trial, space)
    estimate, floor = trace_density(comparison).estimate(), trace_density(comparison.floor)
    return _score(comparison, "density", estimate, floor=floor.value, block="quality")


def recall_metric(trial: Trial, space: str) -> Score:
    """Score a trial by plain recall, for comparison with published numbers; one generated outlier can raise it."""
    comparison = compare(trial, space)
    estimate = _within_shares(trace_recall(comparison).estimate(), len(comparison.real))
    floor = trace_recall(comparison.floor)
    return _score(comparison, "recall", estimate, floor=floor.value, block="diversity")


def trace_coverage(comparison: Comparison) -> Traced:
    """Give calibrated coverage with the parts of its error."""
    covering = comparison.once(_covering)
    scaled = covering.level.scaled(1 / covering.curve.slope_at(covering.level.value))
    return replace(scaled, value=covering.curve.share_at(covering.level.value))


def trace_clipped_density(comparison: Comparison) -> Traced:
    """Give clipped density with the parts of its error: a ratio of means over generated and over stand-in rows."""
    (own, own_sum), (real, real_sum) = (_filling(part.once(_in_clipped_balls)) for part in (comparison, comparison.floor))
    floor = max(float(real.mean()), 1e-12)
    ratio = float(own.mean()) / floor
    reach = comparison.floor.once(_real_balls)
    clipped = reach.radii >= np.median(reach.radii)
    by_ball = own_sum.by_ball - ratio * real_sum.by_ball
    through_median = reach.dimension * by_ball[clipped].sum() * reach.median_influence
    balls, ball_pairs = drawn_balls(by_ball + through_median, by_ball * ~clipped, reach.neighbors)
    return Traced(
        value=ratio,
        own=_variance(own) / floor**2,
        shared=np.concatenate([balls, -ratio * row_errors(real)]) / floor,
        own_pairs=own_sum.pair_variance / floor**2,
        shared_pairs=real_sum.pair_variance * (ratio / floor) ** 2 + ball_pairs / floor**2,
    )


def trace_precision(comparison: Comparison) -> Traced:
    """Give precision with the parts of its error."""
    return _trace_union(comparison.once(_in_real_balls), comparison.floor.once(_real_balls).neighbors, real_balls=True)


def trace_recall(comparison: Comparison) -> Traced:
    """Give recall with the parts of its error."""
    balls = _balls(comparison.generated)
    inside = members(comparison.generated, balls.radii, comparison.real)
    return _trace_union(inside, balls.neighbors, real_balls=False)


def trace_density(comparison: Comparison) -> Traced:
    """Give density with the parts of its error."""
    inside = comparison.once(_in_real_balls)
    pairs = PairSum(inside, np.ones(len(inside.bits)), np.full(inside.n_points, 1 / (K * inside.n_points)))
    per_point = inside.balls_per_point / K
    balls, ball_pairs = drawn_balls(pairs.by_ball, pairs.by_ball, comparison.floor.once(_real_balls).neighbors)
    return Traced(float(per_point.mean()), _variance(per_point), balls, pairs.pair_variance, ball_pairs)


def _within_shares(estimate: Estimate, n: int) -> Estimate:
    """Keep the interval of a share of n points within [0, 1], and open it for the points that none or all of n may hide."""
    low, high = estimate.interval
    unseen = unseen_share(n)
    return replace(estimate, interval=(max(0.0, min(low, 1 - unseen)), min(1.0, max(high, unseen))))


def _score(comparison: Comparison, name: str, estimate: Estimate, *, floor: float, block: str) -> Score:
    n_flat = int((comparison.floor.once(_real_balls).radii == 0).sum())
    told = {"k": K, "zero_radius_balls": n_flat} | dict(estimate.details)
    return comparison.score(name, estimate, floor=floor, better="higher", block=block, details=told)


@dataclass(frozen=True)
class _Balls:
    """Distances of each row to its k nearest others, rising, (n, k), and which rows they are, (n, k)."""

    distances: np.ndarray
    neighbors: np.ndarray

    @property
    def radii(self) -> np.ndarray:
        """The distance to the k-th, (n,)."""
        return self.distances[:, -1]

    @property
    def dimension(self) -> float:
        """The power of its radius a ball's content grows with: one over the mean log(r_k / r_j) (Levina and Bickel 2004)."""
        inner = np.maximum(self.distances[:, :-1], 1e-12 * self.radii[:, None])
        steps = np.log(np.divide(self.radii[:, None], inner, out=np.ones_like(inner), where=inner > 0))
        return float(1 / max(steps.mean(), 1e-12))

    @property
    def median_influence(self) -> np.ndarray:
        """What each row adds to the logarithm of the median radius, (n,)."""
        low, middle, high = np.quantile(self.radii, [0.4, 0.5, 0.6])
        spread = np.log(high / low) if low > 0 else 0.0
        return np.sign(self.radii - middle) / 2 * (spread / 0.2) / len(self.radii)


def _balls(rows: np.ndarray) -> _Balls:
    return _Balls(*nearest_rows(rows, rows, n_neighbors=K, same=True))


def _real_balls(floor: Comparison) -> _Balls:
    """Work out the reference's balls; asked of the floor's comparison, which all trials of a size share."""
    return _balls(floor.real)


def _covering(comparison: Comparison) -> Covering:
    own, real = (part.once(_in_real_balls) for part in (comparison, comparison.floor))
    return Covering.of(own, real, comparison.floor.once(_real_balls).neighbors, 0)


def _in_real_balls(comparison: Comparison) -> Membership:
    return members(comparison.real, comparison.floor.once(_real_balls).radii, comparison.generated)


def _in_clipped_balls(comparison: Comparison) -> Membership:
    radii = comparison.floor.once(_real_balls).radii
    return members(comparison.real, np.minimum(radii, np.median(radii)), comparison.generated)


def _variance(per_row: np.ndarray) -> float:
    """Give the variance of the mean of numbers per row."""
    parts = row_errors(per_row)
    return float(parts @ parts)


def _trace_union(inside: Membership, neighbors: np.ndarray, *, real_balls: bool) -> Traced:
    """Give the share of points inside any ball; a ball adds to its error the points that no other ball holds."""
    counts = inside.balls_per_point
    alone = PairSum(inside, np.ones(len(inside.bits)), (counts == 1) / inside.n_points)
    points = row_errors((counts > 0).astype(float))
    balls, ball_pairs = drawn_balls(alone.by_ball, alone.by_ball, neighbors)
    value, across = float((counts > 0).mean()), alone.pair_variance
    if real_balls:
        return Traced(value, float(points @ points), balls, across, ball_pairs)
    return Traced(value, float(balls @ balls), points, across + ball_pairs)


def _filling(inside: Membership) -> tuple[np.ndarray, PairSum]:
    """Give min(#balls around it, k) / k of each point, (m,), and the pairs that add to the mean of it."""
    counts = inside.balls_per_point
    pairs = PairSum(inside, np.ones(len(inside.bits)), open_share(counts, K) / (K * inside.n_points))
    return np.minimum(counts, K) / K, pairs
