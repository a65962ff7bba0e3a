"""A manifold to a trained model: the prior of its neighborhoods first, then its generator, on the training rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from torch import Tensor

from imatlas.conditions import batch_codes
from imatlas.features import Extractor
from imatlas.generators import Generator, Vae
from imatlas.networks.pixels import to_images
from imatlas.progress import Progress, Report, silent
from imatlas.recipes.augmenting import augmented
from imatlas.recipes.conditioning import split_plan, train_prior
from imatlas.recipes.modeling import DEFAULT_GENERATOR, Model, build_model
from imatlas.recipes.validating import kept_out, validation_of
from imatlas.store import ModelFolder
from imatlas.training import Plan
from imatlas.training import train as run_training
from imatlas.training.processes import joined
from imatlas.values import Codes, ImageSet, Manifold

__all__ = ["train", "train_model"]

VALIDATION_SEED = 2**31
"""First of the seeds that images are drawn from for validation, far from those of judging, which begin at 0."""


def train_model(
    model: Model,
    images: ImageSet,
    manifold: Manifold,
    plan: Plan,
    *,
    folder: ModelFolder | None = None,
    extractor: Extractor | None = None,
) -> Iterator[Progress]:
    """Train a model in place, its prior first; see `imatlas.training.train` for what is yielded and raised.

    Parameters
    ----------
    extractor : the fitted one that made the manifold's features, where they came from disk. With it, stages that may get worse
        late end with their best weights: a part of the training rows is kept out of the fit and scores them.
    """
    extract, kept = manifold.features.extract if extractor is None else extractor.rows, np.empty(0, np.int64)
    if extract is not None and any(stage.validated for stage in model.generator.stages()):
        kept = kept_out(len(manifold), plan.seed)
    validate = validation_of(partial(_pixels_of, model), manifold, extract, kept) if extract and len(kept) else None
    fitted = np.setdiff1d(np.arange(len(manifold)), kept)
    conditions = [condition.without(kept) for condition in model.conditions]
    if model.prior is not None:
        prior_plan, plan = split_plan(plan)
        yield from train_prior(model.prior, conditions, fitted, prior_plan, folder=folder)

    def batch(rows: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Codes]:
        rows = fitted[rows]
        shown, codes = to_images(images.pixels[manifold.rows[rows]]), batch_codes(conditions, rows, rng)
        return augmented(shown.to(model.generator.device), codes, rng, mirrored=model.mirrored, fields=model.generator.fields)

    place = None if folder is None else folder.folder
    yield from run_training(model.generator, len(fitted), batch, plan, folder=place, validate=validate)
    if isinstance(model.generator, Vae):
        chosen = np.random.default_rng(plan.seed).permutation(manifold.rows)[:4096]
        model.generator.finish(to_images(images.pixels[np.sort(chosen)]).to(model.generator.device))


@joined()
def train(
    images: ImageSet,
    manifold: Manifold,
    *,
    seconds: float = 300.0,
    steps: int = 0,
    generator: str = DEFAULT_GENERATOR,
    conditions: Sequence[str] | None = None,
    seed: int = 0,
    report: Report = silent,
) -> Model:
    """Train a generator on images and their manifold.

    Parameters
    ----------
    images, manifold : the set, and what `fit_manifold` learned of it.
    seconds : time for training, used when `steps` is 0.
    steps : training steps; equal steps and seeds give equal weights on one machine.
    generator : key of `imatlas.generators.GENERATORS`.
    conditions : keys of `imatlas.conditions.CONDITIONS`; None = all that the set has.
    seed : of weights, order and noise.
    report : hears of the progress.

    Raises
    ------
    InputError
        If there are too few images, or something asked for is not to be had.
    """
    model = build_model(images, manifold, kind=generator, conditions=conditions, seed=seed)
    for progress in train_model(model, images, manifold, Plan(steps=steps, seconds=seconds, seed=seed)):
        report(progress)
    return model


def _pixels_of(model: Model, generator: Generator, count: int) -> np.ndarray:
    """Pixels of images that other weights draw in a model's place."""
    return replace(model, generator=generator).sample(range(VALIDATION_SEED, VALIDATION_SEED + count)).pixels
