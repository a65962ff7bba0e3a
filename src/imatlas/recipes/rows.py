"""Any feature matrix to its manifold: neighbor graph, dimension, density, map, clusters and trust, all from one graph.

The same journey as for images, without the images: rows are mapped as they are. New rows are placed on the finished map and
move nothing.
"""

from __future__ import annotations

import inspect
import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from imatlas.checks import InputError
from imatlas.geometry import estimate_density, estimate_dimension
from imatlas.images import read_matrix
from imatlas.manifold import CLUSTERINGS, EMBEDDINGS, map_trust
from imatlas.neighbors import METRICS, knn_graph
from imatlas.neighbors.metrics import prepare_rows
from imatlas.progress import Report, silent
from imatlas.recipes.learning import Clock
from imatlas.values import Clusters, Dimension, Embedding, FeatureMatrix, KnnGraph

__all__ = ["FEWEST_ROWS", "MapWishes", "RowsMap", "cluster_rows", "fit_map", "map_rows", "measure_trust", "place_rows"]

FEWEST_ROWS = 4
USUAL_CLUSTERING = "density_clusters"
"""It finds the number of clusters itself, and takes dense and sparse rows."""

MOST_DENSE = 2**28
"""Numbers a sparse matrix may have when laid out in full, for methods that know dense rows only (1 GiB)."""


@dataclass(frozen=True)
class MapWishes:
    """How a feature matrix is to be mapped.

    Parameters
    ----------
    n_neighbors : links per row, from 3 up; lowered to n - 1 in small sets. More makes the map calmer.
    metric : "euclidean", "cosine" or "correlation"; "" = Euclidean for dense rows, cosine for sparse ones.
    embedding : key of `EMBEDDINGS`, the map.
    clustering : key of `CLUSTERINGS`; "" = density clusters, which find their number; "none" = no clusters.
    n_components : coordinates per row.
    seed : of everything random.
    """

    n_neighbors: int = 15
    metric: str = ""
    embedding: str = "neighbor_map"
    clustering: str = ""
    n_components: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_neighbors < 3:
            raise InputError(f"--neighbors is {self.n_neighbors}; wanted 3 or more. 15 is usual.")
        if self.n_components < 1:
            raise InputError(f"--components is {self.n_components}; wanted 1 or more. 2 make a map to look at.")
        known = {"metric": METRICS, "embedding": EMBEDDINGS, "clustering": (*CLUSTERINGS, "none")}
        for name, names in known.items():
            wish = getattr(self, name)
            if wish not in names and (wish or name == "embedding"):
                word = {"embedding": "map", "clustering": "clustering"}.get(name, name)
                raise InputError(f"There is no {word} {wish!r}; choose one of: {', '.join(names)}.")

    def settled(self, matrix: FeatureMatrix) -> MapWishes:
        """Give the wishes with everything that the matrix decides filled in.

        Raises
        ------
        InputError
            If the matrix has fewer than 4 rows, or all are the same, so that no map can be made of it.
        """
        _require_mappable(matrix)
        metric = self.metric or ("cosine" if matrix.is_sparse else "euclidean")
        clustering = self.clustering or USUAL_CLUSTERING
        return replace(self, metric=metric, clustering=clustering, n_neighbors=min(self.n_neighbors, len(matrix) - 1))


@dataclass(frozen=True)
class RowsMap:
    """What was learned of a feature matrix, with the fitted methods that place new rows.

    Parameters
    ----------
    matrix : the rows.
    wishes : how they were mapped, nothing left open.
    graph, dimension, density : as in `imatlas.values.Manifold`.
    embedding : the map with its trust scores.
    clusters : or None if none were asked for; of sparse rows they have no centroids (n_clusters, 0).
    mapper, clusterer : fitted estimators.
    notes : sentences on what was decided on the way.
    seconds : step -> seconds it took.
    """

    matrix: FeatureMatrix
    wishes: MapWishes
    graph: KnnGraph
    dimension: Dimension
    density: np.ndarray
    embedding: Embedding
    clusters: Clusters | None
    mapper: Any
    clusterer: Any
    notes: tuple[str, ...]
    seconds: dict[str, float]

    def __len__(self) -> int:
        return len(self.matrix)


def map_rows(
    source: str | np.ndarray | sparse.spmatrix | FeatureMatrix, wishes: MapWishes | None = None, *, report: Report = silent
) -> RowsMap:
    """Learn the manifold that the rows of a feature matrix lie on.

    Parameters
    ----------
    source : npy or npz file, array (n, d), sparse matrix or `FeatureMatrix`; at least 4 rows that are not all the same.
    wishes : how to map them.
    report : hears of the progress.

    Returns
    -------
    RowsMap of the n rows.

    Raises
    ------
    InputError
        If the matrix cannot be used, has too few rows, or all its rows are the same.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(60, 5))
    >>> map_rows(rows, MapWishes(embedding="spectral_map")).embedding.coordinates.shape
    (60, 2)
    """
    matrix = read_matrix(source)
    asked = wishes or MapWishes()
    wishes = asked.settled(matrix)
    clock = Clock(report)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", UserWarning)
        graph = knn_graph(
            matrix.rows, n_neighbors=wishes.n_neighbors, metric=wishes.metric, random_state=wishes.seed, report=report
        )
        clock.lap("neighbors", len(matrix))
        dimension = estimate_dimension(graph)
        density = estimate_density(graph, dimension)
        clock.lap("geometry", len(matrix))
        mapper = fit_map(matrix, graph, wishes)
        clock.lap("map", len(matrix))
        clusterer, clusters = cluster_rows(matrix, graph, wishes)
        clock.lap("clusters", len(matrix))
        trust = measure_trust(matrix, graph, mapper.embedding_, wishes.seed)
        clock.lap("trust", len(matrix))
    embedding = Embedding(mapper.embedding_, wishes.embedding, trust)
    notes = tuple(dict.fromkeys([*_decisions(asked, wishes), *(str(one.message) for one in heard)]))
    return RowsMap(matrix, wishes, graph, dimension, density, embedding, clusters, mapper, clusterer, notes, clock.seconds)


def fit_map(matrix: FeatureMatrix, graph: KnnGraph, wishes: MapWishes) -> Any:
    """Fit the map that was wished for."""
    return _made(EMBEDDINGS[wishes.embedding], wishes, n_components=wishes.n_components).fit(matrix.rows, graph=graph)


def cluster_rows(matrix: FeatureMatrix, graph: KnnGraph, wishes: MapWishes) -> tuple[Any, Clusters | None]:
    """Fit the clustering that was wished for; give the fitted estimator and its clusters, None and None for "none"."""
    if wishes.clustering == "none":
        return None, None
    method: Any = CLUSTERINGS[wishes.clustering]
    clusterer = _made(method, wishes)
    if "graph" in inspect.signature(method.fit).parameters:
        clusterer.fit(matrix.rows, graph=graph)
    else:
        clusterer.fit(_like(matrix.rows, is_sparse=False))
    if not matrix.is_sparse:
        return clusterer, clusterer.clusters_value()
    labels = clusterer.labels_
    levels = getattr(clusterer, "levels_", labels[:, None])
    strengths = getattr(clusterer, "strengths_", np.ones(len(labels)))
    centroids = np.zeros((int(labels.max(initial=-1)) + 1, 0), dtype=np.float32)
    return clusterer, Clusters(labels, levels, np.asarray(strengths, dtype=np.float32), centroids, wishes.clustering)


def measure_trust(matrix: FeatureMatrix, graph: KnnGraph, places: np.ndarray, seed: int) -> dict[str, float]:
    """Score a map by the distances it was made from, which are Euclidean once the rows are prepared for their metric."""
    return map_trust(prepare_rows(matrix.rows, graph.metric), places, seed=seed, along=graph)


def place_rows(mapper: Any, clusterer: Any, matrix: FeatureMatrix) -> tuple[np.ndarray, np.ndarray]:
    """Place new rows on a finished map, which moves nothing.

    Returns
    -------
    places float32 (b, q), and clusters int64 (b,), all -1 where there are none.

    Raises
    ------
    InputError
        If the rows have another width, or are sparse and too many to lay out in full where the map's are dense.
    """
    width = mapper.n_features_in_
    if matrix.rows.shape[1] != width:
        raise InputError(
            f"{matrix.source} has {matrix.rows.shape[1]:,} columns, the rows on the map {width:,}. "
            "Give rows of the same features."
        )
    places = mapper.transform(_like(matrix.rows, sparse.issparse(mapper.rows_)))
    if clusterer is None:
        return places, np.full(len(matrix), -1, dtype=np.int64)
    fitted_to = getattr(clusterer, "rows_", None)  # a clustering without them keeps dense centers
    return places, clusterer.predict(_like(matrix.rows, sparse.issparse(fitted_to)))


def _require_mappable(matrix: FeatureMatrix) -> None:
    rows, n = matrix.rows, len(matrix)
    if n < FEWEST_ROWS:
        raise InputError(f"{matrix.source} has {n} row{'s' * (n != 1)}; a map needs {FEWEST_ROWS} at least. Give more rows.")
    first = _dense(rows[:1])
    step = max(1, 2**22 // rows.shape[1])
    for start in range(0, n, step):
        if (_dense(rows[start : start + step]) != first).any():
            return
    raise InputError(f"All {n:,} rows of {matrix.source} are the same; a map needs rows that differ. Look at the file again.")


def _made(method: Any, wishes: MapWishes, **more: object) -> Any:
    """Build an estimator with those of the wishes that it knows."""
    known = inspect.signature(method).parameters
    given = {"n_neighbors": wishes.n_neighbors, "metric": wishes.metric, "random_state": wishes.seed, **more}
    return method(**{name: value for name, value in given.items() if name in known})


def _like(rows: np.ndarray | sparse.csr_matrix, is_sparse: bool) -> np.ndarray | sparse.csr_matrix:
    """Give rows dense or sparse, as the fitted ones are."""
    if sparse.issparse(rows) == is_sparse:
        return rows
    if is_sparse:
        return sparse.csr_matrix(rows)
    if rows.shape[0] * rows.shape[1] > MOST_DENSE:
        raise InputError(
            f"{rows.shape[0]:,} x {rows.shape[1]:,} sparse rows are too many to lay out in full, which this method needs. "
            "Choose --clusters density_clusters, which takes sparse rows as they are."
        )
    return _dense(rows)


def _dense(rows: np.ndarray | sparse.csr_matrix) -> np.ndarray:
    return rows if isinstance(rows, np.ndarray) else rows.toarray().astype(np.float32)


def _decisions(asked: MapWishes, wishes: MapWishes) -> list[str]:
    """Say what was settled for the person who asked."""
    notes = []
    if not asked.metric:
        kind = "sparse" if wishes.metric == "cosine" else "dense"
        notes.append(f"Distance: {wishes.metric}, the usual one for {kind} rows; --metric chooses another.")
    if asked.n_neighbors > wishes.n_neighbors:
        notes.append(f"{asked.n_neighbors} neighbors were asked for; there are {wishes.n_neighbors} other rows.")
    return notes
