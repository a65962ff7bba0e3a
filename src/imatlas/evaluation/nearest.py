"""The nearest rows of one matrix to the rows of another, exact, in memory that grows with one side only.

`neighbors.ExactSearch` finds a few more rows than asked for, certified under float32 differences whatever the precision of
its screen; their distances are computed anew as sum_i (x_i - y_i)^2 in float64 from the rows as they came, and these
decide. Features that are not float32 are searched after their common mean was taken off, so that a large one costs no digits.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from imatlas.neighbors.exact import ExactSearch
from imatlas.neighbors.workers import map_blocks

__all__ = [
    "exact_distances",
    "float32_pair",
    "nearest_of_candidates",
    "nearest_rows",
    "row_blocks",
    "some_rows",
    "without_self",
]

# 16 MB of float32: larger blocks are handed back to the system after each step and paged in anew.
BLOCK_ENTRIES = 4_000_000
# 1 MB of float64: differences that stay in a core's own cache.
PAIR_ENTRIES = 131_072
SPARE_CANDIDATES = 4


def row_blocks(n_rows: int, width: int, *, entries: int | None = None) -> Iterator[slice]:
    """Cut rows into slices so that one block of (rows, width) stays below so many entries, 4 million by default."""
    step = max(1, (entries or BLOCK_ENTRIES) // max(1, width))
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))


def float32_pair(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give both matrices in float32, after taking the mean of the first off both if they are not so already."""
    if first.dtype == second.dtype == np.float32:
        return np.ascontiguousarray(first), np.ascontiguousarray(second)
    centre = np.mean(first, axis=0, dtype=np.float64)
    return (first - centre).astype(np.float32), (second - centre).astype(np.float32)


def exact_distances(left: np.ndarray, left_rows: np.ndarray, right: np.ndarray, right_rows: np.ndarray) -> np.ndarray:
    """Give the distances of pairs of rows, float64 (p,), from their differences: no centring, no cancellation."""
    distances = np.empty(len(left_rows))
    for part in row_blocks(len(left_rows), left.shape[1], entries=PAIR_ENTRIES):
        gaps = left[left_rows[part]].astype(np.float64)
        gaps -= right[right_rows[part]]
        distances[part] = np.sqrt(np.square(gaps, out=gaps).sum(axis=1))
    return distances


def nearest_rows(
    queries: np.ndarray, rows: np.ndarray, *, n_neighbors: int, same: bool = False, low_precision: bool | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest rows of each query.

    Parameters
    ----------
    queries : (q, d) float.
    rows : (n, d) float.
    n_neighbors : k; lowered to what there is.
    same : True when both are the same matrix and a row is not its own neighbor.
    low_precision : propose candidates in bfloat16; None measures once which is faster. The answer is the same.

    Returns
    -------
    float64 (q, k) distances, rising, and int64 (q, k) row numbers; ties by row number.
    """
    available = len(rows) - int(same)
    k, kept = min(n_neighbors, available), min(n_neighbors + SPARE_CANDIDATES, available)
    distances, indices = np.empty((len(queries), k)), np.empty((len(queries), k), dtype=np.int64)
    if k == 0:
        return distances, indices
    right, left = float32_pair(rows, queries)
    search = ExactSearch(right, low_precision=low_precision)

    def answer(block: slice) -> None:
        numbers = np.arange(block.start, block.stop)
        found = search.nearest(left[block], kept, own=numbers if same else None)[0]
        distances[block], indices[block] = nearest_of_candidates(queries, block, rows, found, k)

    map_blocks(answer, search.blocks(len(left)))
    return distances, indices


def nearest_of_candidates(
    queries: np.ndarray, block: slice, rows: np.ndarray, found: np.ndarray, k: int, *, usual: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the k nearest of some candidates (b, c) for a block of queries, by exact distances; ties by row number.

    Distances count relative to the usual ones of the rows (n,), if given.
    """
    found = np.sort(found, axis=1)
    asked = np.repeat(np.arange(block.start, block.stop), found.shape[1])
    exact = exact_distances(queries, asked, rows, found.ravel()).reshape(found.shape)
    if usual is not None:
        exact /= usual[found]
    order = np.argsort(exact, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(exact, order, axis=1), np.take_along_axis(found, order, axis=1)


def some_rows(n_rows: int, most: int) -> np.ndarray:
    """Choose rows at random, always the same, if there are more than can be looked at: int64, rising, at most so many."""
    return np.sort(np.random.default_rng(0).permutation(n_rows)[:most])


def without_self(distances: np.ndarray, found: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Take rows (q,) themselves out of their own neighbors (q, k + 1), or the last where ties kept them out; gives (q, k)."""
    others = found != rows[:, None]
    others[others.all(axis=1), -1] = False
    return distances[others].reshape(len(rows), -1), found[others].reshape(len(rows), -1)
