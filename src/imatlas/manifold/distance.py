"""Manifold distance and similarity between rows, by formula or along the data.

    euclidean     sqrt(sum_a (x_a - y_a)^2)
    cosine        1 - x.y / (|x| |y|)
    correlation   1 - sum_a (x_a - mean x)(y_a - mean y) / (|x - mean x| |y - mean y|)
    geodesic      length of the shortest path on the neighbor graph
    diffusion     sqrt(sum_m lambda_m^2t (psi_m(i) - psi_m(j))^2), how differently walks from i and j have spread at time t

A similarity is the cosine or correlation itself, or for diffusion the cosine between the vectors lambda_m^t psi_m, m from 0.

References: Tenenbaum, de Silva, Langford, 2000 (geodesic); Coifman, Lafon, "Diffusion maps", 2006.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.spatial.distance import cdist

from imatlas.checks import InputError
from imatlas.manifold.diffusion_space import DiffusionPlaces, DiffusionSpace
from imatlas.manifold.geodesics import all_geodesics, geodesics_of_new
from imatlas.neighbors import METRICS, knn_graph, search
from imatlas.neighbors.metrics import prepare_rows
from imatlas.values import KnnGraph

__all__ = ["DISTANCES", "SIMILARITIES", "manifold_distance", "manifold_similarity"]

DISTANCES = (*METRICS, "geodesic", "diffusion")
SIMILARITIES = ("correlation", "cosine", "diffusion")

_MOST_ROWS = 20_000


def manifold_distance(
    X: np.ndarray | sparse.spmatrix,
    Y: np.ndarray | sparse.spmatrix | None = None,
    metric: str = "euclidean",
    graph: KnnGraph | None = None,
    t: float | None = None,
) -> np.ndarray:
    """Measure distances between rows.

    Parameters
    ----------
    X : (n, d) rows, dense or CSR.
    Y : (m, d) other rows, or None for the distances among X. Along the data, new rows Y go by their nearest rows of X.
    metric : one of `DISTANCES`.
    graph : neighbor graph of X for the distances along the data; made with 15 neighbors if not given.
    t : time of diffusion; more forgets more detail. None = until its slowest mode is half gone.

    Returns
    -------
    float64 (n, n) or (n, m). Geodesics between components of the graph are infinite.

    Raises
    ------
    InputError
        If the metric is unknown, more than 20,000 x 20,000 entries are asked for, or the graph has other rows.

    Examples
    --------
    >>> import numpy as np
    >>> manifold_distance(np.array([[0.0, 0.0], [3.0, 4.0]])).tolist()
    [[0.0, 5.0], [5.0, 0.0]]
    """
    if metric not in DISTANCES:
        raise InputError(f"The distance is {metric!r}; wanted one of {', '.join(DISTANCES)}. Choose one of these.")
    _check_size(X, X if Y is None else Y)
    if Y is not None and (sparse.issparse(X) or sparse.issparse(Y)):
        X, Y = sparse.csr_matrix(X), sparse.csr_matrix(Y)
    if metric in METRICS:
        rows = prepare_rows(X, metric)
        squared = _squared_distances(rows, rows if Y is None else prepare_rows(Y, metric))
        if Y is None:
            np.fill_diagonal(squared, 0)
        return np.sqrt(squared) if metric == "euclidean" else squared / 2
    graph = _graph_of(X, graph)
    if metric == "geodesic":
        if Y is None:
            return all_geodesics(graph)
        near, lengths = search(Y, X, min(graph.n_neighbors, X.shape[0]), graph.metric)
        return geodesics_of_new(graph, near, lengths).T
    fitted, others = _diffused(X, Y, graph, t)
    distances = fitted.distances(others)
    if Y is None:
        np.fill_diagonal(distances, 0)
    return distances


def manifold_similarity(
    X: np.ndarray | sparse.spmatrix,
    Y: np.ndarray | sparse.spmatrix | None = None,
    metric: str = "correlation",
    graph: KnnGraph | None = None,
    t: float | None = None,
) -> np.ndarray:
    """Measure how alike rows are, from -1 to 1.

    Parameters
    ----------
    X : (n, d) rows, dense or CSR.
    Y : (m, d) other rows, or None for the similarities among X.
    metric : one of `SIMILARITIES`. A row without direction (constant, or zero) is alike only to its like.
    graph, t : of diffusion, as in `manifold_distance`.

    Returns
    -------
    float64 (n, n) or (n, m); 1 on the diagonal.

    Raises
    ------
    InputError
        As `manifold_distance`.
    """
    if metric not in SIMILARITIES:
        raise InputError(f"The similarity is {metric!r}; wanted one of {', '.join(SIMILARITIES)}. Choose one of these.")
    if metric in METRICS:
        return np.clip(1 - manifold_distance(X, Y, metric), -1, 1)
    _check_size(X, X if Y is None else Y)
    fitted, others = _diffused(X, Y, _graph_of(X, graph), t)
    return fitted.similarities(others)


def _check_size(X: np.ndarray | sparse.spmatrix, Y: np.ndarray | sparse.spmatrix) -> None:
    if X.shape[0] * Y.shape[0] > _MOST_ROWS**2:
        raise InputError(
            f"{X.shape[0]} x {Y.shape[0]} distances were asked for; the full table ends at {_MOST_ROWS:,} x {_MOST_ROWS:,}. "
            "Use knn_graph for neighbors, landmark_geodesics for distances along the data, or fewer rows."
        )


def _graph_of(X: np.ndarray | sparse.spmatrix, graph: KnnGraph | None) -> KnnGraph:
    if graph is None:
        return knn_graph(X, n_neighbors=min(15, X.shape[0] - 1))
    if len(graph) != X.shape[0]:
        raise InputError(f"X has {X.shape[0]} rows, the graph {len(graph)}; give the graph that was made of X.")
    return graph


def _squared_distances(rows: np.ndarray | sparse.csr_matrix, others: np.ndarray | sparse.csr_matrix) -> np.ndarray:
    """Give squared distances float64 (n, m); dense rows by differences, so that near-duplicates keep their order."""
    if isinstance(rows, np.ndarray):
        return cdist(rows.astype(np.float64), np.asarray(others, dtype=np.float64), "sqeuclidean")
    lengths = [np.asarray(part.multiply(part).sum(axis=1)).ravel() for part in (rows, sparse.csr_matrix(others))]
    return np.maximum(lengths[0][:, None] + lengths[1][None] - 2 * (rows @ others.T).toarray(), 0)


def _diffused(
    X: np.ndarray | sparse.spmatrix, Y: np.ndarray | sparse.spmatrix | None, graph: KnnGraph, t: float | None
) -> tuple[DiffusionPlaces, DiffusionPlaces]:
    """Give the diffusion places of X and of Y (of X again, if Y is None)."""
    space = DiffusionSpace.of(X, graph, t)
    return space.fitted, space.fitted if Y is None else space.of_new(Y)
