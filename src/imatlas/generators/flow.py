"""A flow in pixel space: noise is carried to images along straight lines by a network that guesses the clean image.

With time t from 0 (noise) to 1 (image), z_t = t x + (1 - t) e mixes an image x and noise e; its true velocity is
v = x - e. The network returns a clean-image estimate f(z_t, t, codes), which implies the velocity
u = (f - z_t) / max(1 - t, 0.05); the loss is the mean of (u - v)^2 = (f - x)^2 / max(1 - t, 0.05)^2.
Predicting the image keeps large patches trainable, hence few tokens, hence speed on two cores.

References
----------
Lipman et al. 2023, "Flow matching for generative modeling", arXiv 2210.02747; Liu et al. 2023, "Flow straight and
fast", arXiv 2209.03003; Li & He 2025, "Back to basics: let denoising generative models denoise", arXiv 2511.13720;
Kynkäänniemi et al. 2024, "Applying guidance in a limited interval", arXiv 2404.07724.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor

from imatlas.checks import InputError
from imatlas.generators.base import Generator
from imatlas.networks.condition import ConditionEmbedding, drop_fields
from imatlas.networks.transformer import PatchTransformer
from imatlas.values import AS_TRAINED, Dials, Field

__all__ = ["Flow", "heun", "time_grid", "velocity_error"]

CLAMP = 0.05
MOST_TOKENS = 64
GUIDED_FROM, GUIDED_UNTIL = 0.1, 0.95

Estimate = Callable[[Tensor, Tensor], Tensor]
"""Function (mixed (b, ...), time (b,)) -> guess of the clean values (b, ...)."""


class Flow(Generator):
    """Pixel flow on a patch transformer.

    Parameters
    ----------
    image_shape : (C, H, W), H = W, a multiple of 4.
    fields : condition fields.
    patch : patch side in pixels; smaller is finer and slower (cost grows with 1 / patch^2).
    width, depth : size of the transformer.
    steps : Heun steps of the default sampler; 2 * steps - 1 network evaluations per image.
    guidance : 1 samples as trained; above 1 pushes images toward their condition (Ho & Salimans 2022).
    """

    dials: ClassVar[frozenset[str]] = frozenset({"steps", "guidance"})

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
    ) -> None:
        super().__init__(image_shape, fields)
        channels, size, _ = image_shape
        self.network = PatchTransformer(channels, channels, size, patch=patch, width=width, depth=depth)
        self.condition = ConditionEmbedding(fields, width)
        self.steps, self.guidance = steps, guidance
        self._settings: dict[str, object] = {"patch": patch, "width": width, "depth": depth, "steps": steps}
        self._settings["guidance"] = guidance
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
        return dict(self._settings)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """One normal number per pixel."""
        return self.image_shape

    def estimate(self, mixed: Tensor, time: Tensor, codes: Mapping[str, Tensor]) -> Tensor:
        """Guess the clean images (b, C, H, W) in mixed images at times (b,)."""
        condition = self.condition(codes, len(mixed), time)
        return self.network(mixed, condition).float()

    def loss(self, player: str, images: Tensor, codes: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Give the mean squared velocity error over random times."""
        kept = drop_fields(codes, generator)
        return velocity_error(
            lambda mixed, time: self.estimate(mixed, time, kept),
            images,
            generator,
            mean=self.time_mean,
            spread=self.time_spread,
        )

    def defaults(self) -> Dials:
        """Steps and guidance as this network was built with."""
        return Dials(steps=self.steps, guidance=self.guidance)

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
        steps, weight = int(settled.steps or 0), settled.guidance

        def estimate(mixed: Tensor, time: Tensor) -> Tensor:
            guess = self.estimate(mixed, time, codes)
            if weight is not None and weight != 1.0 and codes and GUIDED_FROM < float(time[0]) < GUIDED_UNTIL:
                free = self.estimate(mixed, time, {})
                guess = free + weight * (guess - free)
            return guess

        grid = time_grid(steps, self.time_mean, self.time_spread)
        return heun(estimate, noise, grid).clamp(-1, 1)


def velocity_error(
    estimate: Estimate, clean: Tensor, generator: torch.Generator, *, mean: float, spread: float, start: float = 0.0
) -> Tensor:
    """Give the flow-matching loss of a clean-value estimate.

    Parameters
    ----------
    estimate : function (mixed, time) -> guess of the clean values.
    clean : (b, ...), images or codes.
    generator : source of times and noise.
    mean, spread : logit(t) is normal with these.
    start : earliest time; all times are squeezed into [start, 1].
    """
    b = len(clean)
    time = torch.sigmoid(mean + spread * torch.randn(b, generator=generator)).to(clean.device)
    time = start + (1 - start) * time
    noise = torch.randn(clean.shape, generator=generator).to(clean.device)
    t = time.view(b, *[1] * (clean.ndim - 1))
    guess = estimate(t * clean + (1 - t) * noise, time)
    return ((guess - clean) / (1 - t).clamp(min=CLAMP)).square().mean()


def time_grid(steps: int, mean: float, spread: float) -> list[float]:
    """Give times 0 = t_0 < ... < t_(steps - 1) < 1, uniform in logit(t) where training put its times."""
    low, high = mean - 2 * spread, mean + spread
    inner = [low + (high - low) * i / max(1, steps - 2) for i in range(steps - 1)]
    return [0.0] + [1 / (1 + math.exp(-logit)) for logit in inner]


def heun(estimate: Estimate, noise: Tensor, grid: Sequence[float]) -> Tensor:
    """Carry noise to images (or codes) along the flow, with two guesses per step.

    With a guess f of the clean values that stands still, the flow from time t to s is solved exactly by
    z_s = z_t + (s - t) / (1 - t) (f - z_t); each step uses the mean of the guesses at its two ends. Averaging guesses
    and not velocities keeps long steps stable, for no error is divided by a small 1 - s.

    Parameters
    ----------
    estimate : function (mixed, time) -> guess of the clean values.
    noise : (b, ...), the state at time 0.
    grid : rising times, the first 0; after the last one the guess itself is the result.

    References
    ----------
    Karras et al. 2022, "Elucidating the design space", arXiv 2206.00364, algorithm 1 without churn, for velocities;
    Lu et al. 2022, "DPM-Solver++", arXiv 2211.01095, for guesses of the clean values.
    """

    def guess(state: Tensor, time: float) -> Tensor:
        return estimate(state, torch.full((len(state),), time, device=state.device))

    state = noise
    for now, later in pairwise(grid):
        share = (later - now) / (1 - now)
        first = guess(state, now)
        second = guess(state + share * (first - state), later)
        state = state + share * ((first + second) / 2 - state)
    return guess(state, grid[-1])
