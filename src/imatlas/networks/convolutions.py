"""Convolutional halves of autoencoders and encoders: images to vectors and back, for any size divisible by 4."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

__all__ = ["Drawer", "Reader", "n_halvings"]

NORM_GROUPS = 8


def n_halvings(size: int) -> int:
    """How often an image side is halved on the way to a code: until 4 to 8 pixels are left (28 -> 7, 32 -> 4, 64 -> 4)."""
    count = 0
    while size % 2 == 0 and size > 7:
        size //= 2
        count += 1
    return count


def _widths(channels_first: int, size: int) -> list[int]:
    if channels_first % NORM_GROUPS or channels_first < NORM_GROUPS:
        raise ValueError(f"The width of the convolutions is {channels_first}; wanted a multiple of {NORM_GROUPS}, such as 32.")
    return [channels_first * min(4, 2**level) for level in range(n_halvings(size) + 1)]


class Reader(nn.Module):
    """Images (b, C, H, W) to vectors (b, n_outputs).

    Parameters
    ----------
    image_shape : (C, H, W), H = W divisible by 4.
    n_outputs : length of the vectors.
    width : channels after the first layer, a multiple of 8; doubled twice at most.
    """

    def __init__(self, image_shape: tuple[int, int, int], n_outputs: int, *, width: int) -> None:
        super().__init__()
        channels, size, _ = image_shape
        widths = _widths(width, size)
        layers: list[nn.Module] = [nn.Conv2d(channels, widths[0], 3, padding=1)]
        for before, after in pairwise(widths):
            layers += [_norm(before), nn.SiLU(), nn.Conv2d(before, after, 4, stride=2, padding=1)]
        layers += [_Residual(widths[-1]), _norm(widths[-1]), nn.SiLU(), nn.Flatten()]
        side = size >> n_halvings(size)
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1] * side * side, n_outputs))

    def forward(self, images: Tensor) -> Tensor:
        """Give vectors (b, n_outputs)."""
        return self.layers(images.contiguous(memory_format=torch.channels_last))


class Drawer(nn.Module):
    """Vectors (b, n_inputs) to images (b, C, H, W), unbounded; the mirror of `Reader`."""

    def __init__(self, image_shape: tuple[int, int, int], n_inputs: int, *, width: int) -> None:
        super().__init__()
        channels, size, _ = image_shape
        widths = _widths(width, size)[::-1]
        self.side = size >> n_halvings(size)
        self.first = nn.Linear(n_inputs, widths[0] * self.side * self.side)
        layers: list[nn.Module] = [_Residual(widths[0])]
        for before, after in pairwise(widths):
            layers += [_norm(before), nn.SiLU(), nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)]
        self.layers = nn.Sequential(*layers, _norm(widths[-1]), nn.SiLU(), nn.Conv2d(widths[-1], channels, 3, padding=1))

    def forward(self, vectors: Tensor) -> Tensor:
        """Give images (b, C, H, W)."""
        first = self.first(vectors).view(len(vectors), -1, self.side, self.side)
        return self.layers(first.contiguous(memory_format=torch.channels_last))


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _norm(width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
            _norm(width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, maps: Tensor) -> Tensor:
        return maps + self.layers(maps)


def _norm(width: int) -> nn.Module:
    return nn.GroupNorm(NORM_GROUPS, width)
