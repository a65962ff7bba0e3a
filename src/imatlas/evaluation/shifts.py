"""Nearest images under small shifts and mirroring, for finding copies that were nudged or flipped.

The middle of every image (2 pixels off each side, on images brought to at most 32 pixels a side and mildly blurred) is
compared with every window of that size in the query and in its mirror image, 50 in all; the least distance counts. A
window holds only what is in the query, so nothing is made up at the border. It is worked out in two steps: 9 windows a
side, as 8 x 8 thumbnails, choose 40 candidates per query by one matrix product each; all windows follow on those alone.
No window lies further than one pixel from one of the 9, a step which a thumbnail hardly sees.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from imatlas.evaluation.nearest import row_blocks
from imatlas.evaluation.relative import usual_distances

__all__ = [
    "candidate_rows",
    "middles",
    "nearest_shifted",
    "reach_of",
    "reduced",
    "squared_lengths",
    "thumbnails",
    "usual_differences",
    "windows",
]

LARGEST_SIDE = 32
THUMBNAIL_SIDE = 8
N_CANDIDATES = 40
N_VARIANTS = 50


def nearest_shifted(
    queries: np.ndarray, images: np.ndarray, usual: np.ndarray | None = None, *, n_neighbors: int = 10, flips: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest images of each query under shifts of up to 2 pixels (1 below 16 pixels a side) and flips.

    Parameters
    ----------
    queries : uint8 (q, H, W, C).
    images : uint8 (n, H, W, C).
    usual : (n,), above 0: distances count relative to these; all alike by default.
    n_neighbors : k; lowered to n.
    flips : whether a mirrored image counts as the same.

    Returns
    -------
    float32 (q, k) distances in units of gray levels (root mean square difference, in [0, 1]) or relative ones, rising, and
    int64 (q, k) image rows.
    """
    reach = reach_of(images)
    small = middles(reduced(images), reach)  # (n, C, h, w)
    coarse = thumbnails(small).flatten(1)  # (n, e)
    k = min(n_neighbors, len(small))
    n_kept = min(max(N_CANDIDATES, k), len(small))
    scales = torch.ones(len(small)) if usual is None else torch.from_numpy(usual.astype(np.float32))
    distances, rows = np.empty((len(queries), k), dtype=np.float32), np.empty((len(queries), k), dtype=np.int64)
    for block in row_blocks(len(queries), len(small)):
        queried = reduced(queries[block])
        seen = thumbnails(windows(queried, reach, step=reach, flips=flips))  # (b, v, C, 8, 8)
        candidates = candidate_rows(seen.flatten(2), coarse, n_kept, scales=scales)  # (b, c)
        found = torch.cat(
            [
                _least_distances(windows(queried[part], reach, flips=flips), small[candidates[part]])
                for part in row_blocks(len(queried), (n_kept + N_VARIANTS) * small[0].numel())
            ]
        )  # (b, c)
        found /= scales[candidates]
        order = found.argsort(dim=1, stable=True)[:, :k]
        distances[block] = found.gather(1, order).numpy()
        rows[block] = candidates.gather(1, order).numpy()
    return distances, rows


def reduced(pixels: np.ndarray) -> torch.Tensor:
    """Bring images to float (b, C, h, w) in [0, 1], sides at most 32, blurred by [1 2 1] x [1 2 1] / 16."""
    parts = []
    for block in row_blocks(len(pixels), int(np.prod(pixels.shape[1:]))):
        images = torch.from_numpy(np.array(pixels[block])).permute(0, 3, 1, 2).float() / 255
        longest = max(images.shape[2:])
        if longest > LARGEST_SIDE:
            sides = [max(1, round(side * LARGEST_SIDE / longest)) for side in images.shape[2:]]
            images = functional.interpolate(images, size=sides, mode="area")
        tap = torch.tensor([1.0, 2.0, 1.0]) / 4
        kernel = torch.outer(tap, tap).expand(images.shape[1], 1, 3, 3)
        padded = functional.pad(images, (1, 1, 1, 1), mode="replicate")
        parts.append(functional.conv2d(padded, kernel, groups=images.shape[1]))
    return torch.cat(parts)


def thumbnails(images: torch.Tensor) -> torch.Tensor:
    """Give 8 x 8 means (..., C, 8, 8) of images (..., C, h, w)."""
    return functional.adaptive_avg_pool2d(images.flatten(0, -4), THUMBNAIL_SIDE).unflatten(0, images.shape[:-3])


def reach_of(pixels: np.ndarray) -> int:
    """Give the pixels an image may be shifted by: 2, or 1 or 0 where images are so small that little would be left."""
    shortest = min(pixels.shape[1:3]) * min(1.0, LARGEST_SIDE / max(pixels.shape[1:3]))
    return 2 if shortest >= 16 else 1 if shortest >= 6 else 0


def middles(images: torch.Tensor, reach: int) -> torch.Tensor:
    """Cut `reach` pixels off each side of images (b, C, h, w)."""
    height, width = images.shape[2:]
    return images[:, :, reach : height - reach, reach : width - reach].contiguous()


def windows(images: torch.Tensor, reach: int, *, step: int = 1, flips: bool = True) -> torch.Tensor:
    """Give (b, v, C, h, w): every step-th window of the size of the middle, then those of the mirror images."""
    height, width = (side - 2 * reach for side in images.shape[2:])
    whole = torch.stack([images, images.flip(3)] if flips else [images], dim=1)
    cut = whole.unfold(3, height, max(1, step)).unfold(4, width, max(1, step))  # (b, 1 or 2, C, s, s, h, w)
    return cut.permute(0, 1, 3, 4, 2, 5, 6).flatten(1, 3)


def usual_differences(queries: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Give how far each image (n, H, W, C) usually is from the queries (q, H, W, C), not shifted: float64 (n,)."""
    reach = reach_of(images)
    left, right = (middles(reduced(pixels), reach).flatten(1).numpy() for pixels in (queries, images))
    return usual_distances(left, right) / np.sqrt(left.shape[1])


def candidate_rows(
    queries: torch.Tensor, rows: torch.Tensor, n_kept: int, *, scales: torch.Tensor | None = None
) -> torch.Tensor:
    """Give the rows (n, e) nearest to any of the v versions of each query (b, v, e): int64 (b, n_kept), rising.

    Distances count relative to the scales (n,), if given.
    """
    squares = rows.square().sum(dim=1)
    least = torch.full((len(queries), len(rows)), torch.inf)
    scratch = torch.empty_like(least)
    for version in queries.unbind(1):
        torch.addmm(squares, version, rows.T, alpha=-2.0, out=scratch)
        scratch += version.square().sum(dim=1, keepdim=True)
        torch.minimum(least, scratch, out=least)
    if scales is not None:
        least /= scales.square()
    return least.topk(n_kept, dim=1, largest=False, sorted=False).indices.sort(dim=1).values


def squared_lengths(rows: torch.Tensor) -> torch.Tensor:
    """Give the squares of the lengths of the last axis."""
    return torch.linalg.vector_norm(rows, dim=-1).square_()


def _least_distances(versions: torch.Tensor, candidates: torch.Tensor) -> torch.Tensor:
    """Give root mean square differences (b, c) of windows (b, v, C, h, w) and candidates (b, c, C, h, w)."""
    variants, flat = versions.flatten(2), candidates.flatten(2)  # (b, v, p), (b, c, p)
    centre = flat.mean(dim=(1, 2), keepdim=True)
    variants -= centre
    flat -= centre
    products = torch.bmm(variants, flat.transpose(1, 2))  # (b, v, c)
    squares = squared_lengths(variants)[:, :, None] + squared_lengths(flat)[:, None] - 2 * products
    best = squares.argmin(dim=1)  # (b, c)
    # The winner's distance is computed anew without cancellation, so that an exact copy is at distance zero.
    chosen = variants.gather(1, best[:, :, None].expand(-1, -1, variants.shape[2]))
    return (chosen - flat).square().mean(dim=2).sqrt()
