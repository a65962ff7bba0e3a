"""Two generators compared: is one better than the other, or can they not be told apart?

Both are judged against the same real images in the same features, so what chance put into those is in both numbers and
cancels in their difference: errors are traced to the real rows and subtracted row by row. The generated images of the
two are drawn apart, so their errors add. Where a metric's error is not traced, the two intervals [l, h] are joined as
independent ones,
    a - b  in  [ d - sqrt((a - l_a)^2 + (h_b - b)^2),  d + sqrt((h_a - a)^2 + (b - l_b)^2) ],    d = a - b ,
which is wider than need be. Source: Zou and Donner, "Construction of confidence limits about effect measures" (2008).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from imatlas.checks import InputError
from imatlas.evaluation.coverage import (
    trace_clipped_density,
    trace_coverage,
    trace_density,
    trace_precision,
    trace_recall,
)
from imatlas.evaluation.frechet import trace_frechet
from imatlas.evaluation.intervals import NORMAL_95, Traced
from imatlas.evaluation.judged import Comparison, compare, judge
from imatlas.evaluation.kernel_distance import trace_kernel
from imatlas.evaluation.modes import trace_modes, trace_vendi
from imatlas.evaluation.references import features_of, with_generated
from imatlas.evaluation.scoring import DEFAULT_METRICS, METRICS, NEAREST, SPACELESS
from imatlas.evaluation.sliced import trace_sliced
from imatlas.evaluation.verdict import plain_name
from imatlas.values import Score, Trial

__all__ = ["COMPARED", "TRACED", "Difference", "compare_trials", "difference_sentences"]

TRACED: dict[str, Callable[[Comparison], Traced]] = {
    "kernel_distance": trace_kernel,
    "frechet_distance": trace_frechet,
    "sliced_distance": trace_sliced,
    "clipped_density": trace_clipped_density,
    "precision": trace_precision,
    "density": trace_density,
    "coverage": trace_coverage,
    "recall": trace_recall,
    "mode_ratio": trace_modes,
    "vendi_ratio": trace_vendi,
}
"""Metrics whose error is traced to the real rows."""

COMPARED = tuple(name for name in DEFAULT_METRICS if name not in NEAREST)
"""What is compared by default: all but those of which neither more nor less is better."""

POWER_80 = 0.8416212335729143


@dataclass(frozen=True)
class Difference:
    """How much two generators differ by one metric in one space.

    Parameters
    ----------
    name, space, better : as in `Score`.
    first, second : what each scored.
    interval : 95 % interval of first - second.
    n : generated images compared, of each.
    is_paired : True if the error of the real images was cancelled row by row, False if intervals were joined.
    """

    name: str
    space: str
    better: str
    first: float
    second: float
    interval: tuple[float, float]
    n: int
    is_paired: bool

    @property
    def value(self) -> float:
        """The difference, first - second."""
        return self.first - self.second

    @property
    def is_distinguishable(self) -> bool:
        """True if the interval does not hold 0."""
        return not self.interval[0] <= 0.0 <= self.interval[1]

    @property
    def favours(self) -> str:
        """ "first", "second", or "" where they cannot be told apart."""
        if not self.is_distinguishable:
            return ""
        return "first" if (self.value < 0) == (self.better == "lower") else "second"

    @property
    def n_needed(self) -> int | None:
        """How many images of each generator, and as many real ones, would show this difference four times in five.

        None where no difference was seen at all. Errors are taken to shrink as 1 / sqrt(n).
        """
        if self.value == 0:
            return None
        error = (self.interval[1] - self.interval[0]) / (2 * NORMAL_95)
        wanted = self.n * ((NORMAL_95 + POWER_80) * error / abs(self.value)) ** 2
        digits = 10 ** max(0, math.floor(math.log10(max(wanted, 1.0))) - 1)
        return max(1, round(wanted / digits)) * digits


def compare_trials(first: Trial, second: Trial, *, metrics: Sequence[str] = COMPARED) -> tuple[Difference, ...]:
    """Compare two generators judged against the same real images.

    Parameters
    ----------
    first, second : trials with the same real images and features; give the second as
        `with_generated(first, generated, features)`. The larger set of generated images is cut to the size of the
        smaller one, at random.
    metrics : names from `METRICS`. Those without an interval, such as speed, are left out.

    Returns
    -------
    Differences in the order of `METRICS`, those of one metric in all spaces together.

    Raises
    ------
    InputError
        If the real images differ, or no metric could be had for both.
    """
    _check_same_real(first, second)
    first = judge(first)
    count = min(len(first.generated), len(second.generated))
    trials = [_cut(first, first, count), _cut(first, second, count)]
    found, reasons = [], []
    for name in (name for name in METRICS if name in metrics):
        for space in [SPACELESS[name]] if name in SPACELESS else first.features:
            try:
                found.append(_difference(name, space, *trials))
            except InputError as reason:
                reasons.append(reason)
    if not found and reasons:
        raise reasons[0]
    return tuple(difference for difference in found if difference is not None)


def difference_sentences(differences: Sequence[Difference], *, names: tuple[str, str] = ("A", "B")) -> tuple[str, ...]:
    """Say in plain sentences which generator is better by what, and what cannot be told apart.

    Parameters
    ----------
    differences : from `compare_trials`.
    names : what to call the first and the second.
    """
    said = [_sentence(difference, names) for difference in differences]
    by_name: dict[str, set[str]] = {}
    for difference in differences:
        by_name.setdefault(difference.name, set()).add(difference.favours)
    split = [plain_name(name) for name, favoured in by_name.items() if {"first", "second"} <= favoured]
    if split:
        said.append(f"The spaces disagree on which is better by {', '.join(split)}: trust neither order without looking.")
    if not all(difference.is_paired for difference in differences):
        said.append("Where intervals are marked as joined, they are wider than a paired comparison would be.")
    return tuple(said)


def _difference(name: str, space: str, first: Trial, second: Trial) -> Difference | None:
    scores = [METRICS[name](trial, space) for trial in (first, second)]
    one, other = scores
    interval, is_paired = _joined(one, other), False
    if name in TRACED:
        gap = _trace(name, space, first).minus(_trace(name, space, second))
        interval, is_paired = gap.estimate().interval, True
    if interval is None:
        return None
    return Difference(one.name, one.space, one.better, one.value, other.value, interval, min(one.n, other.n), is_paired)


def _trace(name: str, space: str, trial: Trial) -> Traced:
    return TRACED[name](compare(trial, space))


def _joined(one: Score, other: Score) -> tuple[float, float] | None:
    """Join two intervals as independent ones."""
    if one.block == "speed" or one.interval is None or other.interval is None:
        return None
    gap = one.value - other.value
    down = math.hypot(one.value - one.interval[0], other.interval[1] - other.value)
    up = math.hypot(one.interval[1] - one.value, other.value - other.interval[0])
    return gap - down, gap + up


def _check_same_real(first: Trial, second: Trial) -> None:
    for part in ("train", "held_out"):
        ids = [getattr(trial, part).ids for trial in (first, second)]
        if first.features.keys() != second.features.keys() or not np.array_equal(*ids):
            raise InputError(
                f"The two trials do not share their {part.replace('_', '-')} images and feature spaces; a comparison needs "
                "both. Make the second trial with with_generated(first, ...)."
            )


def _cut(first: Trial, trial: Trial, count: int) -> Trial:
    """Give the trial with `count` of its generated images, on the real side of the first."""
    rows = np.arange(len(trial.generated))
    if len(rows) > count:
        rows = np.sort(np.random.default_rng(0).choice(len(rows), count, replace=False))
    elif trial is first:
        return trial
    return with_generated(first, trial.generated.take(rows), features_of(trial, "generated", rows))


def _sentence(difference: Difference, names: tuple[str, str]) -> str:
    where = f" in {difference.space}" if difference.space else ""
    named = plain_name(difference.name)
    what = f"{named[0].upper()}{named[1:]}{where}: "
    low, high = difference.interval
    seen = f"{difference.first:.3g} and {difference.second:.3g}, a difference between {low:.3g} and {high:.3g}"
    if not difference.is_paired:
        seen += " (joined)"
    if difference.favours:
        better = names[0] if difference.favours == "first" else names[1]
        return f"{what}{better} is better ({seen})."
    text = f"{what}{names[0]} and {names[1]} cannot be told apart ({seen})"
    if difference.n_needed is None:
        return f"{text}."
    return f"{text}; about {difference.n_needed:,} images of each would be needed to show this difference."
