"""Neighbors of sets too large to compare all pairs: filed, screened, joined, re-ranked, and measured.

    file     rows lie in inverted lists, twice, with other centers                         `imatlas.neighbors.lists`
    screen   short rows are compared within near lists, the best stay                      `imatlas.neighbors.screen`
    re-rank  direct differences in the full space decide, ties by row number
    join     neighbors of neighbors are screened and re-ranked too
    measure  of a sample of rows, the share of true neighbors found; below the goal, rows are filed twice more

References: Dong, Moses, Li, "Efficient k-nearest neighbor graph construction for generic similarity measures", 2011 (the join).
"""

from __future__ import annotations

import time

import faiss
import numpy as np
import torch

from imatlas.neighbors.exact import direct_distances, order_candidates
from imatlas.neighbors.lists import GROUP, LENGTH, Lists
from imatlas.neighbors.screen import Screen
from imatlas.neighbors.workers import map_blocks, row_blocks
from imatlas.progress import Progress, Report, silent

__all__ = ["FEWEST_ROWS", "MOST_NEIGHBORS", "ApproximateSearch", "approximate_neighbors"]

FEWEST_ROWS = GROUP * LENGTH
MOST_NEIGHBORS = 60
_MOST_FILINGS = 8
_SAMPLE = 256
_NO_SCORE = torch.finfo(torch.float32).min / 2  # below it lie the row itself, copies and what fills up a list
_JOINED = 15  # neighbors of each neighbor that are looked at


def approximate_neighbors(
    rows: np.ndarray, k: int, *, goal: float = 0.985, seed: int = 0, report: Report = silent
) -> tuple[np.ndarray, np.ndarray, float]:
    """Find about the k nearest other rows of every row.

    Parameters
    ----------
    rows : float32 (n, d), contiguous, n >= 1536.
    k : neighbors per row, at most 60.
    goal : measured recall to reach; while it is missed, rows are filed twice more, up to 8 filings.
    seed : of the centers and of the sample that recall is measured on.

    Returns
    -------
    indices int64 (n, k), squared distances float32 (n, k), and the recall measured on 256 rows, in [0, 1].
    """
    start = time.perf_counter()
    engine = ApproximateSearch(rows, seed=seed)
    sample = np.sort(np.random.default_rng(seed).choice(len(rows), size=min(_SAMPLE, len(rows)), replace=False))
    radii = _true_radii(rows, sample, k)
    while True:
        indices, squared = engine.own(k)
        recall = float(np.mean(squared[sample] <= radii[:, None]))
        seconds, n_filings = time.perf_counter() - start, len(engine.filings)
        ended = recall >= goal or n_filings >= _MOST_FILINGS
        total = n_filings if ended else n_filings + 2
        report(Progress("neighbors", n_filings, total, seconds, len(rows) / seconds, None, {"recall": recall}))
        if ended:
            return indices, squared, recall
        engine.file_again()


class ApproximateSearch:
    """Filed rows, to be searched by themselves and by new rows.

    Parameters
    ----------
    rows : float32 (n, d), contiguous, n >= 1536.
    seed : of the centers.
    """

    def __init__(self, rows: np.ndarray, *, seed: int = 0) -> None:
        self.rows = rows
        self._seed = seed
        self._screen = Screen(rows, seed=seed)
        self.filings: list[Lists] = []
        self._found: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.file_again()

    def file_again(self) -> None:
        """File the rows twice more, with other centers."""
        seeds = [self._seed + len(self.filings) + step for step in range(2)]
        self.filings += map_blocks(lambda seed: Lists(self._screen, seed=seed), seeds)

    def own(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Give about the k nearest other rows of every row, int64 (n, k), and squared distances float32 (n, k)."""
        n = len(self.rows)
        self._found += [lists.candidates_of_own(2 * k + 2) for lists in self.filings[len(self._found) :]]
        near, lengths = np.empty((n, k), dtype=np.int32), np.empty((n, k), dtype=np.float32)
        # In the order of a filing, rows that come together have candidates in common: they stay in the cache.
        blocks = [block.numpy() for block in self.filings[-1].members.flatten()[:n].split(1024)]

        def rank(block: np.ndarray) -> None:
            candidates = _merge([(rows[block], scores[block]) for rows, scores in self._found], 3 * k + 3)
            near[block], lengths[block] = self._rank(self.rows[block], candidates, k)

        map_blocks(rank, blocks)
        indices, squared = np.empty((n, k), dtype=np.int64), np.empty((n, k), dtype=np.float32)

        def join(block: np.ndarray) -> None:
            indices[block], squared[block] = self._join(
                self.rows[block], self._screen.short[block].numpy(), (near[block], lengths[block]), near, own=block
            )

        map_blocks(join, blocks)
        return indices, squared

    def nearest(self, queries: np.ndarray, k: int, graph: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give about the k nearest rows of new rows.

        Parameters
        ----------
        queries : float32 (b, d).
        k : at most 60.
        graph : int64 (n, m), near rows of every row, which the join goes through.

        Returns
        -------
        indices int64 (b, k) and squared distances float32 (b, k), rising, ties by row number.
        """
        near = np.ascontiguousarray(graph, dtype=np.int32)
        short = torch.cat(map_blocks(lambda block: self._screen.shorten(queries[block]), row_blocks(len(queries), 1024)))
        found = [lists.candidates_of(short, 2 * k + 2) for lists in self.filings[:2]]
        indices, squared = np.empty((len(queries), k), dtype=np.int64), np.empty((len(queries), k), dtype=np.float32)

        def answer(block: slice) -> None:
            candidates = _merge([(rows[block], scores[block]) for rows, scores in found], 3 * k + 3)
            best = self._rank(queries[block], candidates, k)
            indices[block], squared[block] = self._join(queries[block], short[block].numpy(), best, near, own=None)

        map_blocks(answer, row_blocks(len(queries), 1024))
        return indices, squared

    def _rank(self, queries: np.ndarray, candidates: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Keep the k best candidates by direct differences; -1 is none."""
        squared = direct_distances(queries, self.rows, np.maximum(candidates, 0))
        squared[candidates < 0] = np.inf
        order, squared = order_candidates(candidates, squared)
        return order[:, :k], squared[:, :k]

    def _join(
        self,
        queries: np.ndarray,
        short: np.ndarray,
        best: tuple[np.ndarray, np.ndarray],
        near: np.ndarray,
        *,
        own: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Look at the neighbors of the best rows (b, k) too, screened and re-ranked, and give the k best of all."""
        rows, squared = best[0].astype(np.int64), best[1]
        b, k = rows.shape
        others = near[rows, : min(_JOINED, near.shape[1])].reshape(b, -1)
        # Sorted with the known rows marked even, each new row stands once and behind nothing known.
        marked = np.sort(np.concatenate([2 * rows, 2 * others.astype(np.int64) + 1], axis=1), axis=1)
        others, stale = marked >> 1, marked % 2 == 0
        stale[:, 1:] |= others[:, 1:] == others[:, :-1]
        if own is not None:
            stale |= others == own[:, None]
        ranks = direct_distances(short, self._screen.short.numpy(), np.where(stale, others[:, :1], others))
        ranks += self._screen.leftover.numpy()[others]
        ranks[stale] = np.inf
        chosen = torch.from_numpy(ranks).topk(min(k + 9, ranks.shape[1]), dim=1, largest=False, sorted=False).indices.numpy()
        joined = np.take_along_axis(others, chosen, 1)
        lengths = direct_distances(queries, self.rows, joined)
        lengths[np.take_along_axis(stale, chosen, 1)] = np.inf
        indices, squared = order_candidates(np.concatenate([rows, joined], 1), np.concatenate([squared, lengths], 1))
        return indices[:, :k], squared[:, :k]


def _merge(found: list[tuple[torch.Tensor, torch.Tensor]], n_candidates: int) -> np.ndarray:
    """Give the candidates int64 (b, c) that several filings scored best, each once; -1 where there are no more."""
    rows, order = torch.cat([rows for rows, _ in found], 1).sort(dim=1, stable=True)
    scores = torch.cat([scores for _, scores in found], 1).gather(1, order)
    scores[:, 1:][rows[:, 1:] == rows[:, :-1]] = -torch.inf
    scores, best = scores.topk(n_candidates, dim=1, sorted=False)
    return torch.where(scores > _NO_SCORE, rows.gather(1, best).long(), -1).numpy()


def _true_radii(rows: np.ndarray, sample: np.ndarray, k: int) -> np.ndarray:
    """Give the true squared distance float32 (s,) of each sampled row's k-th other row."""
    center = rows[sample].mean(axis=0)
    parts = map_blocks(
        lambda block: faiss.knn(rows[sample] - center, rows[block] - center, min(k + 9, len(rows[block])))[1] + block.start,
        row_blocks(len(rows), 8192),
    )
    candidates = np.concatenate(parts, axis=1)
    squared = direct_distances(rows[sample], rows, candidates)
    squared[candidates == sample[:, None]] = np.inf
    return np.partition(squared, k - 1, axis=1)[:, k - 1]
