"""The neighbor graph of a set of rows, built once and used by every map, clustering and geodesic.

All pairs are compared (exactly, see `imatlas.neighbors.exact`) while n * n * d multiplications stay affordable; beyond that,
rows look for neighbors in inverted lists (`imatlas.neighbors.approximate`) and the share of true neighbors found is measured
and kept in the graph.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator

import numpy as np
from scipy import sparse

from imatlas.checks import InputError
from imatlas.neighbors.approximate import FEWEST_ROWS, MOST_NEIGHBORS, approximate_neighbors
from imatlas.neighbors.exact import ExactSearch
from imatlas.neighbors.index import is_exact
from imatlas.neighbors.metrics import prepare_rows, to_distance
from imatlas.neighbors.sparse import sparse_nearest
from imatlas.neighbors.workers import workers
from imatlas.progress import Progress, Report, silent
from imatlas.values import KnnGraph

__all__ = ["METHODS", "knn_graph", "lower_to"]

Block = tuple[slice, np.ndarray, np.ndarray]

METHODS = ("auto", "exact", "approximate")
_GOAL = 0.985
_AT_ONCE = 32


def knn_graph(
    X: np.ndarray | sparse.spmatrix,
    *,
    n_neighbors: int = 15,
    metric: str = "euclidean",
    method: str = "auto",
    random_state: int | None = 0,
    report: Report = silent,
) -> KnnGraph:
    """Link every row to its nearest other rows.

    Parameters
    ----------
    X : (n, d) features, dense or CSR, finite, n >= 2.
    n_neighbors : links per row. More makes maps smoother and joins parts; fewer keeps fine structure. Above n - 1 it is
        lowered with a warning.
    metric : "euclidean", "cosine" or "correlation".
    method : "exact" compares all pairs; "approximate" looks into inverted lists (dense rows, 1,536 or more, at most 60
        neighbors); "auto" takes the exact way while it costs seconds.
    random_state : seed of the inverted lists; exact search needs none.
    report : called with progress.

    Returns
    -------
    KnnGraph, nearest first, ties by row number; `recall` is 1.0 for exact search, measured on 256 rows otherwise, with a
    warning if it stays below 0.985.

    Raises
    ------
    InputError
        If there are fewer than two rows, n_neighbors is below 1, or the metric or method is unknown or cannot be had.
    ValueError
        If X is not a finite matrix.

    Examples
    --------
    >>> import numpy as np
    >>> knn_graph(np.array([[0.0], [1.0], [3.0]]), n_neighbors=1).indices.tolist()
    [[1], [0], [1]]
    """
    if method not in METHODS:
        raise InputError(f"The method is {method!r}; wanted one of {', '.join(METHODS)}. Choose one of these.")
    rows = prepare_rows(X, metric)
    n, d = rows.shape
    if n < 2:
        raise InputError(f"A neighbor graph was asked of {n} row(s); it needs at least 2. Give more rows.")
    k = lower_to(n_neighbors, n)
    if sparse.issparse(rows):
        indices, squared, recall = *_collect(sparse_nearest(rows, rows, k, exclude_own=True), n, k, report), 1.0
    elif _compares_all(method, n, d, k):
        indices, squared, recall = *_collect(_exact_blocks(rows, k), n, k, report), 1.0
    else:
        indices, squared, recall = approximate_neighbors(rows, k, goal=_GOAL, seed=random_state or 0, report=report)
        if recall < _GOAL:
            warnings.warn(
                f"The graph found {recall:.1%} of the true neighbors of 256 rows; {_GOAL:.1%} were wanted. These rows have few "
                'near ones to follow; method="exact" finds all, slowly.',
                stacklevel=2,
            )
    return KnnGraph(indices=indices, distances=to_distance(squared, metric), metric=metric, recall=recall)


def lower_to(n_neighbors: int, n: int) -> int:
    """Give n_neighbors, or n - 1 with a warning if that is less.

    Raises
    ------
    InputError
        If it is below 1.
    """
    if n_neighbors < 1:
        raise InputError(f"n_neighbors is {n_neighbors}; wanted at least 1. Raise it; 15 is usual.")
    if n_neighbors > n - 1:
        warnings.warn(f"n_neighbors={n_neighbors} is lowered to {n - 1}: there are only {n} rows.", stacklevel=3)
    return int(min(n_neighbors, n - 1))


def _compares_all(method: str, n: int, d: int, k: int) -> bool:
    if method == "approximate" and (n < FEWEST_ROWS or k > MOST_NEIGHBORS):
        raise InputError(
            f"Approximate search was asked for {n} rows and {k} neighbors; it takes {FEWEST_ROWS:,} rows or more and at most "
            f'{MOST_NEIGHBORS} neighbors. Take method="exact".'
        )
    return method == "exact" or (method == "auto" and is_exact(n, d, k))


def _exact_blocks(rows: np.ndarray, k: int) -> Iterator[Block]:
    engine = ExactSearch(rows)

    def answer(block: slice) -> Block:
        return block, *engine.nearest(rows[block], k, own=np.arange(block.start, block.stop))

    blocks = list(engine.blocks(len(rows)))
    with workers() as run:
        for start in range(0, len(blocks), _AT_ONCE):
            yield from run(answer, blocks[start : start + _AT_ONCE])


def _collect(blocks: Iterable[Block], n: int, k: int, report: Report) -> tuple[np.ndarray, np.ndarray]:
    indices = np.empty((n, k), dtype=np.int64)
    squared = np.empty((n, k), dtype=np.float32)
    start = time.perf_counter()
    for block, found, lengths in blocks:
        indices[block], squared[block] = found, lengths
        seconds = time.perf_counter() - start
        report(Progress("neighbors", block.stop, n, seconds, block.stop / seconds, seconds * (n / block.stop - 1)))
    return indices, squared
