"""Style as a condition: what is left of an image's features once what it shows is taken out.

The mean feature row of the class (of the cluster, in a set without labels) says what is shown; the rest, along its first
principal axes, says how: thick or thin, slanted, bright. A style can therefore be taken from one class to another.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from imatlas.conditions.base import FeatureCondition
from imatlas.conditions.class_label import ClassCondition
from imatlas.conditions.cluster import ClusterCondition
from imatlas.conditions.components import StandardAxes, fit_axes
from imatlas.values import Field, ImageSet, Manifold

__all__ = ["StyleCondition"]

FEWEST, MOST = 8, 16


class StyleCondition(FeatureCondition):
    """Features less the mean of their group, along the first 8 to 16 principal axes, at unit spread.

    Parameters
    ----------
    fit : means of the groups, and axes.
    bank : float32 (n, q), codes of the training rows, or None.
    """

    name = "style"
    steers = "how it is shown, whatever it shows: taken from a picture"
    lacking = "no class or cluster whose images differ"

    def __init__(self, fit: StandardAxes, bank: np.ndarray | None = None) -> None:
        super().__init__(bank)
        self.fit = fit

    @classmethod
    def describe(cls, images: ImageSet, manifold: Manifold) -> StyleCondition | None:
        """None when the images of each class (or cluster) are the same; all images are one group where there is neither."""
        rows = manifold.features.rows
        shown = ClassCondition.describe(images, manifold) or ClusterCondition.describe(images, manifold)
        groups = np.zeros(len(rows), np.int64) if shown is None else np.unique(shown.labels, return_inverse=True)[1].ravel()
        if shown is not None and (shown.labels < 0).any():
            groups = groups - 1
        n_axes = int(min(MOST, max(FEWEST, round(manifold.dimension.value))))
        fit = fit_axes(rows, groups, n_axes)
        return None if fit is None else cls(fit, fit.codes(rows, groups))

    @property
    def field(self) -> Field:
        """A vector field of q numbers."""
        return Field(self.name, "vector", self.fit.axes.shape[1])

    def codes(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Give the styles float32 (b, q) of training rows."""
        return self.bank[rows]

    def code_of(self, features: np.ndarray) -> np.ndarray:
        """Give styles; an image whose class is not known belongs to the class with the nearest mean."""
        return self.fit.codes(features)

    def pack(self) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        """Give means and axes; no row."""
        return {}, self.fit.pack()

    @classmethod
    def unpack(cls, settings: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> StyleCondition:
        """Give the condition, without a bank."""
        return cls(StandardAxes.unpack(arrays))
