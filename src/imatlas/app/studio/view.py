"""What the page shows of an atlas: arrays with one entry per image, each worked out when it is first asked for.

Held-out images lie on the map but take no part in what was learned, so their clusters and scores are absent: -1 or NaN.
Nothing here needs torch, so that the first page is there before it is loaded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar, overload

import numpy as np
from scipy.spatial import cKDTree

from imatlas.checks import InputError
from imatlas.conditions import CONDITIONS
from imatlas.conditions.cluster import LEAST_SIZE, LEAST_SIZE_SMALL_SET, SMALL_SET, level_columns
from imatlas.files import content_hash
from imatlas.geometry import outlier_scores
from imatlas.store import Atlas, open_atlas
from imatlas.values import ImageSet, Manifold

__all__ = ["VALUES", "View", "edits_stamp_of", "stamp_of"]

TRUSTED_NEIGHBORS = 15

UNEDITED = frozenset({"places", "order", "rank_of", "lowered_ids", "density", "outlier", "dimension", "trust"})
"""What no edit changes: images are taken out by a mark, clusters are told otherwise."""

CLUSTER_CONDITIONS = ("cluster", "cluster_middle", "cluster_coarse")

VALUES = {
    "density": "How common: log density on the manifold",
    "trust": "How far to trust its place: share of its neighbors that are near it on the map too",
    "outlier": "How far outside: 1 is ordinary",
    "dimension": "Intrinsic dimension around it",
}
"""Scores of an image -> what they say."""

T = TypeVar("T")


class once(Generic[T]):
    """A property that is worked out once, by one thread while others wait."""

    def __init__(self, make: Callable[[View], T]) -> None:
        self.make, self.name, self.__doc__ = make, make.__name__, make.__doc__

    @overload
    def __get__(self, view: None, kind: type) -> once[T]: ...
    @overload
    def __get__(self, view: View, kind: type) -> T: ...
    def __get__(self, view: View | None, kind: type) -> T | once[T]:
        if view is None:
            return self
        with view.locks.setdefault(self.name, threading.RLock()):
            if self.name not in view.parts:
                view.parts[self.name] = self.make(view)
        return view.parts[self.name]  # type: ignore[return-value]


class View:
    """An atlas as it stands on disk, until its images, its map or its edits change.

    Parameters
    ----------
    folder : of an atlas with a map.
    earlier : a view of it; what the edits have no part in is taken over from one of the same images and map.

    Raises
    ------
    InputError
        If it is no atlas of images, or has no map.
    """

    def __init__(self, folder: Path, earlier: View | None = None) -> None:
        self.stamp, self.edits_stamp = stamp_of(folder), edits_stamp_of(folder)
        self.atlas: Atlas = open_atlas(folder)
        if not self.atlas.has_manifold:
            raise InputError(f"{folder} has no map yet. Run: imatlas map DATA --out {folder}")
        self.locks: dict[str, threading.RLock] = {}
        self.parts: dict[str, object] = {}
        if earlier is not None and earlier.stamp == self.stamp:
            self.parts = {name: part for name, part in earlier.parts.items() if name in UNEDITED}

    @once
    def images(self) -> ImageSet:
        """All images, held-out and excluded ones included."""
        return self.atlas.images

    @once
    def manifold(self) -> Manifold:
        """What was learned of the training images."""
        return self.atlas.manifold

    @once
    def places(self) -> np.ndarray:
        """Map coordinates float32 (n, 2) of all images."""
        places = np.array(self.atlas.places, dtype=np.float32)
        if places.shape[1] != 2:
            raise InputError(f"The map has {places.shape[1]} coordinates; the studio shows 2. Make a map of two.")
        return places

    @once
    def order(self) -> np.ndarray:
        """Rows int32 (n,) along a Z-order curve of their places, so that images of a region stand near one another."""
        low, extent = self.places.min(axis=0), np.maximum(np.ptp(self.places, axis=0).max(), 1e-12)
        cells = ((self.places - low) / extent * 65535).astype(np.uint64)
        return np.argsort(_spread(cells[:, 0]) | (_spread(cells[:, 1]) << np.uint64(1)), kind="stable").astype(np.int32)

    @once
    def rank_of(self) -> np.ndarray:
        """Row of the manifold int64 (n,) of each image, -1 for one that is none of its rows."""
        ranks = np.full(len(self.images), -1, dtype=np.int64)
        ranks[self.manifold.rows] = np.arange(len(self.manifold))
        return ranks

    @once
    def levels(self) -> np.ndarray:
        """Clusters int32 (n, L) of all images, coarse to fine, -1 = none."""
        return self._of_all(np.asarray(self.manifold.clusters.levels, dtype=np.int32), -1)

    @once
    def level_of(self) -> dict[str, int]:
        """Name of each cluster condition -> the level that it is made of."""
        clusters = self.manifold.clusters
        return dict(zip(CLUSTER_CONDITIONS, level_columns(clusters), strict=False))

    @once
    def conditions(self) -> tuple[str, ...]:
        """Names of the conditions that a model can be trained with here; without the features being read for it."""
        labels, n = self.images.labels, len(self.manifold)
        least = LEAST_SIZE if n >= SMALL_SET else LEAST_SIZE_SMALL_SET
        lacking = set() if labels is not None and (labels >= 0).any() else {"class"}
        for name in CLUSTER_CONDITIONS:
            column = self.level_of.get(name, -1)
            numbers = self.manifold.clusters.levels[:, column] if column >= 0 else np.zeros(0, np.int64)
            sizes = np.bincount(numbers[numbers >= 0], minlength=1)
            if (sizes >= min(least, sizes.max())).sum() < 2:
                lacking.add(name)
        return tuple(name for name in CONDITIONS if name not in lacking)

    @once
    def lowered_ids(self) -> list[str]:
        """Names of the images in small letters, for searching."""
        return [str(name).lower() for name in self.images.ids]

    @once
    def density(self) -> np.ndarray:
        """Log density float32 (n,)."""
        return self._of_all(np.asarray(self.manifold.density, dtype=np.float32), np.nan)

    @once
    def outlier(self) -> np.ndarray:
        """Outlier score float32 (n,), about 1 for ordinary images."""
        return self._of_all(outlier_scores(self.manifold.graph), np.nan)

    @once
    def dimension(self) -> np.ndarray:
        """Intrinsic dimension float32 (n,) around each image."""
        return self._of_all(np.asarray(self.manifold.dimension.local, dtype=np.float32), np.nan)

    @once
    def trust(self) -> np.ndarray:
        """Share float32 (n,) of an image's neighbors that are among as many nearest on the map."""
        near = np.asarray(self.manifold.graph.indices[:, :TRUSTED_NEIGHBORS])
        n, k = near.shape
        coordinates = self.manifold.embedding.coordinates
        shown = cKDTree(coordinates).query(coordinates, k=k + 1)[1].reshape(n, -1)
        shown = np.where(shown == np.arange(n)[:, None], -1, shown)
        kept = (near[:, :, None] == shown[:, None, :]).any(axis=2)
        return self._of_all(kept.mean(axis=1, dtype=np.float32), np.nan)

    def values(self, name: str) -> np.ndarray:
        """Give a score float32 (n,) of every image by its name in `VALUES`."""
        if name not in VALUES:
            raise KeyError(name)
        return getattr(self, name)

    def is_known(self, name: str) -> bool:
        """Say whether a part was worked out already."""
        return name in self.parts

    def name_of(self, level: int, label: int) -> str:
        """Give the name of a cluster of a level; none has "none"."""
        return self.manifold.clusters.grouping(level).all_names[label] if label >= 0 else "none"

    def level_at(self, name: str) -> int | None:
        """Give the level that "cluster-0" and on name, 0 the coarsest; None for another name."""
        return {f"cluster-{level}": level for level in range(self.levels.shape[1])}.get(name)

    def has_labels(self, name: str) -> bool:
        """Say whether there are groups of this name: "class", or the name of a level."""
        return self.images.labels is not None if name == "class" else self.level_at(name) is not None

    def labels(self, name: str) -> np.ndarray:
        """Give the groups int32 (n,) of every image by a name that `has_labels`."""
        if name == "class":
            return np.asarray(self.images.labels, dtype=np.int32)
        return np.ascontiguousarray(self.levels[:, self.level_at(name)])

    def _of_all(self, values: np.ndarray, absent: float) -> np.ndarray:
        """Give values of the manifold's rows as values of all images."""
        spread = np.full((len(self.images), *values.shape[1:]), absent, dtype=values.dtype)
        spread[self.manifold.rows] = values
        return spread


def stamp_of(folder: Path) -> str:
    """Give a text that changes when the images or the map of an atlas do."""
    return content_hash([_changed(Path(folder) / name) for name in ("images/index.json", "map/manifold.json")])


def edits_stamp_of(folder: Path) -> int:
    """Give a number that changes when the edits of an atlas do."""
    return _changed(Path(folder) / "edits.json")


def _changed(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0


def _spread(cells: np.ndarray) -> np.ndarray:
    """Put a zero between any two of the lower 16 bits of whole numbers."""
    for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
        cells = (cells | (cells << np.uint64(shift))) & np.uint64(mask)
    return cells
