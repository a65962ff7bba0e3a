"""A small transformer on large image patches, steered by a condition vector.

Few tokens and wide matrix products are what two cores with bf16 units do fastest, and predicting the clean image keeps
large patches trainable (Li & He 2025, "Back to basics", arXiv 2511.13720). Every block is modulated by the condition
through one shared projection plus a bias of its own (adaLN-Zero, Peebles & Xie 2023, arXiv 2212.09748):
y = x + g * f((1 + s) * norm(x) + b) with (s, b, g) a linear function of the condition, zero at the start.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["PatchTransformer"]


class PatchTransformer(nn.Module):
    """Maps images and condition vectors to images of the same size.

    Parameters
    ----------
    channels_in, channels_out, size : shapes (channels_in, size, size) and (channels_out, size, size).
    patch : side of a patch in pixels; must divide `size`. Larger is faster and coarser.
    width : numbers per token, a multiple of 32.
    depth : number of blocks.
    """

    def __init__(self, channels_in: int, channels_out: int, size: int, *, patch: int, width: int, depth: int) -> None:
        super().__init__()
        if size % patch:
            raise ValueError(f"Patches of {patch} pixels do not tile an image of {size}; choose a divisor of {size}.")
        if width % 32 or width < 32:
            raise ValueError(f"The width of the transformer is {width}; wanted a multiple of 32, such as 256.")
        self.channels_out, self.size, self.patch = channels_out, size, patch
        side = size // patch
        self.embed = nn.Linear(channels_in * patch * patch, width)
        self.places = nn.Parameter(torch.randn(1, side * side, width) * 0.02)
        self.modulation = nn.Linear(width, 6 * width)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(depth))
        self.last = nn.Linear(width, 2 * width)
        self.draw = nn.Linear(width, channels_out * patch * patch)
        mend = nn.Conv2d(16, channels_out, 3, padding=1)
        self.refine = nn.Sequential(nn.Conv2d(channels_in + channels_out, 16, 3, padding=1), nn.SiLU(), mend)
        for layer in (self.modulation, self.last, self.draw, mend):
            for values in layer.parameters():
                nn.init.zeros_(values)

    def forward(self, images: Tensor, condition: Tensor) -> Tensor:
        """Give images (b, channels_out, H, W) from images (b, channels_in, H, W) and conditions (b, width)."""
        condition = functional.silu(condition)
        shared = self.modulation(condition)  # (b, 6 width)
        tokens = self.embed(self._to_patches(images)) + self.places  # (b, t, width)
        for block in self.blocks:
            tokens = block(tokens, shared)
        scale, shift = self.last(condition)[:, None].chunk(2, dim=-1)
        tokens = functional.layer_norm(tokens, tokens.shape[-1:]) * (1 + scale) + shift
        coarse = self._from_patches(self.draw(tokens))
        return coarse + self.refine(torch.cat([coarse, images.to(coarse.dtype)], dim=1))

    def _to_patches(self, images: Tensor) -> Tensor:
        b, side, p = images.shape[0], self.size // self.patch, self.patch
        grid = images.reshape(b, -1, side, p, side, p)
        return grid.permute(0, 2, 4, 1, 3, 5).reshape(b, side * side, -1)  # (b, t, C p p)

    def _from_patches(self, tokens: Tensor) -> Tensor:
        b, side, p = tokens.shape[0], self.size // self.patch, self.patch
        grid = tokens.reshape(b, side, side, self.channels_out, p, p)
        return grid.permute(0, 3, 1, 4, 2, 5).reshape(b, self.channels_out, self.size, self.size)


class _Block(nn.Module):
    """Attention and a gated MLP, both modulated."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = next(heads for heads in range(max(1, width // 64), 0, -1) if width % heads == 0)
        hidden = 64 * round(width * 8 / 3 / 64)
        self.bias = nn.Parameter(torch.zeros(6 * width))
        self.project = nn.Linear(width, 3 * width)
        self.attended = nn.Linear(width, width)
        self.widen = nn.Linear(width, 2 * hidden)
        self.narrow = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor, shared: Tensor) -> Tensor:
        scale_a, shift_a, gate_a, scale_m, shift_m, gate_m = (shared + self.bias)[:, None].chunk(6, dim=-1)
        normal = functional.layer_norm(tokens, tokens.shape[-1:]) * (1 + scale_a) + shift_a
        tokens = tokens + gate_a * self._attend(normal)
        normal = functional.layer_norm(tokens, tokens.shape[-1:]) * (1 + scale_m) + shift_m
        gate, value = self.widen(normal).chunk(2, dim=-1)
        return tokens + gate_m * self.narrow(functional.silu(gate) * value)

    def _attend(self, tokens: Tensor) -> Tensor:
        b, t, width = tokens.shape
        q, k, v = self.project(tokens).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)  # (b, h, t, width / h)
        q, k = functional.layer_norm(q, q.shape[-1:]), functional.layer_norm(k, k.shape[-1:])
        # The fused kernel's backward pass is 20 times slower than plain products for few tokens on a CPU.
        weights = torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5, dim=-1)  # (b, h, t, t)
        attended = weights.to(v.dtype) @ v
        return self.attended(attended.transpose(1, 2).reshape(b, t, width))
