"""What is learned from a neighbor graph: geodesics, map, clusters, dimension, and all of them as one manifold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from imatlas.checks import require_matrix
from imatlas.values.graphs import Features, KnnGraph

__all__ = ["Clusters", "Dimension", "Embedding", "Geodesics", "Manifold"]


@dataclass(frozen=True)
class Geodesics:
    """Shortest-path distances from landmarks along a graph.

    Parameters
    ----------
    landmarks : int64 (m,), row numbers.
    distances : float32 (m, n), infinite across components, never faked.
    """

    landmarks: np.ndarray
    distances: np.ndarray


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
        float64 (b,), the distance to the 5th nearest map point in units of `spacing`: about 1 among the data,
        above 3 a place where no image lies.
        """
        k = min(5, len(self.coordinates))
        distances, _ = self._tree.query(np.atleast_2d(places), k=k)
        return np.asarray(distances).reshape(len(np.atleast_2d(places)), -1)[:, -1] / self.spacing


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
    """

    labels: np.ndarray
    levels: np.ndarray
    strengths: np.ndarray
    centroids: np.ndarray
    method: str

    @property
    def n_clusters(self) -> int:
        """Number of clusters at the chosen level, noise not counted."""
        return len(self.centroids)


@dataclass(frozen=True)
class Dimension:
    """Estimates of the intrinsic dimension of a set of rows.

    Parameters
    ----------
    value : the estimate used for choices (maximum likelihood).
    interval : 95 % interval (low, high).
    by_method : estimator name -> value.
    local : float32 (n,), the dimension around each row.
    """

    value: float
    interval: tuple[float, float]
    by_method: Mapping[str, float]
    local: np.ndarray


@dataclass(frozen=True)
class Manifold:
    """All that was learned from the training rows of an image set; every part has the same n.

    Parameters
    ----------
    rows : int64 (n,), the image-set row each manifold row stands for.
    density : float32 (n,), log density on the manifold, up to a constant.
    """

    rows: np.ndarray
    features: Features
    graph: KnnGraph
    geodesics: Geodesics
    embedding: Embedding
    clusters: Clusters
    dimension: Dimension
    density: np.ndarray

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

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return (
            f"Manifold({len(self):,} rows, features={self.features.extractor!r}, dimension={self.dimension.value:.1f}, "
            f"{self.clusters.n_clusters} clusters, map={self.embedding.method!r})"
        )
