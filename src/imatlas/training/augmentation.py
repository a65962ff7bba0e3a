"""Changes of training images that do not leak into what is drawn, for sets too small to show all there is.

An image is mirrored, zoomed or shifted, each with a small probability, and the network is told by how much, as a condition
that is never dropped; it is zero for an unchanged image, and for every image that is drawn. The network so learns from
changed images what images are like, and draws unchanged ones. Where mirror images are images of the set anyway, half of each
batch is mirrored and nothing need be told.

References
----------
Karras et al. 2022, "Elucidating the design space of diffusion-based generative models", arXiv 2206.00364, appendix F.2
(the changes, their sizes and their probability); Jun et al. 2020, "Distribution augmentation", ICML (telling the network).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from imatlas.values import Field

__all__ = ["AUGMENTATION", "changed", "half_mirrored"]

AUGMENTATION = Field("augmentation", "change", 4)
"""Mirrored (0 or 1), zoom, shift to the right and down, the last three in units of their usual size."""

CHANCE = 0.12
ZOOM, SHIFT = 0.2, 0.125


def half_mirrored(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Mirror each of some images (b, C, H, W) left to right with probability one half."""
    flips = torch.from_numpy(rng.random(len(images)) < 0.5).to(images.device)
    return torch.where(flips[:, None, None, None], images.flip(-1), images)


def changed(images: Tensor, rng: np.random.Generator, *, mirrors: bool) -> tuple[Tensor, np.ndarray]:
    """Change some of the images, and say how.

    Parameters
    ----------
    images : (b, C, H, W).
    rng : source of randomness.
    mirrors : whether mirroring is among the changes; not where mirror images belong to the set.

    Returns
    -------
    Images (b, C, H, W), of which those without a change are the same bits, and float32 (b, 4) of the field `AUGMENTATION`:
    each change is made with probability 0.12; a zoom is 2^(0.2 n), a shift n eighths of the side along each axis, n normal.
    """
    b = len(images)
    is_made = (rng.random((b, 3)) < CHANCE) & np.array([mirrors, True, True])
    zoom, right, down = rng.standard_normal((3, b))
    made = np.stack([is_made[:, 0], is_made[:, 1] * zoom, is_made[:, 2] * right, is_made[:, 2] * down], axis=1)
    values = made.astype(np.float32)
    some = np.flatnonzero(values.any(axis=1))
    if not len(some):
        return images, values
    result = images.clone()
    result[some] = _moved(images[some], torch.from_numpy(values[some]).to(images.device))
    return result, values


def _moved(images: Tensor, values: Tensor) -> Tensor:
    """Images mirrored, zoomed about their middle and shifted; what comes in at the edges repeats the edge."""
    mirror, scale = 1 - 2 * values[:, 0], torch.exp2(-ZOOM * values[:, 1])
    zero = torch.zeros_like(scale)
    # The grid says where each place of the result comes from, in sides of 2.
    right, down = -2 * SHIFT * values[:, 2] * mirror * scale, -2 * SHIFT * values[:, 3] * scale
    rows = torch.stack([torch.stack([mirror * scale, zero, right], dim=1), torch.stack([zero, scale, down], dim=1)], dim=1)
    grid = functional.affine_grid(rows, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
