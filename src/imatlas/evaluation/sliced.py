"""Sliced distance (MIND): how far apart two feature sets lie along many directions, one direction at a time.

    SD = 3 d mean_theta W(theta . X, theta . Y),    W(F, G) = integral_0^1 (F^-1(u) - G^-1(u))^2 du ,
which is three times the Fréchet distance for a shift (3 |mu|^2) and a scale (3 d (1 - s)^2), needs no covariance and
sees all of a distribution. W is exact for any two numbers of rows. Directions come in orthogonal blocks of d, within
which a shift is measured without error.

Finite sets are apart even when their distributions are equal. What n rows add is carried on from what random quarters
and halves of them show, falling by the same factor once more (a half where tails are light), and taken off; the spread
over halvings gives the variance of pairs of rows.
A row's influence on W is the potential of optimal transport at it, 2 times the integral of x - T(x).

Sources: Berthelot et al., "MIND: Monge inception distance" (2026, arXiv 2605.06797); Rabin et al. (2011).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from imatlas.evaluation.doors import require_features
from imatlas.evaluation.intervals import Estimate, Traced, row_errors
from imatlas.evaluation.judged import Comparison, compare
from imatlas.values import Score, Trial

__all__ = ["sliced_distance", "sliced_metric", "trace_sliced"]

N_DIRECTIONS = 256
SPLIT_DIRECTIONS = 64
N_HALVINGS = 16
FEWEST_ROWS = 8
BLOCK_ENTRIES = 1_000_000


def sliced_distance(real: np.ndarray, generated: np.ndarray, *, n_directions: int = N_DIRECTIONS, seed: int = 0) -> Estimate:
    """Give the sliced distance of two feature sets, corrected for their sizes, with its interval.

    Parameters
    ----------
    real, generated : (n, d) and (m, d) float, at least 8 rows each.
    n_directions : more of them shrink the share of the error that is not due to the rows; rounded up to whole blocks
        of d where it is above d.
    seed : of the directions and the halvings.

    Returns
    -------
    Estimate in squared feature units; slightly negative where the sets cannot be told apart. Details hold the
    "uncorrected" distance.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(600, 6))
    >>> found = sliced_distance(rows[:200], rows[200:] + 1.0)
    >>> found.interval[0] < 3 * 6 < found.interval[1]
    True
    """
    require_features(real, generated, at_least=FEWEST_ROWS)
    directions = _Directions.drawn(real.shape[1], n_directions, seed)
    traced, plain = _trace(real, generated, directions, _split_distances(real, directions))
    return traced.distance(uncorrected=plain)


def sliced_metric(trial: Trial, space: str) -> Score:
    """Score a trial by the sliced distance in one feature space, in squared units of its features."""
    comparison = compare(trial, space)
    (own, plain), (floor, _) = (part.once(_of_comparison) for part in (comparison, comparison.floor))
    unit = comparison.side.scale**2
    estimate = own.scaled(unit).distance(uncorrected=plain * unit)
    details = dict(estimate.details) | {"floor_standard_error": floor.error * unit}
    return comparison.score(
        "sliced_distance", estimate, floor=floor.value * unit, better="lower", block="quality", details=details
    )


def trace_sliced(comparison: Comparison) -> Traced:
    """Give the sliced distance of a comparison with the parts of its error, in squared units of the features."""
    return comparison.once(_of_comparison)[0].scaled(comparison.side.scale**2)


def _of_comparison(comparison: Comparison) -> tuple[Traced, float]:
    directions = comparison.floor.once(_drawn)
    return _trace(comparison.real, comparison.generated, directions, comparison.floor.once(_real_split))


def _drawn(floor: Comparison) -> _Directions:
    return _Directions.drawn(floor.real.shape[1], N_DIRECTIONS, 0)


def _real_split(floor: Comparison) -> np.ndarray:
    return _split_distances(floor.real, floor.once(_drawn))


@dataclass(frozen=True)
class _Directions:
    """Unit directions (t, d) in orthogonal blocks of `block`, and the seed they and the halvings come from."""

    rows: np.ndarray
    block: int
    seed: int

    @classmethod
    def drawn(cls, d: int, wanted: int, seed: int) -> _Directions:
        rng = np.random.default_rng(seed)
        block = min(d, wanted)
        blocks = [np.linalg.qr(rng.standard_normal((d, block)))[0].T for _ in range(-(-wanted // block))]
        return cls(np.concatenate(blocks), block, seed)

    def first(self, wanted: int) -> _Directions:
        """Give at least so many of the directions, in whole blocks."""
        return _Directions(self.rows[: max(wanted, self.block)], self.block, self.seed)

    @property
    def unit(self) -> float:
        """What makes the sum of W over directions the distance."""
        return 3 * self.rows.shape[1] / len(self.rows)

    def parts(self, n_rows: int) -> Iterator[slice]:
        """Cut the directions so that projections of some rows fit into memory."""
        step = max(1, BLOCK_ENTRIES // n_rows)
        for start in range(0, len(self.rows), step):
            yield slice(start, start + step)

    def project(self, rows: np.ndarray, part: slice) -> np.ndarray:
        """Give the projections (t', n) of rows (n, d), float64."""
        return self.rows[part] @ rows.T.astype(np.float64)


def _trace(real: np.ndarray, generated: np.ndarray, directions: _Directions, real_split: np.ndarray) -> tuple[Traced, float]:
    """Give the corrected distance with the parts of its error, and the plain distance."""
    plain = np.zeros(len(directions.rows))
    influence = [np.zeros(len(real)), np.zeros(len(generated))]
    for part in directions.parts(len(real) + len(generated)):
        sides = [_Sorted(directions.project(rows, part)) for rows in (real, generated)]
        plain[part] = _squared_distance(sides[0].values, sides[1].values)
        for which, (own, other) in enumerate((sides, sides[::-1])):
            influence[which] += own.to_rows(_potentials(own.values, other.values)).sum(axis=0)
    unit = directions.unit
    splits = np.stack([real_split, _split_distances(generated, directions)])  # (2, 2, h)
    pairs = splits[:, 0].var(axis=1, ddof=1) / 16
    added = sum(_added(*split.mean(axis=1)) for split in splits)
    row_parts = [row_errors(unit * part) for part in influence]
    traced = Traced(
        value=float(unit * plain.sum() - added),
        own=float(row_parts[1] @ row_parts[1]),
        shared=np.concatenate([row_parts[0], _direction_errors(unit * len(plain) * plain, directions)]),
        own_pairs=float(pairs[1] + 2 * np.sqrt(pairs[0] * pairs[1])),
        shared_pairs=float(pairs[0]),
    )
    return traced, float(unit * plain.sum())


def _direction_errors(values: np.ndarray, directions: _Directions) -> np.ndarray:
    """Give what each block of directions adds to the error, or each direction of a single block.

    Directions of one orthogonal block are a sample without replacement: all d of them leave little to be wrong about.
    """
    if len(values) > directions.block:
        return row_errors(values.reshape(-1, directions.block).mean(axis=1))
    return row_errors(values) * np.sqrt(1 - directions.block / directions.rows.shape[1])


class _Sorted:
    """Projections (t, n) sorted along each direction, with the rows they belong to."""

    def __init__(self, projections: np.ndarray) -> None:
        self.order = np.argsort(projections, axis=1)
        self.values = np.take_along_axis(projections, self.order, axis=1)

    def to_rows(self, by_rank: np.ndarray) -> np.ndarray:
        """Put numbers (t, n) given by rank into the order of the rows."""
        by_row = np.empty_like(by_rank)
        np.put_along_axis(by_row, self.order, by_rank, axis=1)
        return by_row


def _coupling(n: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Match the quantiles of n and of m sorted rows: which meet, (s,) each, and for how long, shares (s,) of 1."""
    if n == m:
        return np.arange(n), np.arange(n), np.full(n, 1 / n)
    # In whole numbers, so that ends that coincide do: row i of n spans [i m, (i + 1) m] of n m.
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    lengths = np.diff(ends, prepend=0)
    return (ends - 1) // m, (ends - 1) // n, lengths / (n * m)


def _squared_distance(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Give W of sorted projections (t, n) and (t, m), exact, (t,)."""
    i, j, share = _coupling(left.shape[1], right.shape[1])
    gaps = left - right if left.shape == right.shape else left[:, i] - right[:, j]
    return np.square(gaps, out=gaps) @ share


def _potentials(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Give each sorted row's influence on W, (t, n), up to a constant: 2 integral (x - T(x)) dx along the row's axis."""
    n, m = own.shape[1], other.shape[1]
    i, j, share = _coupling(n, m)
    target = other if n == m else np.add.reduceat(other[:, j] * share, np.flatnonzero(np.diff(i, prepend=-1)), axis=1) * n
    gaps = own - target
    steps = np.diff(own, axis=1) * (gaps[:, 1:] + gaps[:, :-1])
    return np.concatenate([np.zeros((len(own), 1)), np.cumsum(steps, axis=1)], axis=1)


def _split_distances(rows: np.ndarray, directions: _Directions) -> np.ndarray:
    """Give the distance between random halves and between random quarters of the rows, (2, h), along some directions."""
    directions = directions.first(SPLIT_DIRECTIONS)
    rng = np.random.default_rng(directions.seed + 1)
    quarter = len(rows) // 4
    sides = np.zeros((N_HALVINGS, len(rows)), dtype=np.int8)
    for side in sides:
        side[rng.permutation(len(rows))[: 4 * quarter]] = np.repeat(np.arange(1, 5, dtype=np.int8), quarter)
    sums = np.zeros((2, N_HALVINGS))
    for part in directions.parts(len(rows)):
        projected = _Sorted(directions.project(rows, part))
        values = projected.values.astype(np.float32)
        for which, side in enumerate(sides):
            dealt = side[projected.order]
            for row, (first, second) in enumerate((((dealt == 1) | (dealt == 2), dealt > 2), (dealt == 1, dealt == 2))):
                gaps = (values[first] - values[second]).reshape(len(values), -1)
                sums[row, which] += np.square(gaps, out=gaps).mean(axis=1).sum(dtype=np.float64)
    return directions.unit * sums


def _added(halves: float, quarters: float) -> float:
    """Give what all n rows add to W: one set of n/2 adds half of what two such sets are apart, and n rows add less still."""
    return float(halves / 2 * halves / quarters) if quarters > 0 else 0.0
