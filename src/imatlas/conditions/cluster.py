"""The cluster found without labels as a condition, at up to three levels, each large enough to learn from.

A cluster of few images would be a key to those very images, so one below the least size counts as the nearest large one.
Its number still works: it stands for the cluster it was joined to. The finest level keeps the numbers of the report; of the
coarser levels up to two are conditions of their own, each at most half as fine as the one before.

References: Hu et al. 2023, "Self-guided diffusion models", arXiv 2210.06462; Adaloglou et al. 2024, "Rethinking
cluster-conditioned diffusion models for label-free image synthesis", arXiv 2403.00570.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial.distance import cdist

from imatlas.checks import InputError
from imatlas.conditions.category import CategoryCondition
from imatlas.conditions.components import group_means
from imatlas.values import Clusters, ImageSet, Manifold

__all__ = [
    "ClusterCoarseCondition",
    "ClusterCondition",
    "ClusterMiddleCondition",
    "cluster_wish",
    "join_small",
    "level_columns",
]

LEAST_SIZE, LEAST_SIZE_SMALL_SET, SMALL_SET = 100, 50, 5000
LEVELS = {"coarse": "cluster_coarse", "middle": "cluster_middle"}


class ClusterCondition(CategoryCondition):
    """The cluster at the finest level, named "1", "2", ... as the report names them.

    Parameters
    ----------
    labels : int64 (n,), a large cluster each, -1 = none.
    counts_as : int64 (n_clusters,), the large cluster each one belongs to, itself if it is large.
    """

    name = "cluster"
    steers = "which group of like images it belongs to"
    lacking = "fewer than two clusters that are large enough"
    level = 0
    """Levels above the finest."""

    def __init__(self, labels: np.ndarray, counts_as: np.ndarray) -> None:
        super().__init__(labels, [str(number + 1) for number in range(len(counts_as))])
        self.counts_as = np.asarray(counts_as, dtype=np.int64)

    @classmethod
    def describe(cls, images: ImageSet, manifold: Manifold) -> ClusterCondition | None:
        """None when there is no such level, or fewer than two clusters of it are large enough."""
        columns = level_columns(manifold.clusters)
        if cls.level >= len(columns):
            return None
        column = columns[cls.level]
        labels = manifold.clusters.labels if column < 0 else np.ascontiguousarray(manifold.clusters.levels[:, column])
        rows = manifold.features.rows
        least = LEAST_SIZE if len(rows) >= SMALL_SET else LEAST_SIZE_SMALL_SET
        counts_as = join_small(labels, group_means(rows, labels, int(labels.max(initial=-1)) + 1), least)
        if len(np.unique(counts_as)) < 2:
            return None
        joined = np.where(labels >= 0, counts_as[labels], -1)
        return cls(joined, counts_as)

    @property
    def offered(self) -> tuple[str, ...]:
        """All numbers; those of small clusters stand for the ones they were joined to."""
        return self.names

    def read(self, wish: str) -> np.ndarray:
        """Give the code of a cluster's number; a small cluster has that of the one it was joined to."""
        return self.counts_as[super().read(wish).astype(np.int64)].astype(np.float32)

    def _offer(self, wish: str) -> str:
        return f"choose a number from 1 to {len(self.names)}"

    def pack(self) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        """Give the labels, and which cluster each counts as."""
        return {}, {"labels": self.labels, "counts_as": self.counts_as}

    @classmethod
    def unpack(cls, settings: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> ClusterCondition:
        """Give the condition."""
        return cls(arrays["labels"], arrays["counts_as"])


class ClusterMiddleCondition(ClusterCondition):
    """The cluster one level above the finest."""

    name = "cluster_middle"
    steers = "which wider group it belongs to"
    lacking = "no coarser level of clusters"
    level = 1


class ClusterCoarseCondition(ClusterCondition):
    """The cluster two levels above the finest."""

    name = "cluster_coarse"
    steers = "which of the widest groups it belongs to"
    lacking = "no third level of clusters"
    level = 2


def cluster_wish(wish: str) -> tuple[str, str]:
    """Give the condition and the number that "12", "middle:7" or "coarse:3" ask for.

    Raises
    ------
    InputError
        If there is no such level.
    """
    level, colon, number = wish.rpartition(":")
    if not colon:
        return "cluster", wish
    if level not in LEVELS:
        raise InputError(f"There is no level of clusters {level!r}; write a number, or {' or '.join(LEVELS)}:NUMBER.")
    return LEVELS[level], number


def join_small(labels: np.ndarray, centers: np.ndarray, least: int) -> np.ndarray:
    """Give for each cluster the large one it counts as: itself, or the nearest of at least so many rows.

    Parameters
    ----------
    labels : int64 (n,), -1 = none.
    centers : (k, d), the mean of each cluster.
    least : rows of a large cluster; if none has as many, the largest one alone is large.

    Returns
    -------
    int64 (k,)
    """
    sizes = np.bincount(labels[labels >= 0], minlength=len(centers))
    large = np.flatnonzero(sizes >= min(least, sizes.max(initial=0)))
    counts_as = np.arange(len(centers))
    small = np.setdiff1d(counts_as, large)
    if len(small):
        counts_as[small] = large[cdist(centers[small], centers[large]).argmin(axis=1)]
    return counts_as


def level_columns(clusters: Clusters) -> list[int]:
    """Give the columns of `Clusters.levels` that can be asked for, each at most half as fine as the one before.

    The first is the reported level, -1 where no column is.
    """
    columns = [max((column for column, of in enumerate(clusters.levels.T) if np.array_equal(of, clusters.labels)), default=-1)]
    n_chosen = clusters.n_clusters
    for column in reversed(range(clusters.levels.shape[1])):
        n_clusters = int(clusters.levels[:, column].max(initial=-1)) + 1
        if 2 <= n_clusters <= n_chosen / 2:
            columns.append(column)
            n_chosen = n_clusters
    return columns
