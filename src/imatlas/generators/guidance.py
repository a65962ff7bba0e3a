"""Estimates combined and conditions loosened, while a flow is walked.

A velocity (f - z) / (1 - t) is linear in the guess f of the clean values, so to extrapolate velocities is to extrapolate
guesses. Guidance with weight w against another guess b gives b + w (f - b) = f + (w - 1) (f - b): more of what f has
and b lacks. With b the same network without condition it is classifier-free guidance, which follows the condition
closer and varies less; it helps at middle times alone. With b an early copy of the network under the same condition it
is autoguidance, which keeps away from what a weak model gets wrong and hardly costs variety; it wants all times.
Against several guesses the differences add up.

Condition annealing brings variety back. The condition y (what the given fields add to the condition vector) becomes
y' = sqrt(g) y + sqrt(1 - g) n with noise n of y's own mean and spread, rescaled to them, where 1 - g falls from the
wanted diversity at the beginning, when the image is still coarse, to 0.

References
----------
Ho & Salimans 2022, "Classifier-free diffusion guidance", arXiv 2207.12598; Kynkäänniemi et al. 2024, "Applying guidance
in a limited interval", arXiv 2404.07724; Karras et al. 2024, "Guiding a diffusion model with a bad version of itself",
arXiv 2406.02507; Sadat et al. 2023, "CADS: unleashing the diversity of diffusion models through condition-annealed
sampling", arXiv 2310.17347.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from imatlas.checks import InputError
from imatlas.generators.flow_matching import Estimate
from imatlas.networks.condition import ConditionEmbedding
from imatlas.values import Dials

__all__ = ["ALL_TIMES", "MIDDLE_TIMES", "EarlyCopy", "Guess", "Guide", "annealing", "guided", "with_dials"]

ALL_TIMES = (0.0, 1.0)
MIDDLE_TIMES = (0.1, 0.95)
ANNEALED_FROM, ANNEALED_UNTIL = 0.1, 0.5


class Guess(nn.Module):
    """A network and the embedding of its conditions, which guess clean values in mixed ones.

    Parameters
    ----------
    network : maps mixed values (b, ...) and condition vectors (b, d) to clean values (b, ...).
    condition : gives the condition vectors; timed.
    """

    def __init__(self, network: nn.Module, condition: ConditionEmbedding) -> None:
        super().__init__()
        self.network, self.condition = network, condition

    def under(self, codes: Mapping[str, Tensor], change: Callable[[Tensor], Tensor] | None = None) -> Estimate:
        """Give the estimate under some codes; `change` gives at times (b,) what is added to the condition vectors."""

        def guess(mixed: Tensor, time: Tensor) -> Tensor:
            condition = self.condition(codes, mixed.shape[0], time)
            return self.network(mixed, condition if change is None else condition + change(time)).float()

        return guess

    def annealed(self, codes: Mapping[str, Tensor], noise: Tensor, diversity: float) -> Estimate:
        """Give the estimate under codes that are loosened early in a walk from noise (b, ...); see `annealing`."""
        if not diversity or not codes:
            return self.under(codes)
        given = self.condition(codes, noise.shape[0]) - self.condition({}, noise.shape[0])
        return self.under(codes, annealing(given, noise, diversity))


class EarlyCopy(nn.Module):
    """The frozen copy of a guess as it was early in training, which autoguidance keeps away from.

    Parameters
    ----------
    guess : what will be copied.
    """

    kept: Tensor

    def __init__(self, guess: Guess) -> None:
        super().__init__()
        self.guess = copy.deepcopy(guess).requires_grad_(False)
        self.register_buffer("kept", torch.zeros((), dtype=torch.bool))
        # Also as a plain truth value, since what decides how to draw must not depend on a tensor when a graph is recorded.
        self.is_kept = False

    @torch.no_grad()
    def keep(self, guess: Guess) -> None:
        """Copy the weights of a guess as they are now."""
        self.guess.load_state_dict(guess.state_dict())
        self.kept.fill_(True)
        self.is_kept = True

    def _load_from_state_dict(self, state_dict: Mapping[str, Tensor], prefix: str, *rest: object) -> None:
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self.is_kept = bool(self.kept)


@dataclass(frozen=True)
class Guide:
    """What to extrapolate against.

    Parameters
    ----------
    against : the weaker estimate.
    weight : 1 = off; above 1 keeps away from `against`, below 1 goes toward it.
    interval : first and last time at which it is used.
    """

    against: Estimate
    weight: float
    interval: tuple[float, float] = ALL_TIMES


def guided(estimate: Estimate, guides: Sequence[Guide]) -> Estimate:
    """Give the estimate f + sum of (w - 1) (f - b) over the guides that are on at a time.

    Guides of weight 1 cost nothing: their estimates are not asked.
    """
    used = [guide for guide in guides if guide.weight != 1]
    if not used:
        return estimate

    def combined(mixed: Tensor, time: Tensor) -> Tensor:
        guess = estimate(mixed, time)
        result = guess
        for guide in used:
            if guide.interval[0] <= float(time[0]) <= guide.interval[1]:
                result = result + (guide.weight - 1) * (guess - guide.against(mixed, time))
        return result

    return combined


def with_dials(guess: Guess, early: EarlyCopy, noise: Tensor, codes: Mapping[str, Tensor], dials: Dials) -> Estimate:
    """Give the estimate under guidance, autoguidance and diversity, all of which must be set.

    Parameters
    ----------
    guess : the trained network.
    early : its early copy.
    noise : where the walk begins, (b, ...).
    codes : the conditions; without any, guidance and diversity have nothing to do.
    dials : settled ones.

    Raises
    ------
    InputError
        If autoguidance is turned and there is no early copy.
    """
    turned = dials.chosen()
    if turned["autoguidance"] != 1 and not early.is_kept:
        raise InputError(
            f"The dial autoguidance is {turned['autoguidance']:g}, but there is no early copy to keep away from; training "
            "makes it. Train this model, or leave the dial at 1."
        )
    guides = [Guide(early.guess.annealed(codes, noise, turned["diversity"]), turned["autoguidance"])]
    if codes:
        guides.append(Guide(guess.under({}), turned["guidance"], MIDDLE_TIMES))
    return guided(guess.annealed(codes, noise, turned["diversity"]), guides)


def annealing(given: Tensor, noise: Tensor, diversity: float) -> Callable[[Tensor], Tensor]:
    """Give the function time (b,) -> y' - y (b, d), what annealing adds to a condition vector.

    Parameters
    ----------
    given : y (b, d), what the given fields add to the condition vector; rows of zeros (no field) stay as they are.
    noise : the walk's own noise (b, ...), from which the noise of the condition is derived, row by row.
    diversity : in [0, 1], how much of the condition is noise at the beginning.
    """
    normal = _derived(noise, given.shape[1:]).to(given.device)
    mean, spread = given.mean(dim=1, keepdim=True), given.std(dim=1, keepdim=True)

    def change(time: Tensor) -> Tensor:
        ramp = ((time - ANNEALED_FROM) / (ANNEALED_UNTIL - ANNEALED_FROM)).clamp(0, 1)
        kept = 1 - diversity * (1 - ramp[:, None])
        mixed = kept.sqrt() * (given - mean) + (1 - kept).sqrt() * spread * normal
        scale = spread / mixed.std(dim=1, keepdim=True).clamp(min=1e-12)
        return torch.where(kept < 1, (mixed - mixed.mean(dim=1, keepdim=True)) * scale + mean - given, 0.0)

    return change


def _derived(noise: Tensor, shape: Sequence[int]) -> Tensor:
    """Give normal numbers (b, *shape), those of a row seeded by the bits of that row's first number alone."""
    seeds = noise.flatten(1)[:, 0].detach().float().cpu().contiguous().view(torch.int32).tolist()
    rows = [torch.randn(*shape, generator=torch.Generator().manual_seed(seed % 2**32)) for seed in seeds]
    return torch.stack(rows)
