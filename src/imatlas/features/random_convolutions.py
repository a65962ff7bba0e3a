"""Fixed random convolutions: a feature space nobody trained, for judging generators without favour.

Three layers of random unit-norm filters with rectification and pooling, then mean and spread of every channel over a
2 x 2 grid: enough to feel shape and texture, and independent of every encoder a generator may have been conditioned
with (Naeem et al. 2020, arXiv 2002.09797, use randomly initialised networks in the same way).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from imatlas.features.base import Extractor, require_varied
from imatlas.networks.pixels import to_images
from imatlas.progress import Report, silent
from imatlas.values import ImageSet

__all__ = ["RandomConvolutions"]

CHANNELS = (32, 64, 64)
KEPT = 128


class RandomConvolutions(Extractor):
    """Feature rows of at most 128 numbers: the principal part of 512 channel statistics, of unit overall spread.

    Parameters
    ----------
    seed : of the filters.
    """

    name = "random_convolutions"

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, images: ImageSet, *, report: Report = silent) -> RandomConvolutions:
        """Learn mean and principal directions of the channel statistics, to drop what never varies."""
        require_varied(images)
        self.channels_ = images.shape[2]
        chosen = np.sort(np.random.default_rng(self.seed).permutation(len(images))[:8192])
        raw = np.concatenate([self._statistics(images.pixels[chosen[i : i + 512]]) for i in range(0, len(chosen), 512)])
        self.mean_ = raw.mean(axis=0)
        spread, directions = np.linalg.eigh(np.cov(raw.astype(np.float64), rowvar=False))
        kept = self.n_kept(len(raw), len(spread))
        scale = np.sqrt(max(spread.sum(), 1e-12) / len(spread))
        self.directions_ = (directions[:, ::-1][:, :kept] / scale).astype(np.float32)
        return self

    def n_kept(self, n_images: int, n_directions: int) -> int:
        """Give how many directions are kept of those that were found."""
        return min(KEPT, n_images - 1, n_directions)

    def rows(self, pixels: np.ndarray) -> np.ndarray:
        """Give float32 (b, d)."""
        return (self._statistics(pixels) - self.mean_) @ self.directions_

    def settings(self) -> dict[str, object]:
        """Give the constructor's arguments."""
        return {"seed": self.seed}

    def pack(self) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        """Give settings, mean (512,) and directions (512, d); the filters follow from the seed."""
        return self.settings() | {"channels": self.channels_}, {"mean": self.mean_, "directions": self.directions_}

    @classmethod
    def unpack(cls, settings: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> RandomConvolutions:
        """Give the fitted extractor."""
        extractor = cls(seed=int(settings["seed"]))  # type: ignore[call-overload]
        extractor.channels_ = int(settings["channels"])  # type: ignore[call-overload]
        extractor.mean_, extractor.directions_ = arrays["mean"], arrays["directions"]
        return extractor

    @torch.no_grad()
    def _statistics(self, pixels: np.ndarray) -> np.ndarray:
        maps = to_images(pixels)
        for number, layer in enumerate(self._layers()):
            if number and min(maps.shape[2:]) >= 4:
                maps = functional.avg_pool2d(maps, 2)
            maps = functional.relu(layer(maps))
        grid = functional.adaptive_avg_pool2d(maps, 2).flatten(1)
        squares = functional.adaptive_avg_pool2d(maps.square(), 2).flatten(1)
        pieces = [grid, (squares - grid.square()).clamp(min=0).sqrt()]
        return torch.cat(pieces, dim=1).numpy()

    def _layers(self) -> list[nn.Conv2d]:
        generator = torch.Generator().manual_seed(self.seed)
        layers, before = [], self.channels_
        for after in CHANNELS:
            layer = nn.utils.skip_init(nn.Conv2d, before, after, 3, padding=1)
            torch.nn.init.normal_(layer.weight, std=(2 / (9 * before)) ** 0.5, generator=generator)
            torch.nn.init.normal_(layer.bias, std=0.1, generator=generator)
            layers.append(layer)
            before = after
        return layers
