"""The nearest rows of one matrix to the rows of another, exact, in memory that grows with one side only.

Squared distances come from one float32 matrix product per block, after both sides were moved by a common centre:
    |x - y|^2 = |x|^2 + |y|^2 - 2 x.y .
This cancels badly for close pairs (an error near 1e-7 |x|^2), so a few more candidates than asked for are kept and
their distances computed anew as sum_i (x_i - y_i)^2 in float64. Memory is O(block x n), never n x m.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

__all__ = ["centred_pair", "exact_distances", "nearest_rows", "row_blocks"]

# 16 MB of float32: larger blocks are handed back to the system after each step and paged in anew.
BLOCK_ENTRIES = 4_000_000
SPARE_CANDIDATES = 8


def row_blocks(n_rows: int, width: int) -> Iterator[slice]:
    """Cut rows into slices so that one block of (rows, width) stays below 4 million entries."""
    step = max(1, BLOCK_ENTRIES // max(1, width))
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))


def centred_pair(first: np.ndarray, second: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Give both matrices in float32 after taking the mean of the first off both, computed in float64."""
    centre = np.mean(first, axis=0, dtype=np.float64)
    return tuple(torch.from_numpy((rows - centre).astype(np.float32)) for rows in (first, second))  # type: ignore


def exact_distances(left: np.ndarray, left_rows: np.ndarray, right: np.ndarray, right_rows: np.ndarray) -> np.ndarray:
    """Give the distances of pairs of rows, float64 (p,), from their differences: no centring, no cancellation."""
    distances = np.empty(len(left_rows))
    for part in row_blocks(len(left_rows), 4 * left.shape[1]):
        gaps = left[left_rows[part]].astype(np.float64) - right[right_rows[part]]
        distances[part] = np.sqrt(np.square(gaps, out=gaps).sum(axis=1))
    return distances


def nearest_rows(
    queries: np.ndarray, rows: np.ndarray, *, n_neighbors: int, same: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest rows of each query.

    Parameters
    ----------
    queries : (q, d) float.
    rows : (n, d) float.
    n_neighbors : k; lowered to what there is.
    same : True when both are the same matrix and a row is not its own neighbor.

    Returns
    -------
    float64 (q, k) distances, rising, and int64 (q, k) row numbers; ties by row number.
    """
    right, left = centred_pair(rows, queries)
    available = len(right) - int(same)
    k = min(n_neighbors, available)
    kept = min(k + SPARE_CANDIDATES, available)
    right_squares = right.square().sum(dim=1)
    distances = np.empty((len(left), k))
    indices = np.empty((len(left), k), dtype=np.int64)
    for block in row_blocks(len(left), len(right)):
        # |x|^2 is the same along a row of the block: it does not change the order and is left out here.
        closeness = torch.addmm(right_squares, left[block], right.T, beta=1.0, alpha=-2.0)  # (b, n)
        if same:
            own = torch.arange(block.start, block.stop)
            closeness[own - block.start, own] = torch.inf
        found = closeness.topk(kept, dim=1, largest=False, sorted=False).indices.sort(dim=1).values  # (b, kept)
        asked = np.repeat(np.arange(block.start, block.stop), kept)
        exact = exact_distances(queries, asked, rows, found.ravel().numpy()).reshape(-1, kept)
        order = np.argsort(exact, axis=1, kind="stable")[:, :k]
        distances[block] = np.take_along_axis(exact, order, axis=1)
        indices[block] = np.take_along_axis(found.numpy(), order, axis=1)
    return distances, indices
