"""Clusters as a person left them: the clusters that were found, with the names, merges and splits of the edits on them.

Merges and splits are replayed in the order in which they were made, level by level, on the labels that the clustering gave; a
level knows nothing of what was done to another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from imatlas.checks import InputError
from imatlas.store.edits import Edits, Exclude, Include, Merge, Name, Regrouping, Remembered, Split, require_name
from imatlas.values import Grouping, Manifold

__all__ = ["regrouped", "settled"]

_ROUNDS = 20


def regrouped(manifold: Manifold, edits: Edits) -> Manifold:
    """Give a manifold, as it was learned, with the clusters of a person's edits; itself where these are of another map.

    Its `key` stays that of the map.
    """
    if not edits.touches_clusters or edits.map_key != manifold.key:
        return manifold
    found = manifold.clusters
    replays = [_replayed(manifold, edits.regroupings, level) for level in range(found.levels.shape[1])]
    levels = np.stack([replay.labels for replay in replays], axis=1)
    chosen = replays[found.level]
    clusters = replace(
        found,
        labels=chosen.labels,
        levels=levels,
        centroids=_centroids(manifold, chosen),
        groupings=tuple(replay.grouping(edits.names.get(level, {})) for level, replay in enumerate(replays)),
    )
    return replace(manifold, clusters=clusters, made_from=manifold.key)


def settled(change: Remembered, manifold: Manifold, edits: Edits) -> Remembered:
    """Give a change that fits the clusters as they are now, and says all that is needed to make it again.

    Parameters
    ----------
    manifold : as it was learned.

    Raises
    ------
    InputError
        If there is no such cluster, its name cannot be used, or there is nothing to merge or to split.
    """
    if isinstance(change, Exclude | Include):
        return change
    n_levels = manifold.clusters.levels.shape[1]
    if not 0 <= change.level < n_levels:
        raise InputError(f"There is no level {change.level} of clusters; wanted 0 to {n_levels - 1}, the coarsest first.")
    replay = _replayed(manifold, edits.regroupings, change.level)
    for label in change.labels if isinstance(change, Merge) else (change.label,):
        replay.require(label)
    if isinstance(change, Name):
        names = replay.grouping(edits.names.get(change.level, {})).names
        return replace(change, name=require_name(change.name, [name for at, name in names.items() if at != change.label]))
    if isinstance(change, Split):
        return _settled_split(change, manifold, replay)
    labels = tuple(sorted(set(change.labels)))
    if len(labels) < 2:
        raise InputError(f"{len(labels)} clusters came to be merged; wanted two at least, of one level. Choose more.")
    return Merge(change.level, labels)


class _Replay:
    """The clusters of one level while merges and splits are made on them.

    Parameters
    ----------
    found : int64 (n,), labels as the clustering gave them.
    """

    def __init__(self, found: np.ndarray) -> None:
        self.labels = np.array(found, dtype=np.int64)
        self.n_found = int(self.labels.max(initial=-1)) + 1
        self.stands_for = list(range(self.n_found))
        self.merged: dict[int, list[tuple[np.ndarray, np.ndarray, list[int]]]] = {}

    def members(self, label: int) -> np.ndarray:
        return np.flatnonzero(self.labels == label)

    def require(self, label: int) -> None:
        """Refuse a number that no cluster goes by."""
        if not 0 <= label < len(self.stands_for):
            raise InputError(f"There is no cluster {label + 1}; wanted 1 to {len(self.stands_for)}. Choose one on the map.")
        if self.stands_for[label] != label:
            now = self.stands_for[label] + 1
            raise InputError(f"The cluster {label + 1} was merged into {now}. Choose that, or split it first.")

    def merge(self, labels: Iterable[int]) -> None:
        labels = sorted(labels)
        rows = np.flatnonzero(np.isin(self.labels, labels))
        self.merged.setdefault(labels[0], []).append((rows, self.labels[rows], self.stands_for))
        self.labels[rows] = labels[0]
        self.stands_for = [labels[0] if number in labels else number for number in self.stands_for]

    def unmerge(self, label: int) -> None:
        """Give each row the number it had before the last merge, but those that were split off since."""
        rows, before, stood_for = self.merged[label].pop()
        still = self.labels[rows] == label
        self.labels[rows[still]] = before[still]
        self.stands_for = [
            stood_for[number] if now == label and number < len(stood_for) else now for number, now in enumerate(self.stands_for)
        ]

    def part(self, members: np.ndarray, parts: np.ndarray) -> None:
        """Let the largest of some parts (m,) keep the number; -1 stays with it, the others get new numbers, largest first."""
        numbers, counts = np.unique(parts[parts >= 0], return_counts=True)
        for number in numbers[np.argsort(-counts, kind="stable")][1:]:
            self.labels[members[parts == number]] = len(self.stands_for)
            self.stands_for.append(len(self.stands_for))

    def grouping(self, names: Mapping[int, str]) -> Grouping:
        """A merged cluster without a name of its own has that of the first of its parts that has one."""
        held: dict[int, str] = {}
        for number in sorted(names):
            if number < len(self.stands_for):
                held.setdefault(self.stands_for[number], names[number])
        return Grouping(self.n_found, np.array(self.stands_for, dtype=np.int64), held)


def _replayed(manifold: Manifold, regroupings: Iterable[Regrouping], level: int) -> _Replay:
    replay = _Replay(manifold.clusters.levels[:, level])
    for change in regroupings:
        if change.level != level:
            continue
        if isinstance(change, Merge):
            replay.merge(change.labels)
        elif change.by == "merged":
            replay.unmerge(change.label)
        else:
            members = replay.members(change.label)
            replay.part(members, _parts(manifold, members, change))
    return replay


def _settled_split(split: Split, manifold: Manifold, replay: _Replay) -> Split:
    """Decide what a cluster falls apart into: what it was merged from, else its finer clusters, else two halves."""
    bare = Split(split.level, split.label)
    if replay.merged.get(split.label):
        return replace(bare, by="merged")
    members, levels = replay.members(split.label), manifold.clusters.levels
    for finer in range(split.level + 1, levels.shape[1]):
        numbers = levels[members, finer]
        if len(np.unique(numbers[numbers >= 0])) > 1:
            return replace(bare, by="finer", finer=finer)
    centers = _two_centers(np.asarray(manifold.features.rows[members], dtype=np.float64))
    halves = replace(bare, by="halves", centers=tuple(tuple(float(f"{value:.6g}") for value in one) for one in centers))
    if len(np.unique(_parts(manifold, members, halves))) < 2:
        raise InputError(f"The cluster {split.label + 1} has one image, or the same ones; there is nothing to split. Leave it.")
    return halves


def _parts(manifold: Manifold, members: np.ndarray, split: Split) -> np.ndarray:
    """Give the part (m,) that each member of a cluster belongs to."""
    if split.by == "finer":
        return np.asarray(manifold.clusters.levels[members, split.finer])
    rows = np.asarray(manifold.features.rows[members], dtype=np.float64)
    return np.stack([np.square(rows - center).sum(axis=1) for center in np.array(split.centers)]).argmin(axis=0)


def _two_centers(rows: np.ndarray) -> np.ndarray:
    """Give two means (2, d) of rows (m, d), from the halves along their longest axis on."""
    centered = rows - rows.mean(axis=0)
    upper = centered @ np.linalg.eigh(centered.T @ centered)[1][:, -1] > 0
    for _ in range(_ROUNDS):
        if upper.all() or not upper.any():
            return np.stack([rows.mean(axis=0)] * 2)
        centers = np.stack([rows[~upper].mean(axis=0), rows[upper].mean(axis=0)])
        before, upper = upper, np.square(rows - centers[1]).sum(axis=1) < np.square(rows - centers[0]).sum(axis=1)
        if (before == upper).all():
            break
    return centers


def _centroids(manifold: Manifold, replay: _Replay) -> np.ndarray:
    """Give the mean feature row of each number, that of the cluster it went into for one that was merged."""
    found, kept = manifold.clusters, len(manifold.clusters.centroids)
    centroids = np.zeros((len(replay.stands_for), found.centroids.shape[1]), dtype=np.float32)
    centroids[:kept] = found.centroids
    for number in range(len(centroids)):
        members = replay.members(number)
        if len(members) and (number >= kept or not np.array_equal(members, np.flatnonzero(found.labels == number))):
            centroids[number] = np.asarray(manifold.features.rows[members]).mean(axis=0, dtype=np.float64)
    return centroids[replay.stands_for]
