"""Scores as rows a reader understands: the measure in plain words, its value, and where it stands on one line.

On that line the right is always better, so a glance is enough: the model's dot with its interval, the reference rows
as hollow marks, and a tick for real images in the place of generated ones, what a perfect generator would get.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imatlas.app.words import between, number
from imatlas.evaluation import COSTS, NEAREST, plain_name
from imatlas.values import Score

__all__ = ["BLOCKS", "Mark", "ScoreRow", "better_words", "score_rows", "shown"]

BLOCKS = {
    "quality": "How real do the images look?",
    "diversity": "Do they cover the whole set?",
    "novelty": "Are they new, or copies?",
    "manifold": "Do they lie on the manifold, and where they were asked to?",
    "speed": "How fast are they made?",
}

_PLAIN = {
    "frechet_distance": "How far the cloud of generated images lies from the cloud of real ones: centre and spread compared.",
    "sliced_distance": "How far the two clouds lie apart along many directions, shape and outliers included.",
    "kernel_distance": "Whether real and generated crowds can be told apart; 0 when they cannot. Fair on small sets.",
    "density": "How many real neighborhoods each generated image falls into; 1 for images like the real ones.",
    "clipped_density": "How many real neighborhoods each generated image falls into, no image counting for more than one.",
    "precision": "The share of generated images that lie among the real ones.",
    "coverage": "The share of real images that have a generated image close by; low when parts of the set are never drawn.",
    "recall": "The share of real images that lie among the generated ones.",
    "copy_rate": "The share of images, or parts of them, closer to one training image than held-out real ones ever are.",
    "duplicate_rate": "The share of generated images that nearly repeat another generated one, beyond what real images do.",
    "mode_ratio": "How many different kinds of images are drawn, over how many there are among the real ones.",
    "vendi_ratio": "The same, with rare kinds counted too.",
    "mode_share": "How far each kind of real image gets its share among the generated ones.",
    "class_share": "How far each class gets its share among the generated images.",
    "cluster_share": "How far each cluster of the map gets its share among the generated images.",
    "spacing": "How far generated images lie from those most like them, over what real ones do; low where kinds have shrunk.",
    "dimension": "In how many directions the generated images vary; best as many as the real ones.",
    "off_manifold": "How far generated images lie off the surface that real ones lie on, over what other real ones do.",
    "adherence": "The share of generated images that are what was asked for.",
    "cluster_adherence": "The share of generated images that lie in the cluster that was asked for.",
    "map_place_adherence": "How much of the place on the map that was asked for is found in the generated images.",
    "neighborhood_adherence": "How much of the neighborhood that was asked for is found in the generated images.",
}

_PER_KIND = ("kinds", "shares_real", "shares")
_SHOWN_KINDS = 40

_SHARES = {
    "adherence",
    "class_share",
    "cluster_adherence",
    "cluster_share",
    "copy_rate",
    "coverage",
    "duplicate_rate",
    "map_place_adherence",
    "mode_share",
    "neighborhood_adherence",
    "precision",
    "recall",
}
_UNITS = {name: f"\u00a0{cost.unit}" for name, cost in COSTS.items() if cost.unit in ("s", "MB", "J")}


@dataclass(frozen=True)
class Mark:
    """A mark on the line of a score: where (percent from the left, right is better), what, and its words."""

    at: float
    kind: str
    words: str


@dataclass(frozen=True)
class ScoreRow:
    """One score, ready to be shown; `line` is empty when there is nothing to compare with.

    `kinds` are rows of name, real share, generated share and its interval, the widest gaps first.
    """

    name: str
    space: str
    plain: str
    value: str
    interval: str
    perfect: str
    references: tuple[tuple[str, str], ...]
    better: str
    n: int
    line: tuple[Mark, ...]
    span: tuple[float, float] | None
    details: tuple[tuple[str, str], ...]
    kinds: tuple[tuple[str, str, str, str], ...] = ()


def shown(score: Score, value: float | None = None) -> str:
    """Write a score's value, or another value of the same measure; shares as percent."""
    return _written(score.name, score.value if value is None else value)


def better_words(score: Score) -> str:
    """Say in one word or two which way is better."""
    return "nearest to real" if score.name in NEAREST else score.better


def score_rows(scores: Sequence[Score], references: Mapping[str, Sequence[Score]]) -> dict[str, list[ScoreRow]]:
    """Group scores by block, in the order quality, diversity, novelty, manifold, speed, then others.

    Parameters
    ----------
    references : name of a reference row -> its scores, matched by name and space.
    """
    known = {(label, score.name, score.space): score.value for label, group in references.items() for score in group}
    blocks: dict[str, list[ScoreRow]] = {name: [] for name in BLOCKS}
    for score in scores:
        marks = [
            (label, known[label, score.name, score.space]) for label in references if (label, score.name, score.space) in known
        ]
        blocks.setdefault(score.block, []).append(_row(score, marks))
    return {name: rows for name, rows in blocks.items() if rows}


def _row(score: Score, marks: list[tuple[str, float]]) -> ScoreRow:
    """Word one score and lay out its line."""
    written = tuple((label, _written(score.name, value)) for label, value in marks)
    interval = "" if score.interval is None else _interval(score.name, *score.interval)
    line, span = _line(score, marks)
    return ScoreRow(
        name=plain_name(score.name),
        space=score.space,
        plain=COSTS[score.name].method if score.name in COSTS else _PLAIN.get(score.name, ""),
        value=shown(score),
        interval=interval,
        perfect="" if score.floor is None else _written(score.name, score.floor),
        references=written,
        better=better_words(score),
        n=score.n,
        line=line,
        span=span,
        details=tuple((name.replace("_", " "), _detail(value)) for name, value in score.details.items() if _short(name, value)),
        kinds=_kinds(score),
    )


def _line(score: Score, marks: list[tuple[str, float]]) -> tuple[tuple[Mark, ...], tuple[float, float] | None]:
    """Place the value, its interval, the floor and the references on a line from 0 to 100, better to the right."""
    if score.name in NEAREST:
        return (), None
    values = [("model", "this model", score.value)]
    if score.floor is not None:
        values.append(("perfect", "real images", score.floor))
    values += [(f"reference-{row % 4}", label, value) for row, (label, value) in enumerate(marks)]
    values = [entry for entry in values if math.isfinite(entry[2])]
    ends = [end for end in score.interval or () if math.isfinite(end)]
    everything = [value for _, _, value in values] + ends
    if len(values) < 2 or not math.isfinite(score.value) or max(everything) == min(everything):
        return (), None
    low, high = min(everything), max(everything)
    logarithmic = low > 0 and high / low > 30
    warp = math.log if logarithmic else float
    start = warp(low) if logarithmic else min(low, 0.0)
    length = warp(high) - start

    def at(value: float) -> float:
        share = (warp(value) - start) / length
        return round(2 + 96 * (1 - share if score.better == "lower" else share), 2)

    drawn = tuple(Mark(at(value), kind, f"{label}: {_written(score.name, value)}") for kind, label, value in values)
    span = (min(map(at, ends)), max(map(at, ends))) if len(ends) == 2 else None
    return drawn[1:] + drawn[:1], span  # the model last, so that it lies on top


def _written(name: str, value: float) -> str:
    """Write a value the way its measure is read."""
    if name in _SHARES and math.isfinite(value):
        return f"{number(100 * value)}\u00a0%"
    return number(value) + _UNITS.get(name, "")


def _interval(name: str, low: float, high: float) -> str:
    """Write an interval the way its measure is read."""
    return f"{between(100 * low, 100 * high)}\u00a0%" if name in _SHARES else between(low, high)


def _kinds(score: Score) -> tuple[tuple[str, str, str, str], ...]:
    """Word the share of each kind that a score tells, those farthest from the real share first."""
    if "share_intervals" not in score.details:
        return ()
    told: Any = score.details
    rows = list(zip(told["kinds"], told["shares_real"], told["shares"], told["share_intervals"], strict=True))
    rows.sort(key=lambda row: -abs(row[1] - row[2]))
    name = score.name
    return tuple(
        (kind, _written(name, real), _written(name, own), _interval(name, *ends))
        for kind, real, own, ends in rows[:_SHOWN_KINDS]
    )


def _short(name: str, value: object) -> bool:
    """Say whether a further number can be told in a table cell: no list of lists, such as pairs of images, nor one per kind."""
    if name in _PER_KIND:
        return False
    return not (isinstance(value, list | tuple) and any(isinstance(entry, list | tuple | dict) for entry in value))


def _detail(value: object) -> str:
    """Write a further number, or the first few of a list."""
    if isinstance(value, bool) or not isinstance(value, int | float | list | tuple):
        return str(value)
    if isinstance(value, list | tuple):
        return ", ".join(_detail(entry) for entry in value[:8]) + (", …" if len(value) > 8 else "")
    return number(value)
