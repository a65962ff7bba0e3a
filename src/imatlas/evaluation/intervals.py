"""How far a number can be trusted: standard errors and 95 % intervals, each by the way its statistic allows.

Distances between sets are never bootstrapped with replacement, since repeated rows bias them; a delete-group
jackknife leaves out one of g groups at a time:
    error^2 = (g - 1)/g * sum_j (t_j - mean t)^2 .
Proportions get Wilson's interval. Sources: Efron and Stein, "The jackknife estimate of variance" (1981); Wilson (1927).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["NORMAL_95", "Estimate", "deal_groups", "jackknife_error", "wilson_interval"]

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


def deal_groups(n_rows: int, n_groups: int, seed: int) -> np.ndarray:
    """Deal rows into groups of nearly equal size at random.

    Returns
    -------
    int64 (n_rows,), a group number in [0, min(n_groups, n_rows)).
    """
    groups = np.arange(n_rows) % min(n_groups, n_rows)
    return np.random.default_rng(seed).permutation(groups)


def jackknife_error(replicates: np.ndarray) -> np.ndarray:
    """Give the delete-group jackknife's standard error from the leave-one-group-out values (g, ...)."""
    g = len(replicates)
    spread = np.square(replicates - replicates.mean(axis=0)).sum(axis=0)
    return np.sqrt((g - 1) / g * spread)


def wilson_interval(n_hits: float, n_trials: int) -> tuple[float, float]:
    """Give Wilson's 95 % interval of a proportion; sensible at 0 and at 1 too."""
    share = n_hits / n_trials
    z2 = NORMAL_95**2
    middle = (share + z2 / (2 * n_trials)) / (1 + z2 / n_trials)
    reach = NORMAL_95 / (1 + z2 / n_trials) * np.sqrt(share * (1 - share) / n_trials + z2 / (4 * n_trials**2))
    return float(max(0.0, middle - reach)), float(min(1.0, middle + reach))
