"""A residual network on vectors, steered by a condition vector: y = x + g * W2 silu(W1 ((1 + s) norm(x) + b))."""

from __future__ import annotations

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
        self.modulations = nn.ModuleList(nn.Linear(width, 3 * width) for _ in range(depth))
        self.widen = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(depth))
        self.narrow = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(depth))
        self.leave = nn.Linear(width, n_inputs)
        for layer in (*self.modulations, self.leave):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, vectors: Tensor, condition: Tensor) -> Tensor:
        """Give vectors (b, n_inputs)."""
        condition = functional.silu(condition)
        hidden = self.enter(vectors)
        for modulation, widen, narrow in zip(self.modulations, self.widen, self.narrow, strict=True):
            scale, shift, gate = modulation(condition).chunk(3, dim=-1)
            normal = functional.layer_norm(hidden, hidden.shape[-1:]) * (1 + scale) + shift
            hidden = hidden + gate * narrow(functional.silu(widen(normal)))
        return self.leave(functional.layer_norm(hidden, hidden.shape[-1:]))
