"""What the scores say, in a few plain sentences and in one table.

Words are chosen by comparison, never by a bare number: with the floor (what real images get), with the Gaussian that
must be beaten, and with the interval. What cannot be told from the floor is said to be so; a small set is called small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from imatlas.evaluation.scoring import ENOUGH_FOR_FRECHET
from imatlas.values import Score

__all__ = ["TableRow", "score_table", "verdict"]

FEW_IMAGES = 500
TOO_FEW_IMAGES = 100
# Three spaces are looked at, each with a 1 in 40 chance of a low end above zero where nothing is copied.
TRACE = 0.005
SPARSE = 0.9
LIKENESS = ((0.85, "much"), (0.6, "broadly"), (0.3, "only partly"), (-1.0, "little"))
VARIETY = ((0.85, "nearly all"), (0.6, "most"), (0.3, "some"), (-1.0, "little"))
GAUSSIAN = "gaussian"
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


def verdict(scores: Sequence[Score], references: Mapping[str, Sequence[Score]] | None = None) -> tuple[str, ...]:
    """Say in plain sentences how good, varied, new and fast the images are.

    Parameters
    ----------
    scores : of the generator, as `evaluate_trial` gives them.
    references : as in `score_table`; one whose name holds "gaussian" is what must be beaten.

    Returns
    -------
    Sentences, each standing on its own: all in one, size of the sets if small, quality, diversity, copies, adherence, speed.
    """
    rows = score_table(scores, references)
    size = _size(scores)
    opening = [size] if size.startswith("Only") else [_headline(rows), size]
    said = [*opening, _quality(rows), _diversity(rows), _copies(scores), _adherence(rows), _speed(scores)]
    return tuple(sentence for sentence in said if sentence)


def _headline(rows: Sequence[TableRow]) -> str:
    """One sentence for those who read no further: the worst space counts, for quality the worse of two measures."""
    dense = [min(1.0, row.value) for row in rows if row.name == "clipped_density"]
    covered = [min(1.0, row.value) for row in rows if row.name == "coverage"]
    if not dense or not covered:
        return ""
    near = min([*dense, *(way for row in rows if row.name == "kernel_distance" and (way := _way(row)) is not None)])
    likeness = next(word for limit, word in LIKENESS if near >= limit)
    variety = next(word for limit, word in VARIETY if min(covered) >= limit)
    return (
        f"The images look {likeness} like real ones (grade {_percent(near)}) and show {variety} of their variety "
        f"({_percent(min(covered))})."
    )


def _way(row: TableRow) -> float | None:
    """How far a distance has come from the Gaussian's to the floor, in [0, 1]; None without a Gaussian to compare with."""
    gaussian, floor = _gaussian(row), row.floor or 0.0
    if gaussian is None or gaussian <= floor:
        return None
    return min(1.0, max(0.0, (gaussian - row.value) / (gaussian - floor)))


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
    named = headline.replace("_", " ").replace("frechet", "Fréchet")
    text = f"Quality, by {named} (lower is better): " + "; ".join(parts) + "."
    sparse = [row for row in rows if row.name == "clipped_density" and row.interval and row.interval[1] < SPARSE]
    if sparse:
        row = min(sparse, key=lambda row: row.value)
        text += f" The images lie among real ones only {_percent(row.value)} as densely as real images do ({row.space})."
    return text


def _against_floor(row: TableRow) -> str:
    floor = row.floor or 0.0
    text = f"in {row.space} {_short(row.value)}, where real images get {_short(floor)}"
    gaussian = _gaussian(row)
    if gaussian is not None:
        text += f" and a Gaussian {_short(gaussian)}"
    if row.interval is not None and row.interval[0] <= max(floor, 0.0):
        return text + " (this distance cannot tell them from real at this number of images)"
    if gaussian is None or gaussian <= floor:
        return text
    if row.value >= gaussian:
        return text + " (no better than the Gaussian)"
    return text + f" ({100 * (gaussian - row.value) / (gaussian - floor):.0f} % of the way from the Gaussian to real)"


def _diversity(rows: Sequence[TableRow]) -> str:
    covered = [row for row in rows if row.name == "coverage"]
    if not covered:
        return ""
    worst = min(covered, key=lambda row: row.value)
    text = f"Diversity: the images cover the real ones as well as {_percent(worst.value)} as many real images would"
    if worst.interval is not None:
        text += f" (between {_percent(worst.interval[0])} and {_percent(worst.interval[1])}; {worst.space})"
    others = [row for row in covered if row is not worst]
    if others and max(row.value for row in others) > worst.value + 0.25:
        best = max(others, key=lambda row: row.value)
        text += f"; in {best.space} {_percent(best.value)}, so the spaces disagree"
    return text + "."


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
    found = "none were found" if low == 0 else "hardly any sign of them"
    return f"Copies: {found}; the share could still be up to {_percent(widest)}."


def _adherence(rows: Sequence[TableRow]) -> str:
    kept = [row for row in rows if row.name == "adherence"]
    if not kept:
        return ""
    lowest = min(kept, key=lambda row: row.value)
    text = f"Adherence: {_percent(lowest.value)} of the images land in the class or cluster asked for ({lowest.space})"
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


def _percent(share: float) -> str:
    percent = 100 * share
    return f"{percent:.1f} %" if abs(percent) < 10 else f"{percent:.0f} %"
