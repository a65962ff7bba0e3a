"""What the training loop asks of a model: it owns its loss, names its players, and may divide training into stages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

__all__ = ["Stage", "Trainable"]


@dataclass(frozen=True)
class Stage:
    """A stretch of training in which some players move and the rest stands still.

    Parameters
    ----------
    name : shown in progress reports.
    players : who moves, in order, in each step.
    share : part of the whole budget, in (0, 1]; the shares of one model sum to 1.
    batch_size : images per step.
    learning_rate : peak rate of its players.
    paces : one factor per player on the learning rate; empty = 1 for all.
    betas : decay rates of Adam's moments; None = the plan's. Games want a first one of 0, since the slope turns all the time.
    clip : largest gradient norm of one player's step; 0 = the plan's.
    validated : whether its weights may get worse late, so that the best are looked for where a validation is given.
    """

    name: str
    players: tuple[str, ...]
    share: float = 1.0
    batch_size: int = 256
    learning_rate: float = 1e-3
    paces: tuple[float, ...] = ()
    betas: tuple[float, float] | None = None
    clip: float = 0.0
    validated: bool = False

    def pace_of(self, player: str) -> float:
        """Give the factor on the learning rate of a player."""
        return self.paces[self.players.index(player)] if self.paces else 1.0


class Trainable(nn.Module, ABC):
    """A module that the one loop can train."""

    divisible: ClassVar[bool] = True
    """Whether its losses are means over rows, so that several processes can each make a part of a batch. A mean inside a
    loss that is bent, such as a logarithm's, goes through `processes.shared_mean`; noise is drawn rows first."""

    @property
    def device(self) -> torch.device:
        """Where its parameters are."""
        return next(self.parameters()).device

    def players(self) -> tuple[str, ...]:
        """Name the players, in the order they move in each step; a GAN names two."""
        return ("model",)

    def player_parameters(self, player: str) -> list[nn.Parameter]:
        """Give the parameters one player may change; by default all of them."""
        return list(self.parameters())

    def stages(self) -> tuple[Stage, ...]:
        """Give the stretches of training, first to last; by default one in which all players move."""
        return (Stage("train", self.players()),)

    @torch.no_grad()
    def begin(self, stage: str, images: Tensor) -> None:
        """Prepare for a stage by looking at up to 4,096 training images (b, C, H, W); by default nothing."""
        return

    @torch.no_grad()
    def keep_snapshot(self, stage: str, average: Self) -> None:
        """Copy from the averaged weights an eighth into a stage what is to be kept of them; by default nothing.

        Parameters
        ----------
        stage : name of the stage that is on.
        average : the averaged model, which calls this for itself too; what is copied must belong to no player.
        """
        return

    @abstractmethod
    def loss(self, player: str, images: Tensor, codes: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Give the scalar one player lowers.

        Parameters
        ----------
        player : one of `players()`.
        images : float32 (b, C, H, W) in [-1, 1].
        codes : name -> (b, c), NaN rows absent.
        generator : the only source of randomness.
        """
