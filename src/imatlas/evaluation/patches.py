"""Nearest images where only a part need agree, for finding copies of a part: half an image, or its middle on new ground.

Images are prepared as in `shifts.py` (small, mildly blurred, under small shifts and mirroring) and cut into 4 x 4 patches.
With D_p(i) the difference of patch p of a query and of image i, and u_p what is usual for that patch, the mean of the
2nd to 10th least of them, the partial distance lets no patch count for more than is usual:

    partial distance(i) = sum_p min(D_p(i), u_p) / sum_p u_p .

It is 1 where nothing agrees and 1 - f where a share f of the image is a copy, whatever the rest shows. A flat patch (empty
ground) has u_p = 0 and weighs nothing. Candidates are the nearest of the whole image, of its quarters and of its centre.
"""

from __future__ import annotations

import numpy as np
import torch

from imatlas.checks import InputError
from imatlas.evaluation.nearest import row_blocks
from imatlas.evaluation.shifts import candidate_rows, middles, reach_of, reduced, squared_lengths, thumbnails, windows

__all__ = ["nearest_in_parts"]

GRID = 4
N_USUAL = 10
N_WHOLE, N_PART = 20, 8
N_WINDOWS = 50
PARTS = ((0, 0), (0, 4), (4, 0), (4, 4), (2, 2))
"""First row and column of the quarters and the centre, 4 x 4 cells each, in a thumbnail of 8 x 8."""

# A squared difference below this share of both squared lengths is the rounding of float32.
ROUNDING = 2e-6


def nearest_in_parts(queries: np.ndarray, images: np.ndarray, *, n_neighbors: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Find the images that agree best with a part of each query, under shifts of up to 2 pixels and mirroring.

    Parameters
    ----------
    queries : uint8 (q, H, W, C).
    images : uint8 (n, H, W, C).
    n_neighbors : k, at most 20; lowered to n.

    Returns
    -------
    float32 (q, k) partial distances in [0, 1], rising, and int64 (q, k) image rows.

    Raises
    ------
    InputError
        If an image is less than 4 pixels high or wide once its longer side is at most 32.
    """
    reach = reach_of(images)
    targets = middles(_of_whole_patches(reduced(images), reach), reach)  # (n, C, h, w)
    coarse = thumbnails(targets)  # (n, C, 8, 8)
    k = min(n_neighbors, N_WHOLE, len(targets))
    distances, rows = np.empty((len(queries), k), dtype=np.float32), np.empty((len(queries), k), dtype=np.int64)
    for block in row_blocks(len(queries), len(targets)):
        queried = _of_whole_patches(reduced(queries[block]), reach)
        candidates = _candidates(queried, coarse, reach)  # (b, c)
        entries = GRID**2 * N_WINDOWS * candidates.shape[1] + (N_WINDOWS + candidates.shape[1]) * targets[0].numel()
        for part in row_blocks(len(queried), entries):
            near = candidates[part]
            repeated = torch.zeros_like(near, dtype=torch.bool)
            repeated[:, 1:] = near[:, 1:] == near[:, :-1]
            apart = _patch_distances(windows(queried[part], reach), targets[near])  # (b, p, v, c)
            apart.masked_fill_(repeated[:, None, None], torch.inf)
            found = _partial_distances(apart, min(N_USUAL, len(targets))).masked_fill_(repeated, torch.inf)  # (b, c)
            order = found.argsort(dim=1, stable=True)[:, :k]
            kept = slice(block.start + part.start, block.start + part.stop)
            distances[kept] = found.gather(1, order).numpy()
            rows[kept] = near.gather(1, order).numpy()
    return distances, rows


def _of_whole_patches(images: torch.Tensor, reach: int) -> torch.Tensor:
    """Cut images (b, C, h, w) at the bottom and right so that their middles divide into the grid."""
    height, width = ((side - 2 * reach) // GRID * GRID for side in images.shape[2:])
    if min(height, width) < GRID:
        raise InputError(
            f"Images of {images.shape[2]} x {images.shape[3]} pixels hold no grid of {GRID} x {GRID} patches. "
            "Give larger images, or ones less drawn out."
        )
    return images[:, :, : height + 2 * reach, : width + 2 * reach]


def _candidates(queried: torch.Tensor, coarse: torch.Tensor, reach: int) -> torch.Tensor:
    """Give rows (b, c) among which the best partial agreements lie, rising; some are named more than once."""
    whole = thumbnails(windows(queried, reach, step=reach)).flatten(2)
    found = [candidate_rows(whole, coarse.flatten(1), min(N_WHOLE, len(coarse)))]
    upright = thumbnails(windows(middles(queried, reach), 0))  # (b, 2, C, 8, 8): as it is, and mirrored
    for top, left in PARTS:
        cells = (..., slice(top, top + 4), slice(left, left + 4))
        found.append(candidate_rows(upright[cells].flatten(2), coarse[cells].flatten(1), min(N_PART, len(coarse))))
    return torch.cat(found, dim=1).sort(dim=1).values


def _patch_distances(versions: torch.Tensor, candidates: torch.Tensor) -> torch.Tensor:
    """Give the distances (b, p, v, c) of the patches of windows (b, v, C, h, w) and candidates (b, c, C, h, w)."""
    theirs, ours = _patches(candidates), _patches(versions)  # (b, p, c, e), (b, p, v, e)
    centre = theirs.mean(dim=2, keepdim=True)
    theirs, ours = theirs - centre, ours - centre
    scale = squared_lengths(ours)[..., :, None] + squared_lengths(theirs)[..., None, :]
    squares = scale - 2 * ours @ theirs.transpose(2, 3)
    return torch.where(squares > ROUNDING * scale, squares, 0.0).sqrt_()


def _partial_distances(apart: torch.Tensor, n_usual: int) -> torch.Tensor:
    """Give partial distances (b, c), of the best window each, from patch distances (b, p, v, c)."""
    nearest = apart.amin(dim=2).topk(n_usual, dim=2, largest=False).values  # (b, p, n_usual), rising
    usual = nearest[..., 1:].mean(dim=2)  # (b, p)
    total = torch.minimum(apart, usual[:, :, None, None]).sum(dim=1).amin(dim=1)  # (b, c)
    weight = usual.sum(dim=1, keepdim=True)
    return torch.where(weight > 0, total / weight, torch.zeros_like(total))


def _patches(images: torch.Tensor) -> torch.Tensor:
    """Cut images (b, s, C, h, w) into the patches (b, p, s, e) of the grid."""
    cut = images.unflatten(4, (GRID, -1)).unflatten(3, (GRID, -1))  # (b, s, C, g, h/g, g, w/g)
    return cut.permute(0, 3, 5, 1, 2, 4, 6).flatten(1, 2).flatten(3)
