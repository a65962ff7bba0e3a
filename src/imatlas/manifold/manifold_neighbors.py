"""Neighbors under any manifold distance, for fitted and for new rows.

Distances come first, neighbors from them, similarities from those: `fit` builds the neighbor graph, `graph_` feeds every map
and clustering, `kneighbors` answers for any rows, and `similarities` says how alike the neighbors are:

    cosine, correlation    the cosine or correlation itself, 1 - d
    euclidean, geodesic    exp(-d^2 / (s_i s_j)),   s_i the distance from i to its 7th neighbor (self-tuning)
    diffusion              the cosine between what has spread from i and from j

Among its own k graph neighbors a row's geodesic and direct Euclidean distances are equal, since no path is shorter than the
straight line; beyond them geodesics follow the data.

References: Zelnik-Manor, Perona, "Self-tuning spectral clustering", 2004.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from imatlas.checks import InputError
from imatlas.manifold.base import GraphEstimator
from imatlas.manifold.diffusion_space import DiffusionPlaces, DiffusionSpace
from imatlas.manifold.distance import DISTANCES
from imatlas.manifold.geodesic_neighbors import geodesic_neighbors, geodesic_neighbors_of_new
from imatlas.manifold.spectral import row_scales, scales_of_new
from imatlas.neighbors import METRICS, knn_graph, search
from imatlas.neighbors.graph import lower_to
from imatlas.values import KnnGraph, straight_lengths

__all__ = ["ManifoldNeighbors"]

_MODES = ("connectivity", "distance", "similarity")


class ManifoldNeighbors(GraphEstimator):
    """Nearest neighbors under a manifold distance.

    Parameters
    ----------
    n_neighbors : neighbors per row of the graph and, unless told otherwise, of each answer. Lowered to n - 1 with a warning.
    metric : "euclidean", "cosine", "correlation"; or along the Euclidean graph "geodesic" or "diffusion".
    t : time of diffusion; more forgets more detail. None = until its slowest mode is half gone.
    random_state : seed of the inverted-list search of large sets.

    Attributes
    ----------
    graph_ : KnnGraph of the fitted rows under the metric, for every map and clustering.
    link_graph_ : the graph that geodesics and diffusion run along; `graph_` itself but for diffusion.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.array([[0.0], [1.0], [3.0]])
    >>> ManifoldNeighbors(n_neighbors=1).fit(rows).kneighbors()[1].tolist()
    [[1], [0], [1]]
    """

    _learned = ("indices_", "distances_", "bridges_", "bridge_lengths_", "recall_")

    def __init__(
        self,
        n_neighbors: int = 15,
        *,
        metric: str = "euclidean",
        t: float | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.t = t
        self.random_state = random_state

    def fit(self, X: np.ndarray | sparse.spmatrix | KnnGraph, y: object = None, *, graph: KnnGraph | None = None) -> Self:
        """Build the neighbor graph of X (n, d), or take a ready one; y is ignored.

        Raises
        ------
        ValueError
            If X is no finite matrix of two rows or more, the metric is unknown, or the ready graph was made under another.
        """
        if self.metric not in DISTANCES:
            raise ValueError(f"The metric is {self.metric!r}; wanted one of {', '.join(DISTANCES)}. Choose one of these.")
        links = self._read(X, graph)
        if self.metric in METRICS and links.metric != self.metric:
            raise ValueError(f"The graph was made under {links.metric}, but metric is {self.metric!r}; give both one metric.")
        self._take(links)
        return self

    def kneighbors(
        self, X: np.ndarray | sparse.spmatrix | None = None, n_neighbors: int | None = None, return_distance: bool = True
    ) -> tuple[np.ndarray, np.ndarray] | np.ndarray:
        """Give the nearest fitted rows of rows.

        Parameters
        ----------
        X : (b, d) new rows; None = the fitted rows, none its own neighbor.
        n_neighbors : answers per row; None = as many as the graph has. Lowered to the rows there are, with a warning.
        return_distance : give distances too, as scikit-learn does.

        Returns
        -------
        distances float (b, k) and indices int64 (b, k), or the indices alone. Along the data, where a component of the graph
        has too few rows for an answer, the index is -1 and the distance infinite.
        """
        distances, indices = self._answer(X, n_neighbors)
        return (distances, indices) if return_distance else indices

    def similarities(
        self, X: np.ndarray | sparse.spmatrix | None = None, n_neighbors: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give how alike the nearest fitted rows are, see the module; parameters as in `kneighbors`.

        Returns
        -------
        similarities float64 (b, k), from -1 to 1 (from 0 for "euclidean" and "geodesic"), and indices int64 (b, k), nearest
        first. Where the index is -1 the similarity is 0.
        """
        distances, indices = self._answer(X, n_neighbors)
        known = np.maximum(indices, 0)
        if self.metric == "diffusion":
            near = _at(self.space_.fitted, known.ravel())
            asked = self.space_.fitted if X is None else self.space_.of_new(self._read_new(X))
            asked = _at(asked, np.repeat(np.arange(len(indices)), indices.shape[1]))
            alike = asked.paired_similarities(near).reshape(indices.shape)
        elif self.metric in ("cosine", "correlation"):
            alike = 1 - distances.astype(np.float64)
        else:
            own = scales = row_scales(self.graph_.lengths)
            if X is not None:
                entries = self._new_neighbors(self._read_new(X))[1]
                own = scales_of_new(straight_lengths(entries, self.graph_.metric), scales)
            alike = np.exp(-np.square(distances.astype(np.float64)) / (own[:, None] * scales[known]))
        return np.where(indices < 0, 0.0, alike), indices

    def kneighbors_graph(
        self, X: np.ndarray | sparse.spmatrix | None = None, n_neighbors: int | None = None, mode: str = "connectivity"
    ) -> sparse.csr_matrix:
        """Give the neighbors as a sparse matrix, as scikit-learn does; other parameters as in `kneighbors`.

        Parameters
        ----------
        mode : "connectivity" (ones), "distance" or "similarity".

        Returns
        -------
        CSR (b, n), not symmetric; a stored zero is a distance or similarity of 0.

        Raises
        ------
        InputError
            If the mode is unknown.
        """
        if mode not in _MODES:
            raise InputError(f"The mode is {mode!r}; wanted one of {', '.join(_MODES)}. Choose one of these.")
        answers, indices = self.similarities(X, n_neighbors) if mode == "similarity" else self._answer(X, n_neighbors)
        found = indices >= 0
        entries = answers[found].astype(np.float64) if mode != "connectivity" else np.ones(int(found.sum()))
        starts = np.append(0, np.cumsum(found.sum(axis=1)))
        return sparse.csr_matrix((entries, indices[found], starts), shape=(len(indices), self.n_rows_))

    @classmethod
    def unpack(cls, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """Give the fitted estimator back that `pack` took apart; what diffusion adds to its links is worked out again.

        Raises
        ------
        ValueError
            If the settings were packed by another method.
        """
        neighbors = super().unpack(settings, arrays)
        links = {
            name: getattr(neighbors, f"{name}_") for name in ("indices", "distances", "bridges", "bridge_lengths", "recall")
        }
        neighbors._take(KnnGraph(metric=neighbors.metric_, **links))
        return neighbors

    def _take(self, links: KnnGraph) -> None:
        """Remember the graph that the rows are linked by, and make that of the metric from it."""
        self.indices_, self.distances_, self.recall_ = links.indices, links.distances, float(links.recall)
        self.bridges_, self.bridge_lengths_ = links.bridges, links.bridge_lengths
        self.graph_ = self.link_graph_ = links
        if self.metric == "diffusion":
            self.space_ = DiffusionSpace.of(self.rows_, links, self.t)
            distances, indices = self._own_neighbors(links.n_neighbors)
            self.graph_ = KnnGraph(indices=indices, distances=distances, metric="diffusion", recall=links.recall)

    def _answer(self, X: np.ndarray | sparse.spmatrix | None, n_neighbors: int | None) -> tuple[np.ndarray, np.ndarray]:
        check_is_fitted(self, "graph_")
        k = self.graph_.n_neighbors if n_neighbors is None else n_neighbors
        if X is None:
            return self._own_neighbors(lower_to(k, self.n_rows_))
        rows, k = self._read_new(X), lower_to(k, self.n_rows_ + 1)
        if self.metric == "diffusion":
            return self.space_.nearest(self.space_.of_new(rows), k)
        if self.metric == "geodesic":
            near, distances = self._new_neighbors(rows)
            return geodesic_neighbors_of_new(self.graph_, k, near, straight_lengths(distances, self.graph_.metric))
        indices, distances = search(rows, self.rows_, k, self.metric_)
        return distances, indices

    def _own_neighbors(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        graph = self.graph_
        listed = graph.metric == self.metric or (self.metric, graph.metric, graph.recall) == ("geodesic", "euclidean", 1.0)
        if listed and k <= graph.n_neighbors:
            return graph.distances[:, :k], graph.indices[:, :k]
        if self.metric == "geodesic":
            return geodesic_neighbors(graph, k)
        if self.metric == "diffusion":
            return _without_own(*self.space_.nearest(self.space_.fitted, k + 1))
        if self.rows_ is None:
            raise ValueError(f"{k} neighbors were asked of a graph with {graph.n_neighbors}; fit features, or ask for fewer.")
        wider = knn_graph(self.rows_, n_neighbors=k, metric=self.metric, random_state=self._seed())
        return wider.distances, wider.indices

    def _link_metric(self) -> str:
        return self.metric if self.metric in METRICS else "euclidean"


def _at(places: DiffusionPlaces, rows: np.ndarray) -> DiffusionPlaces:
    return DiffusionPlaces(places.vectors[rows], places.parts[rows], places.rest[rows])


def _without_own(distances: np.ndarray, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Leave each row out of its own answer; among many duplicates it may not be there, then the last goes."""
    own = indices == np.arange(len(indices))[:, None]
    own[~own.any(axis=1), -1] = True
    shape = (len(indices), indices.shape[1] - 1)
    return distances[~own].reshape(shape), indices[~own].reshape(shape)
