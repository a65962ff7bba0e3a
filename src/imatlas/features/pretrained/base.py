"""The base of extractors that come trained: published weights, colour images of one side, nothing learned from the set."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from imatlas.features.base import Extractor
from imatlas.features.pretrained.weights import Published, fill, find_weights, read_weights
from imatlas.progress import Report, silent
from imatlas.values import ImageSet

__all__ = ["Pretrained"]

BATCH = 32


class Pretrained(Extractor):
    """Feature rows from a published network, on a GPU if there is one.

    Parameters
    ----------
    weights : the file, or the folder it lies in; None = looked for by `find_weights`.
    sha256 : the hash the file must have; None = that of the published file.
    """

    published: ClassVar[Published]
    n_features: ClassVar[int]
    resize: ClassVar[str]
    """How images come to the side that the network takes, in words."""

    def __init__(self, weights: str | Path | None = None, *, sha256: str | None = None) -> None:
        self.weights, self.sha256 = weights, sha256 or self.published.sha256

    def fit(self, images: ImageSet, *, report: Report = silent) -> Self:
        """Read the weights; nothing is learned from the images."""
        return self._opened()

    @torch.no_grad()
    def rows(self, pixels: np.ndarray) -> np.ndarray:
        """Give float32 (b, n_features)."""
        rows = np.empty((len(pixels), self.n_features), dtype=np.float32)
        device = next(self.network_.parameters()).device
        for start in range(0, len(pixels), BATCH):
            images = torch.from_numpy(np.array(pixels[start : start + BATCH], dtype=np.float32)).permute(0, 3, 1, 2)
            colour = images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
            rows[start : start + BATCH] = self.network_(self.prepared(colour.to(device))).cpu().numpy()
        return rows

    @abstractmethod
    def network(self) -> nn.Module:
        """Build the network; its weights are put in afterwards."""

    @abstractmethod
    def prepared(self, images: Tensor) -> Tensor:
        """Give the network's input of colour images float32 (b, 3, H, W) in [0, 255]."""

    def named(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Give the tensors of the published file by the names of the network, without those that are not needed."""
        return dict(tensors)

    def settings(self) -> dict[str, object]:
        """Give what decides the features: the hash of the weights and the rule of resizing; not where the file lies."""
        return {"sha256": self.sha256, "resize": self.resize}

    def pack(self) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        """Give the settings; the weights are public and stay in their own file."""
        return self.settings(), {}

    @classmethod
    def unpack(cls, settings: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> Self:
        """Give the extractor, its weights read again from where they are found."""
        return cls(sha256=str(settings["sha256"]))._opened()

    def _opened(self) -> Self:
        path = find_weights(self.published, None if self.weights is None else Path(self.weights).expanduser())
        tensors = read_weights(path, self.sha256)
        with torch.device("meta"):
            network = self.network()
        fill(network, self.named(tensors), path)
        self.network_ = network.eval().requires_grad_(False).to("cuda" if torch.cuda.is_available() else "cpu")
        return self


def antialiased(images: Tensor, side: int) -> Tensor:
    """Resize images (b, C, H, W) in [0, 255] to a side by an antialiased bicubic, as Pillow's, without rounding between."""
    return functional.interpolate(images, size=(side, side), mode="bicubic", antialias=True).clamp(0, 255)


def standardised(images: Tensor, mean: tuple[float, float, float], spread: tuple[float, float, float]) -> Tensor:
    """Give (x / 255 - mean) / spread of images (b, 3, H, W) in [0, 255], colour by colour."""
    shift, scale = (images.new_tensor(values)[:, None, None] for values in (mean, spread))
    return (images / 255 - shift) / scale
