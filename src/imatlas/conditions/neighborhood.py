"""The neighborhood of an image on the manifold as a condition: the corrupted features of a random near neighbor.

For image i draw j from its k nearest neighbors in the graph, i itself never, and let h_j be the standardised feature row of
j in m = twice the intrinsic dimension (16 to 64) principal components. The code is

    ( sqrt(1 - s^2) h_j + s n,  s ),    s uniform in [0, 0.5],  n standard normal,

with s itself standardised. The generator so learns what images of a neighborhood look like, and no code is a key to one image.

References
----------
Casanova et al. 2021, "Instance-conditioned GAN", arXiv 2109.05070 (the neighbor's image for the own feature); Li et al. 2024,
"Return of unconditional generation", arXiv 2312.03701 (drawn features as a condition); Ho et al. 2022, "Cascaded diffusion
models", arXiv 2106.15282 (a corrupted condition that says how corrupted it is).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from imatlas.conditions.base import FeatureCondition
from imatlas.conditions.components import StandardAxes, fit_axes
from imatlas.values import Field, ImageSet, Manifold

__all__ = ["NeighborhoodCondition"]

FEWEST, MOST = 16, 64
MOST_NOISE = 0.5
NEIGHBORS = 20


class NeighborhoodCondition(FeatureCondition):
    """Features of a random near neighbor, corrupted, and how much they are corrupted.

    Parameters
    ----------
    fit : mean and axes.
    bank : float32 (n, m), standardised features of the training rows, or None.
    neighbors : int64 (n, k), the near neighbors of each training row, or None.
    """

    name = "neighborhood"
    steers = "which part of the manifold it lies in: near a picture, or drawn by a small prior"
    lacking = "all images have the same features"

    def __init__(self, fit: StandardAxes, bank: np.ndarray | None = None, neighbors: np.ndarray | None = None) -> None:
        super().__init__(bank)
        self.fit, self.neighbors = fit, neighbors

    @classmethod
    def describe(cls, images: ImageSet, manifold: Manifold) -> NeighborhoodCondition | None:
        """None when all feature rows are the same."""
        rows = manifold.features.rows
        n_axes = int(min(MOST, max(FEWEST, round(2 * manifold.dimension.value))))
        fit = fit_axes(rows, np.zeros(len(rows), np.int64), n_axes)
        if fit is None:
            return None
        return cls(fit, fit.codes(rows), np.asarray(manifold.graph.indices[:, :NEIGHBORS]))

    @property
    def field(self) -> Field:
        """A vector field of m + 1 numbers, the last the amount of noise."""
        return Field(self.name, "vector", self.fit.axes.shape[1] + 1)

    def near(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Give the standardised features float32 (b, m) of a random near neighbor of each training row, uncorrupted.

        Raises
        ------
        RuntimeError
            If the condition came from disk, or was made without neighbors.
        """
        bank, neighbors = self.bank, self.neighbors
        if neighbors is None:
            raise RuntimeError(
                "This neighborhood has training rows but not who is near to whom. Describe it from the manifold."
            )
        return bank[neighbors[rows, rng.integers(neighbors.shape[1], size=len(rows))]]

    def without(self, rows: np.ndarray) -> NeighborhoodCondition:
        """Give the condition in which none of some rows is near to others: the nearest that are left come in their places."""
        if self.neighbors is None or not len(rows):
            return self
        is_out = np.isin(self.neighbors, rows)
        left_first = np.take_along_axis(self.neighbors, np.argsort(is_out, axis=1, kind="stable"), axis=1)
        n_left = np.maximum((~is_out).sum(axis=1, keepdims=True), 1)
        places = np.arange(self.neighbors.shape[1]) % n_left
        return NeighborhoodCondition(self.fit, self.bank, np.take_along_axis(left_first, places, axis=1))

    def codes(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Give corrupted codes float32 (b, m + 1) of random near neighbors."""
        clean = self.near(rows, rng)
        amount = rng.uniform(0, MOST_NOISE, size=(len(rows), 1))
        return self.code(np.sqrt(1 - amount**2) * clean + amount * rng.standard_normal(clean.shape), amount)

    def code(self, standard: np.ndarray, amount: np.ndarray | float = 0.0) -> np.ndarray:
        """Give codes float32 (b, m + 1) of standardised features (b, m) and the share of noise in them."""
        level = (np.broadcast_to(amount, (len(standard), 1)) / MOST_NOISE - 0.5) * math.sqrt(12)
        return np.concatenate([standard, level], axis=1).astype(np.float32)

    def code_of(self, features: np.ndarray) -> np.ndarray:
        """Give the codes of the places of feature rows, without noise."""
        return self.code(self.fit.codes(features))

    def pack(self) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        """Give mean and axes; no row."""
        return {}, self.fit.pack()

    @classmethod
    def unpack(cls, settings: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> NeighborhoodCondition:
        """Give the condition, without a bank."""
        return cls(StandardAxes.unpack(arrays))
