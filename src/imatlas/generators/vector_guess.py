"""A guess of clean vectors, such as codes or features: the flow of `flow_matching` on few numbers, its loss and its walk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from imatlas.generators.flow_matching import Estimate, heun, time_grid, velocity_error
from imatlas.generators.guidance import Guess
from imatlas.networks.condition import ConditionEmbedding, drop_fields
from imatlas.networks.mlp import ResidualMlp
from imatlas.values import Field

__all__ = ["VectorGuess", "walk"]

TIME_MEAN, TIME_SPREAD = 0.0, 1.2


class VectorGuess(Guess):
    """A residual network and the embedding of its conditions.

    Parameters
    ----------
    n_inputs : length of the vectors.
    fields : condition fields.
    width, depth : size of the network; see `ResidualMlp`.
    """

    def __init__(self, n_inputs: int, fields: Sequence[Field], *, width: int, depth: int) -> None:
        super().__init__(ResidualMlp(n_inputs, width=width, depth=depth), ConditionEmbedding(fields, width))

    def loss(self, clean: Tensor, codes: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Give the mean squared velocity error of standardised vectors (b, n_inputs) at a random time each, fields dropped."""
        kept = drop_fields(codes, generator)
        return velocity_error(self.under(kept), clean, generator, mean=TIME_MEAN, spread=TIME_SPREAD)


def walk(estimate: Estimate, noise: Tensor, steps: int) -> Tensor:
    """Carry noise (b, n_inputs) to standardised vectors by so many steps of Heun's method."""
    return heun(estimate, noise, time_grid(steps, TIME_MEAN, TIME_SPREAD))
