"""A small convolutional encoder trained on the set itself, without labels.

Two changed views of an image shall be closer to each other than to views of other images: with unit vectors p of 2 b
views, the loss of a view is -log(exp(p.p' / tau) / sum over all other views q of exp(p.q / tau)). The features are
the layer before the projection, brought to unit length; they spread evenly and ignore what the changes change
(shift, scale, slight rotation, brightness, a hidden patch; mirroring only where mirror images look like the set).

References
----------
Chen et al. 2020, "A simple framework for contrastive learning", arXiv 2002.05709; Wang & Isola 2020, arXiv 2005.10242.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from imatlas.features.base import Extractor, require_varied
from imatlas.features.views import mirrors_belong, random_view
from imatlas.networks.convolutions import Reader
from imatlas.networks.pixels import to_images
from imatlas.progress import Report, silent
from imatlas.training import Plan, Stage, Trainable, train
from imatlas.values import Codes, ImageSet

__all__ = ["Encoder"]

TEMPERATURE = 0.2
MOST_PIXELS = 32


class Encoder(Extractor):
    """Feature rows of unit length from a contrastive encoder.

    Parameters
    ----------
    n_features : length of a row.
    seconds : time for training, used when `steps` is 0.
    steps : training steps of 128 images, two views each.
    width : channels of the first convolution.
    seed : of weights, views and order.
    """

    name = "encoder"

    def __init__(self, n_features: int = 64, *, seconds: float = 60.0, steps: int = 0, width: int = 32, seed: int = 0) -> None:
        self.n_features, self.seconds, self.steps, self.width, self.seed = n_features, seconds, steps, width, seed

    def fit(self, images: ImageSet, *, report: Report = silent) -> Encoder:
        """Train the encoder on at least two images that differ."""
        require_varied(images)
        self.mirrored_ = mirrors_belong(images.pixels, seed=self.seed)
        height, width, channels = images.shape
        halved = 2 if height > MOST_PIXELS else 1
        self.shape_ = (channels, height // halved, width // halved)
        model = self._network()
        plan = Plan(steps=self.steps, seconds=self.seconds, seed=self.seed, batch_size=min(128, len(images)))

        def batch(rows: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Codes]:
            return _seen(images.pixels[rows]), Codes({})

        for progress in train(model, len(images), batch, plan):
            report(progress)
        self.network_ = model.eval()
        return self

    @torch.no_grad()
    def rows(self, pixels: np.ndarray) -> np.ndarray:
        """Give float32 (b, n_features) of unit length."""
        if not len(pixels):
            return np.zeros((0, self.n_features), dtype=np.float32)
        return functional.normalize(self.network_.reader(_seen(pixels)), dim=1).numpy()

    def settings(self) -> dict[str, object]:
        """Give the constructor's arguments."""
        names = ("n_features", "seconds", "steps", "width", "seed")
        return {name: getattr(self, name) for name in names}

    def pack(self) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        """Give settings and weights."""
        learned = {"shape": list(self.shape_), "mirrored": self.mirrored_}
        weights = {name: value.numpy() for name, value in self.network_.state_dict().items()}
        return {"settings": self.settings(), "learned": learned}, weights

    @classmethod
    def unpack(cls, settings: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> Encoder:
        """Give the fitted extractor."""
        extractor = cls(**settings["settings"])  # type: ignore[arg-type]
        learned: Mapping = settings["learned"]  # type: ignore[assignment]
        extractor.shape_, extractor.mirrored_ = tuple(learned["shape"]), bool(learned["mirrored"])
        extractor.network_ = extractor._network()
        extractor.network_.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in arrays.items()})
        extractor.network_.eval()
        return extractor

    def _network(self) -> _Contrast:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return _Contrast(self.shape_, self.n_features, self.width, mirrored=self.mirrored_)


class _Contrast(Trainable):
    """Reader, projection, and the loss that pulls two views together."""

    divisible = False  # every view is compared with all others of its batch

    def __init__(self, shape: tuple[int, int, int], n_features: int, width: int, *, mirrored: bool) -> None:
        super().__init__()
        self.mirrored = mirrored
        self.reader = Reader(shape, n_features, width=width)
        self.projection = nn.Sequential(nn.SiLU(), nn.Linear(n_features, 128), nn.SiLU(), nn.Linear(128, 64))

    def stages(self) -> tuple[Stage, ...]:
        """One stage."""
        return (Stage("encoder", self.players(), learning_rate=2e-3),)

    def loss(self, player: str, images: Tensor, codes: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Give the mean contrastive loss of two views of each image."""
        views = [random_view(images, generator, mirrored=self.mirrored) for _ in range(2)]
        projected = functional.normalize(self.projection(self.reader(torch.cat(views))).float(), dim=1)  # (2 b, 64)
        b = len(images)
        closeness = projected @ projected.T / TEMPERATURE
        closeness = closeness.masked_fill(torch.eye(2 * b, dtype=torch.bool, device=images.device), -torch.inf)
        partner = torch.arange(2 * b, device=images.device).roll(b)
        return functional.cross_entropy(closeness, partner)


def _seen(pixels: np.ndarray) -> Tensor:
    """Images float32 (b, C, h, w) in [-1, 1], halved when over 32 pixels a side: what tells them apart is seen there too."""
    images = to_images(pixels)
    return functional.avg_pool2d(images, 2) if images.shape[-1] > MOST_PIXELS else images
