"""A flow in pixel space: noise is carried to images along straight lines by a network that guesses the clean image.

Loss and walk are those of `flow_matching`. Predicting the image keeps large patches trainable, hence few tokens, hence
speed on two cores. An eighth into its training the flow keeps a copy of its averaged weights, which autoguidance keeps
away from; when it is trained, a copy of it is tuned to draw in few steps.

References
----------
Li & He 2025, "Back to basics: let denoising generative models denoise", arXiv 2511.13720; Hoogeboom et al. 2023,
"Simple diffusion", arXiv 2301.11093 (the shift of times with the size of the image).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Self

import torch
from torch import Tensor, nn

from imatlas.checks import InputError
from imatlas.generators.base import Generator
from imatlas.generators.consistency import FEW_TIMES, Closing, Jumps, consistency_error
from imatlas.generators.flow_matching import heun, time_grid, velocity_error
from imatlas.generators.guidance import EarlyCopy, Guess, with_dials
from imatlas.networks.condition import ConditionEmbedding, drop_fields
from imatlas.networks.transformer import PatchTransformer
from imatlas.networks.unet import UNet
from imatlas.training.contract import Stage
from imatlas.values import AS_TRAINED, Dials, Field

__all__ = ["Flow"]

MOST_TOKENS = 64
FEW_SHARE = 0.25
UNET_CONDITION = 128
UNTURNED = Dials(steps=10, guidance=1.0, autoguidance=1.0, diversity=0.0)


class Flow(Generator):
    """Pixel flow on a patch transformer or a U-Net.

    Parameters
    ----------
    image_shape : (C, H, W), H = W, a multiple of 4.
    fields : condition fields.
    network : "transformer" or "unet".
    patch : patch side in pixels of the transformer; smaller is finer and slower (cost grows with 1 / patch^2).
    width, depth : size of the network; see `PatchTransformer` and `UNet`.
    few_steps : whether a quarter of the training goes into a copy that draws in 1 to 4 evaluations. With it, the dial
        steps chooses the copy from 1 to 4, where the other dials are off, and Heun's method above.
    turned : dials, by name, that stand otherwise than 10 Heun steps (19 evaluations) and all else off.
    """

    dials = frozenset(UNTURNED.chosen())

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        fields: Sequence[Field] = (),
        *,
        network: str = "transformer",
        patch: int = 4,
        width: int = 256,
        depth: int = 6,
        few_steps: bool = True,
        turned: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        super().__init__(image_shape, fields)
        self._sizes = {"network": network, "patch": patch, "width": width, "depth": depth, "few_steps": few_steps}
        self.guess = self._network(network, patch=patch, width=width, depth=depth)
        self.early = EarlyCopy(self.guess)
        self.few = copy.deepcopy(self.guess) if few_steps else None
        self.closing, self.jumps = Closing(), Jumps(self.image_shape)
        self.turned = Dials(**turned)  # type: ignore[arg-type]
        size = self.image_shape[1]
        # Larger images need noisier times to see the same share of coarse structure (Hoogeboom et al. 2023).
        self.time_mean = min(1.5, -0.8 + math.log(256 / size))
        self.time_spread = 1.2

    @classmethod
    def sizes_for(cls, image_shape: tuple[int, int, int], dimension: float, n_images: int) -> dict[str, object]:
        """Choose the smallest patch of which at most 64 tile the image."""
        size = image_shape[1]
        return {"patch": next(p for p in range(2, size + 1) if size % p == 0 and (size // p) ** 2 <= MOST_TOKENS)}

    def settings(self) -> dict[str, object]:
        """Give the keyword arguments that build this network again."""
        return self._sizes | {"turned": self.turned.chosen()}

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """One normal number per pixel."""
        return self.image_shape

    def players(self) -> tuple[str, ...]:
        """The flow, then its copy for few steps."""
        return ("flow",) if self.few is None else ("flow", "few steps")

    def player_parameters(self, player: str) -> list[nn.Parameter]:
        """Give the parameters of the flow or of its copy for few steps; the early copy stands still."""
        return list((self.few if self.few is not None and player == "few steps" else self.guess).parameters())

    def stages(self) -> tuple[Stage, ...]:
        """The flow; then the copy is tuned, at a lower rate."""
        if self.few is None:
            return (Stage("flow", ("flow",)),)
        return (Stage("flow", ("flow",), 1 - FEW_SHARE), Stage("few steps", ("few steps",), FEW_SHARE, learning_rate=5e-4))

    @torch.no_grad()
    def begin(self, stage: str, images: Tensor) -> None:
        """Start the copy for few steps from the finished flow."""
        if stage == "few steps" and self.few is not None:
            self.few.load_state_dict(self.guess.state_dict())
            self.closing.begin()

    @torch.no_grad()
    def keep_snapshot(self, stage: str, average: Self) -> None:
        """Keep the averaged weights for autoguidance; in the second stage, take an eighth of it as the pace."""
        if stage == "few steps":
            self.closing.mark()
        else:
            self.early.keep(average.guess)

    def loss(self, player: str, images: Tensor, codes: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Give the mean squared velocity error over random times, or what two guesses on one path differ by."""
        kept = drop_fields(codes, generator)
        if player == "few steps" and self.few is not None:
            gap = self.closing.gap(counted=self.training)
            return consistency_error(self.few.under(kept), images, generator, gap=gap)
        estimate = self.guess.under(kept)
        return velocity_error(estimate, images, generator, mean=self.time_mean, spread=self.time_spread)

    def defaults(self) -> Dials:
        """The dials as this flow was built with."""
        return self.turned.over(UNTURNED)

    def settle(self, dials: Dials) -> Dials:
        """Give all dials an image is drawn with; see `Generator.settle`.

        Raises
        ------
        InputError
            If a dial is turned that a flow does not have, or to no steps at all, or one that few steps cannot follow.
        """
        if dials.steps == 0:
            raise InputError("The dial steps is 0; a flow needs 1 at least to make an image of noise. Give 10, for example.")
        settled = super().settle(dials)
        if not self._is_few(settled):
            return settled
        off = {name: value for name, value in UNTURNED.chosen().items() if name != "steps"}
        vain = [name for name, value in dials.chosen().items() if name in off and value != off[name]]
        if vain:
            raise InputError(
                f"With {settled.steps} steps the network for few steps draws, which learned the flow as it is: it cannot "
                f"follow {', '.join(vain)}. Raise steps above {max(FEW_TIMES)}, or leave the other dials."
            )
        return Dials(steps=settled.steps, **off)

    @torch.no_grad()
    def sample(self, noise: Tensor, codes: Mapping[str, Tensor], dials: Dials = AS_TRAINED) -> Tensor:
        """Give images in [-1, 1] from noise (b, C, H, W), in 1 to 4 jumps or by Heun's method."""
        settled = self.settle(dials)
        steps = int(settled.chosen()["steps"])
        if self.few is not None and self._is_few(settled):
            return self.jumps(self.few.under(codes), noise, steps).clamp(-1, 1)
        estimate = with_dials(self.guess, self.early, noise, codes, settled)
        return heun(estimate, noise, time_grid(steps, self.time_mean, self.time_spread)).clamp(-1, 1)

    def _is_few(self, dials: Dials) -> bool:
        return self.few is not None and dials.steps in FEW_TIMES

    def _network(self, name: str, *, patch: int, width: int, depth: int) -> Guess:
        """A network by name, and the embedding of its conditions."""
        channels, size, _ = self.image_shape
        if name == "transformer":
            transformer = PatchTransformer(channels, channels, size, patch=patch, width=width, depth=depth)
            return Guess(transformer, ConditionEmbedding(self.fields, width))
        if name == "unet":
            unet = UNet(channels, channels, width=width, condition_width=UNET_CONDITION, depth=depth)
            return Guess(unet, ConditionEmbedding(self.fields, UNET_CONDITION))
        raise ValueError(f"There is no network {name!r} for a flow; choose transformer or unet.")
