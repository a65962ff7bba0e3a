"""A tree of groups, merged first where there is least border between them.

A cut through the middle of nothing in particular crosses many links of a neighbor graph. For m rows spread evenly over a
compact body of dimension D, each linked to its k nearest, a flat cut through the body is crossed by

    E = m k e_D (k / (m V_D))^(1/D)  links,    V_D the volume of the unit ball, e_D the mean of |z| over it,

since the nearest k fill a ball of radius r with m V_D r^D = k, and links of one row cross with the share of their ball that
lies beyond. The openness of two groups is

    (links between them / E of the smaller) exp(-depth),

depth how far, in log density, their highest pass lies below the median row of the less dense: about 1 where a continuum was
cut, near 0 between groups that hardly touch. Groups merge in falling order of openness. Density is that on the map; in few
dimensions, where a map tears curves and distances tell densities apart, it is that of the rows.

Bodies may be long and thin, the more so the lower D: E is taken 2^(-2.5/D) smaller.

References: Kannan, Vempala, Vetta, "On clusterings: good, bad and spectral", 2004 (cut against size); Levina, Bickel, 2004 (D).
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.special import gammaln

from imatlas.manifold.communities import gather, neighbor_links
from imatlas.manifold.terrain import Terrain
from imatlas.values import KnnGraph

__all__ = ["BorderTree", "border_tree", "expected_cut"]


_THINNESS = 2.5  # measured: rings and moons of many sizes are then no less open than round bodies
_UNSEEN = 1.0  # depth, in e-folds of density, of a border that the map does not show


@dataclass(frozen=True)
class BorderTree:
    """Merges of groups in falling order of openness.

    Parameters
    ----------
    merges : int64 (t, 2), the two nodes joined; groups are nodes 0 to n_groups - 1, merge i makes node n_groups + i.
    openness : float64 (t,), falling; infinite for groups that were too small to stand alone.
    n_groups : groups at the leaves.
    """

    merges: np.ndarray
    openness: np.ndarray
    n_groups: int

    def groups(self, n_merges: int) -> np.ndarray:
        """Give the cluster of each leaf group after the first merges, int64 (n_groups,), numbered without gaps."""
        parents = np.arange(self.n_groups + n_merges)
        for step, pair in enumerate(self.merges[:n_merges]):
            parents[pair] = self.n_groups + step
        for node in range(len(parents) - 1, -1, -1):
            parents[node] = parents[parents[node]]
        return np.unique(parents[: self.n_groups], return_inverse=True)[1]


def expected_cut(m: float, dimension: float, k: int) -> float:
    """Give the number of links, both ways, across a flat cut through m rows that fill a body of some dimension."""
    half = dimension / 2
    mean_height = np.exp(gammaln(half + 1) - gammaln(half + 1.5)) / np.sqrt(np.pi)
    log_volume = half * np.log(np.pi) - gammaln(half + 1)
    return float(m * k * mean_height * np.exp((np.log(k / m) - log_volume) / dimension))


def border_tree(graph: KnnGraph, terrain: Terrain, groups: np.ndarray, *, min_size: int = 1) -> BorderTree:
    """Merge groups of rows, the most open border first, as long as there are links between them.

    Parameters
    ----------
    graph : neighbors of every row.
    terrain : the map of the rows.
    groups : int64 (n,), 0 to C - 1.
    min_size : groups of fewer rows join first, where they have most links.
    """
    bodies = _Bodies(graph, terrain, groups, min_size)
    merges, openness, lowest = [], [], np.inf
    while (found := bodies.most_open()) is not None:
        height, one, other = found
        # A merge can open a border that was closed: it then counts as open as the last one.
        lowest = min(lowest, height)
        merges.append((one, other))
        openness.append(lowest)
        bodies.merge(one, other)
    return BorderTree(np.array(merges, dtype=np.int64).reshape(-1, 2), np.array(openness), int(groups.max()) + 1)


@dataclass
class _Border:
    links: float
    passes: np.ndarray  # height of the highest pass on each terrain; -inf where the groups do not touch there

    def with_another(self, other: _Border) -> _Border:
        return _Border(self.links + other.links, np.maximum(self.passes, other.passes))


class _Bodies:
    """Sizes, dimensions, expected cuts and borders of groups, while they merge."""

    def __init__(self, graph: KnnGraph, terrain: Terrain, groups: np.ndarray, min_size: int) -> None:
        self.k, self.min_size = graph.n_neighbors, min_size
        self.sizes = np.bincount(groups).tolist()
        self.dimensions = _dimensions(graph, groups).tolist()
        self.cuts = [self._cut(m, dimension) for m, dimension in zip(self.sizes, self.dimensions)]
        terrains = (terrain, _row_terrain(graph))
        self.trust = np.array([1.0, 0.0]) + _row_trust(graph) * np.array([-1.0, 1.0])  # in map and rows
        self.levels = list(np.stack([_medians(one.height, groups) for one in terrains], axis=1))  # medians, (2,) each
        self.borders: list[dict[int, _Border]] = [{} for _ in self.sizes]
        self.heap: list[tuple[float, float, int, int]] = []
        seen = [dict(zip(map(tuple, pairs.tolist()), heights)) for pairs, heights in (one.passes(groups) for one in terrains)]
        between = sparse.triu(gather(neighbor_links(graph), groups), 1).tocoo()
        for one, other, links in zip(between.row.tolist(), between.col.tolist(), between.data.tolist()):
            self._set(one, other, _Border(links, np.array([passes.get((one, other), -np.inf) for passes in seen])))

    def most_open(self) -> tuple[float, int, int] | None:
        """Take the most open border between two living groups; None if there is none left."""
        while self.heap:
            openness, _, one, other = heapq.heappop(self.heap)
            if self.sizes[one] and self.sizes[other]:
                return -openness, one, other
        return None

    def merge(self, one: int, other: int) -> None:
        """Join two groups into a new one."""
        small, large = sorted((one, other), key=lambda node: (self.sizes[node], node))
        m = self.sizes[one] + self.sizes[other]
        share = self.sizes[large] / m
        dimension = share * self.dimensions[large] + (1 - share) * self.dimensions[small]
        borders = self.borders[large]
        for node, border in self.borders[small].items():
            borders[node] = border.with_another(borders[node]) if node in borders else border
        new = len(self.sizes)
        self.sizes.append(m)
        self.dimensions.append(dimension)
        self.cuts.append(self._cut(m, dimension))
        self.levels.append(share * self.levels[large] + (1 - share) * self.levels[small])
        self.borders.append({})
        self.sizes[one] = self.sizes[other] = 0
        for node, border in borders.items():
            if node not in (one, other):
                self.borders[node].pop(one, None), self.borders[node].pop(other, None)
                self._set(node, new, border)
        self.borders[one], self.borders[other] = {}, {}

    def _cut(self, m: float, dimension: float) -> float:
        return expected_cut(m, dimension, self.k) * 2 ** (-_THINNESS / dimension)

    def _set(self, one: int, other: int, border: _Border) -> None:
        """Note a border and queue it by its openness."""
        self.borders[one][other] = self.borders[other][one] = border
        smaller = min(self.sizes[one], self.sizes[other])
        depths = np.maximum(np.minimum(self.levels[one], self.levels[other]) - border.passes, 0)
        depth = float(self.trust @ np.where(np.isfinite(depths), depths, _UNSEEN))
        openness = border.links / min(self.cuts[one], self.cuts[other]) * np.exp(-depth)
        if smaller < self.min_size:
            openness = np.inf
        heapq.heappush(self.heap, (-openness, -border.links / smaller, one, other))


def _row_terrain(graph: KnnGraph) -> Terrain:
    """Give the terrain of the rows themselves: their log density by neighbor distances, evened out, and the graph's links."""
    n, k = graph.indices.shape
    lengths = np.log(np.maximum(graph.lengths.mean(axis=1), 1e-12))
    lengths = (lengths + lengths[graph.indices].sum(axis=1)) / (k + 1)
    dimension = _dimensions(graph, np.zeros(n, dtype=np.int64))[0]
    return Terrain(-dimension * lengths, np.stack([np.repeat(np.arange(n), k), graph.indices.ravel()], axis=1))


def _row_trust(graph: KnnGraph) -> float:
    """Give how far densities are read from the rows and not from their map: 1 up to 3 dimensions, 0 from 5 on."""
    return float(np.clip((5 - _dimensions(graph, np.zeros(len(graph), dtype=np.int64))[0]) / 2, 0, 1))


def _medians(height: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Give the median height of each group, float64 (C,)."""
    order = np.lexsort((height, groups))
    ends = np.cumsum(np.bincount(groups))
    starts = np.concatenate([[0], ends[:-1]])
    return height[order[(starts + ends - 1) // 2]]


def _dimensions(graph: KnnGraph, groups: np.ndarray) -> np.ndarray:
    """Give the intrinsic dimension of each group by maximum likelihood, float64 (C,), 1 to 50."""
    k = graph.n_neighbors
    lengths = np.log(np.maximum(graph.lengths, 1e-12))  # angular distances, being squares, would halve D
    rise = (lengths[:, -1:] - lengths[:, :-1]).sum(axis=1) / max(k - 2, 1)  # (n,), 1 / D of each row
    inverse = np.bincount(groups, weights=rise) / np.bincount(groups)
    return np.clip(1 / np.maximum(inverse, 1e-12), 1, 50)
