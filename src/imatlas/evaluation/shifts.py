"""Nearest images under small shifts and mirroring, for finding copies that were nudged or flipped.

The distance of two images is the least over shifts of up to 2 pixels each way (on images brought to at most 32 pixels
a side and mildly blurred) and, if asked, a left-right flip. It is worked out in two steps: 9 coarse shifts on 8 x 8
thumbnails choose 40 candidates per query, one matrix product per shift; all 25 shifts on the candidates alone follow
at full size. No shifted candidate is further than one pixel from a coarse shift, which a thumbnail hardly sees.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from imatlas.evaluation.nearest import row_blocks

__all__ = ["nearest_shifted"]

LARGEST_SIDE = 32
THUMBNAIL_SIDE = 8
REACH = 2
N_CANDIDATES = 40
N_VARIANTS = 2 * (2 * REACH + 1) ** 2


def nearest_shifted(
    queries: np.ndarray, images: np.ndarray, *, n_neighbors: int = 10, flips: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest images of each query under shifts of up to 2 pixels and flips.

    Parameters
    ----------
    queries : uint8 (q, H, W, C).
    images : uint8 (n, H, W, C).
    n_neighbors : k; lowered to n.
    flips : whether a mirrored image counts as the same.

    Returns
    -------
    float32 (q, k) distances in units of gray levels (root mean square difference, in [0, 1]), rising, and int64 (q, k)
    image rows.
    """
    small = _reduced(images)  # (n, C, h, w)
    thumbnails = _thumbnails(small)  # (n, e)
    k = min(n_neighbors, len(small))
    n_kept = min(max(N_CANDIDATES, k), len(small))
    distances, rows = np.empty((len(queries), k), dtype=np.float32), np.empty((len(queries), k), dtype=np.int64)
    for block in row_blocks(len(queries), len(small)):
        queried = _reduced(queries[block])
        candidates = _candidates(queried, thumbnails, n_kept, flips)  # (b, c)
        found = torch.cat(
            [
                _least_distances(queried[part], small[candidates[part]], flips)
                for part in row_blocks(len(queried), (n_kept + N_VARIANTS) * small[0].numel())
            ]
        )  # (b, c)
        order = found.argsort(dim=1, stable=True)[:, :k]
        distances[block] = found.gather(1, order).numpy()
        rows[block] = candidates.gather(1, order).numpy()
    return distances, rows


def _reduced(pixels: np.ndarray) -> torch.Tensor:
    """Bring images to float (b, C, h, w) in [0, 1], sides at most 32, blurred by [1 2 1] x [1 2 1] / 16."""
    parts = []
    for block in row_blocks(len(pixels), int(np.prod(pixels.shape[1:]))):
        images = torch.from_numpy(np.ascontiguousarray(pixels[block])).permute(0, 3, 1, 2).float() / 255
        longest = max(images.shape[2:])
        if longest > LARGEST_SIDE:
            sides = [max(1, round(side * LARGEST_SIDE / longest)) for side in images.shape[2:]]
            images = functional.interpolate(images, size=sides, mode="area")
        tap = torch.tensor([1.0, 2.0, 1.0]) / 4
        kernel = torch.outer(tap, tap).expand(images.shape[1], 1, 3, 3)
        padded = functional.pad(images, (1, 1, 1, 1), mode="replicate")
        parts.append(functional.conv2d(padded, kernel, groups=images.shape[1]))
    return torch.cat(parts)


def _thumbnails(images: torch.Tensor) -> torch.Tensor:
    return functional.adaptive_avg_pool2d(images, THUMBNAIL_SIDE).flatten(1)


def _variants(images: torch.Tensor, step: int, flips: bool) -> torch.Tensor:
    """Give (b, v, C, h, w): every shift by multiples of `step` up to REACH pixels, then the mirror images of these."""
    height, width = images.shape[2:]
    padded = functional.pad(images, (REACH,) * 4, mode="replicate")
    whole = torch.stack([padded, padded.flip(3)] if flips else [padded], dim=1)  # (b, 1 or 2, C, h + 4, w + 4)
    windows = whole.unfold(3, height, step).unfold(4, width, step)  # (b, 1 or 2, C, s, s, h, w)
    return windows.permute(0, 1, 3, 4, 2, 5, 6).flatten(1, 3)


def _candidates(queried: torch.Tensor, thumbnails: torch.Tensor, n_kept: int, flips: bool) -> torch.Tensor:
    squares = thumbnails.square().sum(dim=1)
    least = torch.full((len(queried), len(thumbnails)), torch.inf)
    scratch = torch.empty_like(least)
    variants = _variants(queried, REACH, flips)
    for coarse in _thumbnails(variants.flatten(0, 1)).unflatten(0, variants.shape[:2]).unbind(1):
        torch.addmm(squares, coarse, thumbnails.T, alpha=-2.0, out=scratch)
        scratch += coarse.square().sum(dim=1, keepdim=True)
        torch.minimum(least, scratch, out=least)
    return least.topk(n_kept, dim=1, largest=False, sorted=False).indices.sort(dim=1).values


def _least_distances(queried: torch.Tensor, candidates: torch.Tensor, flips: bool) -> torch.Tensor:
    """Give root mean square differences (b, c) of queries (b, C, h, w) and candidates (b, c, C, h, w)."""
    variants = _variants(queried, 1, flips).flatten(2)  # (b, v, p)
    flat = candidates.flatten(2)  # (b, c, p)
    middle = flat.mean(dim=(1, 2), keepdim=True)
    variants -= middle
    flat -= middle
    products = torch.bmm(variants, flat.transpose(1, 2))  # (b, v, c)
    squares = _lengths(variants)[:, :, None] + _lengths(flat)[:, None] - 2 * products
    best = squares.argmin(dim=1)  # (b, c)
    # The winner's distance is computed anew without cancellation, so that an exact copy is at distance zero.
    chosen = variants.gather(1, best[:, :, None].expand(-1, -1, variants.shape[2]))
    return (chosen - flat).square().mean(dim=2).sqrt()


def _lengths(rows: torch.Tensor) -> torch.Tensor:
    return torch.linalg.vector_norm(rows, dim=2).square_()
