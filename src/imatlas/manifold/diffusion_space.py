"""Diffusion distances between any rows, fitted or new.

Within a component of the graph they are straight distances between diffusion coordinates v (see `imatlas.manifold.diffusion`).
Between components nothing diffuses; there the two spreads have no row in common and

    D(i, j)^2 = |v_i|^2 + |v_j|^2 + 1 / share_i + 1 / share_j

with the share of all mass that each component holds: its constant mode, which the coordinates leave out.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.spatial.distance import cdist

from imatlas.manifold.diffusion import start_diffusion
from imatlas.manifold.diffusion_map import DiffusionMap
from imatlas.neighbors import search
from imatlas.values import KnnGraph

__all__ = ["DiffusionPlaces", "DiffusionSpace"]

_N_MODES = 32  # per component; at times that matter the rest are gone


@dataclass(frozen=True)
class DiffusionPlaces:
    """Where rows stand in the diffusion on a graph.

    Parameters
    ----------
    vectors : float32 (b, m), coordinates within the component.
    parts : int (b,), the component.
    rest : float64 (b,), 1 / share of the component.
    """

    vectors: np.ndarray
    parts: np.ndarray
    rest: np.ndarray

    def squared_lengths(self) -> np.ndarray:
        """Give squared lengths float64 (b,), the constant mode included."""
        return np.square(self.vectors.astype(np.float64)).sum(axis=1) + self.rest

    def distances(self, others: DiffusionPlaces) -> np.ndarray:
        """Give diffusion distances float64 (b, c)."""
        apart = np.sqrt(self.squared_lengths()[:, None] + others.squared_lengths()[None])
        return np.where(self.parts[:, None] == others.parts, cdist(self.vectors, others.vectors), apart)

    def paired_similarities(self, others: DiffusionPlaces) -> np.ndarray:
        """Give cosines float64 (b,) of places with their counterparts; 0 between components."""
        lengths = np.sqrt(self.squared_lengths() * others.squared_lengths())
        inner = np.einsum("ij,ij->i", self.vectors, others.vectors, dtype=np.float64) + self.rest
        return np.where(self.parts == others.parts, np.clip(inner / lengths, -1, 1), 0.0)

    def similarities(self, others: DiffusionPlaces) -> np.ndarray:
        """Give cosines float64 (b, c), the constant mode included; 0 between components."""
        lengths = np.sqrt(self.squared_lengths()[:, None] * others.squared_lengths()[None])
        inner = self.vectors.astype(np.float64) @ others.vectors.astype(np.float64).T + self.rest[:, None]
        return np.where(self.parts[:, None] == others.parts, np.clip(inner / lengths, -1, 1), 0.0)


@dataclass(frozen=True)
class DiffusionSpace:
    """The diffusion coordinates of the rows of a graph, and of new rows beside them.

    Parameters
    ----------
    map : the fitted diffusion map.
    shares : float64 (n_parts,), of all mass, held by each component.
    fitted : places of the graph's rows.
    """

    map: DiffusionMap
    shares: np.ndarray
    fitted: DiffusionPlaces

    @classmethod
    def of(cls, X: np.ndarray | sparse.spmatrix | None, graph: KnnGraph, t: float | None = None) -> DiffusionSpace:
        """Let diffusion spread on a graph.

        Parameters
        ----------
        X : (n, d) the graph's rows, dense or CSR; None = there will be no new rows.
        graph : neighbor graph.
        t : time; more forgets more detail. None = the half-life of the slowest mode.
        """
        mapper = DiffusionMap(min(_N_MODES, len(graph) - 1), n_neighbors=graph.n_neighbors, t=t, metric=graph.metric)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The graph has .* components")  # here they stay apart
            mapper.fit(graph if X is None else X, graph=graph)
        masses = np.bincount(graph.components, weights=start_diffusion(graph, mapper.alpha).masses)
        shares = masses / masses.sum()
        return cls(mapper, shares, _places(mapper, shares, mapper.embedding_, graph.components))

    def of_new(self, X: np.ndarray | sparse.spmatrix) -> DiffusionPlaces:
        """Place new rows; each goes to the component of its nearest row."""
        nearest, _ = search(X, self.map.rows_, 1, self.map.metric_)
        return _places(self.map, self.shares, self.map.transform(X), self.fitted.parts[nearest[:, 0]])

    def nearest(self, places: DiffusionPlaces, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Give the k nearest fitted rows of some places within their components.

        Returns
        -------
        distances float64 (b, k), infinite where the component has too few rows, and indices int64 (b, k), -1 there.
        """
        distances, indices = np.full((len(places.parts), k), np.inf), np.full((len(places.parts), k), -1, dtype=np.int64)
        for part in np.unique(places.parts):
            rows, asked = np.flatnonzero(self.fitted.parts == part), np.flatnonzero(places.parts == part)
            found = min(k, len(rows))
            near, lengths = search(places.vectors[asked], self.fitted.vectors[rows], found)
            distances[asked, :found], indices[asked, :found] = lengths, rows[near]
        return distances, indices


def _places(mapper: DiffusionMap, shares: np.ndarray, coordinates: np.ndarray, parts: np.ndarray) -> DiffusionPlaces:
    """Undo what the map does to show components side by side, and weigh them by their mass."""
    sizes = np.bincount(mapper.parts_)
    unit = np.sqrt(sizes / sizes[0] * shares)[parts]
    vectors = ((coordinates - mapper.centers_[parts]) / unit[:, None]).astype(np.float32)
    return DiffusionPlaces(vectors, parts, 1 / shares[parts])
