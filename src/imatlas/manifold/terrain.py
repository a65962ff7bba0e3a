"""The terrain of a map: its density as height, its peaks, the basins around them and the passes between.

Height is f = -q mean_j log d_ij over a row's nearest on a map of q coordinates, a log density. A row's parent is the highest
of its neighbors on the map, itself included; rows that end at one peak are one basin. Pairs of basins then meet at their
highest pass, in falling order: if the lower peak rises less than `prominence` above the pass, its basin joins the other.

Reference: Chazal, Guibas, Oudot, Skraba, "Persistence-based clustering in Riemannian manifolds" (ToMATo), 2013.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.spatial import cKDTree

__all__ = ["Terrain"]

_LINKS = 15


@dataclass(frozen=True)
class Terrain:
    """Heights of map points, and which lie side by side.

    Parameters
    ----------
    height : float64 (n,), log density up to a constant.
    edges : int64 (e, 2), neighbors on the map; never between different parts.
    """

    height: np.ndarray
    edges: np.ndarray

    @classmethod
    def of(cls, places: np.ndarray, parts: np.ndarray, *, n_near: int = 60) -> Self:
        """Survey places (n, q); rows of different parts int (n,) never touch.

        Height is read from the `n_near` nearest, fewer in small sets; more is smoother.
        """
        n, q = places.shape
        k = min(max(5, min(n_near, n // 10)), n - 1)
        distances, near = cKDTree(places).query(places, k=k + 1)
        height = -q * np.log(np.maximum(distances[:, 1:], 1e-12)).mean(axis=1)
        m = min(_LINKS, k)
        edges = np.stack([np.repeat(np.arange(n), m), near[:, 1 : m + 1].ravel()], axis=1)
        return cls(height, edges[parts[edges[:, 0]] == parts[edges[:, 1]]])

    def basins(self, prominence: float) -> np.ndarray:
        """Give the basin of each row, int64 (n,), numbered without gaps; `prominence` in e-folds of density."""
        n = len(self.height)
        order = np.lexsort((np.arange(n), -self.height))
        rank = np.empty(n, dtype=np.int64)
        rank[order] = np.arange(n)
        best = rank.copy()
        np.minimum.at(best, self.edges[:, 0], rank[self.edges[:, 1]])
        np.minimum.at(best, self.edges[:, 1], rank[self.edges[:, 0]])
        peaks = _follow(order[best])
        root = np.arange(n)

        def top(row: int) -> int:
            while root[row] != row:
                root[row] = root[root[row]]
                row = int(root[row])
            return row

        pairs, heights = self.passes(peaks)
        for (one, other), height in zip(pairs.tolist(), heights.tolist()):
            one, other = top(one), top(other)
            high, small = (one, other) if rank[one] < rank[other] else (other, one)
            if high != small and self.height[small] - height < prominence:
                root[small] = high
        return np.unique(_follow(root)[peaks], return_inverse=True)[1]

    def passes(self, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give the highest pass between each two groups that touch on the map.

        Returns
        -------
        pairs : int64 (p, 2), smaller number first.
        heights : float64 (p,), falling: the height of the lower end of the best edge.
        """
        ends, heights = np.sort(groups[self.edges], axis=1), self.height[self.edges].min(axis=1)
        meeting = ends[:, 0] != ends[:, 1]
        ends, heights = ends[meeting], heights[meeting]
        order = np.lexsort((ends[:, 1], ends[:, 0], -heights))
        _, first = np.unique(ends[order] @ [int(groups.max()) + 1, 1], return_index=True)
        chosen = order[np.sort(first)]
        return ends[chosen], heights[chosen]


def _follow(parents: np.ndarray) -> np.ndarray:
    """Follow parents to the end, int64 (n,)."""
    while True:
        further = parents[parents]
        if np.array_equal(further, parents):
            return parents
        parents = further
