"""A small convolutional network that sees an image at two or three scales, steered by a condition vector.

Where what is left to draw is local (texture, edges), convolutions learn it from far fewer images than attention does.
Pixels are first folded into channels, so that no layer works at full resolution; every block is modulated by the
condition, y = x + conv(silu((1 + s) * norm(conv(silu(norm(x)))) + b)), its last convolution zero at the start
(Ronneberger et al. 2015, arXiv 1505.04597; Dhariwal & Nichol 2021, arXiv 2105.05233).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["UNet"]


class UNet(nn.Module):
    """Maps images and condition vectors to images of the same size.

    Parameters
    ----------
    channels_in, channels_out : image channels.
    width : channels of the finest scale, a multiple of 8; doubled at the coarser one.
    condition_width : length of the condition vector.
    depth : blocks per scale and side.
    fold : side of the pixel squares that are folded into channels; H and W must be divisible by 2 * fold.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        *,
        width: int = 64,
        condition_width: int = 128,
        depth: int = 2,
        fold: int = 2,
    ) -> None:
        super().__init__()
        if width % 8 or width < 8:
            raise ValueError(f"The width of the U-Net is {width}; wanted a multiple of 8, such as 64.")
        wide = 2 * width
        self.fold = fold
        self.enter = nn.Conv2d(fold * fold * channels_in, width, 3, padding=1)
        self.down = nn.ModuleList(_Block(width, condition_width) for _ in range(depth))
        self.coarser = nn.Conv2d(width, wide, 2, stride=2)
        self.middle = nn.ModuleList(_Block(wide, condition_width) for _ in range(depth))
        self.finer = nn.Conv2d(wide, 4 * width, 1)
        self.join = nn.Conv2d(2 * width, width, 1)
        self.up = nn.ModuleList(_Block(width, condition_width) for _ in range(depth))
        self.leave = nn.Conv2d(width, fold * fold * channels_out, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor, condition: Tensor) -> Tensor:
        """Give images (b, channels_out, H, W) from images (b, channels_in, H, W), H and W divisible by 2 * fold."""
        condition = functional.silu(condition)
        folded = functional.pixel_unshuffle(images, self.fold).contiguous(memory_format=torch.channels_last)
        fine = self.enter(folded)  # (b, width, H / 2, W / 2)
        for block in self.down:
            fine = block(fine, condition)
        coarse = self.coarser(fine)  # (b, 2 width, H / 4, W / 4)
        for block in self.middle:
            coarse = block(coarse, condition)
        fine = self.join(torch.cat([fine, functional.pixel_shuffle(self.finer(coarse), 2)], dim=1))
        for block in self.up:
            fine = block(fine, condition)
        return functional.pixel_shuffle(self.leave(functional.silu(fine)), self.fold)


class _Block(nn.Module):
    """Two convolutions around a modulation."""

    def __init__(self, width: int, condition_width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, width)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.modulation = nn.Linear(condition_width, 2 * width)
        self.inner_norm = nn.GroupNorm(8, width, affine=False)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, maps: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.modulation(condition)[:, :, None, None].chunk(2, dim=1)
        inner = self.inner_norm(self.first(functional.silu(self.norm(maps)))) * (1 + scale) + shift
        return maps + self.second(functional.silu(inner))
