"""One training of a study: its place on disk, what was taken from its time, and how it goes on after a stop."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from imatlas.checks import InputError
from imatlas.conditions import CONDITIONS
from imatlas.features import Extractor
from imatlas.progress import Report, silent
from imatlas.recipes import (
    Model,
    Wishes,
    build_model,
    extractor_of,
    load_model,
    map_images,
    pick_device,
    save_model,
    train_model,
)
from imatlas.recipes.modeling import write_plan
from imatlas.store import ModelFolder
from imatlas.studies.arms import Fit
from imatlas.training import Plan
from imatlas.values import ImageSet, Manifold

__all__ = ["Ground", "Trained", "ground_of", "names_for", "plan_fit", "train_fit"]

LEAST_SHARE = 0.1
"""Of a fit's time that must be left for its training."""


@dataclass(frozen=True)
class Ground:
    """What all fits of a repeat share.

    Parameters
    ----------
    images : of the study.
    manifold, extractor : what was learned of them, and what made its features.
    seconds : step of that -> how long it took; "map" is all of them together.
    wishes : of the study.
    repeat : which one it is, from 1.
    """

    images: ImageSet
    manifold: Manifold
    extractor: Extractor
    seconds: Mapping[str, float]
    wishes: Wishes
    repeat: int

    @property
    def seed(self) -> int:
        """Seed of everything random in the repeat."""
        return self.wishes.seed + self.repeat - 1


@dataclass(frozen=True)
class Trained:
    """A trained model, the seconds charged and trained, and what else is to be told of its training, JSON values by name."""

    model: Model
    seconds: dict[str, float]
    facts: dict[str, Any]


def ground_of(images: ImageSet, wishes: Wishes, home: Path, repeat: int, *, report: Report = silent) -> Ground:
    """Learn the manifold of a repeat, or read it where it was learned before.

    Parameters
    ----------
    wishes : of the study; the seeds of the repeats follow its own.
    home : folder of the study.
    repeat : from 1.
    """
    own = replace(wishes, seed=wishes.seed + repeat - 1)
    atlas = map_images(images, home / "repeats" / f"{repeat}.atlas", own, report=report)
    return Ground(images, atlas.manifold, extractor_of(atlas), atlas.seconds, wishes, repeat)


def names_for(fit: Fit, images: ImageSet, manifold: Manifold) -> list[str]:
    """Name the conditions of a fit that the set has.

    Raises
    ------
    InputError
        If it has none of them.
    """
    there = [name for name in fit.conditions if CONDITIONS[name].describe(images, manifold) is not None]
    if fit.conditions and not there:
        why = "; ".join(CONDITIONS[name].lacking for name in fit.conditions)
        raise InputError(
            f"The arm {fit.name} needs {' or '.join(fit.conditions)}, and the set has none ({why}). Leave the arm out."
        )
    return there


def train_fit(ground: Ground, fit: Fit, place: Path, *, length: float = 1.0, report: Report = silent) -> Trained:
    """Train a fit, go on with its training, or read it where it is done.

    Parameters
    ----------
    ground : of its repeat.
    fit : what is trained.
    place : folder of its weights.
    length : share of the budget.

    Raises
    ------
    InputError
        If what is charged to it leaves too little time.
    Interrupted
        On Ctrl-C or SIGTERM, after everything was saved; the same call goes on.
    """
    folder = ModelFolder(place)
    if not folder.is_trained:
        place.mkdir(parents=True, exist_ok=True)
        _train(ground, fit, folder, length=length, report=report)
    model = load_model(folder)
    model.generator.to(pick_device(ground.wishes.device))
    if model.prior is not None:
        model.prior.to(model.generator.device)
    return _told(folder, model)


def plan_fit(fit: Fit, wishes: Wishes, charges: Mapping[str, float], *, length: float = 1.0) -> dict[str, object]:
    """Give the plan of a fit as JSON values, with what it is charged; it is kept, so that a run goes on as it began.

    Parameters
    ----------
    fit, length : what is trained, and for what share of the budget.
    wishes : budget, steps and precision.
    charges : seconds by what `Fit.charged` may be. Where training is counted in steps nothing is charged.

    Raises
    ------
    InputError
        If what is charged leaves too little time.
    """
    charged = 0.0 if wishes.steps else charges[fit.charged]
    whole = wishes.budget * length
    if whole - charged < LEAST_SHARE * whole:
        raise InputError(
            f"The arm {fit.name} is charged {charged:.0f} s for what is fitted before its training, of a budget of "
            f"{whole:.0f} s; wanted {LEAST_SHARE:.0%} of it left at least. Give a longer --budget, or --features "
            "principal_components."
        )
    steps = max(1, round(wishes.steps * length)) if wishes.steps else 0
    return {"steps": steps, "seconds": whole - charged, "charged": charged, "precision": wishes.precision}


def _train(ground: Ground, fit: Fit, folder: ModelFolder, *, length: float, report: Report) -> None:
    """Train a fit into its folder."""
    wishes = ground.wishes
    images = ground.images if "class" in fit.conditions else replace(ground.images, labels=None, class_names=())
    start = time.monotonic()
    manifold = fit.remade(images, ground.manifold, ground.seed)
    own = time.monotonic() - start
    charges = _charges(ground.seconds, own)
    names = names_for(fit, images, manifold)
    model = build_model(images, manifold, kind=fit.kind or wishes.generator, conditions=names, seed=ground.seed)
    device = pick_device(wishes.device)
    model.generator.to(device)
    if model.prior is not None:
        model.prior.to(device)
    with folder.held():
        if not (folder.folder / "config.json").is_file():
            write_plan(model, folder, plan_fit(fit, wishes, charges, length=length) | {"seed": ground.seed})
        told = folder.config["plan"]
        plan = Plan(int(told["steps"]), float(told["seconds"]), seed=ground.seed, precision=str(told["precision"]))
        for progress in train_model(model, images, manifold, plan, folder=folder, extractor=ground.extractor):
            report(progress)
        save_model(model, folder, told)


def _charges(steps: Mapping[str, float], own: float) -> dict[str, float]:
    """Give what each kind of charge comes to, from the seconds of the steps of a map and those of clustering of its own."""
    features, whole = steps["features"], steps["map"]
    graph = features + steps["neighbors"] + steps["geometry"]
    charges = {"nothing": 0.0, "stage": whole, "clusters": features + steps["clusters"], "graph": graph}
    return charges | {"own": own, "both": whole + own}


def _told(folder: ModelFolder, model: Model) -> Trained:
    """Tell of a training: its seconds, steps and precision of each stage, and the sizes of its conditions."""
    rows = [*ModelFolder(folder.folder / "prior").metrics, *folder.metrics]
    last = {str(row["stage"]): row for row in rows}
    charged, trained = float(folder.config["plan"]["charged"]), sum(float(row["seconds"]) for row in last.values())
    facts = {name: {stage: row[name] for stage, row in last.items()} for name in ("steps", "precision")}
    facts["sizes"] = {condition.name: condition.field.size for condition in model.conditions}
    return Trained(model, {"charged": charged, "trained": trained}, facts)
