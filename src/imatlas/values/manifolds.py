"""What is learned from a neighbor graph: geodesics, map, clusters, dimension, and all of them as one manifold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from imatlas.checks import InputError, require_matrix
from imatlas.files import content_hash
from imatlas.values.graphs import Features, KnnGraph

__all__ = ["OFF_THE_MAP", "Clusters", "Dimension", "Embedding", "Geodesics", "Grouping", "Manifold"]

OFF_THE_MAP = 3.0
"""Times the usual spacing of map points from the nearest one on which a place is off the map; see `Embedding.support`."""

_PAIRS = 16_384
_ROUNDING = 2.0**-23  # twice the unit roundoff of float32: that of storing a distance, and of the float64 sum behind it


@dataclass(frozen=True)
class Geodesics:
    """Shortest-path distances from landmarks along a graph.

    Parameters
    ----------
    landmarks : int64 (m,), row numbers, at least one in each component.
    distances : float32 (m, n), infinite across components, never faked.
    """

    landmarks: np.ndarray
    distances: np.ndarray

    def __post_init__(self) -> None:
        m, shape = len(self.landmarks), np.shape(self.distances)
        if len(shape) != 2 or shape[0] != m:
            raise InputError(f"{m} landmarks came with distances {shape}; wanted one row of distances per landmark, (m, n).")

    def bounds(self, i: np.ndarray | int, j: np.ndarray | int) -> tuple[np.ndarray, np.ndarray]:
        """Give certified bounds of the distances between rows i and j.

        max_l |g(l, i) - g(l, j)| and min_l (g(l, i) + g(l, j)), moved outward by what float32 took from each distance.

        Parameters
        ----------
        i, j : row numbers, scalars or arrays that broadcast against each other.

        Returns
        -------
        lower, upper : float64 of their common shape; 0 from a row to itself, both infinite between components.

        Raises
        ------
        InputError
            If a row number is not one of the n.

        Examples
        --------
        >>> import numpy as np
        >>> line = Geodesics(landmarks=np.array([0]), distances=np.array([[0.0, 1.0, 3.0]]))
        >>> [bound.round(3).tolist() for bound in line.bounds(1, 2)]
        [2.0, 4.0]
        """
        i, j = (np.asarray(rows) for rows in np.broadcast_arrays(i, j))
        lower, upper = np.empty(i.size), np.empty(i.size)
        self._check_rows(i)
        self._check_rows(j)
        for start in range(0, i.size, _PAIRS):
            block = slice(start, start + _PAIRS)
            lower[block], upper[block] = self._bound(i.ravel()[block], j.ravel()[block])
        return lower.reshape(i.shape), upper.reshape(i.shape)

    def _bound(self, i: np.ndarray, j: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        lower, upper = np.zeros(i.size), np.full(i.size, np.inf)
        with np.errstate(invalid="ignore"):
            for lengths in self.distances:
                one, other = lengths[i].astype(np.float64), lengths[j].astype(np.float64)
                gap = np.abs(one - other)  # infinite: no path joins them; NaN: the landmark reaches neither
                lower = np.fmax(lower, gap * (1 - _ROUNDING) - 2 * _ROUNDING * np.minimum(one, other))
                upper = np.minimum(upper, one + other)
        same = i == j
        return np.where(same, 0, lower), np.where(same, 0, upper * (1 + _ROUNDING))

    def _check_rows(self, rows: np.ndarray) -> None:
        n = self.distances.shape[1]
        if rows.size and (rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= n):
            raise InputError(f"Rows {rows.min()} to {rows.max()} were asked for; wanted whole numbers from 0 to {n - 1}.")


@dataclass(frozen=True)
class Embedding:
    """A place on a map for each row.

    Parameters
    ----------
    coordinates : float32 (n, q).
    method : name of the embedding.
    trust : measured trust scores, name -> value in [0, 1].
    """

    coordinates: np.ndarray
    method: str
    trust: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "coordinates", require_matrix(self.coordinates, "coordinates"))

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self.coordinates)

    @cached_property
    def spacing(self) -> float:
        """Median distance from a map point to its 5th nearest other point, in map units."""
        k = min(6, len(self.coordinates))
        distances, _ = self._tree.query(self.coordinates, k=k)
        return float(np.median(np.atleast_2d(distances)[:, -1])) or 1.0

    def nearest(self, places: np.ndarray, k: int = 1) -> np.ndarray:
        """Give the rows (b, k) whose map points lie nearest to some places (b, q)."""
        _, rows = self._tree.query(np.atleast_2d(places), k=min(k, len(self.coordinates)))
        return np.asarray(rows).reshape(len(np.atleast_2d(places)), -1)

    def support(self, places: np.ndarray) -> np.ndarray:
        """Say how far off the data some places are.

        Parameters
        ----------
        places : (b, q) map coordinates.

        Returns
        -------
        float64 (b,), the distance to the nearest map point in units of `spacing`: below 1 among the data, above
        `OFF_THE_MAP` a place where no row lies.
        """
        return np.asarray(self._tree.query(np.atleast_2d(places))[0]) / self.spacing


@dataclass(frozen=True)
class Grouping:
    """What a person made of the clusters of one level.

    Parameters
    ----------
    n_found : numbers that the clustering gave, 0 to n_found - 1; parts that were split off have higher ones.
    stands_for : int64 (n_numbers,), the number that each goes by: its own, or that of the cluster it was merged into.
    names : number -> name, of those that have one and go by their own number.
    """

    n_found: int
    stands_for: np.ndarray
    names: Mapping[int, str] = field(default_factory=dict)

    @property
    def merges(self) -> list[list[int]]:
        """The numbers of each merged cluster, the one it goes by first."""
        numbers = [np.flatnonzero(self.stands_for == number).tolist() for number in np.unique(self.stands_for)]
        return [group for group in numbers if len(group) > 1]

    @property
    def all_names(self) -> list[str]:
        """One name per number: the given one, else the number counted from 1."""
        return [self.names.get(number, str(number + 1)) for number in range(len(self.stands_for))]


@dataclass(frozen=True)
class Clusters:
    """Groups found without labels.

    Parameters
    ----------
    labels : int64 (n,) at the chosen level, -1 = none (noise).
    levels : int64 (n, L), coarse to fine; `labels` is one of them.
    strengths : float32 (n,) in [0, 1], 1 = at the heart of its cluster.
    centroids : float32 (n_clusters, d) in the feature space, frozen: the cluster of a new row is its nearest one.
    method : name of the clustering.
    groupings : one per level where a person named, merged or split clusters; empty where nobody did. A number that was merged
        into another has no rows, and the centroid of the other.
    """

    labels: np.ndarray
    levels: np.ndarray
    strengths: np.ndarray
    centroids: np.ndarray
    method: str
    groupings: tuple[Grouping, ...] = ()

    @property
    def n_clusters(self) -> int:
        """Number of clusters at the chosen level, noise not counted."""
        return len(np.unique(self.grouping(self.level).stands_for)) if self.groupings else len(self.centroids)

    @property
    def level(self) -> int:
        """The column of `levels` that is `labels`; -1 if none is."""
        same = [level for level, labels in enumerate(self.levels.T) if np.array_equal(labels, self.labels)]
        return same[-1] if same else -1

    def of_level(self, level: int) -> np.ndarray:
        """Labels int64 (n,) of a column of `levels`; the chosen ones for -1."""
        return self.labels if level < 0 else np.ascontiguousarray(self.levels[:, level])

    def grouping(self, level: int) -> Grouping:
        """What a person made of a level; of one that nobody touched, its numbers as they were found."""
        if self.groupings:
            return self.groupings[level]
        n_found = int(self.of_level(level).max(initial=-1)) + 1
        return Grouping(n_found, np.arange(n_found))


@dataclass(frozen=True)
class Dimension:
    """Estimates of the intrinsic dimension of a set of rows.

    Parameters
    ----------
    value : the estimate used for choices (maximum likelihood).
    interval : its 95 % interval (low, high).
    by_method : estimator name -> value.
    local : float32 (n,), the dimension around each row.
    intervals : estimator name -> 95 % interval; empty in atlases made before they were kept.
    """

    value: float
    interval: tuple[float, float]
    by_method: Mapping[str, float]
    local: np.ndarray
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifold:
    """All that was learned from the training rows of an image set; every part has the same n.

    Parameters
    ----------
    rows : int64 (n,), the image-set row each manifold row stands for.
    density : float32 (n,), log density on the manifold, up to a constant.
    made_from : key of the manifold that this one was made from by merging and splitting clusters or by leaving out rows: they
        share a map, and places on it; empty for one as it was learned.
    """

    rows: np.ndarray
    features: Features
    graph: KnnGraph
    geodesics: Geodesics
    embedding: Embedding
    clusters: Clusters
    dimension: Dimension
    density: np.ndarray
    made_from: str = ""

    def __post_init__(self) -> None:
        n = len(self.rows)
        sizes = {
            "features": len(self.features),
            "graph": len(self.graph),
            "geodesics": self.geodesics.distances.shape[1],
            "embedding": len(self.embedding.coordinates),
            "clusters": len(self.clusters.labels),
            "density": len(self.density),
        }
        wrong = {name: size for name, size in sizes.items() if size != n}
        if wrong:
            raise ValueError(f"A manifold of {n} rows was given parts of other sizes: {wrong}. Fit all on the same rows.")

    @cached_property
    def key(self) -> str:
        """Hash of map and clusters, which hang on everything else: a manifold that was made again otherwise has another."""
        return self.made_from or content_hash(*map(np.asarray, (self.rows, self.embedding.coordinates, self.clusters.levels)))

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return (
            f"Manifold({len(self):,} rows, features={self.features.extractor!r}, dimension={self.dimension.value:.1f}, "
            f"{self.clusters.n_clusters} clusters, map={self.embedding.method!r})"
        )
