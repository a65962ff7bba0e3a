"""What a person made of clusters, carried over to other clusters of the same images, as far as these are the same ones.

Two clusters are the same if the images in both are more than half of those in either: |A and B| > |A or B| / 2. No cluster
then has two partners. Levels are matched from the finest on; images that are on one of two maps alone say nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from imatlas.store.edits import Edits, Merge, Split
from imatlas.store.regrouping import regrouped
from imatlas.values import Manifold

__all__ = ["carried", "names_under", "same_clusters"]


def carried(edits: Edits, before: Manifold, after: Manifold) -> Edits:
    """Give the edits as they hold on a map that was made again.

    A merge is carried over if all its clusters are still there, a name if its cluster, merged or split as it was, is
    still there. Splits stay behind. What is dropped is told in `Edits.notes`, and cannot be undone.

    Parameters
    ----------
    before, after : both as they were learned.
    """
    if edits.map_key != before.key or before.key == after.key:
        return edits
    then = regrouped(before, edits)
    lost = [
        f"the split of cluster {one.label + 1}" for one in edits.regroupings if isinstance(one, Split) and one.by != "merged"
    ]
    merges: list[Merge] = []
    names: dict[int, dict[int, str]] = {}
    finer = after.clusters.levels.shape[1] - before.clusters.levels.shape[1]
    for level, grouping in enumerate(then.clusters.groupings):
        same = _same(before, after, level, level + finer)
        for group in grouping.merges:
            if not all(number in same for number in group):
                lost.append(f"the merge of clusters {', '.join(str(number + 1) for number in group)}")
            else:
                merges.append(Merge(level + finer, tuple(sorted(same[number] for number in group))))
    moved = replace(edits.of_map(after.key), regroupings=tuple(merges), revision=edits.revision + 1)
    now = regrouped(after, moved)
    for level, grouping in enumerate(then.clusters.groupings):
        same = _same(then, now, level, level + finer)
        lost += [f"the name {name}" for number, name in grouping.names.items() if number not in same]
        names[level + finer] = {same[number]: name for number, name in grouping.names.items() if number in same}
    return replace(moved, names={level: some for level, some in names.items() if some}, notes=_told(lost))


def names_under(then: Edits, found: Manifold, now: Edits) -> list[dict[int, str]]:
    """Give what clusters are called now by the numbers that they had under the edits of then, level by level.

    A cluster that was merged or split since has its name if it is still mostly the same images.

    Parameters
    ----------
    found : the manifold as it was learned.
    """
    before, after = regrouped(found, then), regrouped(found, now)
    names = []
    for level in range(found.clusters.levels.shape[1]):
        called = dict(after.clusters.grouping(level).names)
        if called and then.regroupings != now.regroupings:
            same = _same(after, before, level, level)
            called = {same[number]: name for number, name in called.items() if number in same}
        names.append(called)
    return names


def same_clusters(before: np.ndarray, after: np.ndarray) -> dict[int, int]:
    """Give the clusters that are the same: number before -> number after.

    Parameters
    ----------
    before, after : int64 (n,), two labels of each row, -1 = none.
    """
    both = (before >= 0) & (after >= 0)
    pairs, shared = np.unique(np.stack([before[both], after[both]], axis=1), axis=0, return_counts=True)
    of_before, of_after = (np.bincount(some[some >= 0]) for some in (before, after))
    either = of_before[pairs[:, 0]] + of_after[pairs[:, 1]] - shared
    return {int(one): int(other) for one, other in pairs[2 * shared > either]}


def _same(before: Manifold, after: Manifold, level: int, level_after: int) -> dict[int, int]:
    """Give the clusters of two levels that are the same, by the images on both maps; none if there is no such level."""
    if level_after < 0:
        return {}
    _, ours, theirs = np.intersect1d(before.rows, after.rows, assume_unique=True, return_indices=True)
    return same_clusters(before.clusters.levels[ours, level], after.clusters.levels[theirs, level_after])


def _told(lost: Sequence[str]) -> tuple[str, ...]:
    if not lost:
        return ()
    listed = ", ".join(lost)
    return (f"The map was made again, and its clusters are others: {listed} could not be carried over.",)
