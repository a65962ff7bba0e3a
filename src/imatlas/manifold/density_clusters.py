"""Density clusters: groups of rows with a border around them, as many as there are.

Raw distances in many dimensions hardly differ between a cluster's heart and its border, so density is read from a map:

1. communities of the graph, laid out by the eigenvectors of their own small graph, give every row a start;
2. a short layout, drawn tight, pulls like rows together (`imatlas.manifold.layout`);
3. rows climb to peaks of density on it, which gives basins (`imatlas.manifold.terrain`);
4. basins merge where the neighbor graph shows no border between them (`imatlas.manifold.border_tree`), since a map tears
   what it cannot lay flat. The merges are a tree.

The level is chosen without labels by what a border is: where fewer than the share `openness` of the links cross that would
cross a cut through a continuum of the same size, dimension and density. Coarser levels ask for clearer borders, finer ones for
less clear.

References: Allaoui, Kherfi, Cheriet, 2020 (density clusters on a map); Bot, McInnes, Aerts, 2025, arXiv 2512.16558 (levels from
one tree).
"""

from __future__ import annotations

from typing import Self

import numpy as np
from scipy import sparse
from sklearn.base import ClusterMixin
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from imatlas.manifold.base import GraphEstimator, first_duplicates
from imatlas.manifold.border_tree import BorderTree, border_tree
from imatlas.manifold.communities import communities, gather, neighbor_links
from imatlas.manifold.layout import affinities, lay_out
from imatlas.manifold.terrain import Terrain
from imatlas.values import Clusters, KnnGraph

__all__ = ["DensityClusters"]

_RESOLUTION = 4.0
_MOST_COMMUNITIES = 1500  # above, their eigenvectors would cost more than the layout
_STEPS = 300
_MOST_LEVELS = 8
_PROMINENCE = 0.5  # e-folds of density; lower peaks are what a map of any rows shows
_LEAST_SHARE = 0.25
_SPREADS = 4.0  # robust standard deviations of log distance beyond which a row lies off its cluster


class DensityClusters(ClusterMixin, GraphEstimator):
    """Clusters by density, in levels, with their number found and noise left out.

    Parameters
    ----------
    n_neighbors : neighbors in the graph. Lowered to n - 1 with a warning.
    metric : "euclidean", "cosine" or "correlation".
    openness : share of the links across a cut through a continuum, in (0, 2), below which two groups have a border between
        them. More gives more, finer clusters; a continuum falls apart above about 0.5.
    min_size : fewest rows per cluster; None = n_neighbors + 1. Smaller groups join the group they have most links with, or are
        noise if they have none.
    noise : "keep" leaves rows without a cluster at -1, "assign" gives them the cluster the most of their neighbors have.
    random_state : seed of the start.

    Attributes
    ----------
    labels_ : int64 (n,), the level chosen by `openness`; largest cluster 0, noise -1: a row with fewer than a quarter of its
        neighbors in its cluster, or much farther from them than the cluster's rows are from theirs.
    levels_ : int64 (n, L), coarse to fine, each with about half as many clusters as the next; one column is `labels_`. Rows
        that hang together nowhere are apart on every level.
    level_ : the column of `levels_` that is `labels_`.
    openness_ : float64 (L,), the most open border that each level keeps.
    strengths_ : float32 (n,) in [0, 1], the share of a row's neighbors in its cluster; 0 for noise.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(150, 4)) + 9 * np.eye(3, 4)[np.arange(150) % 3]
    >>> sorted(set(DensityClusters(noise="assign").fit_predict(rows).tolist()))
    [0, 1, 2]
    """

    _learned = ("labels_", "levels_", "level_", "openness_", "strengths_", "reaches_", "_homes")

    def __init__(
        self,
        n_neighbors: int = 15,
        *,
        metric: str = "euclidean",
        openness: float = 0.37,
        min_size: int | None = None,
        noise: str = "keep",
        random_state: int | None = 0,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.openness = openness
        self.min_size = min_size
        self.noise = noise
        self.random_state = random_state

    def fit(self, X: np.ndarray | sparse.spmatrix | KnnGraph, y: object = None, *, graph: KnnGraph | None = None) -> Self:
        """Learn the clusters.

        Parameters
        ----------
        X : (n, d) features, dense or CSR, n >= 2; or a KnnGraph, which then can predict no new rows.
        y : ignored, there for scikit-learn.
        graph : the neighbor graph of X if it is already made.

        Raises
        ------
        ValueError
            If X is no finite matrix, the graph has other rows, or a parameter is out of its range.
        """
        self._check_parameters()
        graph = self._read(X, graph)
        places = _tight_map(graph, np.random.default_rng(self._seed()))
        terrain = Terrain.of(places, graph.components)
        basins = np.unique(terrain.basins(_PROMINENCE)[first_duplicates(graph)], return_inverse=True)[1]
        min_size = self.min_size or graph.n_neighbors + 1
        tree = border_tree(graph, terrain, basins, min_size=min_size)
        counts, self.level_ = _level_sizes(tree, self.openness)
        levels = []
        for n_merges in counts:
            homes = _by_size(tree.groups(n_merges)[basins], min_size)
            levels.append(self._settle(graph, homes))
        self.openness_ = np.array([tree.openness[c] if c < len(tree.openness) else 0.0 for c in counts])
        self.levels_ = np.stack([labels for labels, *_ in levels], axis=1)
        self.labels_, self.strengths_, self.reaches_, self._homes = levels[self.level_]
        return self

    def predict(self, X: np.ndarray | sparse.spmatrix) -> np.ndarray:
        """Give the clusters int64 (b,) of rows (b, d): what most of their nearest fitted rows have, or noise."""
        return self._judge(X)[0]

    def predict_strengths(self, X: np.ndarray | sparse.spmatrix) -> np.ndarray:
        """Give the strengths float32 (b,) in [0, 1] of rows (b, d) in the clusters that `predict` gives them."""
        return self._judge(X)[1]

    def clusters_value(self) -> Clusters:
        """Give the fitted clusters as the value other rooms take; centroids are feature means, so dense features are needed.

        Raises
        ------
        ValueError
            If the clusters were fitted to a graph alone or to sparse rows.
        """
        check_is_fitted(self, "labels_")
        return Clusters(
            labels=self.labels_,
            levels=self.levels_,
            strengths=self.strengths_,
            centroids=self._centroids(self.labels_, len(self.reaches_)),
            method="density_clusters",
        )

    def _judge(self, X: np.ndarray | sparse.spmatrix) -> tuple[np.ndarray, np.ndarray]:
        """Give the clusters int64 (b,) and strengths float32 (b,) of rows (b, d)."""
        neighbors, distances = self._new_neighbors(self._read_new(X))
        winners, shares = _vote(self._homes[neighbors])
        labels = self._without_noise(winners, shares, distances, self.reaches_)
        strengths = np.where(labels < 0, 0, shares).astype(np.float32)
        fitted = distances[:, 0] == 0
        labels[fitted], strengths[fitted] = self.labels_[neighbors[fitted, 0]], self.strengths_[neighbors[fitted, 0]]
        return labels, strengths

    def _settle(self, graph: KnnGraph, homes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Tell noise from members; give labels, strengths, the reach of each cluster, and what neighbors vote with."""
        near, reaches = homes[graph.indices], _reaches(graph.distances, homes)
        if self.noise == "assign":
            homes = np.where(homes < 0, _vote(near)[0], homes)
            near = homes[graph.indices]
        shares = (near == homes[:, None]).mean(axis=1)
        labels = self._without_noise(homes, shares, graph.distances, reaches)
        # A cluster all of whose rows are noise is none.
        used = np.unique(labels[labels >= 0])
        number = np.full(len(reaches) + 1, -1)
        number[used] = np.arange(len(used))
        first = first_duplicates(graph)
        labels = number[labels][first]
        return labels, np.where(labels < 0, 0, shares[first]).astype(np.float32), reaches[used], number[homes]

    def _without_noise(self, labels: np.ndarray, shares: np.ndarray, distances: np.ndarray, reaches: np.ndarray) -> np.ndarray:
        """Give labels with -1 for rows alone among others and rows off their cluster, unless noise is to be assigned."""
        if self.noise == "assign" or not len(reaches):
            return labels
        far = distances.mean(axis=1, dtype=np.float64) > reaches[labels]
        return np.where(far | (shares < _LEAST_SHARE), -1, labels)

    def _check_parameters(self) -> None:
        if not 0 < self.openness < 2:
            raise ValueError(f"openness is {self.openness!r}; wanted a number between 0 and 2. 0.37 is usual.")
        if self.min_size is not None and self.min_size < 1:
            raise ValueError(f"min_size is {self.min_size!r}; wanted at least 1, or None for n_neighbors + 1.")
        if self.noise not in ("keep", "assign"):
            raise ValueError(f'noise is {self.noise!r}; wanted "keep" or "assign".')


def _tight_map(graph: KnnGraph, rng: np.random.Generator) -> np.ndarray:
    """Lay the graph out in two dimensions, neighbors drawn tight, float32 (n, 2)."""
    links = neighbor_links(graph)
    start = _community_start(links, communities(links, resolution=_RESOLUTION, rng=rng))
    start = start + 1e-2 * rng.standard_normal(start.shape)
    schedule = [(2 * _STEPS // 5, 8.0, 0.5), (3 * _STEPS // 5, 4.0, 0.8)]
    attraction = affinities(graph.indices, graph.distances, max(1.0, 2 * graph.n_neighbors / 3))
    return lay_out(attraction, start, schedule=schedule, rng=rng)


def _community_start(links: sparse.csr_matrix, groups: np.ndarray) -> np.ndarray:
    """Give places (n, 2): leading eigenvectors of the walk between communities, evened out along the links."""
    count = int(groups.max()) + 1
    spots = np.zeros((count, 2))
    if count > _MOST_COMMUNITIES:
        turns = np.arange(count) * np.pi * (3 - np.sqrt(5))
        spots = np.sqrt(np.arange(count))[:, None] * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    elif count > 1:
        between = gather(links, groups).toarray()
        root = np.sqrt(between.sum(axis=1))
        # One thread, so that the last bits do not depend on how many the machine has.
        with threadpool_limits(1):
            _, vectors = np.linalg.eigh(between / np.outer(root, root))
        found = min(2, count - 1)
        spots[:, :found] = (vectors / root[:, None])[:, ::-1][:, 1 : found + 1]
    places = spots[groups]
    places = (places - places.mean(axis=0)) / np.maximum(places.std(axis=0), 1e-12)
    walk = sparse.diags(1 / np.asarray(links.sum(axis=1)).ravel()) @ links
    return walk @ (walk @ (walk @ places))


def _level_sizes(tree: BorderTree, openness: float) -> tuple[list[int], int]:
    """Give the number of merges of each level, coarse to fine, and which level keeps all borders less open than asked."""
    chosen = int((tree.openness >= openness).sum())
    least, most = int(np.isinf(tree.openness).sum()), len(tree.openness)
    chosen = max(chosen, least)
    n_clusters = tree.n_groups - chosen
    wanted = [n_clusters // 4, n_clusters // 2] + [n_clusters << step for step in range(_MOST_LEVELS - 2)]
    counts = {tree.n_groups - count for count in wanted if count >= 2 and least <= tree.n_groups - count <= most} | {chosen}
    falling = sorted(counts, reverse=True)
    return falling, falling.index(chosen)


def _by_size(groups: np.ndarray, min_size: int) -> np.ndarray:
    """Number groups by falling size, int64 (n,); those of fewer rows than `min_size` are -1."""
    sizes = np.bincount(groups)
    order = np.argsort(-sizes, kind="stable")
    number = np.empty(len(sizes), dtype=np.int64)
    number[order] = np.arange(len(sizes))
    number[sizes < min_size] = -1
    return number[groups]


def _reaches(distances: np.ndarray, homes: np.ndarray) -> np.ndarray:
    """Give for each cluster the mean neighbor distance beyond which a row lies off it, float64 (C,)."""
    lengths = np.log(np.maximum(distances.mean(axis=1, dtype=np.float64), 1e-300))
    reaches = np.full(int(homes.max()) + 1, np.inf)
    for cluster in range(len(reaches)):
        mine = lengths[homes == cluster]
        middle = np.median(mine)
        spread = 1.4826 * np.median(np.abs(mine - middle))
        # Where half of the rows are duplicates there is no scale to judge by.
        if spread > 0 and middle > -600:
            reaches[cluster] = np.exp(middle + _SPREADS * spread)
    return reaches


def _vote(near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the cluster int64 (b,) that most of the neighbors' `near` (b, k) are, and its share float64 (b,)."""
    counts = np.zeros(near.shape, dtype=np.int64)
    for column in near.T:
        counts += near == column[:, None]
    counts[near < 0] = 0
    # Of clusters with as many neighbors the larger, which has the lower number.
    best = np.argmax(counts * (int(near.max()) + 2) - near, axis=1)[:, None]
    return np.take_along_axis(near, best, axis=1)[:, 0], np.take_along_axis(counts, best, axis=1)[:, 0] / near.shape[1]
