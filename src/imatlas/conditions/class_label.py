"""The class label that came with the images as a condition."""

from __future__ import annotations

import numpy as np

from imatlas.conditions.category import CategoryCondition
from imatlas.values import ImageSet, Manifold

__all__ = ["ClassCondition"]


class ClassCondition(CategoryCondition):
    """The class label that came with the images."""

    name = "class"
    steers = "which of the named classes is shown"
    lacking = "no labels, or only one class"

    @classmethod
    def describe(cls, images: ImageSet, manifold: Manifold) -> ClassCondition | None:
        """None without labels, or with fewer than two classes."""
        if images.labels is None:
            return None
        labels = images.labels[manifold.rows]
        if len(np.unique(labels[labels >= 0])) < 2:
            return None
        return cls(labels, images.class_names)
