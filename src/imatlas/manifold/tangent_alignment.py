"""Tangent alignment: local flat charts, laid over one another until they agree, as one map.

Around each row i its m = k + 1 members (itself and its neighbors) have tangent coordinates Theta_i: the leading singular
vectors U_i and values S_i of the centred members. A map Y whose charts are all affine in them wastes nothing,

    min over Y   sum_i |(I - G_i G_i^T) Y_i|^2     with   sum_i |Y_i|^2 = 1,     G_i = [1 / sqrt(m), U_i]

so Y is read from the least eigenvectors of the sum of these projections, a sparse matrix; the constant one is left out. Each
row weighs as many times as it is in a chart: weighed once, as first published, a far row that is in few charts gets a place of
any size at no cost. The vectors have variance 1 whatever the shape of the data; the charts Y_i ~ L_i Theta_i tell the lost
units. Y is multiplied by (mean_i L_i L_i^T)^-1/2, which makes steps on the map as long as steps along the data, and turned to
its principal axes. A developable manifold is recovered as it is, not only up to an affine map.

A new row is placed by the affine chart of its own nearest fitted rows, from the inner products of their differences alone.

Reference: Zhang, Zha, "Principal manifolds and nonlinear dimension reduction via tangent space alignment", 2004.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from imatlas.checks import InputError
from imatlas.manifold.base import GraphEmbedding, warn_of_components
from imatlas.manifold.charts import blocks_of_steps, step_products
from imatlas.manifold.components import side_by_side
from imatlas.manifold.spectral import orient, slow_modes
from imatlas.neighbors.metrics import prepare_rows
from imatlas.neighbors.workers import map_blocks
from imatlas.values import KnnGraph

__all__ = ["TangentAlignment"]

Rows: TypeAlias = np.ndarray | sparse.csr_matrix

_FLAT = 1e-10  # squared spreads below this share of the largest are no spread


class TangentAlignment(GraphEmbedding):
    """Map by local tangent space alignment, in the units of the data, with places for new rows.

    Parameters
    ----------
    n_components : coordinates per row, best the dimension of the manifold.
    n_neighbors : neighbors in the graph, more than n_components. More average noise; too many see the manifold bent.
    metric : "euclidean", "cosine" or "correlation"; angular metrics read tangents of the rows at length 1.
    random_state : seed of the inverted-list search of large sets.

    Attributes
    ----------
    embedding_ : float32 (n, n_components), in units of the features; components of the graph side by side.
    misfits_ : float64 (n_parts, n_components), the share of each vector's variance on which the charts disagree: 0 = flat.

    Examples
    --------
    >>> import numpy as np
    >>> sheet = np.random.default_rng(0).uniform(size=(200, 2)) * [3, 1]
    >>> rows = sheet @ np.linalg.qr(np.ones((6, 6)) + np.eye(6))[0][:2]
    >>> places = TangentAlignment(n_neighbors=10).fit_transform(rows)
    >>> bool(np.allclose(places.std(axis=0), np.sort(sheet.std(axis=0))[::-1], rtol=0.05))
    True
    """

    _learned = ("embedding_", "misfits_", "parts_")

    def __init__(
        self,
        n_components: int = 2,
        *,
        n_neighbors: int = 15,
        metric: str = "euclidean",
        random_state: int | None = 0,
    ) -> None:
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.random_state = random_state

    def _embed(self, graph: KnnGraph) -> np.ndarray:
        self._check_components()
        if self.rows_ is None:
            raise InputError(
                "Tangent alignment came with a graph alone; tangent spaces are read from features. Use fit(X, graph=graph)."
            )
        self.parts_ = graph.components
        rows = prepare_rows(self.rows_, self.metric_)
        if len(graph) <= self.n_components + 1:  # so few rows span no more than the map has: they are laid down as they lie
            self.misfits_ = np.zeros((1, self.n_components))
            return _lay_down(rows, self.n_components)
        if graph.n_neighbors <= self.n_components:
            raise InputError(
                f"{self.n_components} components were asked of a graph of {graph.n_neighbors} neighbors per row; their tangent "
                f"spaces need {self.n_components + 1} or more. Raise n_neighbors, or lower n_components."
            )
        warn_of_components(graph, type(self).__name__)
        members = np.hstack([np.arange(len(graph))[:, None], graph.indices])
        return self._align(_Charts.of(rows, members, self.n_components))

    def _align(self, charts: _Charts) -> np.ndarray:
        """Give the places float64 (n, q) on which the charts agree best, component by component."""
        q, n = self.n_components, len(charts.members)
        homes = [np.flatnonzero(self.parts_ == part) for part in range(self.parts_.max() + 1)]
        alignment, root = charts.alignment(), np.sqrt(charts.counts())
        self.misfits_, places = np.zeros((len(homes), q)), np.zeros((n, q))
        for part, home in enumerate(homes):
            found = min(q, len(home) - 1)
            values, vectors = slow_modes(alignment[home][:, home], found + 1, root[home], most=1.0)
            self.misfits_[part, :found] = np.maximum(values[1:], 0)
            aligned = vectors[:, 1:] / root[home, None]
            places[home, :found] = aligned - aligned.mean(axis=0)
        layouts = [_turn(places[home] @ charts.units(places, home)) for home in homes]
        for home, layout, center in zip(homes, layouts, side_by_side(layouts)):
            places[home] = layout + center
        return places

    def _place_rows(self, rows: Rows, neighbors: np.ndarray, distances: np.ndarray) -> np.ndarray:
        same = self.parts_[neighbors] == self.parts_[neighbors[:, :1]]
        near = np.where(same, neighbors, neighbors[:, :1])  # the nearest row stands in for those of other components
        new, old = prepare_rows(rows, self.metric_), prepare_rows(self.rows_, self.metric_)
        places = np.empty((len(near), self.embedding_.shape[1]))

        def fill(block: slice) -> None:
            products = step_products(new[block], old, near[block])
            left, lengths = _directions(products, self.embedding_.shape[1])
            toward = products.mean(axis=(1, 2))[:, None] - products.mean(axis=2)  # (x_j - mean) . (x - mean), (b, k)
            inverse = np.where(lengths > 0, 1 / np.where(lengths > 0, lengths, 1), 0)
            turned = (left.transpose(0, 2, 1) @ toward[:, :, None])[:, :, 0] * np.square(inverse)
            shares = 1 / near.shape[1] + (left @ turned[:, :, None])[:, :, 0]
            places[block] = (shares[:, :, None] * self.embedding_[near[block]]).sum(axis=1)

        map_blocks(fill, blocks_of_steps(len(near), near.shape[1], old.shape[1]))
        return places


@dataclass(frozen=True)
class _Charts:
    """Tangent coordinates of the members of each row.

    Parameters
    ----------
    members : int64 (n, m), the row itself first.
    left : float64 (n, m, q), U; zero where there is no spread.
    lengths : float64 (n, q), S.
    """

    members: np.ndarray
    left: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, rows: Rows, members: np.ndarray, n_components: int) -> _Charts:
        left = np.empty((*members.shape, n_components))
        lengths = np.empty((len(members), n_components))

        def fill(block: slice) -> None:
            products = step_products(rows[members[block, 0]], rows, members[block])
            left[block], lengths[block] = _directions(products, n_components)

        map_blocks(fill, blocks_of_steps(len(members), members.shape[1], rows.shape[1]))
        return cls(members, left, lengths)

    def counts(self) -> np.ndarray:
        """Give in how many charts each row is, float64 (n,)."""
        return np.bincount(self.members.ravel(), minlength=len(self.members)).astype(np.float64)

    def alignment(self) -> sparse.csr_matrix:
        """Give the sum of all I - G_i G_i^T, over the roots of its rows' and columns' counts: CSR (n, n), from 0 to 1."""
        n, m = self.members.shape
        width = self.left.shape[2] + 1
        charts = np.concatenate([np.full((n, m, 1), 1 / np.sqrt(m)), self.left], axis=2).transpose(0, 2, 1)  # (n, q + 1, m)
        ends, where = np.arange(0, n * width * m + 1, m), np.repeat(self.members, width, axis=0).ravel()
        spans = sparse.csc_matrix((charts.ravel(), where, ends), (n, n * width)).tocsr()
        spans = sparse.diags(1 / np.sqrt(self.counts())) @ spans
        return (sparse.identity(n) - spans @ spans.T).tocsr()

    def units(self, places: np.ndarray, home: np.ndarray) -> np.ndarray:
        """Give the matrix (q, q) that turns places of the rows `home` to the length of steps along the data."""
        q = places.shape[1]
        squared = np.zeros((q, q))
        with threadpool_limits(1):
            for start in range(0, len(home), 4096):
                block = home[start : start + 4096]
                known = self.lengths[block] > 0
                inverse = np.where(known, 1 / np.where(known, self.lengths[block], 1), 0)
                slopes = places[self.members[block]].transpose(0, 2, 1) @ self.left[block] * inverse[:, None]  # L, (b, q, q)
                squared += (slopes @ slopes.transpose(0, 2, 1)).sum(axis=0)
            values, axes = np.linalg.eigh(squared / len(home))
        kept = values > _FLAT * max(float(values[-1]), 1e-300)
        return (axes * np.where(kept, 1 / np.sqrt(np.where(kept, values, 1)), 0)) @ axes.T


def _directions(products: np.ndarray, n_components: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the leading left singular vectors (b, m, q) and singular values (b, q) of steps (b, m, d) once centred."""
    centred = products - products.mean(axis=1, keepdims=True) - products.mean(axis=2, keepdims=True)
    centred += products.mean(axis=(1, 2))[:, None, None]
    squared, left = np.linalg.eigh(centred)
    squared, left = squared[:, ::-1][:, :n_components], left[:, :, ::-1][:, :, :n_components]
    kept = squared > _FLAT * np.maximum(squared[:, :1], 1e-300)
    missing = n_components - squared.shape[1]
    left = np.pad(left * kept[:, None], ((0, 0), (0, 0), (0, missing)))
    return left, np.pad(np.sqrt(np.where(kept, squared, 0)), ((0, 0), (0, missing)))


def _lay_down(rows: Rows, n_components: int) -> np.ndarray:
    """Give the principal components (n, q) of few rows."""
    with threadpool_limits(1):
        left, lengths = _directions(step_products(rows[:1], rows, np.arange(rows.shape[0])[None]), n_components)
    return orient(left[0] * lengths[0])


def _turn(layout: np.ndarray) -> np.ndarray:
    """Turn places (n, q) with mean 0 to their principal axes."""
    with threadpool_limits(1):
        _, axes = np.linalg.eigh(layout.T @ layout)
        return orient(layout @ axes[:, ::-1])
