"""A flow in pixel space: noise is carried to images along straight lines by a network that guesses the clean image.

Loss and walk are those of `flow_matching`. Predicting the image keeps large patches trainable, hence few tokens, hence
speed on two cores. An eighth into its training the flow keeps a copy of its averaged weights, the weak twin that
autoguidance keeps away from.

References
----------
Li & He 2025, "Back to basics: let denoising generative models denoise", arXiv 2511.13720; Hoogeboom et al. 2023,
"Simple diffusion", arXiv 2301.11093 (the shift of times with the size of the image).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Self

import torch
from torch import Tensor, nn

from imatlas.checks import InputError
from imatlas.generators.base import Generator
from imatlas.generators.flow_matching import heun, time_grid, velocity_error
from imatlas.generators.guidance import EarlyCopy, Guess, with_dials
from imatlas.networks.condition import ConditionEmbedding, drop_fields
from imatlas.networks.transformer import PatchTransformer
from imatlas.values import AS_TRAINED, Dials, Field

__all__ = ["Flow"]

MOST_TOKENS = 64


class Flow(Generator):
    """Pixel flow on a patch transformer.

    Parameters
    ----------
    image_shape : (C, H, W), H = W, a multiple of 4.
    fields : condition fields.
    patch : patch side in pixels; smaller is finer and slower (cost grows with 1 / patch^2).
    width, depth : size of the transformer.
    steps : Heun steps of the default sampler; 2 * steps - 1 network evaluations per image.
    guidance : 1 samples as trained; above 1 pushes images toward their condition.
    autoguidance : 1 samples as trained; above 1 pushes images away from what an early copy of the network would draw.
    """

    dials = frozenset({"steps", "guidance", "autoguidance", "diversity"})

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        fields: Sequence[Field] = (),
        *,
        patch: int = 4,
        width: int = 256,
        depth: int = 6,
        steps: int = 10,
        guidance: float = 1.0,
        autoguidance: float = 1.0,
    ) -> None:
        super().__init__(image_shape, fields)
        channels, size, _ = image_shape
        network = PatchTransformer(channels, channels, size, patch=patch, width=width, depth=depth)
        self.guess = Guess(network, ConditionEmbedding(fields, width))
        self.early = EarlyCopy(self.guess)
        self._sizes: dict[str, object] = {"patch": patch, "width": width, "depth": depth}
        self.steps, self.guidance, self.autoguidance = steps, guidance, autoguidance
        # Larger images need noisier times to see the same share of coarse structure (Hoogeboom et al. 2023).
        self.time_mean = min(1.5, -0.8 + math.log(256 / size))
        self.time_spread = 1.2

    @classmethod
    def sizes_for(cls, image_shape: tuple[int, int, int], dimension: float) -> dict[str, object]:
        """Choose the smallest patch of which at most 64 tile the image."""
        size = image_shape[1]
        return {"patch": next(p for p in range(2, size + 1) if size % p == 0 and (size // p) ** 2 <= MOST_TOKENS)}

    def settings(self) -> dict[str, object]:
        """Give the keyword arguments that build this network again."""
        return self._sizes | {"steps": self.steps, "guidance": self.guidance, "autoguidance": self.autoguidance}

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """One normal number per pixel."""
        return self.image_shape

    def player_parameters(self, player: str) -> list[nn.Parameter]:
        """Give the parameters of the flow; its early copy stands still."""
        return list(self.guess.parameters())

    @torch.no_grad()
    def keep_snapshot(self, stage: str, average: Self) -> None:
        """Keep the averaged weights for autoguidance."""
        self.early.keep(average.guess)

    def loss(self, player: str, images: Tensor, codes: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Give the mean squared velocity error over random times."""
        kept = drop_fields(codes, generator)
        estimate = self.guess.under(kept)
        return velocity_error(estimate, images, generator, mean=self.time_mean, spread=self.time_spread)

    def defaults(self) -> Dials:
        """Steps and guidance as this flow was built with."""
        return Dials(steps=self.steps, guidance=self.guidance, autoguidance=self.autoguidance, diversity=0.0)

    def settle(self, dials: Dials) -> Dials:
        """Give all dials an image is drawn with; see `Generator.settle`.

        Raises
        ------
        InputError
            If a dial is turned that a flow does not have, or to no steps at all.
        """
        if dials.steps == 0:
            raise InputError("The dial steps is 0; a flow needs 1 at least to make an image of noise. Give 10, for example.")
        return super().settle(dials)

    @torch.no_grad()
    def sample(self, noise: Tensor, codes: Mapping[str, Tensor], dials: Dials = AS_TRAINED) -> Tensor:
        """Give images in [-1, 1] from noise (b, C, H, W), by Heun's method."""
        settled = self.settle(dials)
        estimate = with_dials(self.guess, self.early, noise, codes, settled)
        grid = time_grid(int(settled.chosen()["steps"]), self.time_mean, self.time_spread)
        return heun(estimate, noise, grid).clamp(-1, 1)
