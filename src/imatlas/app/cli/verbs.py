"""What each verb does: recipes joined with words and files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imatlas.app.cli.console import MISUSED, Console, read_duration, sentences
from imatlas.app.cli.places import atlas_beside, refuse_atlas, write_atlas_report
from imatlas.app.cli.wording import (
    condition_facts,
    matrix_summary,
    say_conditions,
    say_few_steps,
    say_forecast,
    say_images,
    say_survey,
    summary,
)
from imatlas.app.words import flat
from imatlas.checks import InputError
from imatlas.images import check_resolution, digits, parse_ground, read_images
from imatlas.pictures import read_png_text
from imatlas.progress import silent
from imatlas.recipes import (
    FEWEST_TO_TRAIN,
    Model,
    Wishes,
    forecast_images,
    judge_atlas,
    map_images,
    pick_device,
    survey_manifold,
    train_atlas,
)
from imatlas.store import Atlas, holds_matrix, open_atlas, open_matrix_atlas, refuse_foreign
from imatlas.training.augmentation import AUGMENTATION
from imatlas.values import ImageSet

__all__ = ["Reading", "asked", "check_reading", "demo", "map_only", "read_source", "report", "run", "show", "train"]

DEMO_COUNT = 600


@dataclass(frozen=True)
class Reading:
    """Which images are read and how, and where their atlas goes; without `out` its name follows from theirs."""

    source: Path
    out: Path | None
    resolution: int | None
    ground: str

    @property
    def place(self) -> Path:
        """Folder of the atlas."""
        return self.out or atlas_beside(self.source)


def check_reading(console: Console, reading: Reading) -> None:
    """Refuse options of reading that cannot be used, and an atlas in the place of images."""
    with sentences(console, code=MISUSED):
        if reading.resolution is not None:
            check_resolution(reading.resolution)
        parse_ground(reading.ground)
    refuse_atlas(reading.source)


def read_source(console: Console, reading: Reading, seed: int) -> ImageSet:
    """Read images as was asked; say so first."""
    console.say(f"Reading {reading.source} ...")
    return read_images(reading.source, resolution=reading.resolution, ground=reading.ground, seed=seed, report=console.report)


def asked(
    budget: str,
    *,
    seed: int,
    steps: int = 0,
    features: str = "auto",
    generator: str = "latent_flow",
    conditions: str = "all",
    device: str = "auto",
    precision: str = "auto",
    as_json: bool,
) -> Wishes:
    """Read the options that decide how things are fitted; a wrong one ends the program with a sentence and exit code 2."""
    with sentences(Console(as_json=as_json), code=MISUSED):
        names = [name.strip() for name in conditions.split(",")]
        chosen = None if names == ["all"] else tuple(name for name in names if name != "none")
        pick_device(device)
        wishes = Wishes(read_duration(budget), steps, seed, features, generator.replace("-", "_"), chosen, device, precision)
    return wishes


def demo(out: Path, wishes: Wishes, *, as_json: bool) -> None:
    """Digits to a report."""
    console = Console(as_json=as_json)
    with sentences(console):
        _journey(console, digits(seed=wishes.seed), out, wishes, count=DEMO_COUNT)


def run(reading: Reading, wishes: Wishes, *, count: int | None, as_json: bool) -> None:
    """A folder of images to a report."""
    console = Console(as_json=as_json)
    with sentences(console):
        images = _read(console, reading, wishes.seed)
        if len(images.training_rows) < FEWEST_TO_TRAIN:
            raise InputError(
                f"{reading.source} has {len(images.training_rows)} images to train on; a generator needs {FEWEST_TO_TRAIN} at "
                "least. Add images, or make a map alone with imatlas map (10 or more)."
            )
        _journey(console, images, reading.place, wishes, count=count)


def map_only(reading: Reading, wishes: Wishes, *, as_json: bool) -> None:
    """A folder of images to an atlas with its map."""
    console = Console(as_json=as_json)
    with sentences(console):
        images = _read(console, reading, wishes.seed)
        atlas = _map(console, images, reading.place, wishes)
        path = write_atlas_report(console, atlas.folder, None)
        console.give(summary(atlas) | {"report": str(path)})


def train(folder: Path, wishes: Wishes, *, as_json: bool) -> None:
    """An atlas to a model."""
    console = Console(as_json=as_json)
    with sentences(console):
        atlas = open_atlas(folder)
        model = _train(console, atlas, wishes)
        on_and_off = condition_facts(model.conditions, wishes.conditions)
        console.give({"atlas": str(folder), "model": model.name, "conditions": on_and_off, "seconds": atlas.seconds})


def report(folder: Path, out: Path | None, *, as_json: bool) -> None:
    """An atlas to its report."""
    console = Console(as_json=as_json)
    with sentences(console):
        path = write_atlas_report(console, folder, out)
        console.give({"report": str(path)})


def show(what: Path, *, as_json: bool) -> None:
    """A generated picture to how it was made; an atlas to what it holds."""
    console = Console(as_json=as_json)
    with sentences(console):
        if not what.is_dir():
            facts = read_png_text(what)
        else:
            facts = matrix_summary(open_matrix_atlas(what)) if holds_matrix(what) else summary(open_atlas(what))
        rows = flat(_levels_in_rows(facts))
        width = max((len(name) for name, _ in rows), default=0)
        console.say(*(f"{name:>{width}}  {value}" for name, value in rows))
        console.give(facts)


def _levels_in_rows(facts: dict[str, Any]) -> dict[str, Any]:
    """Give the facts with one row for each level of clusters, its numbers and their images."""
    told = dict(facts)
    for level, sizes in told.pop("cluster_levels", {}).items():
        told[f"{level} (images)"] = [f"{number} ({size:,})" for number, size in sizes.items()]
    return told


def _journey(console: Console, images: ImageSet, out: Path, wishes: Wishes, *, count: int | None) -> None:
    atlas = _map(console, images, out, wishes)
    model = _train(console, atlas, wishes)
    folder = atlas.model(model.name)
    if not folder.scores:
        console.say("Judging ...")
        judgement = judge_atlas(atlas, model, count=count, report=silent)
        console.say(*(f"  {sentence}" for sentence in judgement.verdict))
    path = write_atlas_report(console, atlas.folder, None)
    console.say(f"Done in {console.elapsed}. New images: imatlas generate {atlas.folder} --count 64 --out new")
    on_and_off = condition_facts(model.conditions, wishes.conditions)
    console.give(summary(atlas) | {"report": str(path), "model": model.name, "conditions": on_and_off})


def _read(console: Console, reading: Reading, seed: int) -> ImageSet:
    """Read images once it is known that the options can be used and that the place can hold their atlas."""
    check_reading(console, reading)
    refuse_foreign(reading.place)
    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise InputError(
            "Several processes came to make one map. Map with one, then train with many: torchrun ... train ATLAS."
        )
    return read_source(console, reading, seed)


def _map(console: Console, images: ImageSet, out: Path, wishes: Wishes) -> Atlas:
    say_images(console, images)
    limit = f"training: {wishes.steps:,} steps" if wishes.steps else f"budget for everything fitted: {wishes.budget:.0f} s"
    say_forecast(console, forecast_images(images, wishes.features))
    console.say(f"Mapping into {out} ({limit}) ...")
    atlas = map_images(images, out, wishes, report=console.report)
    say_survey(console, survey_manifold(atlas.manifold, atlas.images), "image")
    return atlas


def _announce(console: Console, model: Model, wishes: Wishes) -> None:
    say_conditions(console, model.conditions, wishes.conditions)
    say_few_steps(console, model.generator.stages(), wishes.steps)
    if model.mirrored:
        console.say("Mirror images belong to the set: half of each batch is mirrored.")
    if AUGMENTATION in model.generator.fields:
        console.say("A small set: some images are zoomed or shifted, and the network is told, so that none is drawn so.")


def _train(console: Console, atlas: Atlas, wishes: Wishes) -> Model:
    console.say(f"Training {wishes.generator} ...")
    model = train_atlas(
        atlas,
        wishes,
        announce=lambda model: _announce(console, model, wishes),
        report=console.report,
    )
    names = ", ".join(f"{condition.name} ({condition.field.size})" for condition in model.conditions)
    console.say(f"Model {model.name}, conditions: {names or 'none'}.")
    return model
