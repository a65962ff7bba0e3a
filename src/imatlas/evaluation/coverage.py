"""Precision, recall, density and coverage from neighbor balls, and versions one stray image cannot fool.

With B_i the ball of real row i to its k-th real neighbor (n real, m generated):
    precision = share of generated inside any B_i;  recall = the same with roles swapped
    density = 1/(k m) sum_j #{i : y_j in B_i};      coverage = share of B_i that hold a generated row.
A single generated image near the mean lies in nearly every ball (a hub) and lifts coverage and recall from 0 to 1.
So the defaults are
    clipped density: radii clipped at their median, counts per image at k, divided by what real stand-ins get;
    calibrated coverage: y_j weighs w_j = min(1, k / #balls around it) and a ball counts min(1, sum of weights). The
    result is read off the curve that shares s of the real stand-ins trace, so 0.8 means "covers the real images as
    80 % as many real ones would"; one image moves it by about 1/m.
Sources: Kynkäänniemi et al. (2019, arXiv 1904.06991); Naeem et al. (2020, arXiv 2002.09797); the hub cap is ours.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from imatlas.evaluation.balls import Membership, ball_radii, members, mutual_counts
from imatlas.evaluation.intervals import Estimate, deal_groups, jackknife_error
from imatlas.evaluation.judged import Comparison, compare
from imatlas.values import Score, Trial

__all__ = [
    "NeighborShares",
    "calibrated_coverage",
    "clipped_density_metric",
    "coverage_metric",
    "density_metric",
    "expected_coverage",
    "neighbor_shares",
    "precision_metric",
    "recall_metric",
]

K = 5
N_GROUPS = 20
CURVE_POINTS = 21
CURVE_ORDERS = 4


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


def calibrated_coverage(generated: Membership, stand_ins: Membership, *, k: int = K, seed: int = 0) -> Estimate:
    """Give the share of real images that would cover the reference as well as the generated ones do.

    Parameters
    ----------
    generated, stand_ins : which generated and which real stand-in rows lie in the balls of the reference.
    k : the balls' k.
    seed : orders in which stand-ins are added, and the jackknife groups.

    Returns
    -------
    Estimate: 0 covers nothing, 1 as well as real images; the interval holds the error of both sides.
    """
    shares, curve = _coverage_curve(stand_ins, k, seed)
    value, variance = _capped_coverage(generated, k, seed)
    _, curve_variance = _capped_coverage(stand_ins, k, seed)
    reach = 1.96 * np.sqrt(variance + curve_variance)
    read = [_read_off(level, shares, curve) for level in (value - reach, value, value + reach)]
    counts = generated.balls_per_point
    return Estimate(
        read[1],
        (read[0], read[2]),
        {
            "capped_coverage": value,
            "capped_coverage_of_real": float(curve[-1]),
            "plain_coverage": float((generated.points_per_ball > 0).mean()),
            "largest_hub_share": float(counts.max() / len(generated.bits)),
            "largest_hub": int(counts.argmax()),
        },
    )


def coverage_metric(trial: Trial, space: str) -> Score:
    """Score a trial by calibrated, hub-proof coverage: the default measure of diversity."""
    comparison = compare(trial, space)
    estimate = calibrated_coverage(comparison.once(_in_real_balls), comparison.floor.once(_in_real_balls))
    details = dict(estimate.details)
    details["largest_hub"] = int(comparison.rows[int(details["largest_hub"])])
    return _score(comparison, "coverage", estimate, floor=1.0, block="diversity", details=details)


def clipped_density_metric(trial: Trial, space: str) -> Score:
    """Score a trial by clipped density, 1 for real images: the share of quality one hub cannot fake."""
    comparison = compare(trial, space)
    own, real = (part.once(_clipped_counts) for part in (comparison, comparison.floor))
    value, floor = own.mean(), max(real.mean(), 1e-12)
    error = value / floor * np.sqrt(own.var() / len(own) / max(value, 1e-12) ** 2 + real.var() / len(real) / floor**2)
    estimate = Estimate.from_error(float(value / floor), float(error))
    return _score(comparison, "clipped_density", estimate, floor=1.0, block="quality")


def precision_metric(trial: Trial, space: str) -> Score:
    """Score a trial by the share of generated images inside a real neighbor ball."""
    comparison = compare(trial, space)
    estimate, floor = comparison.once(_precision), comparison.floor.once(_precision)
    return _score(comparison, "precision", estimate, floor=floor.value, block="quality")


def density_metric(trial: Trial, space: str) -> Score:
    """Score a trial by plain density, for comparison with published numbers; one real outlier can raise it."""
    comparison = compare(trial, space)
    estimate, floor = comparison.once(_density), comparison.floor.once(_density)
    return _score(comparison, "density", estimate, floor=floor.value, block="quality")


def recall_metric(trial: Trial, space: str) -> Score:
    """Score a trial by plain recall, for comparison with published numbers; one generated outlier can raise it."""
    comparison = compare(trial, space)
    estimate, floor = comparison.once(_recall), comparison.floor.once(_recall)
    return _score(comparison, "recall", estimate, floor=floor.value, block="diversity")


def _score(
    comparison: Comparison,
    name: str,
    estimate: Estimate,
    *,
    floor: float,
    block: str,
    details: dict[str, object] | None = None,
) -> Score:
    n_flat = int((comparison.floor.once(_real_radii) == 0).sum())
    return Score(
        name=name,
        space=comparison.side.space,
        value=estimate.value,
        interval=estimate.interval,
        floor=floor,
        better="higher",
        n=len(comparison.generated),
        block=block,
        details=comparison.sizes
        | {"k": K, "zero_radius_balls": n_flat}
        | (dict(estimate.details) if details is None else details),
    )


def _real_radii(comparison: Comparison) -> np.ndarray:
    """Work out the reference's radii; asked of the floor's comparison, which all trials of a size share."""
    return ball_radii(comparison.real, K)


def _in_real_balls(comparison: Comparison) -> Membership:
    return members(comparison.real, comparison.floor.once(_real_radii), comparison.generated)


def _clipped_counts(comparison: Comparison) -> np.ndarray:
    """Give min(#clipped balls around it, k) / k of each generated row, float64 (m,)."""
    radii = comparison.floor.once(_real_radii)
    clipped = members(comparison.real, np.minimum(radii, np.median(radii)), comparison.generated)
    return np.minimum(clipped.balls_per_point, K) / K


def _precision(comparison: Comparison) -> Estimate:
    inside, parts = _ball_group_counts(comparison.once(_in_real_balls))
    left_out = ((inside[:, None] - parts) > 0).mean(axis=0)
    return _with_both_errors((inside > 0).astype(float), left_out)


def _density(comparison: Comparison) -> Estimate:
    inside, parts = _ball_group_counts(comparison.once(_in_real_balls))
    n_groups = parts.shape[1]
    left_out = (inside[:, None] - parts).mean(axis=0) / K * n_groups / max(1, n_groups - 1)
    return _with_both_errors(inside / K, left_out)


def _recall(comparison: Comparison) -> Estimate:
    balls = members(comparison.generated, ball_radii(comparison.generated, K), comparison.real)
    inside, parts = _ball_group_counts(balls)
    left_out = ((inside[:, None] - parts) > 0).mean(axis=0)
    return _with_both_errors((inside > 0).astype(float), left_out)


def _ball_group_counts(membership: Membership) -> tuple[np.ndarray, np.ndarray]:
    """Count the balls around each point, (m,), and how many of them each of 20 groups of balls holds, (m, g)."""
    groups = deal_groups(len(membership.bits), N_GROUPS, 0)
    parts = membership.sum_balls(np.eye(groups.max() + 1)[groups])
    return parts.sum(axis=1), parts


def _with_both_errors(per_point: np.ndarray, left_out: np.ndarray) -> Estimate:
    """Join the error of drawing the points with that of drawing the balls."""
    error = np.sqrt(per_point.var() / len(per_point) + jackknife_error(left_out) ** 2)
    return Estimate.from_error(float(per_point.mean()), float(error))


def _capped_coverage(membership: Membership, k: int, seed: int) -> tuple[float, float]:
    """Give hub-capped coverage and its variance: drawing the points (jackknife) and drawing the balls."""
    weights = _hub_weights(membership, k)
    groups = deal_groups(membership.n_points, N_GROUPS, seed)
    sums = membership.sum_points(np.eye(groups.max() + 1)[groups] * weights[:, None])  # (n, g)
    total = sums.sum(axis=1)
    covered = np.minimum(total, 1.0)
    left_out = np.minimum(total[:, None] - sums, 1.0).mean(axis=0)
    return float(covered.mean()), float(jackknife_error(left_out) ** 2 + covered.var() / len(covered))


def _hub_weights(membership: Membership, k: int) -> np.ndarray:
    return np.minimum(1.0, k / np.maximum(membership.balls_per_point, 1))


def _coverage_curve(stand_ins: Membership, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Give capped coverage (p,) of shares (p,) of the stand-ins, averaged over a few random orders."""
    rng = np.random.default_rng(seed)
    shares = np.linspace(0.0, 1.0, CURVE_POINTS) ** 1.5
    n_taken = np.unique(np.round(shares * stand_ins.n_points))
    ranks = np.stack([rng.permutation(stand_ins.n_points) for _ in range(CURVE_ORDERS)], axis=1)  # (m, o)
    taken = ranks[:, :, None] < n_taken  # (m, o, p)
    weights = _hub_weights(stand_ins, k)[:, None] * taken.reshape(stand_ins.n_points, -1)
    covered = np.minimum(stand_ins.sum_points(weights), 1.0).mean(axis=0)
    return n_taken / stand_ins.n_points, covered.reshape(CURVE_ORDERS, -1).mean(axis=0)


def _read_off(level: float, shares: np.ndarray, curve: np.ndarray) -> float:
    """Invert the curve; above its end go on in proportion."""
    if level >= curve[-1]:
        return float(level / max(curve[-1], 1e-12))
    return float(np.interp(level, curve, shares))
