"""Reference rows: what the scores are for images whose worth is known beforehand.

Three stand beside every result, at the same number of images and in the same spaces. Real half against real half is
the floor inside every score. Training copies look perfect and are worth nothing. A Gaussian in the space of the
principal components, mean + sum_c z_c s_c v_c with every component, is what a generator must beat; it is drawn as
    x = mean + Z (X - mean) / sqrt(n - 1),    Z standard normal (count, n),
which has exactly the covariance of the n training images and needs no decomposition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from imatlas.evaluation.judged import MAX_COMPARED
from imatlas.evaluation.nearest import some_rows
from imatlas.values import Features, ImageSet, Trial

__all__ = ["features_of", "gaussian_images", "some_generated", "training_copies", "with_generated"]

MAX_FITTED = 4_000


def gaussian_images(train: ImageSet, *, count: int, seed: int = 0) -> ImageSet:
    """Draw images from a Gaussian fitted to training pixels, clipped to [0, 255].

    Parameters
    ----------
    train : training images; at most 4,000 of them, chosen at random, are used.
    count : how many to draw.
    seed : of the choice and the draws.

    Returns
    -------
    ImageSet of `count` images with ids "gaussian-0", ...; labels stay behind.
    """
    rng = np.random.default_rng(seed)
    fitted = np.sort(rng.permutation(len(train))[:MAX_FITTED])
    flat = train.pixels[fitted].reshape(len(fitted), -1).astype(np.float32)
    mean = flat.mean(axis=0)
    flat -= mean
    flat /= np.sqrt(max(1, len(flat) - 1))
    pixels = np.empty((count, *train.shape), dtype=np.uint8)
    for start in range(0, count, 512):
        noise = rng.standard_normal((min(512, count - start), len(flat)), dtype=np.float32)
        drawn = np.rint(noise @ flat + mean).clip(0, 255)
        pixels[start : start + 512] = drawn.reshape(-1, *train.shape)
    return ImageSet(pixels, np.array([f"gaussian-{i}" for i in range(count)]), source="Gaussian in PCA space")


def training_copies(trial: Trial, *, seed: int = 0) -> Trial:
    """Give the trial of a copycat: training images in the place of the generated ones, as many, at random.

    At most 10,000 are taken, and none is repeated while there are enough; no feature is computed anew.
    """
    rng = np.random.default_rng(seed)
    count, n_train = min(len(trial.generated), MAX_COMPARED), len(trial.train)
    rows = np.sort(rng.permutation(n_train)[:count])
    if count > n_train:
        rows = np.sort(np.concatenate([rows, rng.integers(n_train, size=count - n_train)]))
    copies = replace(trial.train.take(rows), source="training copies")
    return with_generated(trial, copies, features_of(trial, "train", rows))


def features_of(trial: Trial, part: str, rows: np.ndarray) -> dict[str, Features]:
    """Give the features of some rows of the "train", "held_out" or "generated" part, by space."""
    return {space: replace(parts[part], rows=parts[part].rows[rows]) for space, parts in trial.features.items()}


def some_generated(trial: Trial, most: int) -> Trial:
    """Give the trial of at most so many of its generated images, chosen at random; timing and codes stay behind."""
    rows = some_rows(len(trial.generated), most)
    return with_generated(trial, trial.generated.take(rows), features_of(trial, "generated", rows))


def with_generated(trial: Trial, generated: ImageSet, features: Mapping[str, Features]) -> Trial:
    """Give the trial of other generated images against the same real ones; timing and codes stay behind.

    Parameters
    ----------
    trial : where the real images come from; if it is a `JudgedTrial`, what was learned of them is kept.
    generated : the images to judge.
    features : their features in every space of the trial.
    """
    spaces = {space: {**parts, "generated": features[space]} for space, parts in trial.features.items()}
    return replace(trial, generated=generated, features=spaces, timing={}, codes={})
