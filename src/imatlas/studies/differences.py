"""Arms beside their baselines: paired by repeat, relative, with intervals.

In repeat r an arm scored a_r and its baseline b_r, with the same seed, the same order of images, the same manifold and the
same seeds of the images drawn. The relative difference d_r = a_r / b_r - 1 is averaged over the repeats, with the 95 %
interval of Student's t on n - 1 degrees of freedom. One repeat has no interval over trainings; then that of drawing images
stands there, and is named so. Rates are compared by a_r - b_r.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from imatlas.evaluation import Difference
from imatlas.studies.arms import ARMS, BESIDE, GUIDED
from imatlas.studies.cells import CellResult

__all__ = ["DISTANCES", "ArmDifference", "apart", "arm_differences", "by_arm", "mean_interval", "one_sided", "paired_values"]

DISTANCES = frozenset({"frechet_distance", "kernel_distance"})
RELATIVE = DISTANCES | {"images_per_second"}


@dataclass(frozen=True)
class ArmDifference:
    """How much an arm differs from another one by one measure in one space.

    Parameters
    ----------
    arm, against : names.
    name, space, better : of the score.
    values, others : one score of each for every repeat that both have.
    interval : 95 % interval of `value`, or None where there is none.
    """

    arm: str
    against: str
    name: str
    space: str
    better: str
    values: tuple[float, ...]
    others: tuple[float, ...]
    interval: tuple[float, float] | None

    @property
    def is_from_baseline(self) -> bool:
        """Whether the other arm is the one that this is compared with first of all."""
        return ARMS[self.arm].against == self.against

    @property
    def is_relative(self) -> bool:
        """Whether the difference is a share of what the other one scored."""
        return self.name in RELATIVE

    @property
    def value(self) -> float:
        """The mean difference over the repeats."""
        return float(apart(self.name, np.array(self.values), np.array(self.others)).mean())

    @property
    def over(self) -> str:
        """What the interval holds the chance of: "trainings", "drawing images", or nothing where there is none."""
        if self.interval is None:
            return ""
        return "trainings" if len(self.values) > 1 else "drawing images"

    @property
    def least(self) -> float:
        """The least size of the difference that the interval allows; 0 where it holds 0, or there is none."""
        return 0.0 if self.interval is None else max(self.interval[0], -self.interval[1], 0.0)

    @property
    def gain_interval(self) -> tuple[float, float] | None:
        """The interval with the sign turned so that above 0 the arm is better, low end first."""
        if self.interval is None:
            return None
        low, high = self.interval
        return (-high, -low) if self.better == "lower" else (low, high)


def by_arm(results: Sequence[CellResult], *, length: float = 1.0) -> dict[str, dict[int, CellResult]]:
    """Give the results of one length: arm -> repeat -> result."""
    found: dict[str, dict[int, CellResult]] = {}
    for result in results:
        if result.length == length:
            found.setdefault(result.arm, {})[result.repeat] = result
    return found


def arm_differences(
    results: Sequence[CellResult],
    *,
    sampled: Mapping[str, Sequence[Difference]] | None = None,
    length: float = 1.0,
) -> tuple[ArmDifference, ...]:
    """Compare every arm with its baseline, and the pairs of `BESIDE`, by every measure that both have.

    Parameters
    ----------
    results : of the cells.
    sampled : arm -> differences of the images drawn in the first repeat, used where there is but one.
    length : share of the budget that is looked at.
    """
    arms, found = by_arm(results, length=length), []
    pairs = [(name, ARMS[name].against) for name in arms if name != ARMS[name].against]
    for name, other in [pair for pair in (*pairs, *_beside()) if arms.keys() >= set(pair)]:
        drawn = (sampled or {}).get(name, ()) if other == ARMS[name].against else ()
        chance = {(one.name, one.space): one for one in drawn}
        found += _against(arms[name], arms[other], (name, other), chance)
    return tuple(found)


def _beside() -> list[tuple[str, str]]:
    return [(name + way, other + way) for name, other in BESIDE for way in ("", GUIDED)]


def paired_values(
    first: Mapping[int, CellResult], second: Mapping[int, CellResult], name: str, space: str
) -> tuple[np.ndarray, np.ndarray]:
    """Give what two arms scored in the repeats that both have, float64 (r,) each."""
    pairs = [
        (first[repeat].value(name, space), second[repeat].value(name, space)) for repeat in sorted(first) if repeat in second
    ]
    kept = [(one, other) for one, other in pairs if one is not None and other is not None]
    values = np.array(kept, dtype=float).reshape(-1, 2)
    return values[:, 0], values[:, 1]


def mean_interval(values: np.ndarray) -> tuple[float, float] | None:
    """Give the 95 % interval of the mean of independent values (r,); None for fewer than two.

    Examples
    --------
    >>> import numpy as np
    >>> [round(end, 2) for end in mean_interval(np.array([1.0, 2.0, 3.0]))]
    [-0.48, 4.48]
    """
    if len(values) < 2:
        return None
    reach = float(student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values)))
    return float(values.mean()) - reach, float(values.mean()) + reach


def one_sided(values: np.ndarray) -> float:
    """Give the number that the mean of independent values (r,), two or more, is below with 95 % confidence."""
    return float(values.mean() + student.ppf(0.95, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values)))


def apart(name: str, values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Give the differences (r,) of paired scores by one measure: relative for distances and speed, plain for rates."""
    return values / others - 1 if name in RELATIVE else values - others


def _against(
    first: Mapping[int, CellResult],
    second: Mapping[int, CellResult],
    names: tuple[str, str],
    chance: Mapping[tuple[str, str], Difference],
) -> list[ArmDifference]:
    found = []
    for score in next(iter(first.values())).scores:
        values, others = paired_values(first, second, score.name, score.space)
        relative = score.name in RELATIVE
        if not len(values) or (relative and (others <= 0).any()):
            continue
        interval = mean_interval(apart(score.name, values, others))
        drawn = chance.get((score.name, score.space))
        if interval is None and drawn is not None:
            unit = float(others[0]) if relative else 1.0
            interval = (drawn.interval[0] / unit, drawn.interval[1] / unit)
        scored = tuple(values.tolist()), tuple(others.tolist())
        found.append(ArmDifference(*names, score.name, score.space, score.better, *scored, interval))
    return found
