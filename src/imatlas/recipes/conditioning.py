"""What a generator is conditioned on, from a set and its manifold: the conditions, and the small prior of neighborhoods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from imatlas.checks import InputError
from imatlas.conditions import CONDITIONS, Condition, NeighborhoodCondition, WordCondition, batch_codes
from imatlas.generators import NeighborhoodPrior
from imatlas.progress import Progress
from imatlas.store import ModelFolder
from imatlas.training import Plan, drop_checkpoint
from imatlas.training import train as run_training
from imatlas.training.processes import is_first
from imatlas.values import Codes, ImageSet, Manifold

__all__ = ["build_prior", "describe_conditions", "load_prior", "split_plan", "train_prior"]

PRIOR_SHARE, MOST_PRIOR_SHARE = 0.05, 0.2
LEAST_PRIOR_SECONDS = 3.0
MOST_PRIOR_SECONDS, MOST_PRIOR_STEPS = 60.0, 600


def describe_conditions(images: ImageSet, manifold: Manifold, names: Sequence[str] | None = None) -> tuple[Condition, ...]:
    """Give the conditions of a set.

    Parameters
    ----------
    images, manifold : the set, and what was learned of it.
    names : keys of `CONDITIONS`; None = all that the set has.

    Raises
    ------
    InputError
        If one that was asked for is not to be had.
    """
    found = {name: kind.describe(images, manifold) for name, kind in CONDITIONS.items() if names is None or name in names}
    for name in names or ():
        if found.get(name) is None:
            have = ", ".join(key for key, kind in CONDITIONS.items() if kind.describe(images, manifold) is not None)
            why = f" ({CONDITIONS[name].lacking})" if name in CONDITIONS else ""
            raise InputError(f"This set cannot be conditioned on {name!r}{why}; it has: {have}.")
    return tuple(condition for condition in found.values() if condition is not None)


def build_prior(conditions: Sequence[Condition], seed: int = 0) -> NeighborhoodPrior | None:
    """Give an untrained prior of neighborhoods, conditional on all that can be said in words; None without neighborhoods."""
    neighborhood = _neighborhood_of(conditions)
    if neighborhood is None:
        return None
    fields = [condition.field for condition in conditions if isinstance(condition, WordCondition)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return NeighborhoodPrior(neighborhood.field.n_columns - 1, fields)


def split_plan(plan: Plan) -> tuple[Plan, Plan]:
    """Divide a plan between the prior and the generator.

    The prior gets 5 %, at most a minute, or 600 steps where these are counted; where that is below 3 s, it gets as much, up
    to a fifth. Steps that were asked for are those of the generator.
    """
    steps = min(MOST_PRIOR_STEPS, max(1, round(PRIOR_SHARE * plan.steps))) if plan.steps else 0
    least = min(LEAST_PRIOR_SECONDS, MOST_PRIOR_SHARE * plan.seconds)
    seconds = min(MOST_PRIOR_SECONDS, max(PRIOR_SHARE * plan.seconds, least))
    return replace(plan, steps=steps, seconds=seconds), replace(plan, seconds=plan.seconds - seconds)


def train_prior(
    prior: NeighborhoodPrior,
    conditions: Sequence[Condition],
    fitted: np.ndarray,
    plan: Plan,
    *,
    folder: ModelFolder | None = None,
) -> Iterator[Progress]:
    """Train a prior in place, on the fields of a training row among `fitted` and the features of a random near neighbor of it.

    It is kept beside the model, its checkpoint and metrics in a folder of their own; one that is there already is read.
    """
    if folder is not None and folder.has_packed("prior"):
        _fill(prior, folder)
        return
    neighborhood = _neighborhood_of(conditions)
    if neighborhood is None:
        raise ValueError("A prior came without the condition neighborhood; train it with the conditions it was built for.")
    others = [condition for condition in conditions if isinstance(condition, WordCondition)]

    def batch(rows: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Codes]:
        return torch.from_numpy(neighborhood.near(fitted[rows], rng)), batch_codes(others, fitted[rows], rng)

    yield from run_training(prior, len(fitted), batch, plan, folder=None if folder is None else folder.folder / "prior")
    if folder is not None and is_first():
        folder.save_packed("prior", {}, prior.state_dict())
        drop_checkpoint(folder.folder / "prior")


def load_prior(conditions: Sequence[Condition], folder: ModelFolder) -> NeighborhoodPrior | None:
    """Read the trained prior of a model; None for a model without neighborhoods."""
    prior = build_prior(conditions)
    return None if prior is None else _fill(prior, folder)


def _fill(prior: NeighborhoodPrior, folder: ModelFolder) -> NeighborhoodPrior:
    """Put the weights that are kept beside a model into its prior."""
    state = folder.load_packed("prior")[1]
    prior.load_state_dict({name: torch.from_numpy(np.array(values)) for name, values in state.items()})
    return prior.eval()


def _neighborhood_of(conditions: Sequence[Condition]) -> NeighborhoodCondition | None:
    return next((condition for condition in conditions if isinstance(condition, NeighborhoodCondition)), None)
