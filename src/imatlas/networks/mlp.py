"""A residual network on vectors, steered by a condition vector: y = x + g * W2 silu(W1 ((1 + s) norm(x) + b)).

Scale s, shift b and gate g of all blocks are one linear function of the condition plus a bias of each block's own; a
function for each block was no better and two fifths of the work.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["ResidualMlp"]


class ResidualMlp(nn.Module):
    """Maps vectors (b, n_inputs) and conditions (b, width) to vectors (b, n_inputs); zero at the start.

    Parameters
    ----------
    n_inputs : length of the vectors.
    width : length of hidden and condition vectors.
    depth : number of residual blocks.
    """

    def __init__(self, n_inputs: int, *, width: int, depth: int) -> None:
        super().__init__()
        self.enter = nn.Linear(n_inputs, width)
        self.modulation = nn.Linear(width, 3 * width)
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(3 * width)) for _ in range(depth))
        self.widen = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(depth))
        self.narrow = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(depth))
        self.leave = nn.Linear(width, n_inputs)
        for layer in (self.modulation, self.leave):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, vectors: Tensor, condition: Tensor) -> Tensor:
        """Give vectors (b, n_inputs)."""
        shared = self.modulation(functional.silu(condition))  # (b, 3 width)
        hidden = self.enter(vectors)
        for bias, widen, narrow in zip(self.biases, self.widen, self.narrow, strict=True):
            scale, shift, gate = (shared + bias).chunk(3, dim=-1)
            normal = functional.layer_norm(hidden, hidden.shape[-1:]) * (1 + scale) + shift
            hidden = hidden + gate * narrow(functional.silu(widen(normal)))
        return self.leave(functional.layer_norm(hidden, hidden.shape[-1:]))
