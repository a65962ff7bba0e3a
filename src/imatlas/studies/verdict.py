"""What a study says, in sentences that claim no more than was shown.

An arm is better or worse than its baseline where, in every space, the interval of the relative difference of the distance that
decides excludes 0 and the difference is 10 % at least; else there is "no difference" to be told. With one training each
nothing is claimed. If groups dealt by lot are better than no groups, or copies that were planted are not found, the comparison
is invalid, and that stands first.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from imatlas.studies.arms import ARMS, BESIDE, GUIDED
from imatlas.studies.cells import CellResult
from imatlas.studies.differences import ArmDifference, apart, by_arm, one_sided, paired_values
from imatlas.studies.judging import COPIES
from imatlas.studies.words import named, percent, span

__all__ = ["WORTH", "effect", "study_verdict", "times_to_quality"]

WORTH = 0.1
"""The least relative difference that is called one."""

_CLEAR = f" Every interval is clear of {percent(WORTH)}."

MANIFOLD_ARMS = tuple(
    name
    for name, arm in ARMS.items()
    if not arm.guided
    and arm.fit.conditions
    and arm.fit.charged in ("stage", "both", "clusters", "graph")
    and arm.codes_from != "bank"
)
"""Arms that are conditioned with what the manifold gives, which labels may be compared with."""


def study_verdict(
    results: Sequence[CellResult],
    differences: Sequence[ArmDifference],
    measure: str,
    planted: Mapping[str, Any],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the verdict, and notes on what is to be borne in mind.

    Parameters
    ----------
    results : of all cells.
    differences : from `arm_differences`.
    measure : name of the distance that decides.
    planted : from `plant`.
    """
    deciding: dict[str, list[ArmDifference]] = {}
    for one in differences:
        if one.name == measure and one.is_from_baseline:
            deciding.setdefault(one.arm, []).append(one)
    spaces = _spaces(results, measure)
    complete = {arm: rows for arm, rows in deciding.items() if len(rows) == len(spaces)}
    copying = {arm: text for arm in deciding if (text := _copying(arm, differences))}
    said = [_invalid(deciding), _headline(complete, copying), _planted(planted)]
    said += [_sentence(arm, rows, complete=arm in complete) for arm, rows in deciding.items()]
    said += _beside(differences, measure)
    said += [_beside_classes(results, arm, measure) for arm in deciding]
    said += list(copying.values())
    said += [_sooner(arm, rows[0].against, results, measure) for arm, rows in deciding.items()]
    notes = [_floor(results, deciding, measure), _repeats(results), _judges(results, measure), _many(deciding), _mixed(results)]
    return tuple(text for text in said if text), tuple(text for text in notes if text)


def effect(rows: Sequence[ArmDifference]) -> str:
    """Say what the differences of one arm in all spaces come to: "better", "worse", "mixed", "small" or "none"."""
    seen = {_direction(row) for row in rows}
    if seen == {"none"}:
        return "none"
    if len(seen) == 1:
        (only,) = seen
        return only if all(abs(row.value) >= WORTH for row in rows) else "small"
    return "mixed"


def times_to_quality(results: Sequence[CellResult], measure: str, arm: str, against: str) -> dict[str, float]:
    """Give how many times sooner an arm reached what another one scored at the full length, by space.

    Between the lengths that were trained, the logarithm of the time is interpolated; where an arm was there at its shortest
    length already, that is told as the least, and where it never was, the space is left out. Scores are means over the repeats.
    """
    lengths = sorted({result.length for result in results})
    rows = {length: by_arm(results, length=length) for length in lengths}
    spaces = dict.fromkeys(score.space for result in results for score in result.scores if score.name == measure)
    sooner = {}
    for space in spaces:
        goal = _mean(rows[1.0].get(against, {}), measure, space)
        reached = [(length, _mean(rows[length].get(arm, {}), measure, space)) for length in lengths]
        found = _reached([(length, value) for length, value in reached if value is not None], goal)
        if found is not None:
            sooner[space] = 1.0 / found
    return sooner


def _reached(values: Sequence[tuple[float, float]], goal: float | None) -> float | None:
    """Give the share of the budget at which a falling score first came down to a goal."""
    if goal is None:
        return None
    for place, (length, value) in enumerate(values):
        if value <= goal:
            if place == 0:
                return length
            before, above = values[place - 1]
            part = (above - goal) / (above - value)
            return math.exp(math.log(before) + part * (math.log(length) - math.log(before)))
    return None


def _mean(rows: Mapping[int, CellResult], measure: str, space: str) -> float | None:
    values = [value for row in rows.values() if (value := row.value(measure, space)) is not None]
    return float(np.mean(values)) if values else None


def _direction(row: ArmDifference) -> str:
    if row.gain_interval is None:
        return "none"
    low, high = row.gain_interval
    return "better" if low > 0 else "worse" if high < 0 else "none"


def _sentence(arm: str, rows: Sequence[ArmDifference], *, complete: bool) -> str:
    """Say how one arm stands to its baseline; where it was not compared in every space, nothing is claimed."""
    found, against = effect(rows) if complete else "mixed", rows[0].against
    numbers = "; ".join(_numbers(row) for row in rows)
    once = len(rows[0].values) < 2
    if found in ("better", "worse"):
        verb = f"seems {found} than" if once else f"is {found} than"
        clear = not once and all(row.least > WORTH for row in rows)
        return f"{arm} {verb} {against}: {numbers}.{_CLEAR if clear else ''}"
    if found == "mixed":
        return f"{arm} against {against}: the judges do not agree on a difference, so nothing is claimed: {numbers}."
    if found == "small":
        return f"{arm} against {against}: a difference, but less than the {percent(WORTH)} that would count: {numbers}."
    return f"{arm} against {against}: no difference was shown: {numbers}."


def _numbers(row: ArmDifference) -> str:
    side = "lower" if row.value < 0 else "higher"
    told = f"{named(row.name)} {percent(abs(row.value))} {side} in {row.space}"
    if row.interval is None:
        return f"{told} (no interval)"
    low, high = row.interval
    what = "95 % interval" if row.over == "trainings" else "95 % interval of drawing images alone"
    return f"{told} ({what} {span(low, high)})"


def _invalid(deciding: Mapping[str, Sequence[ArmDifference]]) -> str:
    """Say first if groups that mean nothing help."""
    for arm in ("placebo", "placebo" + GUIDED):
        rows = deciding.get(arm, ())
        if rows and len(rows[0].values) > 1 and effect(rows) == "better":
            return (
                f"The comparison is invalid: {arm}, groups dealt by lot, is better than no groups, which cannot be by what the "
                "groups mean. Believe none of the other differences before that is explained."
            )
    return ""


def _headline(deciding: Mapping[str, Sequence[ArmDifference]], copying: Collection[str]) -> str:
    """Say in one sentence which arms are better and worse than what they are compared with, and which of them copy more."""
    found = {arm: effect(rows) for arm, rows in deciding.items()}
    if not found:
        return ""
    once = any(len(rows[0].values) < 2 for rows in deciding.values())
    told = [
        f"{'seeming ' if once else ''}{what}: {', '.join(names)}"
        for what in ("better", "worse")
        if (names := [arm + " (but it copies more)" * (arm in copying) for arm, seen in found.items() if seen == what])
    ]
    rest = [arm for arm, seen in found.items() if seen not in ("better", "worse")]
    told += [f"no difference shown: {', '.join(rest)}"] if rest else []
    return f"Beside {' and '.join(dict.fromkeys(rows[0].against for rows in deciding.values()))}, {'; '.join(told)}."


def _planted(planted: Mapping[str, Any]) -> str:
    share = float(planted["planted"])
    if planted["detected"]:
        return f"Copies that were planted among the images ({percent(share)}) were found, so the copy rates can be believed."
    return (
        f"Copies that were planted among the images ({percent(share)}) were not found: the copy rates of this study show "
        "nothing. Hold out more images, or draw more with --count."
    )


def _beside_classes(results: Sequence[CellResult], arm: str, measure: str) -> str:
    """Say how much worse an arm of the manifold may be than the true labels, one-sided."""
    arms, guided = by_arm(results), GUIDED if arm.endswith(GUIDED) else ""
    labels = arms.get("classes" + guided)
    if labels is None or arm.removesuffix(GUIDED) not in MANIFOLD_ARMS:
        return ""
    told = []
    for space in _spaces(results, measure):
        values, others = paired_values(arms[arm], labels, measure, space)
        if len(values) > 1 and (others > 0).all():
            gaps = apart(measure, values, others)
            mean, most = (percent(gap, signed=True) for gap in (float(gaps.mean()), one_sided(gaps)))
            told.append(f"{mean}, at most {most}, in {space}")
    if not told:
        return ""
    return f"{arm} against the true labels: {named(measure)} {'; '.join(told)} (95 %, one-sided)."


def _beside(differences: Sequence[ArmDifference], measure: str) -> list[str]:
    """Say how arms stand to one another where that tells something of its own."""
    pairs: dict[tuple[str, str], list[ArmDifference]] = {}
    for one in differences:
        if one.name == measure and not one.is_from_baseline:
            pairs.setdefault((one.arm, one.against), []).append(one)
    return [
        f"{arm} against {other} ({BESIDE[arm.removesuffix(GUIDED), other.removesuffix(GUIDED)]}): "
        f"{'; '.join(_numbers(row) for row in rows)}."
        for (arm, other), rows in pairs.items()
    ]


def _copying(arm: str, differences: Sequence[ArmDifference]) -> str:
    """Say if an arm copies training images more than its baseline."""
    rows = [one for one in differences if one.arm == arm and one.name == COPIES and one.is_from_baseline]
    more = [one for one in rows if one.interval is not None and one.interval[0] > 0 and one.value >= 0.005]
    if not more:
        return ""
    told = "; ".join(
        " against ".join(percent(float(np.mean(of_one)), digits=1) for of_one in (one.values, one.others)) + f" in {one.space}"
        for one in more
    )
    return f"{arm} copies training images more than {rows[0].against}: {told}."


def _sooner(arm: str, against: str, results: Sequence[CellResult], measure: str) -> str:
    """Say when an arm reached what the baseline had at the end, where more than one length was trained."""
    if len({result.length for result in results}) < 2 or not by_arm(results).get(against):
        return ""
    sooner = times_to_quality(results, measure, arm, against)
    if not sooner:
        return f"{arm} did not reach the final {named(measure)} of {against} at any length."
    most = 1 / min(result.length for result in results)
    told = "; ".join(
        f"{'at least ' if times >= most else ''}{times:.2g} times as soon in {space}" for space, times in sooner.items()
    )
    return f"{arm} reached the final {named(measure)} of {against} {told}."


def _floor(results: Sequence[CellResult], deciding: Mapping[str, Sequence[ArmDifference]], measure: str) -> str:
    """Say which arms could not be compared in every space, since what they are compared with is no longer above 0."""
    spaces = _spaces(results, measure)
    short = [arm for arm, rows in deciding.items() if len(rows) < len(spaces)]
    if deciding and not short:
        return ""
    which = f"of {', '.join(short)} in every space" if short else "of any arm"
    return (
        f"The difference {which} could not be told as a share: a {named(measure)} to compare with was 0 or below, as real "
        "images have it."
    )


def _repeats(results: Sequence[CellResult]) -> str:
    repeats = len({result.repeat for result in results})
    if repeats == 1:
        return (
            "Each arm was trained once: intervals hold the chance of drawing images, not that of training again, so "
            "nothing here is a claim. Give --repeats 5 for one."
        )
    return "" if repeats >= 5 else f"With {repeats} repeats the intervals are wide; 5 or more narrow them."


def _judges(results: Sequence[CellResult], measure: str) -> str:
    """Name arms that two judges put in opposite orders, each by more than counts."""
    arms, spaces = by_arm(results), _spaces(results, measure)
    means = {arm: [_mean(rows, measure, space) for space in spaces] for arm, rows in arms.items()}
    known = {arm: values for arm, values in means.items() if all(value is not None and value > 0 for value in values)}
    names = sorted(known)
    swapped = []
    for row, one in enumerate(names):
        for other in [name for name in names[row + 1 :] if ARMS[name].against == ARMS[one].against]:
            gaps = [float(np.log(a / b)) for a, b in zip(known[one], known[other], strict=True)]  # type: ignore[operator]
            if min(gaps) < -math.log(1 + WORTH) and max(gaps) > math.log(1 + WORTH):
                swapped.append(f"{one} and {other}")
    return f"The judges disagree on the order of {', '.join(swapped)}." if swapped else ""


def _many(deciding: Mapping[str, object]) -> str:
    n = len(deciding)
    return f"{n} differences were looked at; by chance alone one in twenty would seem to be one." if n > 2 else ""


def _mixed(results: Sequence[CellResult]) -> str:
    """Say if cells were made by different code, or trained in different precision."""
    codes = {result.facts["code"] for result in results}
    precise = {value for result in results for value in result.facts["precision"].values()}
    told = [f"by {len(codes)} versions of the code"] if len(codes) > 1 else []
    told += [f"in different precision ({', '.join(sorted(precise))})"] if len(precise) > 1 else []
    return f"Cells were made {' and '.join(told)}, so their differences are not by the arms alone." if told else ""


def _spaces(results: Sequence[CellResult], measure: str) -> list[str]:
    return list(dict.fromkeys(score.space for result in results for score in result.scores if score.name == measure))
