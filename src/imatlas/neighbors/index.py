"""Old rows laid out once, to be asked for the nearest of them many times.

Small sets are searched exactly (`imatlas.neighbors.exact`), large ones by filing and screening
(`imatlas.neighbors.approximate`). Which of both is decided by the old rows alone, so a new row is answered the same whatever
rows come with it. An old row that comes again is known by its bits, so it always finds itself.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from imatlas.checks import InputError
from imatlas.neighbors.approximate import FEWEST_ROWS, MOST_NEIGHBORS, ApproximateSearch
from imatlas.neighbors.exact import ExactSearch
from imatlas.neighbors.metrics import prepare_rows, to_distance
from imatlas.neighbors.sparse import sparse_search
from imatlas.neighbors.workers import map_blocks, row_blocks

__all__ = ["EXACT_COST", "NeighborIndex", "is_exact"]

EXACT_COST = 3e11
"""Multiplications n * n * d up to which every pair is compared: some seconds on two cores."""


def is_exact(n: int, d: int, k: int) -> bool:
    """Say whether k neighbors among n rows of d numbers are found by comparing all pairs."""
    return float(n) * n * d <= EXACT_COST or n < FEWEST_ROWS or k > MOST_NEIGHBORS


class NeighborIndex:
    """Searchable rows.

    Parameters
    ----------
    Y : (n, d) old rows, dense or CSR, finite.
    metric : "euclidean", "cosine" or "correlation".
    graph : int64 (n, m), near rows of every old row, for large sets; made when first needed if not given.
    seed : of the centers that large sets are filed by.

    Examples
    --------
    >>> import numpy as np
    >>> NeighborIndex(np.array([[0.0], [1.0], [2.0]])).search(np.array([[0.9]]), 2)[0].tolist()
    [[1, 0]]
    """

    def __init__(
        self, Y: np.ndarray | sparse.spmatrix, metric: str = "euclidean", *, graph: np.ndarray | None = None, seed: int = 0
    ) -> None:
        self.metric = metric
        self._given = Y
        self._graph = graph
        self._seed = seed
        self._prepared: np.ndarray | sparse.csr_matrix | None = None
        self._exact: ExactSearch | None = None
        self._approximate: ApproximateSearch | None = None
        self._prints: tuple[np.ndarray, np.ndarray] | None = None

    def __getstate__(self) -> dict[str, object]:
        """Keep what was given; what was laid out of it is laid out again."""
        laid = dict.fromkeys(("_prepared", "_exact", "_approximate", "_prints"))
        return self.__dict__ | laid

    @property
    def _rows(self) -> np.ndarray | sparse.csr_matrix:
        if self._prepared is None:
            self._prepared = prepare_rows(self._given, self.metric)
        return self._prepared

    def search(self, X: np.ndarray | sparse.spmatrix, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Find the k nearest old rows of new rows.

        Parameters
        ----------
        X : (b, d) new rows, dense or CSR as the old.
        k : neighbors wanted, 1 to n.

        Returns
        -------
        indices : int64 (b, k), nearest first, ties by row number.
        distances : float32 (b, k).

        Raises
        ------
        InputError
            If widths differ or k does not lie in [1, n].
        """
        new, (n, d) = prepare_rows(X, self.metric), self._rows.shape
        if new.shape[1] != d:
            raise InputError(f"The new rows have {new.shape[1]} columns, the old {d}; give rows of one width.")
        if not 1 <= k <= n:
            raise InputError(f"k is {k}; wanted 1 to {n}, the number of old rows. Lower k.")
        if sparse.issparse(new):
            indices, squared = sparse_search(new, self._rows, k)
        elif is_exact(n, d, k) or not len(new):
            self._exact = self._exact or ExactSearch(self._rows)
            indices, squared = self._exact.nearest_of_many(new, k)
        else:
            indices, squared = self._find_again(new, *self._among_many(new, k))
        return indices, to_distance(squared, self.metric)

    def _among_many(self, new: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        self._approximate = self._approximate or ApproximateSearch(self._rows, seed=self._seed)
        if self._graph is None:
            self._graph = self._approximate.own(15)[0]
        return self._approximate.nearest(new, k, self._graph)

    def _find_again(self, new: np.ndarray, indices: np.ndarray, squared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Put old rows that came again first in their own answers."""
        if self._prints is None:
            prints = _fingerprints(self._rows)
            order = np.argsort(prints, kind="stable")
            self._prints = prints[order], order
        prints, order = self._prints
        place = np.minimum(np.searchsorted(prints, found := _fingerprints(new)), len(prints) - 1)
        lost = np.flatnonzero((prints[place] == found) & (squared[:, 0] > 0))
        lost = lost[(self._rows[order[place[lost]]] == new[lost]).all(axis=1)]
        indices[lost] = np.hstack([order[place[lost]][:, None], indices[lost, :-1]])
        squared[lost] = np.hstack([np.zeros((len(lost), 1), np.float32), squared[lost, :-1]])
        return indices, squared


def _fingerprints(rows: np.ndarray) -> np.ndarray:
    """Give a number uint64 (n,) for each row that equal rows share."""
    factors = np.random.default_rng(0).integers(2**63, size=rows.shape[1], dtype=np.uint64) | np.uint64(1)

    prints = np.empty(len(rows), dtype=np.uint64)

    def fill(block: slice) -> None:
        # Zero of either sign is one number.
        prints[block] = ((rows[block] + np.float32(0)).view(np.uint32).astype(np.uint64) * factors).sum(axis=1)

    map_blocks(fill, row_blocks(len(rows), 1024))
    return prints
