"""Consistency tuning: a trained flow learns to jump to the end of its path, so that 1 to 4 evaluations draw an image.

On one path z_t = t x + (1 - t) e the guesses at a time t and at a later one r should be the same image. Lowering
|f(z_t, t) - f(z_r, r)|^2, the later guess held fixed, carries what is known close to the image, where little is open, back
to pure noise. With the noise level s(t) = (1 - t) / t the later time has s(r) = (1 - gap) s(t): a gap of 1 puts it at
the image itself, which is plain flow training, and each eighth of the tuning halves it. Where a time is so late that
hardly anything is open the image itself is the target, which anchors the chain.

References
----------
Song et al. 2023, "Consistency models", arXiv 2303.01469; Geng et al. 2024, "Consistency models made easy", arXiv
2406.14548 (tuning a trained model by closing the gap in stages; weights that grow as the gap closes).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from imatlas.generators.flow_matching import CLAMP, Estimate, like, mix

__all__ = ["FEW_TIMES", "Closing", "Jumps", "consistency_error"]

MEAN, SPREAD = 0.0, 1.6
SOFT = 0.03
FEW_TIMES = {1: (0.0,), 2: (0.0, 0.3), 3: (0.0, 0.4, 0.7), 4: (0.0, 0.2, 0.4, 0.6)}
"""Number of evaluations -> their times."""


class Closing(nn.Module):
    """The gap as it closes: 1 in the first eighth of the tuning, then 1/2, 1/4, ... 1/128.

    How many steps there will be is not known to a loss, but the training loop tells when an eighth is over; the steps
    counted until then are the pace of all others. The counts are kept with the weights, so a resumed run goes on alike.
    """

    seen: Tensor
    eighth: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.register_buffer("eighth", torch.zeros((), dtype=torch.int64))

    def begin(self) -> None:
        """Count from 0, with the pace unknown."""
        self.seen.zero_()
        self.eighth.zero_()

    def mark(self) -> None:
        """Take the steps counted so far as an eighth of all."""
        self.eighth.copy_(self.seen)

    def gap(self, *, counted: bool) -> float:
        """Give the gap of the step that is made now, in (0, 1], and count the step if it is to be counted."""
        halvings = min(7, int(self.seen) // int(self.eighth)) if self.eighth else 0
        if counted:
            self.seen += 1
        return 0.5**halvings


class Jumps(nn.Module):
    """Draws with one evaluation at each of a few rising times: guess, mix the guess with noise again, guess anew.

    The noise of each mixing must be new, or the guesses only get worse (Fréchet distance 8.5 against 4.9 of the first).
    It is made of the noise at the beginning, by a fixed shuffle of its numbers with fixed signs, which is as good as
    drawing afresh and leaves an image a function of its own noise.

    Parameters
    ----------
    noise_shape : shape of the noise of one image.
    """

    orders: Tensor
    signs: Tensor

    def __init__(self, noise_shape: tuple[int, ...]) -> None:
        super().__init__()
        size, generator = math.prod(noise_shape), torch.Generator().manual_seed(0)
        turns = max(FEW_TIMES) - 1
        self.register_buffer("orders", torch.stack([_ring(size, generator) for _ in range(turns)]))
        self.register_buffer("signs", torch.randint(2, (turns, size), generator=generator) * 2.0 - 1)

    def forward(self, estimate: Estimate, noise: Tensor, steps: int) -> Tensor:
        """Give clean values (b, ...) from noise (b, ...) with so many evaluations, a key of `FEW_TIMES`."""
        first, *later = FEW_TIMES[steps]
        guess = estimate(noise, torch.tensor([first], device=noise.device))
        for turn, moment in enumerate(later):
            time = torch.tensor([moment], device=noise.device)
            fresh = (noise.flatten(1)[:, self.orders[turn]] * self.signs[turn]).view_as(noise)
            guess = estimate(mix(guess, fresh, time), time)
        return guess


def consistency_error(estimate: Estimate, clean: Tensor, generator: torch.Generator, *, gap: float) -> Tensor:
    """Give the mean distance between guesses at two times of the same paths.

    Parameters
    ----------
    estimate : function (mixed, time) -> guess of the clean values.
    clean : (b, ...).
    generator : source of times and noise.
    gap : in (0, 1], how much lower the noise level is at the later time; 1 = none is left.
    """
    time = torch.sigmoid(MEAN + SPREAD * torch.randn(len(clean), generator=generator)).to(clean.device)
    noise = torch.randn(clean.shape, generator=generator).to(clean.device)
    later = time / (time + (1 - gap) * (1 - time))
    with torch.no_grad():
        target = clean if gap == 1 else estimate(mix(clean, noise, later), later)
        target = torch.where(like(1 - later, clean) < CLAMP, clean, target)
    guess = estimate(mix(clean, noise, time), time)
    square = (guess - target).square().flatten(1).mean(dim=1)
    return ((square + SOFT**2).sqrt() / (1 - time).clamp(min=CLAMP)).mean()


def _ring(size: int, generator: torch.Generator) -> Tensor:
    """Give a random order (size,) of 0 ... size - 1 in which nothing keeps its place: each takes that of the next in a ring."""
    ring = torch.randperm(size, generator=generator)
    order = torch.empty_like(ring)
    order[ring] = ring.roll(1)
    return order
