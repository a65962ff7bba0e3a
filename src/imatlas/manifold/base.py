"""What all methods on a neighbor graph share: reading rows or a graph, placing new rows, packing.

A member states its own mathematics in `_embed` and `_place`. Here it gets scikit-learn's contract, the rule that a fitted
row is given its fitted place (rows at distance zero are one row, and have one place), and storage without pickle.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from imatlas.checks import InputError, require_matrix, require_resolved
from imatlas.manifold.inverse import chart_confidence, invert_map
from imatlas.neighbors import NeighborIndex, knn_graph
from imatlas.values import Embedding, KnnGraph

__all__ = ["GraphEmbedding", "GraphEstimator", "first_duplicates"]

_NUMBERS = [np.float32, np.float64, np.int64]  # what is read as it comes, so that it is seen what float32 would lose


class GraphEstimator(BaseEstimator):
    """An estimator that learns from a feature matrix, or from a neighbor graph made beforehand.

    Members list what they learned and must keep in `_learned`: names of arrays and plain numbers that `pack` stores.
    """

    _learned: ClassVar[tuple[str, ...]] = ()

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _read(self, X: np.ndarray | sparse.spmatrix | KnnGraph, graph: KnnGraph | None) -> KnnGraph:
        """Remember the rows as `rows_` (None if only a graph was given) and give their graph."""
        if isinstance(X, KnnGraph):
            self.rows_, graph = None, X
        else:
            rows = validate_data(self, X, accept_sparse="csr", dtype=_NUMBERS, order="C", ensure_min_samples=2)
            self.rows_ = rows.astype(np.float32) if sparse.issparse(rows) else require_resolved(rows, "X")
            if graph is None:
                seed, metric = self._seed(), self._link_metric()
                graph = knn_graph(self.rows_, n_neighbors=self.n_neighbors, metric=metric, random_state=seed)
            elif len(graph) != self.rows_.shape[0]:
                raise ValueError(
                    f"X has {self.rows_.shape[0]} rows, its graph {len(graph)}; give the graph that was made of X."
                )
        if len(graph) < 2 or not graph.n_neighbors:
            raise InputError(
                f"The graph has {len(graph)} rows with {graph.n_neighbors} neighbors each; wanted 2 rows and 1 neighbor. "
                "Make it with knn_graph."
            )
        self.metric_ = graph.metric
        self.n_neighbors_ = graph.n_neighbors
        self.n_rows_ = len(graph)
        self._lay_index(graph.indices)
        return graph

    def _lay_index(self, graph: np.ndarray | None = None) -> None:
        """Make the fitted rows searchable; the work waits for the first new row."""
        if self.rows_ is not None:
            self._index = NeighborIndex(self.rows_, self.metric_, graph=graph)

    def _link_metric(self) -> str:
        """Give the metric that links rows to their neighbors."""
        return self.metric

    def _seed(self) -> int:
        """Give random_state as a number that seeds NumPy's new generators; a RandomState is drawn from."""
        state = getattr(self, "random_state", 0)
        if state is None or isinstance(state, (int, np.integer)):
            return int(state or 0)
        return int(state.randint(2**31 - 1))

    def _read_new(self, X: np.ndarray | sparse.spmatrix) -> np.ndarray | sparse.csr_matrix:
        check_is_fitted(self, "n_rows_")
        if self.rows_ is None:
            raise ValueError(
                f"This {type(self).__name__} was fitted to a graph alone, so new rows cannot be compared with the old. "
                "Fit it with fit(X, graph=graph) to place new rows."
            )
        rows = validate_data(self, X, accept_sparse="csr", dtype=np.float32, order="C", reset=False)
        if sparse.issparse(rows) == sparse.issparse(self.rows_):
            return rows
        return rows.toarray() if sparse.issparse(rows) else sparse.csr_matrix(rows)

    def _new_neighbors(self, rows: np.ndarray | sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
        """Give the nearest fitted rows (b, k) of new rows and their distances."""
        return self._index.search(rows, min(self.n_neighbors_, self.n_rows_))

    def _centroids(self, labels: np.ndarray, n_clusters: int) -> np.ndarray:
        """Give the mean of the fitted rows of each cluster, float32 (n_clusters, d), summed in float64."""
        if self.rows_ is None or sparse.issparse(self.rows_):
            raise ValueError("Centroids need dense features, but these clusters were not fitted to any; use fit(X).")
        means = [self.rows_[labels == label].mean(axis=0, dtype=np.float64) for label in range(n_clusters)]
        return np.array(means, dtype=np.float32).reshape(-1, self.rows_.shape[1])

    def pack(self) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        """Give all that was learned as JSON-ready settings and named arrays; nothing needs pickle.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        """
        check_is_fitted(self, "n_rows_")
        state = getattr(self, "random_state", 0)
        parameters = self.get_params(deep=False)
        if "random_state" in parameters:
            parameters["random_state"] = state if state is None or isinstance(state, int) else self._seed()
        arrays: dict[str, np.ndarray] = {}
        numbers: dict[str, object] = {}
        for name in ("n_features_in_", "n_rows_", "n_neighbors_", "metric_", "rows_", *self._learned):
            value: Any = getattr(self, name, None)
            if sparse.issparse(value):
                arrays |= {f"{name}.data": value.data, f"{name}.indices": value.indices, f"{name}.indptr": value.indptr}
            elif isinstance(value, np.ndarray):
                arrays[name] = value
            elif value is not None:
                numbers[name] = value.item() if isinstance(value, np.generic) else value
        return {"method": type(self).__name__, "parameters": parameters, "learned": numbers}, arrays

    @classmethod
    def unpack(cls, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """Give the fitted estimator back that `pack` took apart; it transforms and predicts the same.

        Raises
        ------
        ValueError
            If the settings were packed by another method.
        """
        if settings["method"] != cls.__name__:
            raise ValueError(f"These settings hold a {settings['method']}; unpack them with {settings['method']}.unpack.")
        estimator = cls(**settings["parameters"])
        estimator.rows_ = None
        for name, value in [*settings["learned"].items(), *arrays.items()]:
            if "." not in name:
                setattr(estimator, name, value)
        if "rows_.data" in arrays:
            parts = tuple(arrays[f"rows_.{part}"] for part in ("data", "indices", "indptr"))
            estimator.rows_ = sparse.csr_matrix(parts, shape=(estimator.n_rows_, estimator.n_features_in_))
        estimator._lay_index()
        return estimator


class GraphEmbedding(ClassNamePrefixFeaturesOutMixin, TransformerMixin, GraphEstimator):
    """A map of rows that can place new rows and draw rows back from places.

    Members define `_embed(graph) -> (n, q)`, and `_place(neighbors, distances) -> (b, q)` or, if they read the new rows
    themselves, `_place_rows(rows, neighbors, distances) -> (b, q)`.
    """

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def fit(self, X: np.ndarray | sparse.spmatrix | KnnGraph, y: object = None, *, graph: KnnGraph | None = None) -> Self:
        """Learn the map.

        Parameters
        ----------
        X : (n, d) features, dense or CSR, n >= 2; or a KnnGraph, which then can place no new rows.
        y : ignored, there for scikit-learn.
        graph : the neighbor graph of X if it is already made; its metric and neighbor count are used.

        Returns
        -------
        The estimator, with `embedding_` float32 (n, n_components).

        Raises
        ------
        ValueError
            If X is no finite matrix of two rows or more, or the graph has other rows.
        """
        graph = self._read(X, graph)
        self._settle(self._embed(graph), graph)
        return self

    def fit_transform(
        self, X: np.ndarray | sparse.spmatrix | KnnGraph, y: object = None, *, graph: KnnGraph | None = None
    ) -> np.ndarray:
        """Learn the map and give the places of its rows, float32 (n, n_components)."""
        return self.fit(X, y, graph=graph).embedding_

    def transform(self, X: np.ndarray | sparse.spmatrix) -> np.ndarray:
        """Place rows on the fitted map, float32 (b, n_components).

        Each row is placed by its own nearest fitted rows alone, whatever rows come with it; a fitted row gets its fitted place.

        Raises
        ------
        ValueError
            If the map was fitted to a graph alone, or X has another width.
        """
        rows = self._read_new(X)
        neighbors, distances = self._new_neighbors(rows)
        places = np.asarray(self._place_rows(rows, neighbors, distances), dtype=np.float32)
        fitted = distances[:, 0] == 0
        places[fitted] = self.embedding_[neighbors[fitted, 0]]
        return places

    def inverse_transform(self, X: np.ndarray) -> np.ndarray:
        """Give the features float32 (b, d) that belong to places (b, n_components); see `imatlas.manifold.inverse`.

        Raises
        ------
        ValueError
            If the map was fitted to a graph alone or to sparse rows, or the places have another width or are not finite.
        """
        return invert_map(self._read_places(X), self.embedding_, np.asarray(self.rows_))

    def inverse_confidence(self, X: np.ndarray) -> np.ndarray:
        """Say how far `inverse_transform` of places (b, n_components) can be trusted.

        Returns
        -------
        float64 (b,): 1 at a fitted place, near 1 among the data, toward 0 far off; see `imatlas.manifold.inverse`.

        Raises
        ------
        ValueError
            As `inverse_transform`.
        """
        return chart_confidence(self._read_places(X), self.embedding_, np.asarray(self.rows_))

    def embedding_value(self, trust: Mapping[str, float] | None = None) -> Embedding:
        """Give the fitted places as the value that other rooms take; `trust` is what `map_trust` measured."""
        check_is_fitted(self, "embedding_")
        method = re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()
        return Embedding(coordinates=self.embedding_, method=method, trust=dict(trust or {}))

    def _settle(self, coordinates: np.ndarray, graph: KnnGraph) -> None:
        """Keep the places (n, q); rows at distance zero get one place."""
        self.embedding_ = np.ascontiguousarray(np.asarray(coordinates, dtype=np.float32)[first_duplicates(graph)])

    def _place_rows(self, rows: np.ndarray | sparse.csr_matrix, neighbors: np.ndarray, distances: np.ndarray) -> np.ndarray:
        """Place new rows (b, d); most members need only whom they are near to."""
        return self._place(neighbors, distances)

    def _read_places(self, places: np.ndarray) -> np.ndarray:
        check_is_fitted(self, "n_rows_")
        if self.rows_ is None or sparse.issparse(self.rows_):
            raise ValueError("Places were to become features, but this map was not fitted to dense rows; use fit(X).")
        places = require_matrix(places, "X")
        if places.shape[1] != self.embedding_.shape[1]:
            raise ValueError(f"Places came as {places.shape}; this map has {self.embedding_.shape[1]} coordinates per place.")
        return places

    @property
    def _n_features_out(self) -> int:
        return self.embedding_.shape[1]

    def _check_components(self) -> None:
        if not isinstance(self.n_components, (int, np.integer)) or self.n_components < 1:
            raise ValueError(f"n_components is {self.n_components!r}; wanted a whole number from 1 up. 2 makes a map.")


def first_duplicates(graph: KnnGraph) -> np.ndarray:
    """Give for each row the first row at distance zero from it (through others at zero), int64 (n,)."""
    n, k = graph.indices.shape
    same = graph.distances == 0
    first = np.arange(n)
    if same.any():
        links = sparse.csr_matrix(
            (same.ravel()[same.ravel()], (np.repeat(first, k)[same.ravel()], graph.indices[same])), (n, n)
        )
        _, groups = connected_components(links, directed=False)
        lowest = np.full(groups.max() + 1, n)
        np.minimum.at(lowest, groups, first)
        first = lowest[groups]
    return first


def warn_of_components(graph: KnnGraph, name: str) -> None:
    """Say that parts of the graph were laid side by side."""
    sizes = graph.component_sizes
    if len(sizes) > 1:
        shown = ", ".join(str(size) for size in sizes[:5]) + (", ..." if len(sizes) > 5 else "")
        warnings.warn(
            f"The graph has {len(sizes)} components ({shown} rows); {name} mapped each alone and laid them side by side. "
            "Raise n_neighbors, or join them with join_components, for one map.",
            stacklevel=4,
        )
