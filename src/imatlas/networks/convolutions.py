"""Convolutional halves of autoencoders and encoders: images to vectors and back, for any size divisible by 4."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

__all__ = ["Drawer", "Reader", "n_halvings", "plan_scales"]

NORM_GROUPS = 8


def n_halvings(size: int) -> int:
    """How often a side is halved by convolutions: until 7 or fewer pixels, or an odd number of them, are left."""
    count = 0
    while size % 2 == 0 and size > 7:
        size //= 2
        count += 1
    return count


def plan_scales(image_shape: tuple[int, int, int], width: int) -> tuple[list[int], int]:
    """Give the channels of each scale, finest first, and the side of the coarsest, for pixels folded 2 x 2 into channels."""
    if width % NORM_GROUPS or width < NORM_GROUPS:
        raise ValueError(f"The width of the convolutions is {width}; wanted a multiple of {NORM_GROUPS}, such as 32.")
    folded = image_shape[1] // 2
    count = n_halvings(folded)
    return [width, *[2 * width] * count], folded >> count


class Reader(nn.Module):
    """Images (b, C, H, W) to vectors (b, n_outputs).

    Pixels are first folded 2 x 2 into channels: no layer works at full resolution, where most of the time would go.

    Parameters
    ----------
    image_shape : (C, H, W), H = W divisible by 4.
    n_outputs : length of the vectors.
    width : channels of the first layer, a multiple of 8; twice as many after it.
    """

    def __init__(self, image_shape: tuple[int, int, int], n_outputs: int, *, width: int) -> None:
        super().__init__()
        widths, side = plan_scales(image_shape, width)
        layers: list[nn.Module] = [nn.PixelUnshuffle(2), nn.Conv2d(4 * image_shape[0], widths[0], 3, padding=1)]
        for before, after in pairwise(widths):
            layers += [_norm(before), nn.SiLU(), nn.Conv2d(before, after, 4, stride=2, padding=1)]
        layers += [_Residual(widths[-1]), _norm(widths[-1]), nn.SiLU(), nn.Flatten()]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1] * side * side, n_outputs))

    def forward(self, images: Tensor) -> Tensor:
        """Give vectors (b, n_outputs)."""
        return self.layers(images.contiguous(memory_format=torch.channels_last))


class Drawer(nn.Module):
    """Vectors (b, n_inputs) to images (b, C, H, W), unbounded; the mirror of `Reader`."""

    def __init__(self, image_shape: tuple[int, int, int], n_inputs: int, *, width: int) -> None:
        super().__init__()
        widths, self.side = plan_scales(image_shape, width)
        widths = widths[::-1]
        self.first = nn.Linear(n_inputs, widths[0] * self.side * self.side)
        layers: list[nn.Module] = [_Residual(widths[0])]
        for before, after in pairwise(widths):
            layers += [_norm(before), nn.SiLU(), nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)]
        layers += [_norm(widths[-1]), nn.SiLU(), nn.Conv2d(widths[-1], 4 * image_shape[0], 3, padding=1), nn.PixelShuffle(2)]
        self.layers = nn.Sequential(*layers)

    def forward(self, vectors: Tensor) -> Tensor:
        """Give images (b, C, H, W)."""
        first = self.first(vectors).unflatten(1, (-1, self.side, self.side))
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
