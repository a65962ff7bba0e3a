"""Pixels as the world writes them and images as networks take them: uint8 in [0, 255], float32 in [-1, 1]."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

__all__ = ["to_images", "to_pixels"]


def to_pixels(images: Tensor) -> np.ndarray:
    """Give pixels uint8 (b, H, W, C) of images (b, C, H, W) in [-1, 1]."""
    levels = ((images.float() + 1) * 127.5).round().clamp(0, 255).byte()
    return levels.permute(0, 2, 3, 1).cpu().contiguous().numpy()


def to_images(pixels: np.ndarray) -> Tensor:
    """Give images float32 (b, C, H, W) in [-1, 1] of pixels uint8 (b, H, W, C)."""
    # A copy even of float pixels: torch warns about arrays it could not write to, such as read-only memory maps.
    return torch.from_numpy(np.array(pixels, dtype=np.float32)).permute(0, 3, 1, 2) / 127.5 - 1
