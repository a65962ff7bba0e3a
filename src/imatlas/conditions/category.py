"""Conditions that are one of several names: the class a person gave, the cluster the manifold found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from imatlas.checks import InputError
from imatlas.conditions.base import Condition
from imatlas.values import Field, ImageSet, Manifold

__all__ = ["ClassCondition", "ClusterCondition"]


class CategoryCondition(Condition):
    """One whole number per row.

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
        if wish in self.names:
            return np.array([self.names.index(wish)], dtype=np.float32)
        known = ", ".join(self.names[:20]) + (f" and {len(self.names) - 20} more" if len(self.names) > 20 else "")
        raise InputError(f"There is no {self.name} {wish!r}; choose one of: {known}.")

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


class ClassCondition(CategoryCondition):
    """The class label that came with the images."""

    name = "class"

    @classmethod
    def describe(cls, images: ImageSet, manifold: Manifold) -> ClassCondition | None:
        """None without labels, or with fewer than two classes."""
        if images.labels is None:
            return None
        labels = images.labels[manifold.rows]
        if len(np.unique(labels[labels >= 0])) < 2:
            return None
        return cls(labels, images.class_names)


class ClusterCondition(CategoryCondition):
    """The cluster found without labels, named "1", "2", ... as the report names them."""

    name = "cluster"

    @classmethod
    def describe(cls, images: ImageSet, manifold: Manifold) -> ClusterCondition | None:
        """None when there is only one cluster."""
        n_clusters = manifold.clusters.n_clusters
        if n_clusters < 2:
            return None
        return cls(manifold.clusters.labels, [str(number + 1) for number in range(n_clusters)])
