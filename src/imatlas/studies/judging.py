"""What a cell is judged by: the same real images and features for all, none of which an arm was conditioned with.

Fewer metrics than `evaluate` has, since hundreds of sets may be judged. The Fréchet distance leads from 5,000 training images
on and the kernel distance below, where only its error is known. Once in a study some generated images are replaced by training
images: if the copy rates of that run do not show it, they show nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from imatlas.evaluation import Difference, compare_trials, evaluate_trial, with_generated
from imatlas.evaluation.judged import MIN_HELD_OUT, JudgedTrial
from imatlas.evaluation.scoring import ENOUGH_FOR_FRECHET
from imatlas.features import make_judge
from imatlas.progress import Report, silent
from imatlas.recipes import RealSet, real_set
from imatlas.recipes.real_set import extract, read_real_set, require_same_images, write_real_set
from imatlas.values import ImageSet, Score

__all__ = [
    "COPIES",
    "METRICS",
    "PLANTED_SHARE",
    "as_score",
    "headline",
    "plant",
    "real_of",
    "sampling_differences",
    "score_images",
]

METRICS = (
    "kernel_distance",
    "frechet_distance",
    "clipped_density",
    "precision",
    "coverage",
    "mode_ratio",
    "class_share",
    "copy_rate",
    "pixel_copy_rate",
)
COPY_METRICS = ("copy_rate", "pixel_copy_rate")
COPIES = "copy_rate"
"""Name that the scores of all of them have; the second is one of shifted pixels, in a space of its own."""
PLANTED_SHARE, PLANTED_SHARE_COARSE = 0.05, 0.2
"""Of the images; the second where fewer than 1,000 are held out, since one real image in twenty then passes for a copy."""
RESIZE = "as the images of the study"


def headline(images: ImageSet) -> str:
    """Name the distance that decides: Fréchet from 5,000 training images on, else kernel."""
    return "frechet_distance" if len(images.training_rows) >= ENOUGH_FOR_FRECHET else "kernel_distance"


def real_of(images: ImageSet, judges: Sequence[str], path: Path) -> RealSet:
    """Give the real side of all judgements, from the file where it was kept if it is there.

    Raises
    ------
    InputError
        If the file is of other images or damaged.
    """
    if path.is_file():
        kept = read_real_set(path)
        require_same_images(kept, images, names=judges, resize=RESIZE, path=path)
        return kept
    made = real_set(images, [make_judge(name) for name in judges], resize=RESIZE)
    write_real_set(made, path)
    return made


def score_images(real: RealSet, pixels: np.ndarray, *, report: Report = silent) -> tuple[Score, ...]:
    """Judge generated pixels uint8 (n, H, W, C)."""
    return evaluate_trial(_trial(real, pixels), metrics=METRICS, report=report)


def sampling_differences(
    real: RealSet, first: np.ndarray, others: Mapping[str, np.ndarray]
) -> dict[str, tuple[Difference, ...]]:
    """Compare sets of generated pixels with a first one, by what chance put into the images drawn; name -> differences."""
    trial, metrics = _trial(real, first), (headline(real.images), "clipped_density", "coverage", *COPY_METRICS)
    return {name: compare_trials(_trial(real, pixels), trial, metrics=metrics) for name, pixels in others.items()}


def plant(real: RealSet, pixels: np.ndarray, *, seed: int = 0, report: Report = silent) -> dict[str, Any]:
    """Replace some generated images, one in twenty or one in five, by training images and say whether the copy rates show it.

    Parameters
    ----------
    pixels : uint8 (n, H, W, C), generated ones.
    seed : of the choice.

    Returns
    -------
    JSON values: share planted, scores with and without, and whether a rate rose by half of that share at least, its interval
    clear of 0.
    """
    rng = np.random.default_rng([seed, 8])
    train, mixed = real.parts["train"].pixels, np.array(pixels)
    share = PLANTED_SHARE if len(real.parts["held_out"]) >= MIN_HELD_OUT else PLANTED_SHARE_COARSE
    places = rng.permutation(len(mixed))[: max(1, round(share * len(mixed)))]
    mixed[places] = train[np.sort(rng.integers(len(train), size=len(places)))]
    clean, found = (evaluate_trial(_trial(real, part), metrics=COPY_METRICS, report=report) for part in (pixels, mixed))
    detected = any(
        after.interval is not None and after.interval[0] > 0 and after.value - before.value >= share / 2
        for before, after in zip(clean, found, strict=True)
    )
    return {
        "planted": len(places) / len(mixed),
        "detected": detected,
        "without": [asdict(score) for score in clean],
        "with": [asdict(score) for score in found],
    }


def as_score(row: Mapping) -> Score:
    """Give the score that `asdict` told; its interval comes back as a tuple."""
    return Score(**{**row, "interval": None if row["interval"] is None else tuple(row["interval"])})


def _trial(real: RealSet, pixels: np.ndarray) -> JudgedTrial:
    made = ImageSet(pixels, np.array([f"generated-{row}" for row in range(len(pixels))]))
    features = {name: extract(extractor, made) for name, extractor in real.extractors.items()}
    trial = with_generated(real.trial, made, features)
    if not isinstance(trial, JudgedTrial):
        raise TypeError(f"A {type(trial).__name__} came of a judged trial; wanted a JudgedTrial.")
    return trial
