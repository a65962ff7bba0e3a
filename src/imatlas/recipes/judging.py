"""Generated images beside real ones: features in spaces the generator never saw, scores, reference rows, a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from imatlas.checks import InputError
from imatlas.evaluation import (
    PIXEL_SPACE,
    CopyPair,
    closest_pairs,
    evaluate_trial,
    gaussian_images,
    judge,
    measure_speed,
    training_copies,
    verdict,
    with_generated,
)
from imatlas.features import EXTRACTORS, Extractor
from imatlas.progress import Report, silent
from imatlas.recipes.modeling import Model
from imatlas.values import Features, ImageSet, Score, Trial

__all__ = ["FEWEST_TO_JUDGE", "Judgement", "evaluate", "evaluate_model", "judging_count", "match_sizes", "pixel_pairs"]

FEWEST_TO_JUDGE = 20
SPACES = ("random_convolutions", "principal_components", "pixels")
SPEED_SECONDS = 6.0


@dataclass(frozen=True)
class Judgement:
    """What was measured of one generator.

    Parameters
    ----------
    scores : of the generator.
    references : name -> scores of a reference row (training copies, Gaussian in PCA space); floors are in the scores.
    verdict : sentences for people.
    pairs : the generated images closest to a training image, closest first.
    generated : the images that were judged.
    """

    scores: tuple[Score, ...]
    references: Mapping[str, tuple[Score, ...]]
    verdict: tuple[str, ...]
    pairs: tuple[CopyPair, ...]
    generated: ImageSet


def judging_count(n_images: int, size: int) -> int:
    """How many images are drawn for judging: 10,000 up to 32 pixels a side, 2,000 above; 2,000 for sets below 5,000."""
    return 10_000 if size <= 32 and n_images >= 5_000 else 2_000


def evaluate_model(
    model: Model, images: ImageSet, *, count: int, avoid: str, seed: int = 0, report: Report = silent
) -> Judgement:
    """Draw images from a model and judge them against the held-out images of its set.

    Parameters
    ----------
    model : trained.
    images : the set with its split.
    count : images to draw.
    avoid : name of the extractor the conditions were made with; it is no judge.
    seed : of the first image; the following seeds make the others.
    report : hears of the progress.
    """
    samples = model.sample(range(seed, seed + count), report=report)
    labels = None
    if "class" in samples.codes.fields:
        labels = samples.codes.fields["class"][:, 0].astype(np.int64)
    ids = np.array([f"generated-{row}" for row in range(count)])
    generated = ImageSet(samples.pixels, ids, labels, images.class_names if labels is not None else (), source=samples.source)
    timing = measure_speed(lambda b: model.sample(range(b)), seconds=SPEED_SECONDS)
    return evaluate(
        images.take(images.training_rows),
        images.take(images.held_out_rows),
        generated,
        avoid=avoid,
        timing=timing,
        report=report,
    )


def evaluate(
    train: ImageSet,
    held_out: ImageSet,
    generated: ImageSet,
    *,
    avoid: str = "",
    timing: Mapping[str, float] | None = None,
    report: Report = silent,
) -> Judgement:
    """Judge generated images against real ones that were and were not trained on.

    Parameters
    ----------
    train, held_out, generated : image sets of one shape, 20 images or more each.
    avoid : name of an extractor not to judge with.
    timing : named seconds and rates of the generator, from `imatlas.evaluation.measure_speed`.
    report : hears of the progress.

    Raises
    ------
    InputError
        If the shapes differ or there are too few images.
    """
    _check(train, held_out, generated)
    extractors = [EXTRACTORS[name]().fit(train) for name in SPACES if name != avoid][:2]
    sets = {"train": train, "held_out": held_out, "generated": generated}
    features = {extractor.name: _features(extractor, sets) for extractor in extractors}
    trial = judge(Trial(train, held_out, generated, features, dict(timing or {})))
    scores = evaluate_trial(trial, report=report)
    names = tuple(dict.fromkeys(score.name for score in scores if score.block != "speed"))
    gaussian = gaussian_images(train, count=len(generated))
    others = {
        "training copies": training_copies(trial),
        "Gaussian in PCA space": with_generated(
            trial, gaussian, {extractor.name: extractor.transform(gaussian) for extractor in extractors}
        ),
    }
    references = {name: evaluate_trial(other, metrics=names, report=report) for name, other in others.items()}
    return Judgement(scores, references, verdict(scores, references), pixel_pairs(scores), generated)


def pixel_pairs(scores: Sequence[Score]) -> tuple[CopyPair, ...]:
    """Give the generated images that come closest to a training image in pixels, closest first; none if not measured."""
    measured = [score for score in scores if score.name == "copy_rate" and score.space == PIXEL_SPACE]
    return closest_pairs(measured[0]) if measured else ()


def _features(extractor: Extractor, sets: Mapping[str, ImageSet]) -> dict[str, Features]:
    return {part: extractor.transform(images) for part, images in sets.items()}


def _check(train: ImageSet, held_out: ImageSet, generated: ImageSet) -> None:
    for name, images in (("training", train), ("generated", generated)):
        if len(images) < FEWEST_TO_JUDGE:
            raise InputError(f"There are {len(images)} {name} images; judging needs {FEWEST_TO_JUDGE} at least. Give more.")
    if generated.shape != train.shape:
        raise InputError(
            f"Generated images have the shape {generated.shape}, real ones {train.shape}; give one --resolution for both."
        )


def match_sizes(sets: Sequence[ImageSet]) -> tuple[ImageSet, ...]:
    """Give image sets with as many channels as the richest of them: gray ones are repeated to colour."""
    channels = max(images.shape[2] for images in sets)
    return tuple(
        images
        if images.shape[2] == channels
        else replace(images, pixels=np.repeat(np.asarray(images.pixels), channels, axis=3))
        for images in sets
    )
