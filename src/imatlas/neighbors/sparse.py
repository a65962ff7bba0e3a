"""The nearest of sparse rows, exactly, by sparse products in float64.

|x|^2 + |y|^2 - 2 x.y loses about 1e-16 of the squared lengths, which is below what float32 distances show.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

__all__ = ["sparse_nearest", "sparse_search"]


def sparse_search(new: sparse.csr_matrix, old: sparse.csr_matrix, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the k nearest old rows of sparse new rows, int64 (b, k), and squared distances float32 (b, k)."""
    indices = np.empty((new.shape[0], k), dtype=np.int64)
    squared = np.empty((new.shape[0], k), dtype=np.float32)
    for block, found, lengths in sparse_nearest(new, old, k, exclude_own=False):
        indices[block], squared[block] = found, lengths
    return indices, squared


def sparse_nearest(
    new: sparse.csr_matrix, old: sparse.csr_matrix, k: int, *, exclude_own: bool
) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Yield (block, indices, squared distances) of the nearest old rows of sparse new rows.

    With `exclude_own`, new and old are the same rows and none is its own neighbor.
    """
    old_squared = np.asarray(old.multiply(old).sum(axis=1)).ravel()
    new_squared = np.asarray(new.multiply(new).sum(axis=1)).ravel()
    columns = old.T.tocsr()
    step = int(np.clip(2**23 // old.shape[0], 1, 1024))
    for start in range(0, new.shape[0], step):
        block = slice(start, min(start + step, new.shape[0]))
        scores = (new[block] @ columns).toarray()  # (b, n)
        scores = new_squared[block, None] + old_squared[None] - 2 * scores
        scale = new_squared[block, None] + old_squared[None]
        # What cancellation leaves of an exact zero is lifted to zero, so that duplicates are duplicates.
        scores = np.where(scores <= 1e-14 * scale, 0, scores).astype(np.float32)
        if exclude_own:
            scores[np.arange(len(scores)), np.arange(block.start, block.stop)] = np.inf
        order = _least(scores, k)
        yield block, order, np.take_along_axis(scores, order, 1)


def _least(scores: np.ndarray, k: int) -> np.ndarray:
    """Give the columns int64 (b, k) of the k least scores of each row, ties by column."""
    bounds = np.partition(scores, k - 1, axis=1)[:, k - 1]
    order = np.empty((len(scores), k), dtype=np.int64)
    for row, (mine, bound) in enumerate(zip(scores, bounds)):
        near = np.flatnonzero(mine <= bound)
        order[row] = near[np.argsort(mine[near], kind="stable")[:k]]
    return order
