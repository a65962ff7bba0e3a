"""A flow in the code space of a VAE whose drafts a second, short flow makes sharp.

The code flow decides what the image shows, cheaply, in a few dozen numbers; the decoder draws a draft of it, which is
the mean over all images with nearly that code and therefore blurred; the sharpening flow draws one image given its
draft, from noise. With draft d = decode(z), z ~ q(z | x), and the mixture z_t = t x + (1 - t) e as in `Flow`, the
network returns d + f(z_t, d, t); its loss is the same mean squared velocity error. The draft carries most of what
has to be known, so a few steps of a small network suffice, and no image but its code is ever stored.

References
----------
Lipman et al. 2023, arXiv 2210.02747; Preechakul et al. 2022, "Diffusion autoencoders", arXiv 2111.15640; Pandey et al.
2022, "DiffuseVAE", arXiv 2201.00308 (a diffusion model given the draft of a VAE).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from imatlas.generators.flow_matching import heun, time_grid, velocity_error
from imatlas.generators.samplers import CodeFlow
from imatlas.generators.vae import Vae
from imatlas.networks.condition import ConditionEmbedding
from imatlas.networks.unet import UNet
from imatlas.training.contract import Stage
from imatlas.values import AS_TRAINED, Dials, Field

__all__ = ["LatentFlow"]

SHARP_TIME = 128
LARGE = 32


class LatentFlow(Vae):
    """VAE, code flow and sharpening flow as one generator.

    Parameters
    ----------
    image_shape : (C, H, W), H = W divisible by 4.
    fields : condition fields.
    code_dim : length of the code.
    width : channels of the autoencoder's first convolution.
    sharp_width, sharp_depth : size of the sharpening network, see `UNet`.
    steps : Heun steps of the sharpening flow, 2 * steps - 1 evaluations per image; 0 gives the drafts as they are.
    start : time at which sharpening starts, from the draft mixed with noise; 0 = from noise alone. Later starts learn
        faster and change less.
    fold : see `UNet`.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        fields: Sequence[Field] = (),
        *,
        code_dim: int = 24,
        width: int = 64,
        sharp_width: int = 48,
        sharp_depth: int = 2,
        steps: int = 4,
        start: float = 0.0,
        fold: int = 2,
    ) -> None:
        super().__init__(image_shape, fields, code_dim=code_dim, width=width, sampler=CodeFlow)
        self.dials |= {"steps"}
        channels = self.image_shape[0]
        self.steps, self.start = steps, start
        self._settings: dict[str, object] = {
            "code_dim": code_dim,
            "width": width,
            "sharp_width": sharp_width,
            "sharp_depth": sharp_depth,
        }
        self._settings |= {"start": start, "fold": fold}
        self.sharpener = UNet(
            2 * channels, channels, width=sharp_width, condition_width=SHARP_TIME, depth=sharp_depth, fold=fold
        )
        self.sharp_time = ConditionEmbedding((), SHARP_TIME)
        # Larger images need noisier times to see the same share of coarse structure (Hoogeboom et al. 2023).
        self.time_mean, self.time_spread = 1.0 + min(0.0, math.log(LARGE / self.image_shape[1])), 1.2

    @classmethod
    def sizes_for(cls, image_shape: tuple[int, int, int], dimension: float) -> dict[str, object]:
        """Choose the code's length; above 32 pixels start from the draft, and fold more where the size allows it."""
        chosen = super().sizes_for(image_shape, dimension)
        size = image_shape[1]
        if size > LARGE:
            chosen |= {"start": 0.3, "sharp_width": 64, "fold": 4 if size % 8 == 0 else 2}
        return chosen

    def settings(self) -> dict[str, object]:
        """Give the keyword arguments that build this network again."""
        return {**self._settings, "steps": self.steps}

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """Normal numbers for the code, then one per pixel."""
        return (self.sampler.noise_dim + math.prod(self.image_shape),)

    def players(self) -> tuple[str, ...]:
        """The autoencoder, its sampler, the sharpener."""
        return ("autoencoder", "sampler", "sharpener")

    def player_parameters(self, player: str) -> list[nn.Parameter]:
        """Give the parameters one player may change."""
        if player == "sharpener":
            return [*self.sharpener.parameters(), *self.sharp_time.parameters()]
        return super().player_parameters(player)

    def stages(self) -> tuple[Stage, ...]:
        """The autoencoder; the code flow on its codes; the sharpener on its drafts. Large images come in small batches."""
        batch_size = 64 if self.image_shape[1] > LARGE else 128
        return (
            Stage("autoencoder", ("autoencoder",), 0.4, batch_size=batch_size, learning_rate=2e-3),
            Stage("code flow", ("sampler",), 0.2),
            Stage("sharpen", ("sharpener",), 0.4, batch_size=batch_size, learning_rate=2e-3),
        )

    def loss(self, player: str, images: Tensor, codes: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Give the loss of one player; the sharpener sees drafts of random codes of the images."""
        if player != "sharpener":
            return super().loss(player, images, codes, generator)
        with torch.no_grad():
            draft = self.decode(self.draw_posterior(images, generator))
        return velocity_error(
            lambda mixed, time: self._sharper(mixed, draft, time),
            images,
            generator,
            mean=self.time_mean,
            spread=self.time_spread,
            start=self.start,
        )

    def defaults(self) -> Dials:
        """The dials of the code flow, and the steps of the sharpening flow; 0 gives the drafts as they are."""
        return Dials(steps=self.steps).over(super().defaults())

    @torch.no_grad()
    def sample(self, noise: Tensor, codes: Mapping[str, Tensor], dials: Dials = AS_TRAINED) -> Tensor:
        """Give images from noise (b, *noise_shape): a code, its draft, the sharpened draft."""
        code_noise, pixel_noise = noise.split([self.sampler.noise_dim, math.prod(self.image_shape)], dim=1)
        settled = self.settle(dials)
        return self.sharpen(self.draw_code(code_noise, codes, settled), pixel_noise, steps=settled.steps)

    @torch.no_grad()
    def sharpen(self, code: Tensor, pixel_noise: Tensor, *, steps: int | None = None) -> Tensor:
        """Give images in [-1, 1] of codes (b, code_dim), with noise (b, C * H * W) for what the code leaves open."""
        draft = self.decode(code)
        steps = self.steps if steps is None else steps
        if steps == 0:
            return draft
        grid = [self.start + (1 - self.start) * time for time in time_grid(steps, self.time_mean, self.time_spread)]
        state = self.start * draft + (1 - self.start) * pixel_noise.view(-1, *self.image_shape)
        return heun(lambda mixed, time: self._sharper(mixed, draft, time), state, grid).clamp(-1, 1)

    def _sharper(self, mixed: Tensor, draft: Tensor, time: Tensor) -> Tensor:
        condition = self.sharp_time({}, len(mixed), time)
        return draft + self.sharpener(torch.cat([mixed, draft], dim=1), condition).float()
