"""How far a number can be trusted: standard errors and 95 % intervals, each by the way its statistic allows.

Distances between sets are never bootstrapped with replacement, since repeated rows bias them. Errors are traced to the
rows they come from: with c_i what row i adds to the number,
    error^2 = sum_i c_i^2 - Q ,
where the c_i are jackknife differences or derivatives, and Q is the variance that belongs to pairs of rows, which the
sum counts twice (Efron and Stein). Where two distributions are equal nothing but Q is left.
Proportions get Wilson's interval. Sources: Efron and Stein, "The jackknife estimate of variance" (1981); Wilson (1927).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["NORMAL_95", "Estimate", "Traced", "row_errors", "wilson_interval"]

NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval.

    Parameters
    ----------
    value : the number.
    interval : (low, high).
    details : further numbers, JSON values only.
    """

    value: float
    interval: tuple[float, float]
    details: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_error(cls, value: float, error: float, **details: Any) -> Estimate:
        """Make the interval value +- 1.96 standard errors and keep the error among the details."""
        reach = NORMAL_95 * error
        return cls(float(value), (float(value - reach), float(value + reach)), {"standard_error": float(error)} | details)


@dataclass(frozen=True)
class Traced:
    """A number with the parts of its error, so that what two numbers have in common cancels in their difference.

    Parameters
    ----------
    value : the number.
    own : variance from drawing the generated rows, which no other number depends on.
    shared : (s,) what each part of the real side (a row, a direction) adds; the sum of squares is the variance from it.
    own_pairs, shared_pairs : variance of pairs of rows, counted twice in the two above.
    """

    value: float
    own: float
    shared: np.ndarray
    own_pairs: float = 0.0
    shared_pairs: float = 0.0

    @property
    def error(self) -> float:
        """The standard error; a third of the variance stays whatever the pairs, which are estimated too."""
        total = self.own + float(self.shared @ self.shared)
        return float(np.sqrt(max(total - self.own_pairs - self.shared_pairs, total / 3)))

    def minus(self, other: Traced) -> Traced:
        """Give the difference of two numbers over the same real side."""
        return Traced(
            self.value - other.value,
            self.own + other.own,
            self.shared - other.shared,
            self.own_pairs + other.own_pairs,
        )

    def scaled(self, factor: float) -> Traced:
        """Give the number in another unit."""
        squared = factor**2
        return Traced(
            self.value * factor,
            self.own * squared,
            self.shared * factor,
            self.own_pairs * squared,
            self.shared_pairs * squared,
        )

    def estimate(self, **details: Any) -> Estimate:
        """Give the number with the interval value +- 1.96 standard errors."""
        return Estimate.from_error(self.value, self.error, **details)

    def distance(self, **details: Any) -> Estimate:
        """Give a squared distance with the interval of all truths t it is compatible with.

        The variance of pairs of rows, Q, is there at any truth; the rest, L, comes from the difference of the
        distributions and grows in proportion to it. So t belongs to the interval if
            (value - t)^2 <= 1.96^2 (Q + L max(t, 0) / value) ,
        which is narrow near 0 and reaches further up than down, as such numbers stray.
        """
        pairs = self.own_pairs + self.shared_pairs
        rest = max(0.0, self.own + float(self.shared @ self.shared) - 2 * pairs)
        reach = NORMAL_95 * float(np.sqrt(pairs))
        slope = NORMAL_95**2 * rest / max(self.value, float(np.sqrt(pairs)), 1e-300)
        middle = self.value + slope / 2
        spread = float(np.sqrt(max(0.0, middle**2 - self.value**2 + reach**2)))
        low = self.value - reach if self.value <= reach else middle - spread
        high = self.value + reach if self.value <= -reach else middle + spread
        return Estimate(self.value, (low, high), {"standard_error": self.error} | details)


def row_errors(influence: np.ndarray) -> np.ndarray:
    """Give what each row adds to the error of a mean, (n,), from its influence on the number, (n,)."""
    return (influence - influence.mean()) / np.sqrt(len(influence) * max(1, len(influence) - 1))


def wilson_interval(n_hits: float, n_trials: int) -> tuple[float, float]:
    """Give Wilson's 95 % interval of a proportion; sensible at 0 and at 1 too."""
    share = n_hits / n_trials
    z2 = NORMAL_95**2
    middle = (share + z2 / (2 * n_trials)) / (1 + z2 / n_trials)
    reach = NORMAL_95 / (1 + z2 / n_trials) * np.sqrt(share * (1 - share) / n_trials + z2 / (4 * n_trials**2))
    return float(max(0.0, middle - reach)), float(min(1.0, middle + reach))
