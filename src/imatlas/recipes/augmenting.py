"""Which changes of its images a set bears in training: mirroring where mirror images belong to it, more where it is small.

Both are decided once for a set, by measuring, and kept with the model.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from imatlas.features import mirrors_belong
from imatlas.training.augmentation import AUGMENTATION, changed, half_mirrored
from imatlas.values import Codes, Field, ImageSet, Manifold

__all__ = ["augmentation_fields", "augmented", "is_mirrored"]

SMALL = 10_000
TOLD = frozenset({"flow"})
"""Kinds of generators that are told of changes."""


def is_mirrored(images: ImageSet, manifold: Manifold) -> bool:
    """Say whether mirror images of the training images are images of the set: measured, see `mirrors_belong`."""
    return mirrors_belong(images.pixels[manifold.rows])


def augmentation_fields(kind: str, n_images: int) -> tuple[Field, ...]:
    """Give the field that tells a generator of changes; none for a large set, or a generator that is not told.

    Parameters
    ----------
    kind : key of `GENERATORS`.
    n_images : to train on; below 10,000 they are changed.
    """
    return (AUGMENTATION,) if kind in TOLD and n_images < SMALL else ()


def augmented(
    images: Tensor, codes: Codes, rng: np.random.Generator, *, mirrored: bool, fields: tuple[Field, ...]
) -> tuple[Tensor, Codes]:
    """Give a batch as training sees it: half of it mirrored if that belongs, changed and told of if the network can be told.

    Parameters
    ----------
    images : (b, C, H, W).
    codes : of these images.
    rng : source of randomness.
    mirrored : whether mirror images belong to the set.
    fields : of the network.
    """
    if mirrored:
        images = half_mirrored(images, rng)
    if AUGMENTATION not in fields:
        return images, codes
    images, values = changed(images, rng, mirrors=not mirrored)
    return images, Codes({**codes.fields, AUGMENTATION.name: values})
