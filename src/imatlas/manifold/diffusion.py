"""Diffusion on a neighbor graph: how heat, or a random walk, spreads along the data, freed from where rows are dense.

With k_ij = exp(-d_ij^2 / (2 rho_i rho_j)), rho_i the distance to the 7th neighbor, the density is q_i = sum_j k_ij / rho_i^m
on a manifold of dimension m. A walk that jumps from i to j at the rate w_ij / mu_i,

    w_ij = k_ij g_i g_j,   g_i^2 = q_i^(1 - 2 alpha) / (rho_i^2 sum_j k_ij),   mu_i = q_i^(1 - 2 alpha)

spreads by the operator  lap f + 2 (1 - alpha) grad f . grad log q : alpha = 1 leaves the manifold's own Laplacian whatever the
density, 1/2 the Fokker-Planck operator, 0 the graph's. That is the normalisation of Coifman and Lafon, carried over to scales
that differ from row to row. On a graph of k neighbors theirs with one scale cannot remove density, since k neighbors of a
dense region lie far within that scale. Its modes psi_m with rates l_m, of variance 1 under mu, give

    lambda_m = exp(-l_m),   D_t(i, j)^2 = sum_r (p_t(i, r) - p_t(j, r))^2 / mu_r = sum_m lambda_m^2t (psi_m(i) - psi_m(j))^2

Time is counted in the mean time between jumps. Reference: Coifman, Lafon, "Diffusion maps", 2006; Berry, Harlim,
"Variable bandwidth diffusion kernels", 2016, arXiv 1406.5064.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from imatlas.geometry import estimate_dimension
from imatlas.manifold.spectral import graph_affinity, orient, row_scales, slow_modes
from imatlas.values import KnnGraph, straight_lengths

__all__ = ["KERNEL_WIDTH", "Diffusion", "Kernel", "half_life", "start_diffusion"]

KERNEL_WIDTH = 2.0
"""Squared scales at which the kernel has fallen by e; a narrower one makes more of gaps between the rows than is there."""

_MOST_CONTRAST = 10.0
"""Densities and scales further than this factor from their median count as this far.

In many dimensions the density of a few neighbors is mostly noise; taken at its word it would give outliers all the mass.
"""
_GONE = 1e300  # the rate of a mode that does not exist; finite, so that at time 0 it is no NaN


@dataclass(frozen=True)
class Kernel:
    """What rows are measured against: the units of density and scale, and the share of density to take out.

    Parameters
    ----------
    dimension : m, of the manifold.
    density, scale : medians of q and rho.
    alpha : 1 takes all density out, 0 none.
    """

    dimension: float
    density: float
    scale: float
    alpha: float

    def factors(self, sums: np.ndarray, scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give g and mu float64 (b,) of rows with kernel sums and scales (b,)."""
        density = _clip(np.exp(_log_density(sums, scales, self.dimension) - np.log(self.density)))
        scale = _clip(scales / self.scale)
        masses = density ** (1 - 2 * self.alpha)
        return np.sqrt(masses / sums) / scale, masses


@dataclass(frozen=True)
class Diffusion:
    """The rates at which a walk jumps between the rows of a graph.

    Parameters
    ----------
    weights : w, symmetric CSR (n, n).
    masses : mu, float64 (n,).
    factors : g, float64 (n,).
    scales : rho, float64 (n,).
    kernel : what new rows are measured against.
    """

    weights: sparse.csr_matrix
    masses: np.ndarray
    factors: np.ndarray
    scales: np.ndarray
    kernel: Kernel

    def jump_rate(self, rows: np.ndarray) -> float:
        """Give the mean number of jumps per time of a walk at rest on the rows (m,) of a component."""
        return float(self.weights[rows].sum() / self.masses[rows].sum())

    def modes(self, rows: np.ndarray, n_modes: int) -> tuple[np.ndarray, np.ndarray]:
        """Give the slowest modes of one component, the constant one left out.

        Parameters
        ----------
        rows : int64 (m,), all rows of a component.
        n_modes : modes wanted; beyond m - 1 they are zero, and their rates as large as numbers go.

        Returns
        -------
        rates : float64 (n_modes,), l_m, rising.
        modes : float64 (m, n_modes), psi_m.
        """
        weights, root = self.weights[rows][:, rows], np.sqrt(self.masses[rows])
        leaving = np.asarray(weights.sum(axis=1)).ravel() / self.masses[rows]
        stiffness = sparse.diags(leaving) - sparse.diags(1 / root) @ weights @ sparse.diags(1 / root)
        unit = self.jump_rate(rows)
        count, most = min(n_modes, len(rows) - 1) + 1, 2 * float(leaving.max()) / unit
        values, vectors = slow_modes(stiffness.tocsr() / unit, count, root, most=most)
        psi = orient(vectors[:, 1:] / root[:, None] * np.sqrt(np.square(root).sum()))
        missing = n_modes - psi.shape[1]
        rates = np.pad(np.maximum(values[1:], 0), (0, missing), constant_values=_GONE)
        return rates, np.pad(psi, ((0, 0), (0, missing)))


def start_diffusion(graph: KnnGraph, alpha: float = 1.0) -> Diffusion:
    """Give the diffusion on a graph; see the module for `alpha`."""
    graph = replace(graph, distances=straight_lengths(graph.distances, graph.metric), metric="euclidean")
    affinity, scales = graph_affinity(graph, KERNEL_WIDTH), row_scales(graph.distances)
    sums = np.asarray(affinity.sum(axis=1)).ravel()
    dimension = estimate_dimension(graph).value if graph.n_neighbors > 1 else 1.0
    density = float(np.exp(np.median(_log_density(sums, scales, dimension))))
    kernel = Kernel(dimension, density, float(np.median(scales)), alpha)
    factors, masses = kernel.factors(sums, scales)
    weights = (sparse.diags(factors) @ affinity @ sparse.diags(factors)).tocsr()
    return Diffusion(weights, masses, factors, scales, kernel)


def half_life(rates: np.ndarray) -> float:
    """Give the time after which the slowest of the modes with these rates is half gone."""
    return float(np.log(2) / max(float(np.min(rates)), 1e-12))


def _log_density(sums: np.ndarray, scales: np.ndarray, dimension: float) -> np.ndarray:
    return np.log(sums) - dimension * np.log(scales)


def _clip(ratios: np.ndarray) -> np.ndarray:
    return np.clip(ratios, 1 / _MOST_CONTRAST, _MOST_CONTRAST)
