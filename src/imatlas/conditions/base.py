"""The contract of every condition: say what it is once, then give codes for rows, batch by batch.

What a condition needs of the set it takes in its constructor as plain arrays over the training rows, so that a model can
be used without the images. A person asks for a code in words (`WordCondition`: a class, a place) or by showing an example
picture (`FeatureCondition`: a style, a neighborhood), whose features the recipe brings along.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Self

import numpy as np

from imatlas.checks import InputError
from imatlas.values import Example, Field, ImageSet, Manifold

__all__ = ["Condition", "FeatureCondition", "WordCondition"]


class Condition(ABC):
    """Base of all conditions."""

    name: str
    steers: str
    """What it decides of an image, one clause for people."""

    lacking: str
    """Why a set may not have it, one clause for people."""

    keeps_rows = True
    """Whether it comes back from disk with its training rows; if not, only `describe` gives one that can be trained on."""

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
        """Give codes float32 (b, c) of training rows; NaN rows are absent.

        Raises
        ------
        RuntimeError
            If the condition came from disk without its rows.
        """

    def without(self, rows: np.ndarray) -> Self:
        """Give the condition whose codes of other training rows say nothing of some rows (v,), which a fit must not see.

        By default it is the same, since a row's code is its own.
        """
        return self

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Give one random code float32 (c,), distributed as in the set."""

    @abstractmethod
    def meet(self, wish: str | Example) -> np.ndarray:
        """Give the code float32 (c,) a person asked for, in words or by an example.

        Raises
        ------
        InputError
            If there is no such value, or this condition is asked for in the other way; the message says what there is.
        """

    @abstractmethod
    def pack(self) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        """Give settings (JSON values) and arrays, enough for `unpack`."""

    @classmethod
    @abstractmethod
    def unpack(cls, settings: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> Condition:
        """Give the condition that `pack` described."""


class WordCondition(Condition):
    """A condition that is asked for in words, and whose codes can be said in words."""

    @abstractmethod
    def read(self, wish: str) -> np.ndarray:
        """Give the code float32 (c,) of some words.

        Raises
        ------
        InputError
            If there is no such value; the message names those there are.
        """

    @abstractmethod
    def words(self, code: np.ndarray) -> str:
        """Say a code (c,) for people; the inverse of `read`."""

    def meet(self, wish: str | Example) -> np.ndarray:
        """Read the words."""
        if isinstance(wish, Example):
            raise InputError(f"{self.name} is asked for in words, not by the picture {wish.name}. Say which one.")
        return self.read(wish)


class FeatureCondition(Condition):
    """A condition made of feature rows, asked for by an example; its codes have no words.

    Its training codes are a bank of features, which no model may carry with it: on disk there is only the small fit that
    turns a feature row into a code.

    Parameters
    ----------
    bank : float32 (n, q), standardised codes of the training rows, or None where they are not at hand.
    """

    keeps_rows = False

    def __init__(self, bank: np.ndarray | None) -> None:
        self._bank = bank

    @property
    def bank(self) -> np.ndarray:
        """Standardised codes float32 (n, q) of the training rows.

        Raises
        ------
        RuntimeError
            If the condition came from disk.
        """
        if self._bank is None:
            raise RuntimeError(f"This {self.name} came from disk, without its training rows. Describe it from the manifold.")
        return self._bank

    @property
    def has_bank(self) -> bool:
        """Whether codes of training rows can be given."""
        return self._bank is not None

    @abstractmethod
    def code_of(self, features: np.ndarray) -> np.ndarray:
        """Give the codes float32 (b, c) of feature rows (b, d), new ones or of the set."""

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Give the code of a random training row, from the bank."""
        return self.codes(rng.integers(len(self.bank), size=1), rng)[0]

    def meet(self, wish: str | Example) -> np.ndarray:
        """Give the code of the example's features."""
        if isinstance(wish, str):
            raise InputError(f"{self.name} is asked for by a picture, not by the words {wish!r}. Show an example of it.")
        return self.code_of(wish.features[None])[0]
