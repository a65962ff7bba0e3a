"""Everything that moves while a stage is trained, as tensors by name: to be kept, put back, and written to disk.

Order of the images and all noise are functions of (seed, step), so tensors and counters are all there is to a state.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from imatlas.checks import InputError
from imatlas.training.contract import Stage, Trainable
from imatlas.training.plan import Plan

__all__ = ["Counters", "Kept", "Moving", "fill", "under"]


@dataclass
class Counters:
    """Where a run stands; JSON values only.

    Parameters
    ----------
    stage, step : number of the stage, and steps done in it.
    steps : steps planned for the stage; 0 = not yet known.
    seconds : spent in the stage.
    precision : of the products; "auto" = not yet chosen.
    has_snapshot : whether the model was asked to keep a snapshot in this stage.
    restarts : how often the stage went back to a good state; each halves the learning rate.
    losses : player -> loss of the last step.
    history : player -> the losses of late, one per report.
    warned : players whose divergence was said.
    validations : how many of the stage's looks at its validation score are behind it.
    score, error : the last validation score of the stage and its standard error.
    """

    stage: int = 0
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    precision: str = "auto"
    has_snapshot: bool = False
    restarts: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    history: dict[str, list[float]] = field(default_factory=dict)
    warned: list[str] = field(default_factory=list)
    validations: int = 0
    score: float = float("inf")
    error: float = 0.0


@dataclass(frozen=True)
class Kept:
    """A state that can be gone back to.

    Parameters
    ----------
    counters : where the run stood.
    tensors : name -> values.
    source : where it was kept, for error messages.
    """

    counters: Counters
    tensors: Mapping[str, Tensor]
    source: str = "The copy in memory"


class Moving:
    """A model, its average, and one optimiser for each player of a stage.

    Parameters
    ----------
    model : as it begins the stage; its average begins as a copy of it.
    stage : says who moves.
    plan : of this stage.
    """

    def __init__(self, model: Trainable, stage: Stage, plan: Plan) -> None:
        self.model, self.plan = model, plan
        self.average = copy.deepcopy(model).requires_grad_(False)
        self.players = {name: self._optimizer(model.player_parameters(name)) for name in stage.players}

    def tensors(self) -> dict[str, Tensor]:
        """Give all tensors by name, not copied."""
        named: dict[str, Tensor] = {}
        for prefix, module in (("model", self.model), ("average", self.average)):
            named |= {f"{prefix}/{name}": values for name, values in module.state_dict().items()}
        for player, optimizer in self.players.items():
            for number, moments in optimizer.state_dict()["state"].items():
                named |= {f"optimizer/{player}/{number}/{name}": values for name, values in moments.items()}
        return named

    def keep(self, counters: Counters) -> Kept:
        """Give a copy of the whole state, which further steps leave as it is."""
        return Kept(copy.deepcopy(counters), {name: values.detach().clone() for name, values in self.tensors().items()})

    def put_back(self, kept: Kept) -> None:
        """Take over the tensors of a kept state.

        Raises
        ------
        InputError
            If it is the state of another network.
        """
        fill(self.model, kept, "model/")
        fill(self.average, kept, "average/")
        for player, optimizer in self.players.items():
            moments: dict[int, dict[str, Tensor]] = {}
            for name, values in under(kept.tensors, f"optimizer/{player}/").items():
                number, key = name.split("/")
                # Optimisers work in the tensors they are given.
                moments.setdefault(int(number), {})[key] = values.clone()
            optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})

    @torch.no_grad()
    def move_average(self, kept: float) -> None:
        """Let the average follow: it keeps this share of itself; buffers are taken over as they are."""
        for name in self.players:
            means: list[Tensor] = list(self.average.player_parameters(name))
            now: list[Tensor] = list(self.model.player_parameters(name))
            torch._foreach_lerp_(means, now, 1 - kept)
        for mean, value in zip(self.average.buffers(), self.model.buffers(), strict=True):
            mean.copy_(value)

    def _optimizer(self, parameters: list[nn.Parameter]) -> torch.optim.AdamW:
        return torch.optim.AdamW(parameters, self.plan.learning_rate, betas=self.plan.betas, weight_decay=0.0, fused=True)


def fill(module: nn.Module, kept: Kept, prefix: str) -> None:
    """Put the tensors of a kept state whose names begin with a prefix into a module.

    Raises
    ------
    InputError
        If they belong to another network.
    """
    try:
        module.load_state_dict(under(kept.tensors, prefix))
    except RuntimeError as error:
        raise InputError(f"{kept.source} holds another network ({error}). Delete it and train anew.") from error


def under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Give the tensors whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): values for name, values in tensors.items() if name.startswith(prefix)}
