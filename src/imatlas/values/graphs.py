"""Feature rows and the neighbor graph that everything is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from imatlas.checks import require_matrix

__all__ = ["Features", "KnnGraph"]


@dataclass(frozen=True)
class Features:
    """One feature row per image.

    Parameters
    ----------
    rows : float32 (n, d); may be a memory map.
    extractor : name of the extractor, one of the keys of `imatlas.features.EXTRACTORS` or the user's own.
    settings : the extractor's settings, JSON values only.
    """

    rows: np.ndarray
    extractor: str
    settings: Mapping[str, object] = field(default_factory=dict)

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
        object.__setattr__(self, "indices", indices)
        object.__setattr__(self, "distances", distances)

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def n_neighbors(self) -> int:
        """Neighbors stored per row, k."""
        return self.indices.shape[1]

    @cached_property
    def adjacency(self) -> sparse.csr_matrix:
        """Symmetric distance matrix (n, n) in CSR: an edge if either row lists the other, bridges included.

        Zero distances (duplicates) are kept as stored entries, lifted to the smallest positive float32 so that
        shortest-path routines do not read them as "no edge".
        """
        n, k = self.indices.shape
        tiny = np.finfo(np.float32).tiny
        rows = np.concatenate([np.repeat(np.arange(n), k), self.bridges[:, 0]])
        columns = np.concatenate([self.indices.ravel(), self.bridges[:, 1]])
        lengths = np.maximum(np.concatenate([self.distances.ravel(), self.bridge_lengths]), tiny)
        directed = sparse.csr_matrix((lengths.astype(np.float64), (rows, columns)), shape=(n, n))
        return directed.maximum(directed.T).tocsr()

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
