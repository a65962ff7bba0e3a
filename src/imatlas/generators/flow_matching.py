"""Flow matching on straight paths: the loss, the times to walk, the walk from noise to clean values.

With time t from 0 (noise) to 1 (clean), z_t = t x + (1 - t) e mixes clean values x (images or codes) and noise e; its
true velocity is v = x - e. A network that returns a guess f(z_t, t) of the clean values implies the velocity
u = (f - z_t) / max(1 - t, 0.05); the loss is the mean of (u - v)^2 = (f - x)^2 / max(1 - t, 0.05)^2.

References
----------
Lipman et al. 2023, "Flow matching for generative modeling", arXiv 2210.02747; Liu et al. 2023, "Flow straight and
fast", arXiv 2209.03003; Li & He 2025, "Back to basics: let denoising generative models denoise", arXiv 2511.13720.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

__all__ = ["CLAMP", "Estimate", "heun", "like", "mix", "time_grid", "velocity_error"]

CLAMP = 0.05

Estimate = Callable[[Tensor, Tensor], Tensor]
"""Function (mixed (b, ...), time (b,) or (1,)) -> guess of the clean values (b, ...)."""


def velocity_error(estimate: Estimate, clean: Tensor, generator: torch.Generator, *, mean: float, spread: float) -> Tensor:
    """Give the flow-matching loss of a clean-value estimate.

    Parameters
    ----------
    estimate : function (mixed, time) -> guess of the clean values.
    clean : (b, ...), images or codes.
    generator : source of times and noise.
    mean, spread : logit(t) is normal with these.
    """
    time = torch.sigmoid(mean + spread * torch.randn(len(clean), generator=generator)).to(clean.device)
    noise = torch.randn(clean.shape, generator=generator).to(clean.device)
    guess = estimate(mix(clean, noise, time), time)
    return ((guess - clean) / (1 - like(time, clean)).clamp(min=CLAMP)).square().mean()


def mix(clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """Give z_t = t x + (1 - t) e for clean values and noise (b, ...) at times (b,)."""
    t = like(time, clean)
    return t * clean + (1 - t) * noise


def like(time: Tensor, values: Tensor) -> Tensor:
    """Give times (b,) with as many axes as values (b, ...), for products with them."""
    return time.view(-1, *[1] * (values.ndim - 1))


def time_grid(steps: int, mean: float, spread: float) -> list[float]:
    """Give times 0 = t_0 < ... < t_(steps - 1) < 1, uniform in logit(t) where training put its times, one alone amid them."""
    low, high = mean - 2 * spread, mean + spread
    inner = [(low + high) / 2] if steps == 2 else [low + (high - low) * i / max(1, steps - 2) for i in range(steps - 1)]
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
        # One number for all rows: known to a guide, and to who records the walk, without a look at the batch.
        return estimate(state, torch.tensor([time], device=state.device))

    state = noise
    for now, later in pairwise(grid):
        share = (later - now) / (1 - now)
        first = guess(state, now)
        second = guess(state + share * (first - state), later)
        state = state + share * ((first + second) / 2 - state)
    return guess(state, grid[-1])
