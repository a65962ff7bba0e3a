"""Pairs of rows that lie closer than chance would ever bring them.

How close two different rows come by chance depends on the dimension: among 10,000 rows of a plane some pair lies at a
hundredth of the usual distance, in 20 dimensions none at half of it. Where balls fill as r^m, (T_j / T_k)^m of the neighbors
before the k-th are evenly spread on [0, 1]. So of the n (k - 1) neighbors,

    n (k - 1) f^m = chance     lie by chance within f T_k

and f = (chance / (n (k - 1)))^(1 / m) sets the threshold. T_k is the lesser of both rows', m comes from the outer half of
the neighbors, which duplicates hardly touch, and is the lesser of the whole set's and the surroundings'.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from imatlas.checks import require_range
from imatlas.geometry.readings import require_neighbors
from imatlas.values import KnnGraph

__all__ = ["NearDuplicates", "near_duplicates"]


@dataclass(frozen=True)
class NearDuplicates:
    """Rows that are nearly or exactly the same.

    Parameters
    ----------
    pairs : int64 (p, 2), rows i < j, closest relative to their surroundings first, then by row numbers.
    closeness : float32 (p,), distance as a share of the local one, 0 for exact duplicates.
    groups : int64 (n,), rows joined by pairs share a number, largest group 0; -1 = has no near-duplicate.
    """

    pairs: np.ndarray
    closeness: np.ndarray
    groups: np.ndarray

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return int(self.groups.max(initial=-1)) + 1


def near_duplicates(graph: KnnGraph, *, chance: float = 1.0) -> NearDuplicates:
    """Find rows that are nearly the same.

    Parameters
    ----------
    graph : neighbor graph, at least 3 neighbors per row, best 15. More than k copies of one row are found if they are
        exact; if they differ a little they look like a dense place, and more neighbors are needed.
    chance : how many neighbors may pass by chance in the whole set, above 0. More finds looser pairs.

    Returns
    -------
    NearDuplicates; exact duplicates (distance zero) always count.

    Raises
    ------
    InputError
        If the graph has fewer than 3 neighbors.
    ValueError
        If chance is not between 1e-9 and the number of links.
    """
    require_neighbors(graph.n_neighbors, 3, "near-duplicates")
    n, k = graph.indices.shape
    require_range(chance, low=1e-9, high=n * (k - 1), name="chance")
    lengths = graph.lengths
    last = lengths[:, -1]
    scale = np.minimum(last[:, None], last[graph.indices])
    share = np.divide(lengths, scale, out=np.full_like(lengths, np.inf), where=scale > 0)
    share[lengths == 0] = 0
    rows, columns = np.nonzero((lengths == 0) | (share < _thresholds(graph.indices, lengths, last, chance)[:, None]))
    return _joined(rows, graph.indices[rows, columns], share[rows, columns], n)


def _thresholds(indices: np.ndarray, lengths: np.ndarray, last: np.ndarray, chance: float) -> np.ndarray:
    """Give for each row the share of the local distance below which a neighbor is no chance, (n,)."""
    n, k = lengths.shape
    half = (k - 1) // 2
    outer = lengths[:, half:-1]
    usable = (outer > 0) & (outer < last[:, None])
    ratios = np.log(np.divide(last[:, None], outer, out=np.ones_like(outer), where=usable))
    expected = np.cumsum(1 / np.arange(k - 1, half, -1))[::-1]  # of log(T_k / T_j) where m = 1
    sums, counts = ratios.sum(axis=1), (usable * expected).sum(axis=1)
    if not counts.any():
        return np.zeros(n)
    sums, counts = sums + sums[indices].sum(axis=1), counts + counts[indices].sum(axis=1)
    whole = sums.sum() / counts.sum()
    inverse = np.maximum(whole, np.divide(sums, counts, out=np.zeros(n), where=counts > 0))
    return np.exp(inverse * np.log(chance / (n * (k - 1))))


def _joined(rows: np.ndarray, others: np.ndarray, share: np.ndarray, n: int) -> NearDuplicates:
    """Drop pairs told twice, sort them, and join them to groups."""
    low, high = np.minimum(rows, others), np.maximum(rows, others)
    order = np.lexsort((high, low, share))
    _, first = np.unique((low * n + high)[order], return_index=True)
    kept = order[np.sort(first)]
    pairs = np.stack([low[kept], high[kept]], axis=1).astype(np.int64)
    links = sparse.csr_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    labels = connected_components(links, directed=False)[1]
    sizes = np.bincount(labels, minlength=1)
    by_size = np.argsort(-sizes, kind="stable")
    numbers = np.empty(len(sizes), dtype=np.int64)
    numbers[by_size] = np.where(sizes[by_size] > 1, np.arange(len(sizes)), -1)
    return NearDuplicates(pairs, share[kept].astype(np.float32), numbers[labels])
