"""Feature rows and the neighbor graph that everything is made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from imatlas.checks import InputError, require_matrix

__all__ = ["Features", "KnnGraph", "straight_lengths"]

_ANGULAR = ("cosine", "correlation")

_NOISE = 1e-6  # of the median distance: what cancellation may leave between near-duplicates, another each way


@dataclass(frozen=True)
class Features:
    """One feature row per image.

    Parameters
    ----------
    rows : float32 (n, d); may be a memory map.
    extractor : name of the extractor, one of the keys of `imatlas.features.EXTRACTORS` or the user's own.
    settings : the extractor's settings, JSON values only.
    extract : gives such rows of other pixels uint8 (b, H, W, C); None where the fitted extractor is not at hand, as on disk.
    """

    rows: np.ndarray
    extractor: str
    settings: Mapping[str, object] = field(default_factory=dict)
    extract: Callable[[np.ndarray], np.ndarray] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", require_matrix(self.rows, "features"))

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class KnnGraph:
    """The k nearest neighbors of every row, from which every map, clustering and geodesic is made.

    Parameters
    ----------
    indices : int64 (n, k), nearest first, ties by index; a row is never its own neighbor.
    distances : float32 (n, k), rising along each row, 0 for duplicates.
    metric : name of the distance.
    recall : measured share of true neighbors found (1.0 for exact search).
    bridges : int64 (b, 2), row pairs that were joined on request although they are not neighbors; empty unless asked.
    bridge_lengths : float32 (b,), their distances.
    """

    indices: np.ndarray
    distances: np.ndarray
    metric: str = "euclidean"
    recall: float = 1.0
    bridges: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))
    bridge_lengths: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.float32))

    def __post_init__(self) -> None:
        indices = np.asarray(self.indices, dtype=np.int64)
        distances = np.asarray(self.distances, dtype=np.float32)
        if indices.ndim != 2 or indices.shape != distances.shape:
            raise ValueError(
                f"A graph wants indices and distances of one shape (n, k); got {indices.shape} and {distances.shape}."
            )
        if indices.size and (indices.min() < 0 or indices.max() >= len(indices)):
            raise ValueError(f"Graph indices must lie in [0, {len(indices) - 1}]; got {indices.min()} to {indices.max()}.")
        _check_links(indices, distances)
        if len(self.bridges) != len(self.bridge_lengths) or not np.all(np.asarray(self.bridge_lengths) >= 0):
            raise InputError(
                f"{len(self.bridges)} bridges came with {len(self.bridge_lengths)} lengths; wanted one length each, 0 or more. "
                "Make them with join_components."
            )
        object.__setattr__(self, "indices", indices)
        object.__setattr__(self, "distances", distances)

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def n_neighbors(self) -> int:
        """Neighbors stored per row, k."""
        return self.indices.shape[1]

    @property
    def lengths(self) -> np.ndarray:
        """Distances as lengths that add up along the manifold, float64 (n, k); see `straight_lengths`."""
        return straight_lengths(self.distances.astype(np.float64), self.metric)

    @cached_property
    def adjacency(self) -> sparse.csr_matrix:
        """Symmetric matrix of lengths (n, n) in CSR: an edge if either row lists the other, bridges included.

        Zero lengths (duplicates) are kept as stored entries, lifted to the smallest positive float32 so that
        shortest-path routines do not read them as "no edge".

        Raises
        ------
        InputError
            If a row lists a neighbor twice, or two rows list each other at different distances.
        """
        n, k = self.indices.shape
        tiny = np.finfo(np.float32).tiny
        rows = np.concatenate([np.repeat(np.arange(n), k), self.bridges[:, 0]])
        columns = np.concatenate([self.indices.ravel(), self.bridges[:, 1]])
        distances = np.concatenate([self.distances.ravel(), self.bridge_lengths]).astype(np.float64)
        lengths = np.maximum(straight_lengths(distances, self.metric), tiny)
        directed = sparse.csr_matrix((lengths, (rows, columns)), shape=(n, n))
        if directed.nnz < len(lengths):  # equal entries were added up
            raise InputError("The graph lists a neighbor twice in one row; its distances would be added. List each one once.")
        both = directed.maximum(directed.T).tocsr()
        _check_symmetry(directed, both)
        return both

    @cached_property
    def components(self) -> np.ndarray:
        """Component number of each row, int32 (n,), largest component first."""
        _, labels = connected_components(self.adjacency, directed=False)
        order = np.argsort(-np.bincount(labels, minlength=1), kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        return rank[labels].astype(np.int32)

    @property
    def component_sizes(self) -> np.ndarray:
        """Rows in each component, int64, falling."""
        return np.bincount(self.components)


def straight_lengths(distances: np.ndarray, metric: str) -> np.ndarray:
    """Give distances as lengths: an angular distance, 1 - cos, is half the square of the chord between unit rows.

    Squares do not add up along a path, lengths do.
    """
    return np.sqrt(2 * distances) if metric in _ANGULAR else distances


def _check_links(indices: np.ndarray, distances: np.ndarray) -> None:
    """Hold that distances are numbers, none negative, rising along each row, and that no row is its own neighbor."""
    wrong = ~(distances >= 0).all(axis=1) | ~np.isfinite(distances).all(axis=1)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            f"The graph's distances are negative, infinite or NaN in {wrong.sum()} rows, first row {row}: {distances[row]}. "
            "Give finite distances from 0 up."
        )
    falling = (np.diff(distances, axis=1) < 0).any(axis=1)
    if falling.any():
        raise InputError(
            f"The graph's distances fall along {falling.sum()} rows, first row {int(np.argmax(falling))}; wanted the nearest "
            "first. Sort each row's neighbors by distance."
        )
    own = (indices == np.arange(len(indices))[:, None]).any(axis=1)
    if own.any():
        raise InputError(
            f"{own.sum()} rows list themselves as neighbors, first row {int(np.argmax(own))}; leave each row out of its own "
            "list, such as the first column of a search among the rows themselves."
        )


def _check_symmetry(directed: sparse.csr_matrix, both: sparse.csr_matrix) -> None:
    """Hold that rows that list each other agree on their distance; `both` is the larger of the two directions."""
    returned = directed.multiply(directed.T.astype(bool)).tocsr()
    gap = abs(returned - returned.T).tocsr()
    gap.data[gap.data <= _NOISE * (np.median(both.data) if both.nnz else 0)] = (
        0  # what cancellation leaves between near-duplicates
    )
    gap.eliminate_zeros()
    apart = gap > both * 1e-4 if gap.nnz else gap
    if apart.nnz:
        i, j = (int(end[0]) for end in apart.nonzero())
        raise InputError(
            f"Rows {i} and {j} list each other at {directed[i, j]:g} and {directed[j, i]:g}; a distance is the same both ways. "
            "Make the graph with knn_graph, or with a symmetric distance."
        )
