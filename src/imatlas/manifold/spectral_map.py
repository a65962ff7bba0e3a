"""Spectral map: the slowest vibrations of the neighbor graph as coordinates.

Rows that a random walk on the graph easily goes between get close places: the coordinates are the leading non-constant
eigenvectors of P = D^-1 W (see `imatlas.manifold.spectral`). A new row x is placed by the eigenvector equation itself,

    psi_m(x) = (1 / lambda_m) sum_j p(x, j) psi_m(j)

References: Belkin, Niyogi, "Laplacian eigenmaps for dimensionality reduction and data representation", 2003; Bengio et al.,
"Out-of-sample extensions for LLE, Isomap, MDS, eigenmaps, and spectral clustering", 2004.
"""

from __future__ import annotations

import numpy as np

from imatlas.manifold.base import GraphEmbedding, warn_of_components
from imatlas.manifold.components import side_by_side
from imatlas.manifold.spectral import eigenmaps, graph_affinity, row_scales, scales_of_new
from imatlas.values import KnnGraph, straight_lengths

__all__ = ["SpectralMap"]

_LEAST_EIGENVALUE = 0.2  # below it the extension would magnify noise


class SpectralMap(GraphEmbedding):
    """Laplacian eigenmap of a neighbor graph, with places for new rows.

    Parameters
    ----------
    n_components : coordinates per row.
    n_neighbors : neighbors in the graph; more smooths. Lowered to n - 1 with a warning.
    metric : "euclidean", "cosine" or "correlation".
    random_state : seed of the inverted-list search of large sets.

    Attributes
    ----------
    embedding_ : float32 (n, n_components), each coordinate of variance about 1 within a component of the graph; the
        components, sized by the root of their share of rows, stand side by side.
    eigenvalues_ : float64 (n_parts, n_components), of the walk, 1 = slowest.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).random((100, 10))
    >>> SpectralMap(n_components=2).fit_transform(rows).shape
    (100, 2)
    """

    _learned = ("embedding_", "eigenvalues_", "centers_", "parts_", "scales_")

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
        warn_of_components(graph, type(self).__name__)
        affinity, sizes = graph_affinity(graph), graph.component_sizes
        self.parts_ = graph.components
        self.scales_ = row_scales(graph.lengths)
        self.eigenvalues_ = np.zeros((len(sizes), self.n_components))
        members, layouts = [], []
        for part, size in enumerate(sizes):
            rows = np.flatnonzero(self.parts_ == part)
            self.eigenvalues_[part], psi = eigenmaps(affinity[rows][:, rows], self.n_components)
            members.append(rows)
            layouts.append(psi * np.sqrt(size / sizes[0]))
        self.centers_ = np.array(side_by_side(layouts))
        coordinates = np.empty((len(graph), self.n_components))
        for rows, layout, center in zip(members, layouts, self.centers_):
            coordinates[rows] = layout + center
        return coordinates

    def _place(self, neighbors: np.ndarray, distances: np.ndarray) -> np.ndarray:
        lengths = straight_lengths(distances.astype(np.float64), self.metric_)
        scales = scales_of_new(lengths, self.scales_)
        squared = np.square(lengths) / (scales[:, None] * self.scales_[neighbors])
        part = self.parts_[neighbors[:, 0]]
        same = self.parts_[neighbors] == part[:, None]
        squared = squared - squared.min(axis=1, keepdims=True)
        walk = np.exp(-np.minimum(squared, 30)) * same
        walk /= walk.sum(axis=1, keepdims=True)
        centers = self.centers_[part]
        mean = (walk[:, :, None] * (self.embedding_[neighbors] - centers[:, None])).sum(axis=1)
        return centers + mean / np.maximum(self.eigenvalues_[part], _LEAST_EIGENVALUE)
