"""Random views of images: changes that leave what an image shows as it is."""

from __future__ import annotations

import math

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Tensor
from torch.nn import functional

__all__ = ["mirrors_belong", "random_view"]

TURN = 0.17
SHIFT = 0.12
ZOOM = 0.15


def random_view(images: Tensor, generator: torch.Generator, *, mirrored: bool) -> Tensor:
    """Give one changed view of each image.

    Parameters
    ----------
    images : (b, C, H, W) in [-1, 1].
    generator : source of randomness.
    mirrored : whether half of the views are mirrored left to right.

    Returns
    -------
    (b, C, H, W): turned by at most 10 degrees, shifted by at most 12 % of the side, zoomed by at most 15 %, contrast and
    brightness changed, one square patch of up to a third of the side hidden.
    """
    b, device = len(images), images.device
    chance = torch.rand(8, b, generator=generator).to(device)
    angle = (2 * chance[0] - 1) * TURN
    zoom = 1 + (2 * chance[1] - 1) * ZOOM
    flip = torch.where(chance[2] < 0.5, -1.0, 1.0) if mirrored else torch.ones(b, device=device)
    shift = (2 * chance[3:5] - 1) * 2 * SHIFT
    rows = [
        torch.stack([flip * zoom * angle.cos(), -zoom * angle.sin(), shift[0]], dim=1),
        torch.stack([flip * zoom * angle.sin(), zoom * angle.cos(), shift[1]], dim=1),
    ]
    grid = functional.affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    views = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    contrast, brightness = 0.6 + 0.8 * chance[5], 0.4 * (chance[6] - 0.5)
    views = views * contrast[:, None, None, None] + brightness[:, None, None, None]
    return views * _patch_mask(images, generator)


def _patch_mask(images: Tensor, generator: torch.Generator) -> Tensor:
    """Zeros in one random square of each image, ones elsewhere: (b, 1, H, W)."""
    b, _, height, width = images.shape
    chance = torch.rand(3, b, 1, 1, 1, generator=generator).to(images.device)
    side = chance[2] / 3
    y = (torch.arange(height, device=images.device) / height).view(1, 1, -1, 1)
    x = (torch.arange(width, device=images.device) / width).view(1, 1, 1, -1)
    inside = ((y - chance[0]).abs() < side / 2) & ((x - chance[1]).abs() < side / 2)
    return (~inside).float()


def mirrors_belong(pixels: np.ndarray, *, seed: int = 0) -> bool:
    """Say whether mirror images lie on the manifold of the images.

    They do if a mirrored image is about as close to its nearest other image as an image is: the median of the ratio of
    both distances is at most 1.05, in 32 principal components of up to 4,000 images.

    Parameters
    ----------
    pixels : uint8 (n, H, W, C).
    seed : of the choice of images.
    """
    chosen = np.sort(np.random.default_rng(seed).permutation(len(pixels))[:4000])
    if len(chosen) < 20:
        return False
    flat = np.asarray(pixels[chosen], dtype=np.float32) / 255
    components = PCA(min(32, len(chosen) - 1, math.prod(flat.shape[1:])), random_state=seed)
    rows = components.fit_transform(flat.reshape(len(flat), -1))
    mirrored = components.transform(flat[:, :, ::-1].reshape(len(flat), -1))
    probes = np.arange(min(1000, len(rows)))
    own = _nearest_other(rows[probes], rows, probes)
    other = _nearest_other(mirrored[probes], rows, probes)
    return bool(np.median(other / np.maximum(own, 1e-6)) <= 1.05)


def _nearest_other(queries: np.ndarray, rows: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Distance (b,) from each query to its nearest row except its own."""
    squares = (queries**2).sum(1)[:, None] + (rows**2).sum(1)[None] - 2 * queries @ rows.T
    squares[np.arange(len(queries)), own] = np.inf
    return np.sqrt(np.maximum(squares.min(axis=1), 0))
