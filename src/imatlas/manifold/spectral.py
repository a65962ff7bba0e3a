"""Affinities and eigenvectors of a neighbor graph: the ground of spectral maps, clusters and diffusion.

    w_ij = exp(-d_ij^2 / (s_i s_j)),   s_i = distance to the 7th neighbor       (one scale per row fits uneven density)
    P = D^-1 W,   P psi_m = lambda_m psi_m,   psi_m = D^-1/2 u_m,  u_m the eigenvectors of D^-1/2 W D^-1/2

Solved with one thread, so that the last bits do not depend on how many the machine has.

References: Belkin, Niyogi, "Laplacian eigenmaps", 2003; Zelnik-Manor, Perona, "Self-tuning spectral clustering", 2004;
Coifman, Lafon, "Diffusion maps", 2006.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import ArpackNoConvergence, eigsh, lobpcg
from threadpoolctl import threadpool_limits

from imatlas.values import KnnGraph

__all__ = ["eigenmaps", "graph_affinity", "row_scales"]

_SCALE_NEIGHBOR = 7
_DENSE = 500


def row_scales(distances: np.ndarray) -> np.ndarray:
    """Give the local scale s float64 (n,) of rows with neighbor distances (n, k), rising; never zero."""
    scales = distances[:, min(_SCALE_NEIGHBOR, distances.shape[1]) - 1].astype(np.float64)
    positive = scales[scales > 0]
    return np.maximum(scales, 1e-3 * np.median(positive) if len(positive) else 1.0)


def graph_affinity(graph: KnnGraph) -> sparse.csr_matrix:
    """Give the self-tuning affinities w (n, n) of a graph, symmetric CSR."""
    scales = row_scales(graph.distances)
    lengths = graph.adjacency.tocoo()
    squared = np.square(lengths.data) / (scales[lengths.row] * scales[lengths.col])
    # The floor keeps far bridges and outliers linked: a weight that underflows would cut the graph.
    weights = np.exp(-np.minimum(squared, 30))
    return sparse.csr_matrix((weights, (lengths.row, lengths.col)), shape=lengths.shape)


def eigenmaps(affinity: sparse.csr_matrix, n_components: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the leading eigenvectors of the random walk on one connected graph, the constant one left out.

    Parameters
    ----------
    affinity : symmetric (n, n), connected.
    n_components : vectors wanted; beyond n - 1 they are zero.

    Returns
    -------
    eigenvalues : float64 (n_components,), falling, in [-1, 1].
    vectors : float64 (n, n_components), mean 0 and variance 1 under the walk's resting distribution; the largest entry is
        positive.
    """
    n = affinity.shape[0]
    degrees = np.asarray(affinity.sum(axis=1)).ravel()
    root = np.sqrt(degrees)
    walk = sparse.diags(1 / root) @ affinity @ sparse.diags(1 / root)
    wanted = min(n_components, n - 1)
    with threadpool_limits(1):
        if n <= max(_DENSE, 3 * wanted):
            values, vectors = np.linalg.eigh(walk.toarray())
        else:
            values, vectors = _leading(walk.tocsr(), wanted + 1, root)
    order = np.argsort(-values, kind="stable")[1 : wanted + 1]
    psi = vectors[:, order] / root[:, None] * np.sqrt(degrees.sum())
    largest = np.argmax(np.abs(psi), axis=0)
    psi = psi * np.where(psi[largest, np.arange(wanted)] < 0, -1.0, 1.0)
    missing = n_components - wanted
    return np.pad(values[order], (0, missing)), np.pad(psi, ((0, 0), (0, missing)))


def _leading(walk: sparse.csr_matrix, count: int, root: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the largest eigenpairs by Lanczos steps from a fixed start; after the step limit, the best so far."""
    start = root / np.linalg.norm(root) + 0.1 * np.random.default_rng(0).standard_normal(len(root)) / np.sqrt(len(root))
    ncv = min(len(root) - 1, max(4 * count, 40))
    try:
        return eigsh(walk, k=count, which="LA", v0=start, ncv=ncv, tol=1e-6, maxiter=300)
    except ArpackNoConvergence:
        noise = np.random.default_rng(0).standard_normal((len(root), count - 1))
        return lobpcg(walk, np.column_stack([root, noise]), maxiter=200, tol=1e-6)
