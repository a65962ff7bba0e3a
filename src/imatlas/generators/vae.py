"""A variational autoencoder whose noise level is its maximum-likelihood value, with a prior that knows the condition.

The decoder gives the mean of a normal distribution over pixels. With one noise variance for all pixels, its
maximum-likelihood value is the mean squared error itself, so the reconstruction term becomes (D / 2) log MSE for D
pixels and there is no weight to tune between it and the divergence KL(q(z | x) || p(z | codes)). The prior is normal
with mean and spread given by the codes (standard normal without any); other samplers of the code can take its place.

References
----------
Kingma & Welling 2014, arXiv 1312.6114; Sohn et al. 2015, "Learning structured output representation using deep
conditional generative models"; Rybkin et al. 2021, "Simple and effective VAE training with calibrated decoders",
arXiv 2006.13202, eq. 6; Ghosh et al. 2020, arXiv 1903.12436 (a better density over codes, fitted afterwards).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Self

import torch
from torch import Tensor, nn

from imatlas.generators.base import Generator
from imatlas.generators.samplers import SAMPLERS, CodeFlow, LatentSampler
from imatlas.networks.condition import ConditionEmbedding, drop_fields
from imatlas.networks.convolutions import Drawer, Reader
from imatlas.training.contract import Stage
from imatlas.training.processes import shared_mean
from imatlas.values import AS_TRAINED, Dials, Field

__all__ = ["Vae"]

BLOCK = 512
LOG_VARIANCE_LIMIT = 10.0


class Vae(Generator):
    """Convolutional VAE with a choice of latent samplers.

    Parameters
    ----------
    image_shape : (C, H, W), H = W divisible by 4.
    fields : condition fields.
    code_dim : length of the code; about twice the intrinsic dimension. Longer is sharper and harder to sample.
    width : channels of the first convolution, a multiple of 8.
    sampler : how codes are drawn: `NormalSampler`, `MixtureSampler` or `CodeFlow`.
    """

    texture_dim = 0
    """Length of the noise that `decode` takes beside the code; 0 = the code alone decides."""

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        fields: Sequence[Field] = (),
        *,
        code_dim: int = 24,
        width: int = 64,
        sampler: type[LatentSampler] = CodeFlow,
    ) -> None:
        super().__init__(image_shape, fields)
        self.code_dim, self.width = code_dim, width
        self.reader = Reader(self.image_shape, 2 * code_dim, width=width)
        self.drawer = Drawer(self.image_shape, code_dim, width=width)
        self.condition = ConditionEmbedding(fields, 64, timed=False)
        self.prior = nn.Linear(64, 2 * code_dim)
        nn.init.zeros_(self.prior.weight)
        nn.init.zeros_(self.prior.bias)
        self.sampler = sampler(code_dim, fields)
        self.dials = frozenset(self.sampler.defaults.chosen())

    @classmethod
    def rebuild(cls, image_shape: tuple[int, int, int], fields: Sequence[Field], settings: Mapping[str, object]) -> Vae:
        """Give a network, with fresh weights, from what `settings` told of another one."""
        chosen: dict = dict(settings)
        if "sampler" in chosen:
            chosen["sampler"] = {sampler.__name__: sampler for sampler in SAMPLERS.values()}[chosen["sampler"]]
        return cls(image_shape, fields, **chosen)

    @classmethod
    def sizes_for(cls, image_shape: tuple[int, int, int], dimension: float, n_images: int) -> dict[str, object]:
        """Choose the code's length: twice the intrinsic dimension, 16 to 64.

        A manifold of dimension m fits into 2 m + 1 numbers (Whitney 1944); far fewer blur, far more are hard to sample.
        """
        return {"code_dim": int(min(64, max(16, round(2 * dimension))))}

    def settings(self) -> dict[str, object]:
        """Give the keyword arguments that build this network again."""
        return {"code_dim": self.code_dim, "width": self.width, "sampler": type(self.sampler).__name__}

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """What the sampler turns into one code."""
        return (self.sampler.noise_dim,)

    def players(self) -> tuple[str, ...]:
        """The autoencoder, then its sampler if that is a network."""
        return ("autoencoder", "sampler") if self.sampler.learned else ("autoencoder",)

    def player_parameters(self, player: str) -> list[nn.Parameter]:
        """Parameters of the autoencoder (with its prior) or of the sampler."""
        if player == "sampler":
            return self.sampler.learnable()
        parts = (self.reader, self.drawer, self.condition, self.prior)
        return [parameter for part in parts for parameter in part.parameters()]

    def stages(self) -> tuple[Stage, ...]:
        """The autoencoder first; a learned sampler afterwards, on the finished codes."""
        share = 0.7 if self.sampler.learned else 1.0
        first = Stage("autoencoder", ("autoencoder",), share, batch_size=128, learning_rate=2e-3)
        second = Stage("code flow", ("sampler",), 1 - share, batch_size=128, learning_rate=2e-3)
        return (first, second) if self.sampler.learned else (first,)

    @torch.no_grad()
    def begin(self, stage: str, images: Tensor) -> None:
        """Show the sampler the finished codes before it learns."""
        if stage == "code flow":
            self.sampler.fit(_drawn(*self.posterior_of_many(images), torch.Generator().manual_seed(len(images))))

    def keep_snapshot(self, stage: str, average: Self) -> None:
        """Let a learned sampler copy its averaged weights early in its stage."""
        if stage == "code flow":
            self.sampler.keep_snapshot(average.sampler)

    def defaults(self) -> Dials:
        """The dials of the sampler."""
        return self.sampler.defaults

    @torch.no_grad()
    def finish(self, images: Tensor) -> None:
        """Fit a sampler that is not learned by gradients to the codes of training images (b, C, H, W)."""
        if not self.sampler.learned:
            self.sampler.fit(self.posterior_of_many(images)[0])

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Give mean and log variance, each (b, code_dim), of the code of images in [-1, 1]."""
        return _moments(self.reader(images))

    def posterior_of_many(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Give the same of many images, of which no more than a block's layers are in memory at once."""
        means, log_variances = zip(*(self.posterior(block) for block in images.split(BLOCK)), strict=True)
        return torch.cat(means), torch.cat(log_variances)

    def encode(self, images: Tensor) -> Tensor:
        """Give the mean codes (b, code_dim) of images (b, C, H, W) in [-1, 1]."""
        return self.posterior(images)[0]

    def draw(self, code: Tensor, texture: Tensor | None = None) -> Tensor:
        """Give unbounded mean images (b, C, H, W) of codes (b, code_dim)."""
        return self.drawer(code).float()

    def decode(self, code: Tensor, texture: Tensor | None = None) -> Tensor:
        """Give the images (b, C, H, W), in [-1, 1], of codes (b, code_dim) and texture noise (b, texture_dim)."""
        return self.draw(code, texture).clamp(-1, 1)

    def draw_posterior(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Give one random code (b, code_dim) of each image."""
        return _drawn(*self.posterior(images), generator)

    def loss(self, player: str, images: Tensor, codes: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Give the negative evidence bound per image (autoencoder) or the sampler's own loss."""
        if player == "sampler":
            # Encoding costs as much as the sampler's own work, so several codes are drawn for each image.
            draws = self.sampler.draws
            with torch.no_grad():
                mean, log_variance = (part.repeat(draws, 1) for part in self.posterior(images))
                code = _drawn(mean, log_variance, generator)
            return self.sampler.loss(code, {name: values.repeat(draws, 1) for name, values in codes.items()}, generator)
        mean, log_variance = self.posterior(images)
        drawn = self.draw(_drawn(mean, log_variance, generator))
        error = shared_mean((drawn - images).square().mean())
        prior_mean, prior_log_variance = self._prior(drop_fields(codes, generator), len(images))
        ratio = (log_variance - prior_log_variance).exp()
        divergence = ((mean - prior_mean).square() / prior_log_variance.exp() + ratio - 1 - ratio.log()).sum(1) / 2
        return math.prod(self.image_shape) / 2 * error.clamp(min=1e-6).log() + divergence.mean()

    @torch.no_grad()
    def sample(self, noise: Tensor, codes: Mapping[str, Tensor], dials: Dials = AS_TRAINED) -> Tensor:
        """Give images from noise (b, *noise_shape): the sampler makes it a code, the decoder an image."""
        return self.decode(self.draw_code(noise, codes, self.settle(dials)))

    @torch.no_grad()
    def draw_code(self, noise: Tensor, codes: Mapping[str, Tensor], dials: Dials = AS_TRAINED) -> Tensor:
        """Give codes (b, code_dim) from noise (b, *noise_shape)."""
        mean, log_variance = self._prior(codes, noise.shape[0])
        return self.sampler.draw(noise, codes, mean, (log_variance / 2).exp(), dials)

    def _prior(self, codes: Mapping[str, Tensor], b: int) -> tuple[Tensor, Tensor]:
        """Mean and log variance (b, code_dim) of the conditional normal prior; standard normal without fields."""
        if not self.fields:
            zeros = torch.zeros(b, self.code_dim, device=self.prior.weight.device)
            return zeros, zeros
        return _moments(self.prior(self.condition(codes, b)))


def _moments(told: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and log variance, each (b, code_dim), of normal distributions as a layer tells them (b, 2 code_dim)."""
    mean, log_variance = told.float().chunk(2, dim=1)
    return mean, log_variance.clamp(-LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT)


def _drawn(mean: Tensor, log_variance: Tensor, generator: torch.Generator) -> Tensor:
    """Draw from normal distributions with these means and log variances (b, code_dim)."""
    return mean + torch.randn(mean.shape, generator=generator).to(mean.device) * (log_variance / 2).exp()
