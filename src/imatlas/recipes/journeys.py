"""Whole journeys on an atlas folder, step by step; each finished step is kept and skipped when nothing changed.

`--budget` counts what is fitted to the images: features, graph, map, clusters and the generator. Reading, judging and
the report come on top and are reported.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from imatlas.checks import FailedRun, InputError
from imatlas.conditions import CONDITIONS
from imatlas.features import EXTRACTORS, Extractor, make_judge
from imatlas.files import content_hash, locked, reading
from imatlas.generators import GENERATORS
from imatlas.manifold import NeighborMap
from imatlas.progress import Report, silent
from imatlas.recipes.editing import trained_on, without_excluded
from imatlas.recipes.judging import Judgement, choose_spaces, evaluate_model, few_to_fit, judging_count
from imatlas.recipes.learning import Learned, choose_extractor, learn, require_mappable
from imatlas.recipes.modeling import DEFAULT_GENERATOR, Model, build_model, load_model, save_model, with_bank, write_plan
from imatlas.recipes.real_set import clusters_of, real_set
from imatlas.recipes.training import train_model
from imatlas.store import Atlas, ModelFolder, create_atlas, place_again
from imatlas.training import Plan, faster_precision
from imatlas.training.processes import is_first, joined, wait
from imatlas.values import FeatureMatrix, ImageSet

__all__ = ["Wishes", "extractor_of", "judge_atlas", "map_images", "mapper_of", "pick_device", "train_atlas"]

LEAST_GENERATOR_SHARE = 0.3
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class Wishes:
    """What a person asked of a journey.

    Parameters
    ----------
    budget : seconds for everything fitted.
    steps : training steps of the generator, and of an encoder where one makes the map; 0 = what the budget allows.
    seed : of everything random.
    features : "auto" or a key of `EXTRACTORS`.
    generator : key of `GENERATORS`.
    conditions : keys of `CONDITIONS`, or None for all that the set has.
    device : "auto", "cpu", "cuda" or "mps".
    precision : of the products in training, "auto", "float32" or "bfloat16"; what "auto" chose is kept with the model.
    """

    budget: float = 600.0
    steps: int = 0
    seed: int = 0
    features: str = "auto"
    generator: str = DEFAULT_GENERATOR
    conditions: tuple[str, ...] | None = None
    device: str = "auto"
    precision: str = "auto"

    def __post_init__(self) -> None:
        if self.features != "auto" and self.features not in EXTRACTORS:
            raise InputError(f"There are no features {self.features!r}; choose auto or one of: {', '.join(EXTRACTORS)}.")
        if self.generator not in GENERATORS:
            raise InputError(f"There is no generator {self.generator!r}; choose one of: {', '.join(GENERATORS)}.")
        if self.precision not in PRECISIONS:
            raise InputError(f"There is no precision {self.precision!r}; choose one of: {', '.join(PRECISIONS)}.")
        unknown = [name for name in self.conditions or () if name not in CONDITIONS]
        if unknown:
            raise InputError(f"There is no condition {unknown[0]!r}; choose all, none, or some of: {', '.join(CONDITIONS)}.")


def map_images(images: ImageSet, folder: Path, wishes: Wishes, *, report: Report = silent) -> Atlas:
    """Make or continue the atlas of an image set: features, graph, map and clusters.

    Raises
    ------
    InputError
        If the folder holds something else, the images are too few or all the same, or another process is mapping here.
    """
    require_mappable(images)
    atlas = create_atlas(folder, images, {"source": images.source, "seed": wishes.seed})
    images = atlas.images
    extractor = choose_extractor(
        wishes.features, len(images.training_rows), budget=wishes.budget, steps=wishes.steps, seed=wishes.seed
    )
    key = content_hash(atlas.images_hash, extractor.name, extractor.settings(), wishes.seed)
    if atlas.is_fresh("map", key) and _is_whole(atlas):
        return atlas
    with locked(atlas.folder / "map"):
        start = time.monotonic()
        learned = learn(images, extractor, seed=wishes.seed, report=report)
        atlas.save_packed("extractor", *_named(learned.extractor))
        atlas.save_packed("map", *learned.mapper.pack())
        atlas.save_packed("clusters", *learned.clusterer.pack())
        atlas.save_manifold(learned.manifold, learned.places)
        for step, seconds in learned.seconds.items():
            atlas.mark(step, key, seconds)
        atlas.mark("map", key, time.monotonic() - start)
    place_again(atlas.folder, key, lambda items: _place(learned, items))
    return atlas


def _place(learned: Learned, items: ImageSet | FeatureMatrix) -> tuple[np.ndarray, np.ndarray]:
    """Place images that were added to an earlier map of the atlas."""
    if not isinstance(items, ImageSet):
        raise InputError("Rows of numbers were added to an atlas of images. Move its folder added away and go on.")
    rows = learned.extractor.transform(items).rows
    return learned.mapper.transform(rows), learned.clusterer.predict(rows)


def _is_whole(atlas: Atlas) -> bool:
    """Say whether all that mapping made can be read, so that what was deleted or damaged is made again."""
    try:
        return (
            len(atlas.places) == len(atlas.images)
            and len(atlas.manifold) > 0
            and bool(extractor_of(atlas) and mapper_of(atlas))
        )
    except InputError:
        return False


def _named(extractor: Extractor) -> tuple[dict[str, object], dict[str, np.ndarray]]:
    settings, arrays = extractor.pack()
    return {"extractor": extractor.name, "packed": settings}, arrays


def extractor_of(atlas: Atlas) -> Extractor:
    """Give the fitted extractor that made an atlas's map."""
    with reading(f"The extractor of {atlas.folder}", f"Make it again: imatlas map DATA --out {atlas.folder}"):
        settings, arrays = atlas.load_packed("extractor")
        return EXTRACTORS[settings["extractor"]].unpack(settings["packed"], arrays)


def mapper_of(atlas: Atlas) -> NeighborMap:
    """Give the fitted map of an atlas, for placing new rows."""
    with reading(f"The map of {atlas.folder}", f"Make it again: imatlas map DATA --out {atlas.folder}"):
        return NeighborMap.unpack(*atlas.load_packed("map"))


@joined()
def train_atlas(
    atlas: Atlas, wishes: Wishes, *, announce: Callable[[Model], None] | None = None, report: Report = silent
) -> Model:
    """Train a generator on an atlas, or go on with one that was interrupted, or give the finished one.

    Where torchrun started several processes they train it together, and the first one writes it.

    Parameters
    ----------
    announce : hears of the model before it is trained; not of one that is finished.

    Raises
    ------
    InputError
        If there is no map yet, the images are too few, or another process is training here.
    Interrupted
        On Ctrl-C, after everything was saved; the same call goes on.
    """
    if not atlas.has_manifold:
        raise InputError(f"{atlas.folder} has no map yet. Run: imatlas map DATA --out {atlas.folder}")
    images, manifold = atlas.images, without_excluded(atlas.manifold, atlas.images)
    plan, key = _plan_of(atlas, wishes), _key_of(atlas, wishes)
    folder = _unfinished_or_finished(atlas, key)
    if folder is not None and folder.is_trained:
        return load_model(folder)
    device = pick_device(wishes.device)
    # Also to go on: codes of training rows come from the manifold, and the same words give the same model.
    model = build_model(images, manifold, kind=wishes.generator, conditions=wishes.conditions, seed=wishes.seed)
    if announce is not None:
        announce(model)
    folder = _begun(atlas, model, wishes, plan)
    plan = replace(plan, seconds=float(folder.config["plan"]["seconds"]))
    model = replace(model, name=folder.name)
    model.generator.to(device)
    if model.prior is not None:
        model.prior.to(device)
    extractor = extractor_of(atlas)
    with folder.held() if is_first() else nullcontext():
        for progress in train_model(model, images, manifold, plan, folder=folder, extractor=extractor):
            report(progress)
        if not is_first():
            return model
        model = replace(model, precision=_drawing_precision(model))
        save_model(model, folder, folder.config["plan"] | {"budget": wishes.budget, "stages": _as_trained(folder)})
    folder.write_card(images)
    atlas.choose_default(folder.name)
    return model


def _plan_of(atlas: Atlas, wishes: Wishes) -> Plan:
    """The plan of a generator: what mapping left of the budget, and 30 % of it at least."""
    seconds = max(wishes.budget - atlas.seconds.get("map", 0.0), LEAST_GENERATOR_SHARE * wishes.budget)
    return Plan(steps=wishes.steps, seconds=seconds, seed=wishes.seed, precision=wishes.precision)


def _key_of(atlas: Atlas, wishes: Wishes) -> str:
    """Hash of all that decides what a model becomes; by it a run is found again."""
    asked = {"generator": wishes.generator, "conditions": wishes.conditions, "budget": wishes.budget, "steps": wishes.steps}
    if wishes.precision != "auto":
        asked["precision"] = wishes.precision
    if atlas.edits.regroupings and atlas.edits.map_key == atlas.manifold.key:
        asked["regroupings"] = repr(atlas.edits.regroupings)
    return content_hash(atlas.images_hash, atlas.manifold.key, asked, wishes.seed)


def _begun(atlas: Atlas, model: Model, wishes: Wishes, plan: Plan) -> ModelFolder:
    """The folder a model is trained in: the one where it was begun, or a new one, which the first process makes for all."""
    key = _key_of(atlas, wishes)
    if is_first() and _unfinished_or_finished(atlas, key) is None:
        made = atlas.new_model(model.kind.replace("_", "-"))
        # What was asked, so that the run can be gone on with by who did not ask it.
        asked = {"budget": wishes.budget, "conditions": wishes.conditions, "precision": wishes.precision}
        plan_of_it = {"key": key, "seconds": plan.seconds, "steps": plan.steps, "seed": plan.seed, "asked": asked}
        made.keep_edits(atlas.edits)
        write_plan(model, made, plan_of_it)
    wait()
    folder = _unfinished_or_finished(atlas, key)
    if folder is None:
        raise FailedRun(f"The first process began a model in {atlas.folder} that this one does not see. Share one disk.")
    return folder


def _unfinished_or_finished(atlas: Atlas, key: str) -> ModelFolder | None:
    """The newest model folder that was asked for in the same words, on the same map."""
    for name in reversed(atlas.models):
        folder = atlas.model(name)
        if folder.plan_key == key:
            return folder
    return None


def _as_trained(folder: ModelFolder) -> dict[str, dict[str, object]]:
    """Steps and precision of each stage as they were, by its name, the prior first; with them a run can be repeated."""
    rows = [*ModelFolder(folder.folder / "prior").metrics, *folder.metrics]
    return {row["stage"]: {"steps": row["steps"], "precision": row["precision"]} for row in rows}


def _drawing_precision(model: Model) -> str:
    generator = model.generator
    noise = generator.draw_noise(64, torch.Generator().manual_seed(0)).to(generator.device)
    return faster_precision(lambda: generator.sample(noise, {}), generator.device)


def judge_atlas(
    atlas: Atlas,
    model: Model,
    *,
    count: int | None = None,
    seed: int = 0,
    extractors: Sequence[str] = (),
    make: Callable[[str], Extractor] = make_judge,
    report: Report = silent,
) -> Judgement:
    """Judge a model of an atlas, against the images it was trained on and those held out, and keep its scores.

    Parameters
    ----------
    count : images to draw; None = 10,000, or 2,000 for small sets and large images.
    extractors : keys of `JUDGES` to judge in; none = two that it was not conditioned with.
    make : gives an extractor by its name.
    """
    folder = atlas.model(model.name)
    images = atlas.images
    if model.map_key == atlas.manifold.key:
        images, manifold = trained_on(atlas, folder)
        model = with_bank(model, images, manifold)  # what the training images are, for adherence to neighborhoods
    n = judging_count(len(images), images.shape[0]) if count is None else count
    start = time.monotonic()
    avoided = atlas.manifold.features.extractor
    judges = [make(name) for name in choose_spaces(extractors, frozenset({avoided}), few=few_to_fit(images))]
    real = real_set(images, judges, resize="as the images of the atlas", clusters=clusters_of(atlas, images))
    judgement = evaluate_model(model, real, count=n, seed=seed, folder=folder, report=report)
    folder.save_scores(judgement.scores, judgement.references, seed=seed)
    folder.write_card(images)
    atlas.mark("judging", content_hash(model.name, n, seed), time.monotonic() - start)
    return replace(judgement, avoided=avoided)


def pick_device(wish: str) -> torch.device:
    """Give the device to train on.

    Raises
    ------
    InputError
        If the wish is not a device, or this machine does not have it.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wish == "auto":
        return torch.device("cuda" if there["cuda"] else "cpu")
    if not there.get(wish, False):
        have = ", ".join(name for name, present in there.items() if present)
        raise InputError(f"This machine has no device {wish!r}; it has: {have}.")
    return torch.device(wish)
