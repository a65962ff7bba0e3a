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
from scipy.sparse.csgraph import reverse_cuthill_mckee
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh, lobpcg, splu
from threadpoolctl import threadpool_limits

from imatlas.values import KnnGraph

__all__ = ["eigenmaps", "graph_affinity", "orient", "row_scales", "scales_of_new", "slow_modes"]

_SCALE_NEIGHBOR = 7
_DENSE = 500
_NARROW = 10**8  # rows times bandwidth up to which factors of a narrow graph are cheap: a sheet of 70,000 rows takes 2 s


def row_scales(distances: np.ndarray) -> np.ndarray:
    """Give the local scale s float64 (n,) of rows with neighbor distances (n, k), rising; never zero."""
    scales = distances[:, min(_SCALE_NEIGHBOR, distances.shape[1]) - 1].astype(np.float64)
    positive = scales[scales > 0]
    return np.maximum(scales, 1e-3 * np.median(positive) if len(positive) else 1.0)


def scales_of_new(distances: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Give the local scale float64 (b,) of new rows with distances (b, k), rising, to fitted rows of scales (n,)."""
    own = distances[:, min(_SCALE_NEIGHBOR, distances.shape[1]) - 1].astype(np.float64)
    return np.maximum(own, 1e-3 * np.median(scales))


def graph_affinity(graph: KnnGraph, width: float = 1.0) -> sparse.csr_matrix:
    """Give the self-tuning affinities exp(-d_ij^2 / (width s_i s_j)) of a graph, symmetric CSR (n, n)."""
    scales = row_scales(graph.lengths)
    lengths = graph.adjacency.tocoo()
    squared = np.square(lengths.data) / (width * scales[lengths.row] * scales[lengths.col])
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
    stiffness = sparse.identity(n) - sparse.diags(1 / root) @ affinity @ sparse.diags(1 / root)
    values, vectors = slow_modes(stiffness.tocsr(), min(n_components, n - 1) + 1, root, most=2.0)
    psi = orient(vectors[:, 1:] / root[:, None] * np.sqrt(degrees.sum()))
    missing = n_components - psi.shape[1]
    return np.pad(1 - values[1:], (0, missing)), np.pad(psi, ((0, 0), (0, missing)))


def slow_modes(stiffness: sparse.csr_matrix, count: int, rest: np.ndarray, *, most: float) -> tuple[np.ndarray, np.ndarray]:
    """Give the eigenpairs of least eigenvalue of a sparse matrix that is positive semidefinite.

    On curves and sheets of many rows the least eigenvalues lie so close (1e-9 on a curve of 70,000 rows) that Lanczos steps
    never part them, but such graphs are narrow and cheap to factor; graphs too wide to factor have wide gaps.

    Parameters
    ----------
    stiffness : symmetric (n, n), eigenvalues from 0.
    count : eigenpairs wanted, 1 to n.
    rest : (n,), the vector of eigenvalue 0 or about it, from which the search starts.
    most : no eigenvalue is above it.

    Returns
    -------
    eigenvalues : float64 (count,), rising.
    vectors : float64 (n, count), of length 1.
    """
    n = stiffness.shape[0]
    with threadpool_limits(1):
        if n <= max(_DENSE, 3 * count):
            values, vectors = np.linalg.eigh(stiffness.toarray())
        else:
            start = rest / np.linalg.norm(rest) + 0.1 * np.random.default_rng(0).standard_normal(n) / np.sqrt(n)
            bandwidth = _bandwidth(stiffness)
            # Wide graphs fill their factors, and have the gaps by which steps converge.
            if 8 * bandwidth <= n and n * bandwidth <= _NARROW:
                values, vectors = _by_factors(stiffness, count, start)
            else:
                values, vectors = _by_steps(stiffness, count, start, most)
    order = np.argsort(values, kind="stable")[:count]
    return values[order], vectors[:, order]


def orient(vectors: np.ndarray) -> np.ndarray:
    """Give vectors (n, m) with the sign that makes each one's largest entry positive."""
    largest = np.argmax(np.abs(vectors), axis=0)
    return vectors * np.where(vectors[largest, np.arange(vectors.shape[1])] < 0, -1.0, 1.0)


def _bandwidth(matrix: sparse.csr_matrix) -> int:
    """Give how far from the diagonal entries lie once the rows stand in breadth-first order: about a cut of the graph."""
    order = reverse_cuthill_mckee(matrix, symmetric_mode=True)
    place = np.empty_like(order)
    place[order] = np.arange(len(order), dtype=order.dtype)
    entries = matrix.tocoo()
    return int(np.abs(place[entries.row] - place[entries.col]).max(initial=1))


def _by_factors(stiffness: sparse.csr_matrix, count: int, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find eigenpairs by Lanczos steps with the inverse, shifted off its pole."""
    shift = 1e-10 * float(stiffness.diagonal().mean())
    factors = splu(
        (stiffness + shift * sparse.identity(len(start))).tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0,
        options={"SymmetricMode": True},
    )
    inverse = LinearOperator(stiffness.shape, matvec=factors.solve, dtype=np.float64)
    return eigsh(stiffness, k=count, sigma=-shift, which="LM", OPinv=inverse, v0=start, tol=1e-9)


def _by_steps(stiffness: sparse.csr_matrix, count: int, start: np.ndarray, most: float) -> tuple[np.ndarray, np.ndarray]:
    """Find eigenpairs by Lanczos steps from a fixed start; after the step limit by preconditioned descent, the best so far."""
    n, ncv = len(start), max(4 * count, 40)
    turned = (most * sparse.identity(n) - stiffness).tocsr()
    try:
        values, vectors = eigsh(turned, k=count, which="LA", v0=start, ncv=min(ncv, n - 1), tol=1e-6, maxiter=150)
        return most - values, vectors
    except ArpackNoConvergence:
        spare = 5  # vectors beside those wanted: the last ones of a block settle late
        block = np.column_stack([start, np.random.default_rng(0).standard_normal((n, count - 1 + spare))])
        scaling = sparse.diags(1 / np.maximum(stiffness.diagonal(), 1e-12))
        return lobpcg(stiffness, block, M=scaling, largest=False, maxiter=200, tol=1e-5)
