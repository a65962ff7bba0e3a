"""Any transformer where a map of this house can stand: principal components, UMAP, a Pipeline, anything with `fit_transform`.

The transformer makes the coordinates. What it lacks is supplied by charts (`imatlas.manifold.charts`): places for new rows from
their nearest fitted rows, and features for places. What it has itself is used, unless `charts_only` asks for charts, which
give a row the same place whatever rows come with it; the own ways of some transformers do not.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.utils import Tags, get_tags
from sklearn.utils.validation import check_is_fitted

from imatlas.checks import InputError
from imatlas.manifold.base import GraphEmbedding
from imatlas.manifold.charts import read_charts
from imatlas.neighbors.metrics import prepare_rows
from imatlas.values import KnnGraph, straight_lengths

__all__ = ["AnyMap"]


class AnyMap(GraphEmbedding):
    """The map that any scikit-learn transformer makes, with places for new rows, features for places, and confidence.

    Parameters
    ----------
    transformer : anything with `fit_transform` that gives a dense matrix (n, q); it is cloned, not fitted itself.
    charts_only : place new rows, and draw features, by charts even where the transformer can. Needed to `pack`.
    n_neighbors : neighbors in the graph, and of the charts that place new rows.
    metric : "euclidean", "cosine" or "correlation", for the graph.
    random_state : seed of the inverted-list search of large sets; the transformer keeps its own.

    Attributes
    ----------
    transformer_ : the fitted transformer.
    embedding_ : float32 (n, q); rows at distance zero have one place.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.manifold import TSNE
    >>> rows = np.random.default_rng(0).random((50, 6))
    >>> fitted = AnyMap(TSNE(perplexity=10, init="random", random_state=0)).fit(rows[:40])
    >>> fitted.transform(rows[40:]).shape, fitted.inverse_transform(fitted.embedding_).shape
    ((10, 2), (40, 6))
    """

    _learned = ("embedding_", "charted_")

    def __init__(
        self,
        transformer: Any,
        *,
        charts_only: bool = False,
        n_neighbors: int = 15,
        metric: str = "euclidean",
        random_state: int | None = 0,
    ) -> None:
        self.transformer = transformer
        self.charts_only = charts_only
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.random_state = random_state

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        if self.transformer is None:  # the charts of an unpacked map
            return tags
        wrapped = get_tags(self.transformer)
        tags.input_tags.sparse = wrapped.input_tags.sparse
        tags.target_tags.required = wrapped.target_tags.required
        return tags

    def fit(self, X: np.ndarray | sparse.spmatrix | KnnGraph, y: object = None, *, graph: KnnGraph | None = None) -> Self:
        """Learn the map from features (n, d); y is handed to the transformer; see `GraphEmbedding.fit`.

        Raises
        ------
        ValueError
            If X is a graph alone, or the transformer gives anything but a finite matrix with one row per row.
        """
        if not hasattr(self.transformer, "fit_transform"):
            raise InputError(
                f"{type(self.transformer).__name__} has no fit_transform; give a transformer that makes coordinates."
            )
        graph = self._read(X, graph)
        if self.rows_ is None:
            raise InputError("A transformer was to be fitted to a graph alone; it needs features. Use fit(X, graph=graph).")
        self.transformer_ = clone(self.transformer)
        coordinates = self.transformer_.fit_transform(self.rows_, y)
        if sparse.issparse(coordinates) or np.ndim(coordinates) != 2 or len(coordinates) != self.n_rows_:
            raise InputError(
                f"{self._wrapped()} gave coordinates of shape {np.shape(coordinates)}; wanted a dense matrix of "
                f"{self.n_rows_} rows. End it with a step that gives one, such as PCA or TruncatedSVD."
            )
        self.charted_ = bool(self.charts_only or not hasattr(self.transformer_, "transform"))
        self._settle(np.asarray(coordinates), graph)
        return self

    def inverse_transform(self, X: np.ndarray) -> np.ndarray:
        """Give the features float32 (b, d) that belong to places (b, q): the transformer's own, or by charts."""
        check_is_fitted(self, "n_rows_")
        if self.charts_only or not hasattr(self.transformer_, "inverse_transform"):
            return super().inverse_transform(X)
        return np.asarray(self.transformer_.inverse_transform(self._read_places(X)), dtype=np.float32)

    def pack(self) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        """Give what was learned as settings and arrays; see `GraphEstimator.pack`.

        Raises
        ------
        InputError
            If the map needs its transformer to place new rows.
        """
        check_is_fitted(self, "n_rows_")
        if not self.charts_only:
            raise InputError(
                f"A map that places rows by its {self._wrapped()} was to be packed, which takes pickle. "
                "Fit it with charts_only=True."
            )
        settings, arrays = super().pack()
        return {**settings, "parameters": {**self.get_params(deep=False), "transformer": None}}, arrays

    def _place_rows(self, rows: np.ndarray | sparse.csr_matrix, neighbors: np.ndarray, distances: np.ndarray) -> np.ndarray:
        if not self.charted_:
            return np.array(self.transformer_.transform(rows), dtype=np.float32)
        new, old = prepare_rows(rows, self.metric_), prepare_rows(self.rows_, self.metric_)
        return read_charts(new, old, self.embedding_, neighbors, straight_lengths(distances, self.metric_))

    def _wrapped(self) -> str:
        return type(self.transformer).__name__
