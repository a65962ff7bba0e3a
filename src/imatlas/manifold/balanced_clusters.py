"""Balanced clusters: many fine groups of like images, none too small to learn from.

k-means gives fine centers; the smallest cluster below the wanted size is dissolved, its rows go to their next center, and so
on until every cluster is large enough. Centers are then frozen: the cluster of any row, old or new, is its nearest center.
Coarser levels merge centers by Ward's rule, so that each fine cluster lies in one coarse cluster.

References: Lloyd, "Least squares quantization in PCM", 1982; Ward, "Hierarchical grouping to optimize an objective
function", 1963.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from imatlas.checks import require_resolved
from imatlas.manifold.kmeans import k_means, nearest_centers
from imatlas.neighbors import search
from imatlas.values import Clusters

__all__ = ["BalancedClusters"]


class BalancedClusters(ClusterMixin, BaseEstimator):
    """Fine clusters of a least size, in levels from coarse to fine.

    Parameters
    ----------
    n_clusters : clusters to start from; None = half as many as the least size would allow. Some are dissolved, so this is
        the most there can be.
    min_size : fewest rows per cluster; None = 100, or 50 below 5,000 rows, and never above half a mean cluster when n_clusters
        is given. Larger gives fewer, broader clusters.
    random_state : seed of the centers.

    Attributes
    ----------
    labels_ : int64 (n,), the finest level, always the nearest center; clusters are numbered along their tree.
    levels_ : int64 (n, L), coarse to fine, each about a quarter as fine as the next.
    centroids_ : float32 (n_clusters, d), frozen.
    strengths_ : float32 (n,) in [0, 1], 1 - distance to own center / distance to the next one.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.repeat([[0.0], [5.0]], 40, axis=0)
    >>> len(set(BalancedClusters(n_clusters=2).fit_predict(rows)))
    2
    """

    def __init__(self, n_clusters: int | None = None, *, min_size: int | None = None, random_state: int | None = 0) -> None:
        self.n_clusters = n_clusters
        self.min_size = min_size
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: object = None) -> Self:
        """Learn the clusters of rows X (n, d); y is ignored.

        Raises
        ------
        ValueError
            If X is no finite matrix, or n_clusters or min_size is below 1.
        """
        rows = require_resolved(validate_data(self, X, dtype=[np.float32, np.float64, np.int64]), "X")
        for name in ("n_clusters", "min_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}; wanted at least 1, or None to let the number of rows decide.")
        min_size, n_clusters = self._sizes(len(rows))
        state = self.random_state
        seed = int(state or 0) if state is None or isinstance(state, (int, np.integer)) else int(state.randint(2**31 - 1))
        centers = k_means(rows, n_clusters, seed=seed, n_starts=5 if n_clusters <= 20 else 1, n_steps=15)
        centers = _dissolve_small(rows, centers, min_size)
        self.centroids_, self._tree_levels = _levels(centers)
        self.labels_ = self.predict(rows)
        self.levels_ = self._tree_levels[self.labels_]
        self.strengths_ = _strengths(rows, self.centroids_)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Give the nearest cluster int64 (b,) of rows (b, d)."""
        check_is_fitted(self, "centroids_")
        return nearest_centers(validate_data(self, X, dtype=np.float32, reset=False), self.centroids_)[0]

    def predict_levels(self, X: np.ndarray) -> np.ndarray:
        """Give the clusters int64 (b, L) of rows (b, d) at every level, coarse to fine."""
        return self._tree_levels[self.predict(X)]

    def clusters_value(self) -> Clusters:
        """Give the fitted clusters as the value that other rooms take."""
        check_is_fitted(self, "labels_")
        return Clusters(
            labels=self.labels_,
            levels=self.levels_,
            strengths=self.strengths_,
            centroids=self.centroids_,
            method="balanced_clusters",
        )

    def pack(self) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        """Give all that was learned as JSON-ready settings and named arrays; nothing needs pickle."""
        check_is_fitted(self, "centroids_")
        parameters = {"n_clusters": self.n_clusters, "min_size": self.min_size}
        arrays = {name: getattr(self, f"{name}_") for name in ("centroids", "labels", "levels", "strengths")}
        return {"method": type(self).__name__, "parameters": parameters}, arrays | {"tree_levels": self._tree_levels}

    @classmethod
    def unpack(cls, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """Give the fitted estimator back that `pack` took apart; it predicts the same."""
        estimator = cls(**settings["parameters"])
        for name in ("centroids", "labels", "levels", "strengths"):
            setattr(estimator, f"{name}_", arrays[name])
        estimator._tree_levels = arrays["tree_levels"]
        estimator.n_features_in_ = estimator.centroids_.shape[1]
        return estimator

    def _sizes(self, n: int) -> tuple[int, int]:
        """Give the least size and the number of clusters to start from."""
        least = self.min_size or (100 if n >= 5000 else 50)
        if self.n_clusters is None:
            return least, max(1, n // (2 * least))
        n_clusters = min(self.n_clusters, n)
        return (self.min_size or max(1, min(least, n // (2 * n_clusters)))), n_clusters


def _dissolve_small(rows: np.ndarray, centers: np.ndarray, min_size: int) -> np.ndarray:
    """Drop the smallest cluster while it is too small; the rest keep their centers."""
    n_near = min(len(centers), 8)
    near, _ = search(rows, centers, n_near)
    alive = np.ones(len(centers), dtype=bool)
    labels = near[:, 0].copy()
    while alive.sum() > 1:
        counts = np.where(alive, np.bincount(labels, minlength=len(centers)), len(rows) + 1)
        smallest = int(np.argmin(counts))
        if counts[smallest] >= min_size:
            break
        alive[smallest] = False
        homeless = np.flatnonzero(labels == smallest)
        living = alive[near[homeless]]
        labels[homeless] = near[homeless, np.argmax(living, axis=1)]
        lost = homeless[~living.any(axis=1)]
        if len(lost):
            labels[lost] = np.flatnonzero(alive)[nearest_centers(rows[lost], centers[alive])[0]]
    return centers[alive]


def _levels(centers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number centers along their Ward tree and give the cluster of each at every level, int64 (n_clusters, L)."""
    k = len(centers)
    if k < 3:
        return centers, np.arange(k)[:, None]
    tree = linkage(centers.astype(np.float64), method="ward", optimal_ordering=k <= 1000)
    order = fcluster(tree, k, criterion="maxclust").argsort(kind="stable")
    counts = [count for count in (k // 64, k // 16, k // 4) if count >= 2]
    columns = [fcluster(tree, count, criterion="maxclust")[order] for count in counts]
    levels = [np.unique(column, return_inverse=True)[1].ravel() for column in columns] + [np.arange(k)]
    return np.ascontiguousarray(centers[order]), np.stack(levels, axis=1).astype(np.int64)


def _strengths(rows: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """Give 1 at a center, 0 half-way to the next one; 1 everywhere if there is but one."""
    if len(centers) < 2:
        return np.ones(len(rows), dtype=np.float32)
    _, lengths = search(rows, centers, 2)
    return (1 - lengths[:, 0] / np.maximum(lengths[:, 1], 1e-30)).astype(np.float32)
