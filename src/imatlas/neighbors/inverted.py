"""Neighbor search in inverted lists, for sets too large to compare all pairs.

Rows are projected on their first principal components and filed under the nearest of n_lists centers (k-means). A row looks
only into the lists whose centers are nearest to it; what it finds there is re-ranked by direct differences in the full space.
What is missed is measured: a sample of rows is searched exactly, and more lists and candidates are looked at until the
measured recall reaches its goal.

References: Jégou, Douze, Schmid, "Product quantization for nearest neighbor search", 2011; Johnson, Douze, Jégou,
"Billion-scale similarity search with GPUs", 2019, arXiv 1702.08734.
"""

from __future__ import annotations

import time

import faiss
import numpy as np
from threadpoolctl import threadpool_limits

from imatlas.neighbors.exact import ExactSearch, direct_distances, order_candidates
from imatlas.progress import Progress, Report, silent

__all__ = ["inverted_neighbors"]

_N_COMPONENTS = 64
_SAMPLE = 600


def inverted_neighbors(
    rows: np.ndarray, k: int, *, goal: float = 0.98, seed: int = 0, report: Report = silent
) -> tuple[np.ndarray, np.ndarray, float]:
    """Find about the k nearest other rows of every row.

    Parameters
    ----------
    rows : float32 (n, d), contiguous.
    k : neighbors per row, below n.
    goal : measured recall to reach; higher looks into more lists. 1.0 always ends with all of them.
    seed : of the k-means centers and of the sample recall is measured on.

    Returns
    -------
    indices int64 (n, k), squared distances float32 (n, k), and the measured recall in [0, 1].
    """
    n = len(rows)
    projected = _project(rows)
    lists = _file_rows(projected, n_lists=int(np.clip(2 ** round(np.log2(np.sqrt(n))), 1, 4096)), seed=seed)
    sample = np.sort(np.random.default_rng(seed).choice(n, size=min(_SAMPLE, n), replace=False))
    truth = _exact_farthest(rows, sample, k)
    lists.nprobe, width = min(8, lists.nlist), k + 1 + max(16, k)
    while True:
        _, found = _look_up(lists, projected, rows, sample, k, width)
        recall = float(np.mean(found <= truth[:, None]))
        if recall >= goal or (lists.nprobe >= lists.nlist and width >= n):
            break
        lists.nprobe, width = min(2 * lists.nprobe, lists.nlist), min(int(1.5 * width), n)
    indices = np.empty((n, k), dtype=np.int64)
    squared = np.empty((n, k), dtype=np.float32)
    start = time.perf_counter()
    for first in range(0, n, 8192):
        block = np.arange(first, min(first + 8192, n))
        indices[block], squared[block] = _look_up(lists, projected, rows, block, k, width)
        seconds = time.perf_counter() - start
        done = int(block[-1]) + 1
        report(Progress("neighbors", done, n, seconds, done / seconds, seconds * (n - done) / done))
    return indices, squared, recall


def _project(rows: np.ndarray) -> np.ndarray:
    """Rotate rows onto their first principal components, float32 (n, <= 64)."""
    if rows.shape[1] <= _N_COMPONENTS:
        return rows
    center = rows.mean(axis=0, dtype=np.float64)
    # One thread, so that the last bits of the axes do not depend on how many the machine has.
    with threadpool_limits(1):
        sample = (rows[:: max(1, len(rows) // 20_000)] - center).astype(np.float32)
        _, axes = np.linalg.eigh(sample.T @ sample)
        axes = axes[:, ::-1][:, :_N_COMPONENTS].astype(np.float32)
        return np.ascontiguousarray(rows @ axes - (center @ axes).astype(np.float32), dtype=np.float32)


def _file_rows(projected: np.ndarray, *, n_lists: int, seed: int) -> faiss.IndexIVFFlat:
    quantizer = faiss.IndexFlatL2(projected.shape[1])
    lists = faiss.IndexIVFFlat(quantizer, projected.shape[1], n_lists)
    lists.cp.seed, lists.cp.niter, lists.cp.verbose = seed, 8, False
    lists.cp.max_points_per_centroid, lists.cp.min_points_per_centroid = 64, 1
    with threadpool_limits(1):
        lists.train(projected)
    lists.add(projected)
    return lists


def _exact_farthest(rows: np.ndarray, sample: np.ndarray, k: int) -> np.ndarray:
    """Give the true squared distance float32 (s,) of each sampled row's k-th neighbor."""
    engine = ExactSearch(rows)
    return np.concatenate([engine.nearest(rows[sample[b]], k, own=sample[b])[1][:, -1] for b in engine.blocks(len(sample))])


def _look_up(
    lists: faiss.IndexIVFFlat, projected: np.ndarray, rows: np.ndarray, block: np.ndarray, k: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Search the lists for some rows and re-rank what they give in the full space."""
    _, candidates = lists.search(projected[block], min(width, len(rows)))
    # A list may hold too few rows: the gap is filled with rows of any kind, which re-ranking puts last.
    candidates = np.where((candidates < 0) | (candidates == block[:, None]), -1, candidates)
    short = (candidates >= 0).sum(axis=1) < k
    squared = direct_distances(rows[block], rows, np.maximum(candidates, 0))
    squared = np.where(candidates < 0, np.inf, squared)
    indices, squared = order_candidates(candidates, squared)
    indices, squared = indices[:, :k], squared[:, :k]
    if short.any():
        engine = ExactSearch(rows)
        lonely = block[short]
        indices[short], squared[short] = engine.nearest(rows[lonely], k, own=lonely)
    return indices, squared
