"""Spectral clusters: groups of rows that a random walk on the neighbor graph seldom leaves.

Rows are placed by a spectral map of as many coordinates as clusters, and k-means groups the directions of the places, since
how far a row lies out tells how loosely it hangs on and not where it belongs. Parts of a broken graph
share the clusters out by size, each clustered alone; if there are more parts than clusters, the smallest are first joined
to their nearest by bridges (or, without features to measure those, the smallest parts share one cluster).

References: Ng, Jordan, Weiss, "On spectral clustering", 2001; von Luxburg, "A tutorial on spectral clustering", 2007,
arXiv 0711.0189.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import ClusterMixin
from sklearn.utils.validation import check_is_fitted

from imatlas.manifold.base import GraphEstimator
from imatlas.manifold.bridges import join_components
from imatlas.manifold.kmeans import k_means, nearest_centers
from imatlas.manifold.spectral_map import SpectralMap
from imatlas.neighbors import search
from imatlas.values import Clusters, KnnGraph

__all__ = ["SpectralClusters"]


class SpectralClusters(ClusterMixin, GraphEstimator):
    """k-means on a spectral map.

    Parameters
    ----------
    n_clusters : groups wanted; at most one per row.
    n_components : coordinates of the spectral map; None = n_clusters.
    n_neighbors : neighbors in the graph. Lowered to n - 1 with a warning.
    metric : "euclidean", "cosine" or "correlation".
    random_state : seed of the k-means starts.

    Attributes
    ----------
    labels_ : int64 (n,), 0 to n_clusters - 1.
    map_ : the fitted SpectralMap the groups were found on.
    directions_ : float32 (n, 1 + n_components), the constant mode and the places, each row of length 1.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).random((100, 10))
    >>> sorted(set(SpectralClusters(n_clusters=3, n_components=2).fit_predict(rows).tolist()))
    [0, 1, 2]
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        n_components: int | None = None,
        n_neighbors: int = 15,
        metric: str = "euclidean",
        random_state: int | None = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.random_state = random_state

    def fit(self, X: np.ndarray | sparse.spmatrix | KnnGraph, y: object = None, *, graph: KnnGraph | None = None) -> Self:
        """Learn the clusters.

        Parameters
        ----------
        X : (n, d) features, dense or CSR, n >= 2; or a KnnGraph, which then can predict no new rows.
        y : ignored, there for scikit-learn.
        graph : the neighbor graph of X if it is already made.

        Raises
        ------
        ValueError
            If X is no finite matrix, the graph has other rows, or n_clusters is below 1.
        """
        if self.n_clusters < 1:
            raise ValueError(f"n_clusters is {self.n_clusters}; wanted at least 1. 8 is a start.")
        graph = self._read(X, graph)
        n_clusters = min(self.n_clusters, len(graph))
        if self.rows_ is not None and len(graph.component_sizes) > n_clusters:
            graph = join_components(graph, self.rows_, n_parts=n_clusters)
        q = self.n_components or n_clusters
        self.map_ = SpectralMap(q, n_neighbors=self.n_neighbors, metric=graph.metric)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            places = self.map_.fit_transform(graph if self.rows_ is None else self.rows_, graph=graph)
        self.directions_ = self._directions(places, self.map_.parts_)
        self.labels_ = np.zeros(len(graph), dtype=np.int64)
        centers: list[np.ndarray] = []
        parts: list[int] = []
        part_of = np.minimum(graph.components, n_clusters - 1)
        for part, count in enumerate(_share_out(np.bincount(part_of), n_clusters)):
            rows = np.flatnonzero(part_of == part)
            found = k_means(self.directions_[rows], count, seed=self._seed(), n_starts=10 if count <= 20 else 3)
            self.labels_[rows] = len(parts) + nearest_centers(self.directions_[rows], found)[0]
            centers.append(found)
            parts += [part] * count
        self.centers_, self.center_parts_ = np.concatenate(centers), np.array(parts)
        # k-means on places with few distinct values can leave a center empty: labels are then numbered anew.
        used, self.labels_ = np.unique(self.labels_, return_inverse=True)
        self.centers_, self.center_parts_ = self.centers_[used], self.center_parts_[used]
        return self

    def predict(self, X: np.ndarray | sparse.spmatrix) -> np.ndarray:
        """Give the clusters int64 (b,) of rows (b, d): the center nearest in direction, in the part of their nearest row."""
        rows = self._read_new(X)
        neighbors, distances = self._new_neighbors(rows)
        places = self._directions(self.map_.transform(rows), self.map_.parts_[neighbors[:, 0]])
        labels = np.empty(len(places), dtype=np.int64)
        parts = np.minimum(self.map_.parts_[neighbors[:, 0]], self.center_parts_.max())
        for part in np.unique(parts):
            mine, centers = np.flatnonzero(parts == part), np.flatnonzero(self.center_parts_ == part)
            labels[mine] = centers[nearest_centers(places[mine], self.centers_[centers])[0]]
        fitted = distances[:, 0] == 0
        labels[fitted] = self.labels_[neighbors[fitted, 0]]
        return labels

    def clusters_value(self) -> Clusters:
        """Give the fitted clusters as the value other rooms take; centroids are feature means, so dense features are needed.

        Raises
        ------
        ValueError
            If the clusters were fitted to a graph alone or to sparse rows.
        """
        check_is_fitted(self, "labels_")
        centroids = self._centroids(self.labels_, int(self.labels_.max()) + 1)
        _, lengths = search(self.directions_, self.centers_, min(2, len(self.centers_)))
        strengths = 1 - lengths[:, 0] / np.maximum(lengths[:, -1], 1e-30) if len(self.centers_) > 1 else np.ones(len(lengths))
        return Clusters(
            labels=self.labels_,
            levels=self.labels_[:, None],
            strengths=np.asarray(strengths, dtype=np.float32),
            centroids=centroids,
            method="spectral_clusters",
        )

    def _directions(self, places: np.ndarray, parts: np.ndarray) -> np.ndarray:
        """Give places (b, q) in their own part's layout with the constant mode before them, of length 1, float32 (b, q + 1)."""
        spread = np.hstack([np.ones((len(places), 1)), places - self.map_.centers_[parts]])
        return (spread / np.sqrt(np.square(spread).sum(axis=1, keepdims=True))).astype(np.float32)

    def pack(self) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        """Give all that was learned as JSON-ready settings and named arrays; nothing needs pickle."""
        check_is_fitted(self, "labels_")
        settings, arrays = self.map_.pack()
        own = {
            "directions": self.directions_,
            "labels": self.labels_,
            "centers": self.centers_,
            "center_parts": self.center_parts_,
        }
        parameters = self.get_params() | {"random_state": self._seed()}
        return {"method": type(self).__name__, "parameters": parameters, "map": settings}, own | {
            f"map/{name}": array for name, array in arrays.items()
        }

    @classmethod
    def unpack(cls, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """Give the fitted estimator back that `pack` took apart; it predicts the same."""
        estimator = cls(**settings["parameters"])
        on_map = {name.removeprefix("map/"): array for name, array in arrays.items() if name.startswith("map/")}
        estimator.map_ = SpectralMap.unpack(settings["map"], on_map)
        for name in ("rows_", "n_rows_", "n_neighbors_", "metric_", "n_features_in_"):
            if hasattr(estimator.map_, name):
                setattr(estimator, name, getattr(estimator.map_, name))
        estimator.labels_, estimator.centers_ = arrays["labels"], arrays["centers"]
        estimator.center_parts_, estimator.directions_ = arrays["center_parts"], arrays["directions"]
        estimator._lay_index()
        return estimator


def _share_out(sizes: np.ndarray, n_clusters: int) -> list[int]:
    """Give each part of a graph one cluster, and the rest one by one where rows per cluster are most."""
    counts = np.ones(len(sizes), dtype=np.int64)
    for _ in range(n_clusters - len(sizes)):
        crowd = np.where(counts < sizes, sizes / counts, 0)
        counts[int(np.argmax(crowd))] += 1
    return counts.tolist()
