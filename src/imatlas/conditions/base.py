"""The contract of every condition: say what it is once, then give codes for rows, batch by batch.

What a condition needs of the set (labels, clusters, coordinates) it takes in its constructor as plain arrays over the
training rows, so it can be stored with the model and used without the images.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from imatlas.values import Field, ImageSet, Manifold

__all__ = ["Condition"]


class Condition(ABC):
    """Base of all conditions."""

    name: str

    @classmethod
    @abstractmethod
    def describe(cls, images: ImageSet, manifold: Manifold) -> Condition | None:
        """Give the condition of the manifold's rows, or None when the set does not have it (no labels, one cluster)."""

    @property
    @abstractmethod
    def field(self) -> Field:
        """What a generator has to accept."""

    @abstractmethod
    def codes(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Give codes float32 (b, c) of training rows; NaN rows are absent."""

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Give one random code float32 (c,), distributed as in the set."""

    @abstractmethod
    def read(self, wish: str) -> np.ndarray:
        """Give the code float32 (c,) a person asked for in words.

        Raises
        ------
        InputError
            If there is no such value; the message names those there are.
        """

    @abstractmethod
    def words(self, code: np.ndarray) -> str:
        """Say a code (c,) for people; the inverse of `read`."""

    @abstractmethod
    def pack(self) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        """Give settings (JSON values) and arrays, enough for `unpack`."""

    @classmethod
    @abstractmethod
    def unpack(cls, settings: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> Condition:
        """Give the condition that `pack` described."""
