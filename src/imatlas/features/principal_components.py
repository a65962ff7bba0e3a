"""Principal components of the pixels: the directions of largest spread, by a randomised singular value decomposition.

Reference: Halko, Martinsson, Tropp 2011, "Finding structure with randomness", arXiv 0909.4061 (scikit-learn's solver).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sklearn.decomposition import PCA

from imatlas.features.base import Extractor, flat_pixels, require_varied
from imatlas.progress import Report, silent
from imatlas.values import ImageSet

__all__ = ["PrincipalComponents"]

FITTED_ROWS = 20_000


class PrincipalComponents(Extractor):
    """Feature rows of the first components, unscaled.

    Parameters
    ----------
    n_components : length of a row; lowered to what the images allow.
    seed : of the solver, and of the 20,000 rows it is fitted to when there are more.
    """

    name = "principal_components"

    def __init__(self, n_components: int = 64, *, seed: int = 0) -> None:
        self.n_components, self.seed = n_components, seed

    def fit(self, images: ImageSet, *, report: Report = silent) -> PrincipalComponents:
        """Find mean and components of the images, at least two that differ."""
        require_varied(images)
        chosen = np.sort(np.random.default_rng(self.seed).permutation(len(images))[:FITTED_ROWS])
        rows = flat_pixels(images.pixels[chosen])
        k = max(1, min(self.n_components, len(rows) - 1, rows.shape[1]))
        fitted = PCA(k, random_state=self.seed).fit(rows)
        self.mean_ = fitted.mean_.astype(np.float32)
        self.components_ = fitted.components_.astype(np.float32)
        return self

    def rows(self, pixels: np.ndarray) -> np.ndarray:
        """Give float32 (b, k)."""
        return (flat_pixels(pixels) - self.mean_) @ self.components_.T

    def settings(self) -> dict[str, object]:
        """Give the constructor's arguments."""
        return {"n_components": self.n_components, "seed": self.seed}

    def pack(self) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        """Give settings, mean (H W C,) and components (k, H W C)."""
        return self.settings(), {"mean": self.mean_, "components": self.components_}

    @classmethod
    def unpack(cls, settings: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> PrincipalComponents:
        """Give the fitted extractor."""
        extractor = cls(int(settings["n_components"]), seed=int(settings["seed"]))  # type: ignore[call-overload]
        extractor.mean_, extractor.components_ = arrays["mean"], arrays["components"]
        return extractor
