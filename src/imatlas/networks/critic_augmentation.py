"""Changes of images whose gradients pass through: brightness, saturation, contrast, a shift, a hidden square.

A critic that only ever sees changed images, real and drawn changed by the same law, cannot learn real ones by heart, and
since the law is shared, what is learned are the unchanged images (Zhao et al. 2020, "Differentiable augmentation for
data-efficient GAN training", arXiv 2006.10738, eq. 5 and section 3.3).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["changed_alike"]

SHIFTED, HIDDEN = 1 / 8, 1 / 2
BRIGHTER = 0.5


def changed_alike(images: Tensor, generator: torch.Generator) -> Tensor:
    """Change both halves of a batch by the same draws.

    Parameters
    ----------
    images : (2 b, C, H, W) in [-1, 1]; row i and row b + i are changed in the same way.
    generator : source of the draws.

    Returns
    -------
    (2 b, C, H, W); brightness by up to +-0.5, saturation times 0 to 2 (colour images), contrast times 0.5 to 1.5, shifts by
    up to an eighth of the side, a square of half the side set to 0.
    """
    b, size = len(images) // 2, images.shape[-1]

    def draw(low: float, high: float) -> Tensor:
        values = low + (high - low) * torch.rand(b, generator=generator)
        return values.to(images.device).repeat(2)[:, None, None, None]

    images = images + draw(-BRIGHTER, BRIGHTER)
    if images.shape[1] > 1:
        gray = images.mean(dim=1, keepdim=True)
        images = gray + draw(0, 2) * (images - gray)
    level = images.mean(dim=(1, 2, 3), keepdim=True)
    images = level + draw(0.5, 1.5) * (images - level)
    most = round(size * SHIFTED)
    images = _shifted(images, draw(-most, most + 1).floor().long(), draw(-most, most + 1).floor().long(), most)
    return images * _holes(size, draw(0, size).long(), draw(0, size).long())


def _shifted(images: Tensor, down: Tensor, right: Tensor, most: int) -> Tensor:
    """Shift images by whole pixels; what comes in at the edges is 0."""
    size = images.shape[-1]
    places = torch.arange(size, device=images.device)
    rows = (places[None] - down[:, 0, 0] + most).clamp(0, size + 2 * most - 1)  # (2 b, H)
    columns = (places[None] - right[:, 0, 0] + most).clamp(0, size + 2 * most - 1)
    padded = functional.pad(images, (most, most, most, most))
    batch = torch.arange(len(images), device=images.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[batch, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _holes(size: int, down: Tensor, right: Tensor) -> Tensor:
    """Give masks (2 b, 1, H, W) that are 0 in a square of half the side around a place, and 1 elsewhere."""
    places = torch.arange(size, device=down.device)
    reach = size * HIDDEN / 2
    rows, columns = (places - down[:, 0, 0]).abs() < reach, (places - right[:, 0, 0]).abs() < reach  # (2 b, H), (2 b, W)
    return (~(rows[:, None, :, None] & columns[:, None, None, :])).float()
