"""The cluster found without labels as a condition, at up to three levels, each large enough to learn from.

A cluster of few images would be a key to those very images, so one below the least size counts as the nearest large one.
Its number still works: it stands for the cluster it was joined to. The finest level keeps the numbers of the report; of the
coarser levels up to two are conditions of their own, each at most half as fine as the one before. A name that a person gave a
cluster works like its number, and so does the number of one that was merged into another.

References: Hu et al. 2023, "Self-guided diffusion models", arXiv 2210.06462; Adaloglou et al. 2024, "Rethinking
cluster-conditioned diffusion models for label-free image synthesis", arXiv 2403.00570.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Self

import numpy as np
from scipy.spatial.distance import cdist

from imatlas.checks import InputError
from imatlas.conditions.base import Condition
from imatlas.conditions.category import MOST_NAMED, CategoryCondition
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
    """The cluster at the finest level, numbered "1", "2", ... as in the report, and called what a person named it.

    Parameters
    ----------
    labels : int64 (n,), a large cluster each, -1 = none.
    counts_as : int64 (n_clusters,), the large cluster each one belongs to, itself if it is large; -1 if it has no image left.
    stands_for : int64 (n_clusters,), the number each one goes by since a person merged some; None = its own.
    called : number, from 0 -> name, of those that have one.
    """

    name = "cluster"
    steers = "which group of like images it belongs to"
    lacking = "fewer than two clusters that are large enough"
    level = 0
    """Levels above the finest."""

    def __init__(
        self,
        labels: np.ndarray,
        counts_as: np.ndarray,
        *,
        stands_for: np.ndarray | None = None,
        called: Mapping[int, str] | None = None,
    ) -> None:
        super().__init__(labels, [str(number + 1) for number in range(len(counts_as))])
        self.counts_as = np.asarray(counts_as, dtype=np.int64)
        own = np.arange(len(self.counts_as))
        self.stands_for = own if stands_for is None else np.asarray(stands_for, dtype=np.int64)
        self.called = dict(called or {})

    @classmethod
    def describe(cls, images: ImageSet, manifold: Manifold) -> Self | None:
        """None when there is no such level, or fewer than two clusters of it are large enough."""
        columns = level_columns(manifold.clusters)
        if cls.level >= len(columns):
            return None
        labels = manifold.clusters.of_level(columns[cls.level])
        grouping = manifold.clusters.grouping(columns[cls.level])
        rows, stands_for = manifold.features.rows, grouping.stands_for
        least = LEAST_SIZE if len(rows) >= SMALL_SET else LEAST_SIZE_SMALL_SET
        counts_as = join_small(labels, group_means(rows, labels, len(stands_for)), least)[stands_for]
        counts_as[np.bincount(labels[labels >= 0], minlength=len(stands_for))[stands_for] == 0] = -1
        if len(np.unique(counts_as[counts_as >= 0])) < 2:
            return None
        joined = np.where(labels >= 0, counts_as[labels], -1)
        return cls(joined, counts_as, stands_for=stands_for, called=grouping.names)

    def renamed(self, called: Mapping[int, str]) -> Self:
        """Give the condition with other names: number, from 0 -> name."""
        return type(self)(self.labels, self.counts_as, stands_for=self.stands_for, called=called)

    @property
    def offered(self) -> tuple[str, ...]:
        """Names or numbers of all clusters; those of small ones stand for the ones they were joined to."""
        own = np.flatnonzero((self.stands_for == np.arange(len(self.names))) & (self.counts_as >= 0))
        return tuple(self._called(int(number)) for number in own)

    def knows(self, wish: str) -> bool:
        """Say whether a cluster has this name, in small letters or large."""
        return self._number_of(wish) is not None

    def read(self, wish: str) -> np.ndarray:
        """Give the code of a cluster's number or name; a small cluster has that of the one it was joined to."""
        number = self.names.index(wish) if wish in self.names else self._number_of(wish)
        if number is None:
            raise InputError(f"There is no {self.name} {wish!r}; {self._offer(wish)}.")
        if self.counts_as[number] < 0:
            raise InputError(f"No training image is of the {self.name} {wish!r}; {self._offer(wish)}.")
        return np.array([self.counts_as[number]], dtype=np.float32)

    def words(self, code: np.ndarray) -> str:
        """Give the name of a cluster, or its number if it has none."""
        return self._called(int(code[0]))

    def _called(self, number: int) -> str:
        return self.called.get(number, self.names[number])

    def _number_of(self, name: str) -> int | None:
        return next((number for number, own in self.called.items() if own.casefold() == name.casefold()), None)

    def _offer(self, wish: str) -> str:
        numbers = f"choose a number from 1 to {len(self.names)}"
        if not self.called:
            return numbers
        names = list(self.called.values())
        return f"{numbers}, or a name: {', '.join(get_close_matches(wish, names, n=3) or names[:MOST_NAMED])}"

    def pack(self) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        """Give the labels, which cluster each counts as and goes by, and the names."""
        arrays = {"labels": self.labels, "counts_as": self.counts_as, "stands_for": self.stands_for}
        return {"called": {str(number): name for number, name in self.called.items()}}, arrays

    @classmethod
    def unpack(cls, settings: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> Self:
        """Give the condition; one that was kept before clusters could be named has no names."""
        called: Mapping[str, str] = settings.get("called", {})  # type: ignore[assignment]
        names = {int(number): name for number, name in called.items()}
        return cls(arrays["labels"], arrays["counts_as"], stands_for=arrays.get("stands_for"), called=names)


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


def cluster_wish(wish: str, conditions: Iterable[Condition] = ()) -> tuple[str, str]:
    """Give the condition and the number or name that "12", "striped shirts", "middle:7" or "coarse:3" ask for.

    Parameters
    ----------
    conditions : of the model; a name without a level is looked for in all of these, in their order.

    Raises
    ------
    InputError
        If there is no such level.
    """
    level, colon, number = wish.rpartition(":")
    if not colon:
        knowing = [one.name for one in conditions if isinstance(one, ClusterCondition) and one.knows(wish)]
        return next(iter(knowing), ClusterCondition.name), wish
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

    The first is the reported level, -1 where no column is. What counts is how many clusters were found: merging and splitting
    moves no condition to another level.
    """
    columns = [clusters.level]
    n_chosen = clusters.grouping(clusters.level).n_found
    for column in reversed(range(clusters.levels.shape[1])):
        n_found = clusters.grouping(column).n_found
        if 2 <= n_found <= n_chosen / 2:
            columns.append(column)
            n_chosen = n_found
    return columns
