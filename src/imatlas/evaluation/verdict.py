"""What the scores say, in a few plain sentences and in one table.

Words are chosen by comparison, never by a bare number: with the floor (what real images get), with the Gaussian that
must be beaten, and with the interval. What cannot be told from the floor is said to be so; where the interval would allow
quite different words, none of them is chosen and the number is called uncertain; a small set is called small. Feature spaces
that disagree are named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from imatlas.evaluation.scoring import ENOUGH_FOR_FRECHET
from imatlas.values import Score

__all__ = ["TableRow", "plain_name", "score_table", "verdict"]

FEW_IMAGES = 500
TOO_FEW_IMAGES = 100
# Three spaces are looked at, each with a 1 in 40 chance of a low end above zero where nothing is copied.
TRACE = 0.005
SPARSE = 0.9
LIKENESS = ((0.85, "much"), (0.6, "broadly"), (0.3, "only partly"), (-1.0, "little"))
VARIETY = ((0.85, "nearly all"), (0.6, "most"), (0.3, "some"), (-1.0, "little"))
# Words are this many steps apart, or the interval this wide between the Gaussian and the floor: uncertain.
UNSURE_STEPS = 2
UNSURE_WAY = 0.5
GAUSSIAN = "gaussian"
DISTANCES = ("kernel_distance", "frechet_distance", "sliced_distance")

Span = tuple[float, float, float]
"""Low end, value, high end."""
KINDS = ("class", "cluster")
SHOWN_KINDS = 5
BLOCKS = ("quality", "diversity", "novelty", "manifold", "speed")


@dataclass(frozen=True)
class TableRow:
    """One score beside its references, ready for people.

    Parameters
    ----------
    block, name, space, value, interval, floor, better, n : as in `Score`.
    references : name of the reference -> its value, or None where it was not measured.
    """

    block: str
    name: str
    space: str
    value: float
    interval: tuple[float, float] | None
    floor: float | None
    better: str
    n: int
    references: Mapping[str, float | None] = field(default_factory=dict)


def score_table(scores: Sequence[Score], references: Mapping[str, Sequence[Score]] | None = None) -> tuple[TableRow, ...]:
    """Lay scores and reference rows side by side, one row per metric and space, grouped by block.

    Parameters
    ----------
    scores : of the generator.
    references : name ("training copies", "Gaussian in PCA space") -> scores of that reference.
    """
    by_reference = {name: {(s.name, s.space): s.value for s in given} for name, given in (references or {}).items()}
    rows = [
        TableRow(
            block=score.block,
            name=score.name,
            space=score.space,
            value=score.value,
            interval=score.interval,
            floor=score.floor,
            better=score.better,
            n=score.n,
            references={name: values.get((score.name, score.space)) for name, values in by_reference.items()},
        )
        for score in scores
    ]
    return tuple(sorted(rows, key=lambda row: BLOCKS.index(row.block)))


def plain_name(name: str) -> str:
    """Give the name of a metric as people write it.

    Examples
    --------
    >>> plain_name("frechet_distance")
    'Fréchet distance'
    """
    return name.replace("_", " ").replace("frechet", "Fréchet")


def verdict(scores: Sequence[Score], references: Mapping[str, Sequence[Score]] | None = None) -> tuple[str, ...]:
    """Say in plain sentences how good, varied, new and fast the images are.

    Parameters
    ----------
    scores : of the generator, as `evaluate_trial` gives them.
    references : as in `score_table`; one whose name holds "gaussian" is what must be beaten.

    Returns
    -------
    Sentences, each standing on its own: all in one, size of the sets if small, quality, spaces that disagree, diversity,
    kinds with too few or too many images, copies, adherence, speed.
    """
    rows = score_table(scores, references)
    size = _size(scores)
    opening = [size] if size.startswith("Only") else [_headline(rows), size]
    said = [*opening, _quality(rows), _disagreement(rows), _diversity(rows), *(_kinds(scores, what) for what in KINDS)]
    said += [_copies(scores), _adherence(rows), _speed(scores)]
    return tuple(sentence for sentence in said if sentence)


def _headline(rows: Sequence[TableRow]) -> str:
    """What those need who read no further: the worst space counts, for quality the worse of two measures."""
    dense = [_span(row) for row in rows if row.name == "clipped_density"]
    covered = [_span(row) for row in rows if row.name == "coverage"]
    if not dense or not covered:
        return ""
    ways = [way for row in rows if row.name == "kernel_distance" and (way := _way(row)) is not None]
    near, wide = (min(spans, key=lambda span: span[1]) for spans in ([*dense, *ways], covered))
    likeness, variety = _word(near, LIKENESS), _word(wide, VARIETY)
    if likeness and variety:
        return (
            f"The images look {likeness} like real ones (grade {_percent(near[1])}) and show {variety} of their variety "
            f"({_percent(wide[1])})."
        )
    looks = f"The images look {likeness} like real ones (grade {_percent(near[1])})."
    shown = f"They show {variety} of the variety of real ones ({_percent(wide[1])})."
    return " ".join(
        (
            looks if likeness else f"How much the images look like real ones is uncertain ({_between(near)}).",
            shown if variety else f"How much of the variety of real ones they show is uncertain ({_between(wide)}).",
        )
    )


def _word(span: Span, words: Sequence[tuple[float, str]]) -> str:
    """Give the word for the value, or "" if the ends of the interval would have quite different ones."""
    low, middle, high = (next(step for step, (limit, _) in enumerate(words) if end >= limit) for end in span)
    return words[middle][1] if low - high < UNSURE_STEPS else ""


def _span(row: TableRow) -> Span:
    """Give a share with its interval, in [0, 1]."""
    low, high = row.interval or (row.value, row.value)
    return tuple(min(1.0, max(0.0, end)) for end in (low, row.value, high))  # type: ignore[return-value]


def _way(row: TableRow) -> Span | None:
    """How far a distance has come from the Gaussian's to the floor, in [0, 1]; None without a Gaussian to compare with."""
    gaussian, floor = _gaussian(row), row.floor or 0.0
    if gaussian is None or gaussian <= floor:
        return None
    low, high = row.interval or (row.value, row.value)
    return tuple(  # type: ignore[return-value]
        min(1.0, max(0.0, (gaussian - end) / (gaussian - floor))) for end in (high, row.value, low)
    )


def _gaussian(row: TableRow) -> float | None:
    return next((value for name, value in row.references.items() if GAUSSIAN in name.lower()), None)


def _size(scores: Sequence[Score]) -> str:
    compared = [score for score in scores if score.block == "quality"]
    if not compared:
        return ""
    n = min(min(score.n, int(str(score.details.get("n_real", score.n)))) for score in compared)
    if n < TOO_FEW_IMAGES:
        return f"Only {n} images a side could be compared: too few to judge by; read every number as a hint at most."
    if n < FEW_IMAGES:
        return f"{n:,} images a side were compared: few, so the intervals are wide and small differences mean nothing."
    return ""


def _quality(rows: Sequence[TableRow]) -> str:
    n = max((row.n for row in rows if row.block == "quality"), default=0)
    headline = "frechet_distance" if n >= ENOUGH_FOR_FRECHET else "kernel_distance"
    judged = [row for row in rows if row.name == headline and row.floor is not None]
    if not judged:
        return ""
    parts = [_against_floor(row) for row in judged]
    text = f"Quality, by {plain_name(headline)} (lower is better): " + "; ".join(parts) + "."
    sparse = [row for row in rows if row.name == "clipped_density" and row.interval and row.interval[1] < SPARSE]
    if sparse:
        row = min(sparse, key=lambda row: row.value)
        text += f" The images lie among real ones only {_percent(row.value)} as densely as real images do ({row.space})."
    return text


def _against_floor(row: TableRow) -> str:
    floor = row.floor or 0.0
    low, high = row.interval or (row.value, row.value)
    text = f"in {row.space} {_short(row.value)}, where real images get {_short(floor)}"
    gaussian, way = _gaussian(row), _way(row)
    if gaussian is not None:
        text += f" and a Gaussian {_short(gaussian)}"
    if low <= max(floor, 0.0):
        if way is not None and 1 - way[0] > UNSURE_WAY:
            return text + f" (uncertain: anything from real to {_short(high)} would fit; more images would tell)"
        return text + f" (this distance cannot tell them from real at this number of images; at most {_short(high)})"
    if gaussian is None or way is None:
        return text + f" (between {_short(low)} and {_short(high)})"
    if low >= gaussian:
        return text + " (no better than the Gaussian)"
    if high >= gaussian:
        return text + " (not certainly better than the Gaussian)"
    return (
        text + f" ({_percent(way[1])} of the way from the Gaussian to real, between {_percent(way[0])} and {_percent(way[2])})"
    )


def _disagreement(rows: Sequence[TableRow]) -> str:
    """Name the spaces that order the generator and the Gaussian differently, beyond what chance can do."""
    better, worse = set(), set()
    for row in rows:
        gaussian = _gaussian(row)
        if row.name in DISTANCES and row.interval is not None and gaussian is not None:
            if row.interval[1] < gaussian:
                better.add(row.space)
            elif row.interval[0] > gaussian:
                worse.add(row.space)
    if not better - worse or not worse - better:
        return ""
    return (
        f"The feature spaces disagree: better than the Gaussian in {', '.join(sorted(better - worse))}, worse in "
        f"{', '.join(sorted(worse - better))}; look at the images before trusting either."
    )


def _diversity(rows: Sequence[TableRow]) -> str:
    covered = [row for row in rows if row.name == "coverage"]
    if not covered:
        return ""
    worst = min(covered, key=lambda row: row.value)
    text = f"Diversity: the images cover the real ones as well as {_percent(worst.value)} as many real images would"
    if worst.interval is not None:
        text += f" (between {_percent(worst.interval[0])} and {_percent(worst.interval[1])}; {worst.space})"
    others = [row for row in covered if row is not worst]
    best = max(others, key=lambda row: row.value, default=worst)
    if best.value > worst.value + 0.25 and _span(best)[0] > _span(worst)[2]:
        text += f"; in {best.space} {_percent(best.value)}, so the spaces disagree"
    return text + "."


def _kinds(scores: Sequence[Score], what: str) -> str:
    """Name the classes or clusters whose share is wrong beyond chance in every space."""
    by_space = [_wrong_shares(score) for score in scores if score.name == f"{what}_share"]
    parts = []
    for found in by_space[0] if by_space else ():
        agreed = [kind for kind in by_space[0][found] if all(kind in others[found] for others in by_space)]
        more = f" and {len(agreed) - SHOWN_KINDS} more" if len(agreed) > SHOWN_KINDS else ""
        parts += [f"{found} {', '.join(agreed[:SHOWN_KINDS])}{more}"] if agreed else []
    plural = {"class": "Classes", "cluster": "Clusters"}[what]
    return f"{plural}, beside their shares of the real images: {'; '.join(parts)}." if parts else ""


def _wrong_shares(score: Score) -> dict[str, list[str]]:
    """Give the kinds of a score of shares that are missing, rarer or commoner than the real ones, beyond chance."""
    told: Any = score.details
    ends = {
        kind: (high, real)
        for kind, (_, high), real in zip(told["kinds"], told["share_intervals"], told["shares_real"], strict=True)
    }
    missing = [kind for kind in told["missing"] if ends[kind][0] < ends[kind][1]]
    return {"missing": missing, "rarer": told["rarer"], "commoner": told["commoner"]}


def _copies(scores: Sequence[Score]) -> str:
    copied = [score for score in scores if score.name == "copy_rate" and score.interval is not None]
    if not copied:
        return "Copies: not judged, since too few images were held out."
    worst = max(copied, key=lambda score: (score.interval or (0.0, 0.0))[0])
    low, high = worst.interval or (0.0, 1.0)
    if low > TRACE:
        return (
            f"Copies: about {_percent(worst.value)} of the images lie closer to a training image than new real images "
            f"do (between {_percent(low)} and {_percent(high)}; {worst.space}); look at the closest pairs."
        )
    widest = max((score.interval or (0.0, 1.0))[1] for score in copied)
    seen = any(score.value > 0 for score in copied)
    found = "hardly any sign of them" if low > 0 else "none for certain" if seen else "none were found"
    return f"Copies: {found}; the share could still be up to {_percent(widest)}."


def _adherence(rows: Sequence[TableRow]) -> str:
    kept = [row for row in rows if row.name == "adherence"]
    if not kept:
        return ""
    lowest = min(kept, key=lambda row: row.value)
    low, high = lowest.interval or (lowest.value, lowest.value)
    text = (
        f"Adherence: {_percent(lowest.value)} of the images land in the class or cluster asked for "
        f"(between {_percent(low)} and {_percent(high)}; {lowest.space})"
    )
    return text + (f"; real images do so in {_percent(lowest.floor)}." if lowest.floor is not None else ".")


def _speed(scores: Sequence[Score]) -> str:
    named = {score.name: score for score in scores if score.block == "speed"}
    if "images_per_second" not in named:
        return ""
    text = f"Speed: {_short(named['images_per_second'].value)} images per second"
    if "latency_p50" in named:
        text += f"; a single image takes {_short(1000 * named['latency_p50'].value)} ms"
    return text + "."


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _between(span: Span) -> str:
    return f"{_percent(span[1])}, between {_percent(span[0])} and {_percent(span[2])}"


def _percent(share: float) -> str:
    percent = 100 * share
    return f"{percent:.1f} %" if abs(percent) < 10 else f"{percent:.0f} %"
