"""Conditions that are one of several names: one whole number per row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property

import numpy as np

from imatlas.checks import InputError
from imatlas.conditions.base import WordCondition
from imatlas.values import Field

__all__ = ["CategoryCondition"]

MOST_NAMED = 20


class CategoryCondition(WordCondition):
    """One of several names per row.

    Parameters
    ----------
    labels : int64 (n,) in [0, n_names), -1 = none.
    names : one name per value.
    """

    def __init__(self, labels: np.ndarray, names: Sequence[str]) -> None:
        self.labels = np.asarray(labels, dtype=np.int64)
        self.names = tuple(names)

    @cached_property
    def _known(self) -> np.ndarray:
        return self.labels[self.labels >= 0]

    @cached_property
    def offered(self) -> tuple[str, ...]:
        """Names that can be asked for: those that training rows have."""
        return tuple(self.names[number] for number in np.unique(self._known))

    @property
    def field(self) -> Field:
        """A category field with one value per name."""
        return Field(self.name, "category", len(self.names))

    def codes(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Give the numbers of rows, float32 (b, 1), NaN where there is none."""
        labels = self.labels[rows].astype(np.float32)
        labels[labels < 0] = np.nan
        return labels[:, None]

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Give the number of a random labelled row."""
        return np.array([rng.choice(self._known)], dtype=np.float32)

    def read(self, wish: str) -> np.ndarray:
        """Give the code of a name."""
        if wish in self.offered:
            return np.array([self.names.index(wish)], dtype=np.float32)
        if wish in self.names:
            raise InputError(f"No training image is of the {self.name} {wish!r}; {self._offer(wish)}.")
        raise InputError(f"There is no {self.name} {wish!r}; {self._offer(wish)}.")

    def _offer(self, wish: str) -> str:
        """Say which names can be asked for, those most like the wish first."""
        near = get_close_matches(wish, self.offered, n=3)
        meant = f"nearest: {', '.join(near)}; " if near else ""
        more = f" and {len(self.offered) - MOST_NAMED} more" if len(self.offered) > MOST_NAMED else ""
        return f"{meant}choose one of: {', '.join(self.offered[:MOST_NAMED])}{more}"

    def words(self, code: np.ndarray) -> str:
        """Give the name of a number."""
        return self.names[int(code[0])]

    def pack(self) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        """Give the names and the labels."""
        return {"names": list(self.names)}, {"labels": self.labels}

    @classmethod
    def unpack(cls, settings: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> CategoryCondition:
        """Give the condition."""
        return cls(arrays["labels"], settings["names"])  # type: ignore[arg-type]
