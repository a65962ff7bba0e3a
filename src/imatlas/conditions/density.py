"""Density as a condition: how ordinary an image is, as a quantile of the manifold's log density.

0 is the loneliest image of the set, 1 the one with the most like it. Quantiles are moved by a little, reflected at 0 and 1 so
that they stay uniform: no number is the key to one image.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy.stats import rankdata

from imatlas.checks import InputError
from imatlas.conditions.base import WordCondition
from imatlas.values import Field, ImageSet, Manifold

__all__ = ["DensityCondition"]

WORDS = {"low": 1 / 6, "middle": 1 / 2, "high": 5 / 6}
"""The middles of the three thirds."""

JITTER = 0.05


class DensityCondition(WordCondition):
    """The quantile of a row's log density, as a number of zero mean and unit spread.

    Parameters
    ----------
    quantiles : float32 (n,) in [0, 1], of the training rows; None where they are not at hand.
    """

    name = "density"
    steers = "how ordinary (high) or unusual (low) it is"
    lacking = "every image lies equally dense"
    keeps_rows = False

    def __init__(self, quantiles: np.ndarray | None = None) -> None:
        self.quantiles = quantiles

    @classmethod
    def describe(cls, images: ImageSet, manifold: Manifold) -> DensityCondition | None:
        """None when the density is the same everywhere; equal densities share the mean of their ranks."""
        density = manifold.density
        if np.ptp(density) == 0:
            return None
        return cls(((rankdata(density) - 0.5) / len(density)).astype(np.float32))

    @property
    def field(self) -> Field:
        """A vector field of one number."""
        return Field(self.name, "vector", 1)

    def codes(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Give jittered, standardised quantiles float32 (b, 1)."""
        if self.quantiles is None:
            raise RuntimeError("This density came from disk, without its training rows. Describe it from the manifold.")
        moved = np.abs(self.quantiles[rows] + rng.uniform(-JITTER, JITTER, size=len(rows)))
        return self.code(1 - np.abs(1 - moved))

    def code(self, quantiles: np.ndarray) -> np.ndarray:
        """Give the codes float32 (b, 1) of quantiles (b,) in [0, 1]."""
        return ((np.asarray(quantiles) - 0.5) * math.sqrt(12)).astype(np.float32)[:, None]

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Give a uniform quantile."""
        return self.code(rng.uniform(size=1))[0]

    def read(self, wish: str) -> np.ndarray:
        """Read "low", "middle", "high" or a quantile such as "0.9"."""
        try:
            quantile = WORDS[wish] if wish in WORDS else float(wish)
        except ValueError:
            quantile = math.nan
        if not 0 <= quantile <= 1:
            raise InputError(f"The density {wish!r} is neither {', '.join(WORDS)} nor a number from 0 (rarest) to 1; give one.")
        return self.code(np.array([quantile]))[0]

    def words(self, code: np.ndarray) -> str:
        """Give the quantile, to a thousandth."""
        return f"{float(code[0]) / math.sqrt(12) + 0.5:.3f}"

    def pack(self) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        """Give nothing: a quantile means the same in every set."""
        return {}, {}

    @classmethod
    def unpack(cls, settings: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> DensityCondition:
        """Give the condition, without rows."""
        return cls()
