"""Exact nearest rows: a fast matrix product proposes, direct differences decide, a bound certifies.

    screen    |x|^2 + |y|^2 - 2 x.y   by GEMM, in float32 or bfloat16; the best c > k stay candidates
    decide    |x - y|^2               by direct differences in float32, ties by row number
    certify   screen(y) - error > d_k for every y that was left out, with

              error = 2 (e_x + r |x|) |y| + (d + 8) u (|x| + |y|)^2 + v screen,   |y| <= |x| + d_k

e_x is the length of what rounding took from x, r the largest such share among the rows, u and v the unit roundoffs of float32
and of the product's own format. A row that fails its certificate is searched again by direct differences with every row. So
the answer does not depend on the screen's precision, on threads, or on which queries come together. Selection first takes
the least of each column group: the k best columns lie in the k groups with the least minima.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import lru_cache

import faiss
import numpy as np
import torch

from imatlas.neighbors.workers import map_blocks, row_blocks

__all__ = ["ExactSearch", "direct_distances", "order_candidates"]

_UNIT = 2.0**-24  # unit roundoff of float32
_SLOPPY = 2.0**-8  # relative rounding of a bfloat16 result
_GROUP = 32
_LAID_AT_ONCE = 2048


class ExactSearch:
    """The rows to be searched, laid out for the screen.

    Parameters
    ----------
    rows : float32 (n, d), contiguous.
    low_precision : screen in bfloat16; None measures once which is faster. The answer is the same.
    """

    def __init__(self, rows: np.ndarray, *, low_precision: bool | None = None) -> None:
        n, d = rows.shape
        self.rows = rows
        self.center = rows.mean(axis=0, dtype=np.float64)
        self.low = (d >= 256 and n >= 5000 and _low_precision_is_faster()) if low_precision is None else low_precision
        self.n_groups = -(-n // _GROUP) if n > 4096 else n
        self.width = self.n_groups * (_GROUP if n > 4096 else 1)
        squared = torch.full((self.width,), torch.finfo(torch.float32).max / 4)
        layout = torch.zeros(self.width, d, dtype=torch.bfloat16 if self.low else torch.float32)
        self.rounding = 0.0
        for block in row_blocks(n, _LAID_AT_ONCE):
            centred = self.centred(rows[block])
            squared[block] = centred.square().sum(1)
            layout[block] = centred
            self.rounding = max(self.rounding, float((self.lost(centred) / (squared[block].sqrt().numpy() + 1e-30)).max()))
        if self.low:
            layout = torch.hstack([layout, _thirds(-squared / 2), torch.ones(self.width, 3, dtype=torch.bfloat16)])
        self.squared = squared
        self.columns = layout.T

    def blocks(self, n_queries: int) -> Iterator[slice]:
        """Give slices of queries whose screens take about 16 MB each, so that they stay in the cache."""
        step = int(np.clip(2**22 // max(self.width, 1), 16, 1024))
        for start in range(0, n_queries, step):
            yield slice(start, min(start + step, n_queries))

    def nearest_of_many(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Give the k nearest rows of any number of queries (b, d), block by block on all cores, as `nearest` does."""
        indices = np.empty((len(queries), k), dtype=np.int64)
        squared = np.empty((len(queries), k), dtype=np.float32)

        def answer(block: slice) -> None:
            indices[block], squared[block] = self.nearest(queries[block], k)

        map_blocks(answer, self.blocks(len(queries)))
        return indices, squared

    def nearest(self, queries: np.ndarray, k: int, own: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Give the k nearest rows of each query.

        Parameters
        ----------
        queries : float32 (b, d), one block.
        k : at most n, or n - 1 with `own`.
        own : int64 (b,), the row that each query is, left out of its answer.

        Returns
        -------
        indices int64 (b, k) and squared distances float32 (b, k), rising, ties by row number.
        """
        n = len(self.rows)
        spare = 32 + 2 * k if self.low else min(9, 2 + k)
        n_candidates = min(k + spare, n if own is None else n - 1)
        candidates, threshold = self._screen(queries, n_candidates, own)
        indices, squared = order_candidates(candidates, direct_distances(queries, self.rows, candidates))
        indices, squared = indices[:, :k], squared[:, :k]
        for row in np.flatnonzero(~self._certified(queries, squared[:, -1], threshold)):
            everyone = np.delete(np.arange(n), own[row]) if own is not None else np.arange(n)
            lengths = direct_distances(queries[row : row + 1], self.rows, everyone[None])
            near = np.flatnonzero(lengths[0] <= np.partition(lengths[0], k - 1)[k - 1])
            best, length = order_candidates(everyone[None, near], lengths[:, near])
            indices[row], squared[row] = best[0, :k], length[0, :k]
        return indices, squared

    def centred(self, queries: np.ndarray) -> torch.Tensor:
        """Give queries (b, d) moved by the rows' mean, float32."""
        return torch.from_numpy((queries - self.center).astype(np.float32))

    def scores(self, centred: torch.Tensor) -> torch.Tensor:
        """Give the screen (b, width) of centred queries: -|x - y|^2 / 2 for each row y, and next to nothing beyond the last."""
        lengths = centred.square().sum(1)
        if self.low:
            ones = torch.ones(len(centred), 3, dtype=torch.bfloat16)
            return torch.mm(torch.hstack([centred.bfloat16(), ones, _thirds(-lengths / 2)]), self.columns)
        return torch.addmm(self.squared[None], centred, self.columns, alpha=-2).add_(lengths[:, None]).mul_(-0.5)

    def lost(self, centred: torch.Tensor) -> np.ndarray:
        """Give the length that rounding to the screen's format takes from each query, float64 (b,)."""
        if not self.low:
            return np.zeros(len(centred))
        return (centred.bfloat16().float() - centred).norm(dim=1).numpy().astype(np.float64)

    def error(self, length: np.ndarray, reach: np.ndarray, lost: np.ndarray) -> np.ndarray:
        """Give how far a screened |x - y|^2 can be off, its last rounding (a share `slack` of it) apart, where |x| <= length,
        |y| <= reach and e_x <= lost; all (b,)."""
        error = (2 * self.rows.shape[1] + 16) * _UNIT * (length + reach) ** 2
        return error + 2 * reach * (lost * (1 + self.rounding) + length * self.rounding)

    @property
    def slack(self) -> float:
        """The share of a screened value that its last rounding may add or take."""
        return _SLOPPY if self.low else 0.0

    def _screen(self, queries: np.ndarray, c: int, own: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Give candidate rows (b, c) and a screened value (b,) that no row left out falls below."""
        scores = self.scores(self.centred(queries))
        if own is not None:
            scores[torch.arange(len(scores)), torch.from_numpy(own)] = -torch.inf
        if self.width == self.n_groups:
            best, candidates = scores.float().topk(min(c + 1, self.width), dim=1)
            left_out = best[:, c] if best.shape[1] > c else torch.full((len(scores),), -torch.inf)
            return candidates[:, :c].numpy(), (-2 * left_out).numpy()
        grouped = scores.view(len(scores), _GROUP, self.n_groups)
        n_groups = min(c + 1, self.n_groups)
        best_group, groups = grouped.amax(1).float().topk(n_groups, dim=1)
        members = (groups[:, None, :] + torch.arange(_GROUP)[None, :, None] * self.n_groups).flatten(1)
        best, place = scores.gather(1, members).float().topk(c + 1, dim=1)
        left_out = torch.maximum(best[:, c], best_group[:, -1])
        return members.gather(1, place[:, :c]).numpy(), (-2 * left_out).numpy()

    def _certified(self, queries: np.ndarray, squared: np.ndarray, threshold: np.ndarray) -> np.ndarray:
        x = self.centred(queries)
        length = x.square().sum(1).sqrt().numpy().astype(np.float64)
        threshold = threshold.astype(np.float64)
        error = self.error(length, length + np.sqrt(squared.astype(np.float64)), self.lost(x))
        error += self.slack * np.where(np.isfinite(threshold), np.abs(threshold), 0)
        return threshold - error > squared * (1 + 2 * (x.shape[1] + 4) * _UNIT)


def direct_distances(queries: np.ndarray, rows: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Give squared distances float32 (b, c) between queries (b, d) and their own candidate rows (b, c), by differences."""
    queries = np.ascontiguousarray(queries, dtype=np.float32)
    candidates = np.ascontiguousarray(candidates, dtype=np.int64)
    squared = np.empty(candidates.shape, dtype=np.float32)
    squared_by_index = faiss.fvec_L2sqr_by_idx  # type: ignore[attr-defined]
    squared_by_index(
        faiss.swig_ptr(squared),
        faiss.swig_ptr(queries),
        faiss.swig_ptr(rows),
        faiss.swig_ptr(candidates),
        rows.shape[1],
        *candidates.shape,
    )
    return squared


def order_candidates(candidates: np.ndarray, squared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sort candidates (b, c) by distance, then by row number."""
    by_row = np.argsort(candidates, axis=1, kind="stable")
    candidates, squared = np.take_along_axis(candidates, by_row, 1), np.take_along_axis(squared, by_row, 1)
    by_distance = np.argsort(squared, axis=1, kind="stable")
    return np.take_along_axis(candidates, by_distance, 1), np.take_along_axis(squared, by_distance, 1)


def _thirds(numbers: torch.Tensor) -> torch.Tensor:
    """Split float32 numbers (n,) into three bfloat16 parts (n, 3) whose sum they are."""
    first = numbers.bfloat16()
    second = (numbers - first.float()).bfloat16()
    return torch.stack([first, second, (numbers - first.float() - second.float()).bfloat16()], dim=1)


@lru_cache(maxsize=1)
def _low_precision_is_faster() -> bool:
    """Measure one small product in both formats; only speed hangs on the answer."""
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        left, right = torch.ones(256, 512, dtype=dtype), torch.ones(512, 4096, dtype=dtype)
        torch.mm(left, right)
        start = time.perf_counter()
        torch.mm(left, right)
        seconds[dtype] = time.perf_counter() - start
    return seconds[torch.bfloat16] * 2 < seconds[torch.float32]
