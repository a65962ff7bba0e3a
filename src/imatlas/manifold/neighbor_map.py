"""Neighbor map: the map people look at, on which near means alike.

Rows start at their principal components, so that the map keeps the large arrangement, and move until the attraction of their
neighbors and the repulsion of all rows balance (`imatlas.manifold.layout`). A new row starts at the mean of its neighbors'
places and descends on its own, in the frozen field of the fitted rows:

    rho sum_j p(j | x) q(y - y_j) (y - y_j)  =  (n / Z) F(y)

References: van der Maaten, Hinton, 2008; Kobak, Berens, "The art of using t-SNE for single-cell transcriptomics", 2019 (start,
and what it does for the arrangement); Poličar, Stražar, Zupan, "Embedding to reference t-SNE space", 2021 (new rows).
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from imatlas.manifold.base import GraphEmbedding
from imatlas.manifold.components import side_by_side
from imatlas.manifold.layout import affinities, calibrate, lay_out
from imatlas.manifold.repulsion import Field, grid_field
from imatlas.manifold.spectral import eigenmaps, graph_affinity
from imatlas.neighbors.screen import principal_axes
from imatlas.neighbors.workers import map_blocks, row_blocks
from imatlas.values import KnnGraph

__all__ = ["NeighborMap"]

_DESCENT_STEPS = 40


class NeighborMap(GraphEmbedding):
    """Neighbor-preserving map, deterministic, with places for new rows.

    Parameters
    ----------
    n_components : coordinates per row; 1 and 2 use the repulsion of all rows, more a random estimate of it.
    n_neighbors : neighbors in the graph; two thirds of it is the perplexity. More gives a calmer map.
    metric : "euclidean", "cosine" or "correlation".
    attraction : factor on the pull of neighbors, from 1 up. 1 spreads rows evenly and keeps most neighbors; 4 draws tight, well
        separated groups.
    n_steps : steps of the layout in all.
    random_state : seed of the start's last bits and, beyond two components, of the repulsion.

    Attributes
    ----------
    embedding_ : float32 (n, n_components), centred; distance 1 is where attraction fades. Parts of a graph that hang together
        nowhere drift apart and keep the side they started on.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).random((60, 5))
    >>> NeighborMap(n_neighbors=5, n_steps=50).fit_transform(rows).shape
    (60, 2)
    """

    _learned = ("embedding_", "field_grid_", "field_origin_", "field_spacing_", "field_total_")

    def __init__(
        self,
        n_components: int = 2,
        *,
        n_neighbors: int = 15,
        metric: str = "euclidean",
        attraction: float = 1.5,
        n_steps: int = 250,
        random_state: int | None = 0,
    ) -> None:
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.attraction = attraction
        self.n_steps = n_steps
        self.random_state = random_state

    def _embed(self, graph: KnnGraph) -> np.ndarray:
        self._check_components()
        if not self.attraction >= 1:
            raise ValueError(f"attraction is {self.attraction!r}; wanted 1 or more. 1.5 is usual.")
        rng = np.random.default_rng(self._seed())
        start = (
            _spectral_start(graph, self.n_components) if self.rows_ is None else _principal_start(self.rows_, self.n_components)
        )
        start = start + 1e-3 * rng.standard_normal(start.shape)
        n_early = self.n_steps // 4
        schedule = [(n_early, max(4.0, self.attraction), 0.5), (self.n_steps - n_early, float(self.attraction), 0.8)]
        attraction = affinities(graph.indices, graph.distances, _perplexity(graph.n_neighbors))
        places = lay_out(attraction, start, schedule=schedule, rng=rng)
        self._freeze_field(places)
        return places

    def _freeze_field(self, places: np.ndarray) -> None:
        """Keep the repulsion of the fitted rows for new ones; beyond two components there is none to keep."""
        n, q = places.shape
        if q > 2:
            return
        flat = np.hstack([places, np.zeros((n, 2 - q), np.float32)])
        field = grid_field(flat)
        self.field_grid_, self.field_origin_, self.field_spacing_ = field.grid, field.origin, float(field.spacing)
        self.field_total_ = max(float(field.at(flat)[0].sum(dtype=np.float64)) - n, 1e-12)

    def _place(self, neighbors: np.ndarray, distances: np.ndarray) -> np.ndarray:
        shares = calibrate(distances, _perplexity(self.n_neighbors_)).astype(np.float32)  # (b, k)
        blocks = row_blocks(len(shares), 1024)
        return np.concatenate(map_blocks(lambda block: self._descend(neighbors[block], shares[block]), blocks))

    def _descend(self, neighbors: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Let each new row roll to its place: drawn by its neighbors (b, k), pushed by the frozen field."""
        anchors = self.embedding_[neighbors]  # (b, k, q)
        places = (shares[:, :, None] * anchors).sum(axis=1)
        if places.shape[1] > 2:
            return places
        field = Field(self.field_grid_, self.field_origin_, self.field_spacing_)
        push_share = np.float32(self.n_rows_ / self.field_total_ / self.attraction)
        for _ in range(_DESCENT_STEPS):
            away = places[:, None] - anchors
            weights = shares / (1 + np.einsum("bkq,bkq->bk", away, away))
            flat = np.pad(places, ((0, 0), (0, 2 - places.shape[1])))
            push = field.at(flat)[1][:, : places.shape[1]]
            places = places - (np.einsum("bk,bkq->bq", weights, away) - push_share * push)
        return places


def _perplexity(n_neighbors: int) -> float:
    return max(1.0, 2 * n_neighbors / 3)


def _principal_start(rows: np.ndarray | sparse.csr_matrix, q: int) -> np.ndarray:
    """Give the first principal components (n, q), the first of variance 1; sparse rows are not centred."""
    if sparse.issparse(rows):
        found = min(q, *rows.shape)
        # One thread, so that the last bits do not depend on how many the machine has.
        with threadpool_limits(1):
            left, lengths, _ = randomized_svd(rows, found, n_oversamples=min(10, min(rows.shape) - found), random_state=0)
        start = left * lengths
    else:
        center, axes = principal_axes(rows, q)
        # The sign of an axis is free: its largest entry is made positive, so that like sets start alike.
        axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1, 1).astype(np.float32)
        blocks = row_blocks(len(rows), 4096)
        start = np.concatenate(map_blocks(lambda block: (rows[block] - center) @ axes, blocks)).astype(np.float64)
    start /= max(float(start[:, 0].std()), 1e-12)
    return np.pad(start, ((0, 0), (0, q - start.shape[1])))


def _spectral_start(graph: KnnGraph, q: int) -> np.ndarray:
    """Give a spectral map (n, q) of variance about 1 for a graph without features, its parts side by side."""
    affinity, parts = graph_affinity(graph), graph.components
    start = np.empty((len(graph), q))
    members = [np.flatnonzero(parts == part) for part in range(parts.max() + 1)]
    layouts = [eigenmaps(affinity[rows][:, rows], q)[1] * np.sqrt(len(rows) / len(graph)) for rows in members]
    for rows, layout, shift in zip(members, layouts, side_by_side(layouts)):
        start[rows] = layout + shift
    return (start - start.mean(axis=0)) / max(float(start.std()), 1e-12)
