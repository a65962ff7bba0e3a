"""What the command line says of a set of images and its map; and the same facts as JSON values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from imatlas.app.cli.console import Console
from imatlas.app.trust_words import graph_facts, trust_rows
from imatlas.conditions import CONDITIONS, Condition
from imatlas.recipes import Forecast, Survey, refuse_too_large, survey_manifold
from imatlas.store import Atlas, MatrixAtlas, list_batches
from imatlas.training import Plan, Stage
from imatlas.training.pace import FEW_STEPS
from imatlas.values import FeatureMatrix, ImageSet

__all__ = [
    "condition_facts",
    "counted",
    "matrix_summary",
    "say_conditions",
    "say_few_steps",
    "say_forecast",
    "say_images",
    "say_matrix",
    "say_survey",
    "summary",
]

SHOWN_FILES = 5


def say_images(console: Console, images: ImageSet) -> None:
    """Say what was read, what was decided, and what was left out."""
    height, width, channels = images.shape
    labels = "no labels" if images.labels is None else counted(len(images.class_names), "class", "classes")
    broken = f"{len(images.rejected)} broken (listed in the report), " if images.rejected else ""
    console.say(
        f"{counted(len(images), 'image')} of {height} x {width}, {'colour' if channels == 3 else 'gray'}, {broken}{labels}, "
        f"{int(np.sum(images.held_out)):,} held out for judging."
    )
    console.say(*(f"  note: {note}" for note in images.notes))
    for file in images.rejected[:SHOWN_FILES]:
        console.say(f"  left out: {file.path!r}: {file.reason}")
    if len(images.rejected) > SHOWN_FILES:
        console.say(f"  ... and {len(images.rejected) - SHOWN_FILES} more, listed in the report")


def say_matrix(console: Console, matrix: FeatureMatrix) -> None:
    """Say what was read of a feature matrix."""
    labels = "no labels" if matrix.labels is None else counted(len(matrix.class_names), "class", "classes")
    kind = "sparse" if matrix.is_sparse else "dense"
    console.say(f"{counted(len(matrix), 'row')} of {counted(matrix.rows.shape[1], 'number')}, {kind}, {labels}.")
    console.say(*(f"  note: {note}" for note in matrix.notes))


def say_forecast(console: Console, cost: Forecast) -> None:
    """Say what mapping will cost, before it begins.

    Raises
    ------
    InputError
        If this machine certainly has too little memory for it.
    """
    console.say(f"Forecast for {cost}.")
    warning = refuse_too_large(cost)
    if warning:
        console.say(f"  note: {warning}")


def say_survey(console: Console, survey: Survey, noun: str) -> None:
    """Say what was learned of a map, and how far it can be trusted.

    Parameters
    ----------
    noun : what its rows are, "image" or "row".
    """
    console.say(f"The map of {counted(survey.rows, noun)}:")
    console.say(*(f"  {what:<20}  {much}" for what, much in graph_facts(survey, noun)))
    console.say(f"How far to trust it ({survey.map.replace('_', ' ')}; 1 is perfect, with 95 % intervals):")
    for row in trust_rows(survey.trust):
        console.say(f"  {row.name:<26} {row.value}  {row.interval:<18} {row.plain}".rstrip())


def say_conditions(console: Console, conditions: Sequence[Condition], asked: Sequence[str] | None) -> None:
    """Say what a model is conditioned on, what each condition steers, and which are off and why.

    Parameters
    ----------
    conditions : of the model.
    asked : names that were asked for, None = all.
    """
    console.say("Conditions, each of which can be given or left out when drawing:" if conditions else "Conditions: none.")
    for name, facts in condition_facts(conditions, asked).items():
        if facts["on"]:
            size = counted(facts["size"], "value" if facts["kind"] == "category" else "number")
            console.say(f"  {name:<15} {size:<11} {facts['steers']}")
        else:
            console.say(f"  {name:<15} {'off':<11} {facts['why']}")


def say_few_steps(console: Console, stages: Sequence[Stage], steps: int) -> None:
    """Warn where training steps that were asked for are too few for a stage to learn much in.

    Parameters
    ----------
    stages : of the model; each has its share of the steps.
    steps : that were asked for, 0 = as many as the budget allows, which is judged when that is known.
    """
    least = min(stages, key=lambda stage: stage.share)
    own = Plan(steps=steps).for_stage(least).steps if steps else FEW_STEPS
    if own < FEW_STEPS:
        console.say(
            f"note: --steps {steps} leaves {counted(own, 'step')} for stage {least.name}; below {FEW_STEPS} what it draws is "
            f"close to noise. Give {math.ceil(FEW_STEPS / least.share):,} or more, or a --budget instead."
        )


def condition_facts(conditions: Sequence[Condition], asked: Sequence[str] | None) -> dict[str, dict[str, Any]]:
    """Give every condition as JSON values: whether it is on, its kind and size and what it steers, or why it is off.

    Parameters
    ----------
    conditions, asked : as for `say_conditions`.
    """
    fields = {condition.name: condition.field for condition in conditions}
    facts: dict[str, dict[str, Any]] = {}
    for name, kind in CONDITIONS.items():
        if name in fields:
            facts[name] = {"on": True, "kind": fields[name].kind, "size": fields[name].size, "steers": kind.steers}
        else:
            facts[name] = {"on": False, "why": kind.lacking if asked is None or name in asked else "not asked for"}
    return facts


def summary(atlas: Atlas) -> dict[str, object]:
    """Give what an atlas holds, JSON values only."""
    images = atlas.images
    facts: dict[str, object] = {
        "atlas": str(atlas.folder),
        "source": images.source,
        "images": len(images),
        "resolution": images.shape[0],
        "channels": images.shape[2],
        "broken": len(images.rejected),
        "held_out": int(np.sum(images.held_out)),
        "classes": list(images.class_names),
        "models": list(atlas.models),
        "default_model": atlas.default_model,
        "seconds": {name: round(value, 1) for name, value in atlas.seconds.items()},
    }
    if atlas.has_manifold:
        manifold = atlas.manifold
        facts |= {"features": manifold.features.extractor} | survey_facts(survey_manifold(manifold, images))
        facts["added"] = sum(len(batch) for batch in atlas.added)
    return facts


def matrix_summary(atlas: MatrixAtlas) -> dict[str, object]:
    """Give what the atlas of a feature matrix holds, JSON values only."""
    summary = dict(atlas.summary)
    facts = {"atlas": str(atlas.folder)} | {name: summary[name] for name in ("source", "columns", "sparse", "classes")}
    facts |= survey_facts(Survey(**summary["survey"]))
    return facts | {"added": sum(len(batch) for batch in list_batches(atlas.folder)), "seconds": summary["seconds"]}


def survey_facts(survey: Survey) -> dict[str, object]:
    """Give a survey as JSON values, to the digits that mean something."""
    return {
        "rows": survey.rows,
        "metric": survey.metric,
        "neighbors": survey.neighbors,
        "recall": round(survey.recall, 4),
        "parts": survey.n_parts,
        "part_sizes": survey.parts,
        "dimension": round(survey.dimension, 2),
        "dimension_interval": [round(end, 2) for end in survey.dimension_interval],
        "map": survey.map,
        "trust": {name: round(value, 4) for name, value in survey.trust.items()},
        "clustering": survey.clustering,
        "clusters": survey.clusters,
        "unclustered": survey.unclustered,
        "cluster_levels": survey.levels,
        "outliers": survey.outliers,
        "near_duplicates": survey.copied,
        "hubness": round(survey.hubness, 2),
    }


def counted(n: int, noun: str, plural: str = "") -> str:
    """Give "1 image" or "1,797 images"."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"
