"""Neighbors under any manifold distance, for fitted and for new rows.

Distances come first, neighbors from them, similarities from those: `fit` builds the neighbor graph, `graph_` feeds every map
and clustering, and `kneighbors` answers for any rows. Among its own k graph neighbors a row's geodesic and direct Euclidean
distances are equal, since no path is shorter than the straight line; beyond them geodesics follow the data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from imatlas.manifold.base import GraphEstimator
from imatlas.manifold.geodesics import all_geodesics, geodesics_of_new
from imatlas.neighbors import METRICS, knn_graph, search
from imatlas.neighbors.graph import lower_to
from imatlas.values import KnnGraph

__all__ = ["ManifoldNeighbors"]


class ManifoldNeighbors(GraphEstimator):
    """Nearest neighbors under a manifold distance.

    Parameters
    ----------
    n_neighbors : neighbors per row of the graph and, unless told otherwise, of each answer. Lowered to n - 1 with a warning.
    metric : "euclidean", "cosine", "correlation" or "geodesic" (along the Euclidean graph).
    random_state : seed of the inverted-list search of large sets.

    Attributes
    ----------
    graph_ : KnnGraph of the fitted rows.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.array([[0.0], [1.0], [3.0]])
    >>> ManifoldNeighbors(n_neighbors=1).fit(rows).kneighbors()[1].tolist()
    [[1], [0], [1]]
    """

    def __init__(self, n_neighbors: int = 15, *, metric: str = "euclidean", random_state: int | None = 0) -> None:
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.random_state = random_state

    def fit(self, X: np.ndarray | sparse.spmatrix | KnnGraph, y: object = None, *, graph: KnnGraph | None = None) -> Self:
        """Build the neighbor graph of X (n, d), or take a ready one; y is ignored.

        Raises
        ------
        ValueError
            If X is no finite matrix of two rows or more, or the metric is unknown.
        """
        if self.metric not in (*METRICS, "geodesic"):
            raise ValueError(f"The metric is {self.metric!r}; wanted one of {', '.join((*METRICS, 'geodesic'))}.")
        self.graph_ = self._read(X, graph)
        return self

    def kneighbors(
        self, X: np.ndarray | sparse.spmatrix | None = None, n_neighbors: int | None = None, return_distance: bool = True
    ) -> tuple[np.ndarray, np.ndarray] | np.ndarray:
        """Give the nearest fitted rows of rows.

        Parameters
        ----------
        X : (b, d) new rows; None = the fitted rows, none its own neighbor.
        n_neighbors : answers per row; None = as many as the graph has.
        return_distance : give distances too, as scikit-learn does.

        Returns
        -------
        distances float (b, k) and indices int64 (b, k), or the indices alone. Where a component of the graph has too few
        rows for a geodesic answer, the index is -1 and the distance infinite.
        """
        check_is_fitted(self, "graph_")
        k = self.graph_.n_neighbors if n_neighbors is None else n_neighbors
        if X is None:
            distances, indices = self._own_neighbors(lower_to(k, len(self.graph_)))
        else:
            rows = self._read_new(X)
            if self.metric == "geodesic":
                near, lengths = self._new_neighbors(rows)
                distances, indices = _smallest(lambda b: geodesics_of_new(self.graph_, near[b], lengths[b]), len(near), k)
            else:
                indices, distances = search(rows, self.rows_, k, self.metric)
        return (distances, indices) if return_distance else indices

    def _own_neighbors(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        graph = self.graph_
        if k <= graph.n_neighbors:
            return graph.distances[:, :k], graph.indices[:, :k]
        if self.metric == "geodesic":
            return _smallest(lambda b: _without_own(all_geodesics(graph, np.arange(len(graph))[b]), b), len(graph), k)
        if self.rows_ is None:
            raise ValueError(f"{k} neighbors were asked of a graph with {graph.n_neighbors}; fit features, or ask for fewer.")
        wider = knn_graph(self.rows_, n_neighbors=k, metric=self.metric, random_state=self._seed())
        return wider.distances, wider.indices

    def _link_metric(self) -> str:
        return "euclidean" if self.metric == "geodesic" else self.metric


def _without_own(distances: np.ndarray, block: slice) -> np.ndarray:
    distances[np.arange(len(distances)), np.arange(block.start, block.stop)] = np.inf
    return distances


def _smallest(distances_of: Callable[[slice], np.ndarray], n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the k least distances and their columns, ties by column, from a distance table made block by block."""
    distances, indices = np.full((n, k), np.inf), np.full((n, k), -1, dtype=np.int64)
    for start in range(0, n, 256):
        block = slice(start, min(start + 256, n))
        table = distances_of(block)
        order = np.argsort(table, axis=1, kind="stable")[:, :k]
        near = np.take_along_axis(table, order, 1)
        distances[block, : near.shape[1]] = near
        indices[block, : near.shape[1]] = np.where(np.isfinite(near), order, -1)
    return distances, indices
