"""Pixels as they are, in [0, 1]: the baseline every other extractor has to beat."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from imatlas.features.base import Extractor, flat_pixels
from imatlas.progress import Report, silent
from imatlas.values import ImageSet

__all__ = ["Pixels"]


class Pixels(Extractor):
    """Feature rows of H * W * C numbers in [0, 1]."""

    name = "pixels"

    def fit(self, images: ImageSet, *, report: Report = silent) -> Pixels:
        """Learn nothing."""
        return self

    def rows(self, pixels: np.ndarray) -> np.ndarray:
        """Give float32 (b, H * W * C)."""
        return flat_pixels(pixels)

    def settings(self) -> dict[str, object]:
        """There are none."""
        return {}

    def pack(self) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        """Nothing was learned."""
        return {}, {}

    @classmethod
    def unpack(cls, settings: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> Pixels:
        """Give the extractor."""
        return cls()
