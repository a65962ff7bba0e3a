"""The k nearest rows along the data, found without walking the whole graph.

Every row on the way to a near row is nearer still, so the k nearest lie behind one another: from the rows a search starts at,
links are followed only out of the k best found so far, hop by hop and for many searches at once, until nothing is left that
could come nearer. The work of a search depends on k and the links per row, not on the number of rows. Lengths are summed
outward in float64, so they are those of Dijkstra's search bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imatlas.values import KnnGraph

__all__ = ["geodesic_neighbors", "geodesic_neighbors_of_new"]

_CANDIDATES = 2**20  # looked at together; more only takes memory


def geodesic_neighbors(graph: KnnGraph, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the k rows nearest to each row along the graph.

    Parameters
    ----------
    graph : neighbor graph of n rows.
    k : neighbors wanted, at least 1; may be more than the graph has per row.

    Returns
    -------
    distances : float64 (n, k), rising, ties by row number, infinite where the component has too few rows.
    indices : int64 (n, k), -1 there. No row is its own neighbor.
    """
    own = np.arange(len(graph))[:, None]
    # Its own row at distance 0 stands first: links are never shorter than the smallest positive float32.
    distances, indices = geodesic_neighbors_of_new(graph, k + 1, own, np.zeros(own.shape))
    return distances[:, 1:], indices[:, 1:]


def geodesic_neighbors_of_new(
    graph: KnnGraph, k: int, entries: np.ndarray, lengths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find the k rows nearest along the graph to new rows.

    Parameters
    ----------
    graph : neighbor graph of the n old rows.
    k : neighbors wanted, at least 1.
    entries, lengths : (b, c), the old rows by which each new row enters the graph, and their distances. New rows are no one's
        way.

    Returns
    -------
    distances float64 (b, k) and indices int64 (b, k), as `geodesic_neighbors`.
    """
    b = len(entries)
    distances, indices = np.full((b, k), np.inf), np.full((b, k), -1, dtype=np.int64)
    step = int(np.clip(_CANDIDATES * len(graph) // (k * max(graph.adjacency.nnz, 1)), 1, 4096))
    for start in range(0, b, step):
        block = slice(start, start + step)
        _search(graph, entries[block], lengths[block], distances[block], indices[block])
    # Duplicates are linked by the smallest positive number; their distance is 0.
    return np.where(distances < k * float(np.finfo(np.float32).tiny), 0, distances), indices


@dataclass(frozen=True)
class _Found:
    """Rows found by searches: flat, sorted by search, length, row number; each row once per search.

    Parameters
    ----------
    search, row : int64 (m,).
    length : float64 (m,).
    followed : bool (m,), whether the row's links have been followed from this length.
    """

    search: np.ndarray
    row: np.ndarray
    length: np.ndarray
    followed: np.ndarray

    def joined(self, others: _Found) -> _Found:
        return _Found(*(np.concatenate([getattr(self, name), getattr(others, name)]) for name in self.__annotations__))

    def taken(self, chosen: np.ndarray) -> _Found:
        return _Found(*(getattr(self, name)[chosen] for name in self.__annotations__))

    def places(self, n_searches: int) -> tuple[np.ndarray, np.ndarray]:
        """Give where each search starts (n_searches,), and the place of each entry within its own (m,)."""
        starts = np.searchsorted(self.search, np.arange(n_searches))
        return starts, np.arange(len(self.search)) - starts[self.search]


def _search(graph: KnnGraph, entries: np.ndarray, lengths: np.ndarray, distances: np.ndarray, indices: np.ndarray) -> None:
    """Run the searches of one block and write their answers into (b, k)."""
    (b, c), k = entries.shape, distances.shape[1]
    lengths = np.asarray(lengths, dtype=np.float64).ravel()
    entered = np.zeros(b * c, dtype=bool)
    found = _Found(np.repeat(np.arange(b), c), entries.ravel().astype(np.int64), lengths, entered)
    found, bound = _nearest(found, b, k)
    while not found.followed.all():
        ahead = found.taken(~found.followed)
        if b > 1 and np.diff(graph.adjacency.indptr)[ahead.row].sum() > 8 * _CANDIDATES:  # crowds of equal distances
            for half in (slice(0, b // 2), slice(b // 2, b)):
                _search(graph, entries[half], lengths.reshape(b, c)[half], distances[half], indices[half])
            return
        known = _Found(found.search, found.row, found.length, np.ones(len(found.row), dtype=bool))
        found, bound = _nearest(known.joined(_follow(graph, ahead, bound)), b, k)
    _, place = found.places(b)
    kept = place < k
    distances[found.search[kept], place[kept]] = found.length[kept]
    indices[found.search[kept], place[kept]] = found.row[kept]


def _follow(graph: KnnGraph, ahead: _Found, bound: np.ndarray) -> _Found:
    """Give the rows behind the links of some rows, those that do not come nearer than their search's k-th left out."""
    links = graph.adjacency
    counts = np.diff(links.indptr)[ahead.row]
    ends = np.cumsum(counts)
    at = np.arange(ends[-1]) + np.repeat(links.indptr[ahead.row] - (ends - counts), counts)
    search, length = np.repeat(ahead.search, counts), np.repeat(ahead.length, counts) + links.data[at]
    near = length <= bound[search]
    row = links.indices[at[near]].astype(np.int64)
    return _Found(search[near], row, length[near], np.zeros(len(row), dtype=bool))


def _nearest(found: _Found, b: int, k: int) -> tuple[_Found, np.ndarray]:
    """Keep each row's shortest length, and the k nearest rows of each search with all that tie with the k-th.

    Ties stay because the way to a row of lower number may lead through one of higher number at the same distance.
    """
    pair = found.search * (found.row.max() + 1) + found.row
    order = np.lexsort([found.length, pair])  # stable: what is followed stands first and stays
    first = np.ones(len(order), dtype=bool)
    first[1:] = np.diff(pair[order]) != 0
    order = order[first]
    found = found.taken(order[np.lexsort([found.length[order], found.search[order]])])  # rows rise already
    starts, _ = found.places(b)
    last, bound = starts + k - 1, np.full(b, np.inf)
    full = last < np.append(starts[1:], len(found.row))
    bound[full] = found.length[last[full]]
    return found.taken(found.length <= bound[found.search]), bound
