"""The nouns that flow between rooms: frozen, checked once at birth, every shape written here.

Rooms never import one another; they exchange these values. Arrays are NumPy (torch stays inside rooms) and row i means
the same image in every value that was made from the same image set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from imatlas.checks import require_matrix, require_rows

__all__ = [
    "Clusters",
    "Codes",
    "Dimension",
    "Embedding",
    "Features",
    "Field",
    "Geodesics",
    "ImageSet",
    "KnnGraph",
    "Manifold",
    "Rejected",
    "Samples",
    "Score",
    "Trial",
]


@dataclass(frozen=True)
class Rejected:
    """A file that could not be used, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class ImageSet:
    """Images of one size with their names, labels and split.

    Parameters
    ----------
    pixels : uint8 (n, H, W, C) in [0, 255], C = 1 or 3; may be a memory map.
    ids : (n,) str, the path of each image inside its source, unique.
    labels : (n,) int64 with -1 for "no label", or None when the source has no labels at all.
    class_names : one name per label value.
    held_out : (n,) bool, rows nothing is ever fitted to; none by default.
    excluded : (n,) bool, rows a person took out; a mask, never a deletion; none by default.
    rejected : files of the source that are not among the n rows, with reasons.
    source : where the images came from, for people.
    notes : sentences on what reading decided (resolution, ground, ignored labels), for people.
    """

    pixels: np.ndarray
    ids: np.ndarray
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    held_out: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    excluded: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    rejected: tuple[Rejected, ...] = ()
    source: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        pixels = self.pixels
        if pixels.ndim != 4 or pixels.dtype != np.uint8 or pixels.shape[3] not in (1, 3):
            raise ValueError(
                f"Image pixels came as {pixels.dtype} {pixels.shape}; wanted uint8 (n, H, W, C) with C = 1 or 3. "
                "Read files with imatlas.read_images, or scale and reshape the array first."
            )
        n = len(pixels)
        object.__setattr__(self, "ids", require_rows(np.asarray(self.ids, dtype=str), n, "ids"))
        if self.labels is not None:
            labels = require_rows(np.asarray(self.labels, dtype=np.int64), n, "labels")
            object.__setattr__(self, "labels", labels)
            if n and labels.max(initial=-1) >= len(self.class_names):
                names = tuple(str(label) for label in range(int(labels.max()) + 1))
                object.__setattr__(self, "class_names", self.class_names + names[len(self.class_names) :])
        for name in ("held_out", "excluded"):
            mask = getattr(self, name)
            mask = np.zeros(n, dtype=bool) if len(mask) == 0 else np.asarray(mask, dtype=bool)
            object.__setattr__(self, name, require_rows(mask, n, name))

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        _, height, width, channels = self.pixels.shape
        return height, width, channels

    @property
    def training_rows(self) -> np.ndarray:
        """Row numbers (int64, rising) that methods may be fitted to."""
        return np.flatnonzero(~self.held_out & ~self.excluded)

    @property
    def held_out_rows(self) -> np.ndarray:
        """Row numbers (int64, rising) kept for judging."""
        return np.flatnonzero(self.held_out & ~self.excluded)

    def take(self, rows: np.ndarray) -> ImageSet:
        """Give the image set of some rows, in the order asked for; rejected files stay with the whole."""
        return replace(
            self,
            pixels=self.pixels[rows],
            ids=self.ids[rows],
            labels=None if self.labels is None else self.labels[rows],
            held_out=self.held_out[rows],
            excluded=self.excluded[rows],
            rejected=(),
        )


@dataclass(frozen=True)
class Features:
    """One feature row per image.

    Parameters
    ----------
    rows : float32 (n, d); may be a memory map.
    extractor : name of the extractor, one of the keys of `imatlas.features.EXTRACTORS` or the user's own.
    settings : the extractor's settings, JSON values only.
    """

    rows: np.ndarray
    extractor: str
    settings: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", require_matrix(self.rows, "features"))

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class KnnGraph:
    """The k nearest neighbors of every row, from which every map, clustering and geodesic is made.

    Parameters
    ----------
    indices : int64 (n, k), nearest first, ties by index; a row is never its own neighbor.
    distances : float32 (n, k), rising along each row, 0 for duplicates.
    metric : name of the distance.
    recall : measured share of true neighbors found (1.0 for exact search).
    bridges : int64 (b, 2), row pairs that were joined on request although they are not neighbors; empty unless asked.
    bridge_lengths : float32 (b,), their distances.
    """

    indices: np.ndarray
    distances: np.ndarray
    metric: str = "euclidean"
    recall: float = 1.0
    bridges: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))
    bridge_lengths: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.float32))

    def __post_init__(self) -> None:
        indices = np.asarray(self.indices, dtype=np.int64)
        distances = np.asarray(self.distances, dtype=np.float32)
        if indices.ndim != 2 or indices.shape != distances.shape:
            raise ValueError(
                f"A graph wants indices and distances of one shape (n, k); got {indices.shape} and {distances.shape}."
            )
        if indices.size and (indices.min() < 0 or indices.max() >= len(indices)):
            raise ValueError(f"Graph indices must lie in [0, {len(indices) - 1}]; got {indices.min()} to {indices.max()}.")
        object.__setattr__(self, "indices", indices)
        object.__setattr__(self, "distances", distances)

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def n_neighbors(self) -> int:
        """Neighbors stored per row, k."""
        return self.indices.shape[1]

    @cached_property
    def adjacency(self) -> sparse.csr_matrix:
        """Symmetric distance matrix (n, n) in CSR: an edge if either row lists the other, bridges included.

        Zero distances (duplicates) are kept as stored entries, lifted to the smallest positive float32 so that
        shortest-path routines do not read them as "no edge".
        """
        n, k = self.indices.shape
        tiny = np.finfo(np.float32).tiny
        rows = np.concatenate([np.repeat(np.arange(n), k), self.bridges[:, 0]])
        columns = np.concatenate([self.indices.ravel(), self.bridges[:, 1]])
        lengths = np.maximum(np.concatenate([self.distances.ravel(), self.bridge_lengths]), tiny)
        directed = sparse.csr_matrix((lengths.astype(np.float64), (rows, columns)), shape=(n, n))
        return directed.maximum(directed.T).tocsr()

    @cached_property
    def components(self) -> np.ndarray:
        """Component number of each row, int32 (n,), largest component first."""
        _, labels = connected_components(self.adjacency, directed=False)
        order = np.argsort(-np.bincount(labels, minlength=1), kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        return rank[labels].astype(np.int32)

    @property
    def component_sizes(self) -> np.ndarray:
        """Rows in each component, int64, falling."""
        return np.bincount(self.components)


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


@dataclass(frozen=True)
class Field:
    """One field a generator can be conditioned on.

    Parameters
    ----------
    name : "class", "cluster", "map_place" or the user's own.
    kind : "category" (one integer in [0, size) per image) or "vector" (`size` numbers, about zero mean and unit spread).
    size : number of categories, or length of the vector.
    """

    name: str
    kind: str
    size: int

    @property
    def n_columns(self) -> int:
        """Columns this field takes in `Codes`: 1 for a category, `size` for a vector."""
        return 1 if self.kind == "category" else self.size


@dataclass(frozen=True)
class Codes:
    """What a batch of images is conditioned on.

    Parameters
    ----------
    fields : name -> float32 (b, c). A field that is not a key is absent: the generator treats it as unconditional.
        Inside a field a row of NaN is absent for that row alone.
    """

    fields: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        lengths = {name: len(values) for name, values in self.fields.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"Codes of one batch must have one length; got {lengths}.")

    def take(self, rows: np.ndarray) -> Codes:
        """Give the codes of some rows of the batch."""
        return Codes({name: values[rows] for name, values in self.fields.items()})


@dataclass(frozen=True)
class Samples:
    """Generated images and how each was made.

    Parameters
    ----------
    pixels : uint8 (b, H, W, C) in [0, 255].
    codes : what was asked for.
    seed : the seed of the whole batch.
    source : the model's name.
    how : one JSON-ready mapping per image (seed, condition, steps), written into PNG files.
    """

    pixels: np.ndarray
    codes: Codes
    seed: int
    source: str
    how: tuple[Mapping[str, object], ...] = ()

    def __len__(self) -> int:
        return len(self.pixels)


@dataclass(frozen=True)
class Trial:
    """One generator's images laid beside real ones, ready to be scored.

    Parameters
    ----------
    train, held_out, generated : the three image sets; `generated` carries asked-for labels if there were any.
    features : space name -> {"train", "held_out", "generated"} -> Features.
    timing : named seconds and rates, e.g. "seconds", "images_per_second", "latency_p50".
    """

    train: ImageSet
    held_out: ImageSet
    generated: ImageSet
    features: Mapping[str, Mapping[str, Features]]
    timing: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Score:
    """One measured number with everything needed to believe it.

    Parameters
    ----------
    name : the metric, e.g. "frechet_distance".
    space : the feature space it was measured in, "" if none.
    value : the number.
    interval : 95 % interval (low, high), or None where none can be given.
    floor : what a perfect generator would get at this sample size (real half against real half), or None.
    better : "lower" or "higher".
    n : sample size.
    block : "quality", "diversity", "novelty", "manifold" or "speed".
    details : further numbers, JSON values only.
    """

    name: str
    space: str
    value: float
    interval: tuple[float, float] | None
    floor: float | None
    better: str
    n: int
    block: str
    details: Mapping[str, object] = field(default_factory=dict)
