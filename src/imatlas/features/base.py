"""The contract of every extractor: learn from training images, then give one feature row per image, batch by batch."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from imatlas.checks import InputError
from imatlas.progress import Report, silent
from imatlas.values import Features, ImageSet

__all__ = ["Extractor", "flat_pixels", "require_varied"]

BLOCK = 2048


class Extractor(ABC):
    """Base of all extractors; constructors only remember."""

    name: str

    @abstractmethod
    def fit(self, images: ImageSet, *, report: Report = silent) -> Extractor:
        """Learn from images; give the extractor back."""

    @abstractmethod
    def rows(self, pixels: np.ndarray) -> np.ndarray:
        """Give features float32 (b, d) of pixels uint8 (b, H, W, C); no row depends on the others."""

    @abstractmethod
    def settings(self) -> dict[str, object]:
        """Give the constructor's arguments, JSON values only."""

    def transform(self, images: ImageSet) -> Features:
        """Give the features of an image set, row by row the same images."""
        blocks = [self.rows(np.asarray(images.pixels[i : i + BLOCK])) for i in range(0, max(1, len(images)), BLOCK)]
        return Features(np.concatenate(blocks), self.name, self.settings(), self.rows)

    @abstractmethod
    def pack(self) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        """Give settings (JSON values) and learned arrays, enough for `unpack`."""

    @classmethod
    @abstractmethod
    def unpack(cls, settings: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> Extractor:
        """Give the fitted extractor that `pack` described."""


def require_varied(images: ImageSet) -> None:
    """Refuse sets that nothing can be learned from.

    Raises
    ------
    InputError
        If there are fewer than two images, or all are the same.
    """
    first = np.asarray(images.pixels[:1])
    starts = range(0, len(images), BLOCK)
    if not any((np.asarray(images.pixels[start : start + BLOCK]) != first).any() for start in starts):
        raise InputError(f"{len(images)} images without any difference came; features want two that differ. Add images.")


def flat_pixels(pixels: np.ndarray) -> np.ndarray:
    """Give pixels uint8 (b, H, W, C) as float32 (b, H * W * C) in [0, 1]."""
    return np.asarray(pixels, dtype=np.float32).reshape(len(pixels), math.prod(pixels.shape[1:])) / 255
