"""Laying out a neighbor graph: neighbors attract, all points repel, every row moves at once.

With affinities p_ij of the graph (sum 1), q_ij = 1 / (1 + |y_i - y_j|^2) and Z = sum_{i != j} q_ij, the rows follow

    dC / dy_i = 4 [ rho sum_j p_ij q_ij (y_i - y_j)  -  (1 / Z) sum_j q_ij^2 (y_i - y_j) ]

which for rho = 1 is the gradient of the divergence between p and q / Z. A factor rho > 1 draws neighbors closer and shows
groups; it starts high, so that rows find their group, and falls. The repulsion is that of all rows, not of a sample (see
`imatlas.manifold.repulsion`), so a few hundred full steps with momentum and one gain per coordinate suffice, and each row
owns its update: the same bits at any number of threads.

References: van der Maaten, Hinton, "Visualizing data using t-SNE", 2008; Böhm, Berens, Kobak, "Attraction-repulsion
spectrum in neighbor embeddings", 2022, arXiv 2007.08902 (rho); Belkina et al., 2019 (step n / rho).
"""

from __future__ import annotations

import time

import numpy as np
from scipy import sparse

from imatlas.manifold.repulsion import grid_field, sampled_repulsion
from imatlas.progress import Progress, Report, silent

__all__ = ["affinities", "calibrate", "lay_out"]


def calibrate(distances: np.ndarray, perplexity: float) -> np.ndarray:
    """Turn neighbor distances into probabilities of a given perplexity.

    Parameters
    ----------
    distances : float32 (n, k), rising along rows.
    perplexity : effective number of neighbors, at most k.

    Returns
    -------
    float64 (n, k), rows sum to 1: exp(-b_i d^2) normalised, b_i found by 40 bisections of its entropy.
    """
    scale = np.maximum(distances[:, -1:].astype(np.float64), 1e-30)
    squared = np.square(distances / scale)  # (n, k)
    squared -= squared[:, :1]
    goal = np.log(min(perplexity, distances.shape[1] - 1e-3))
    low, high = np.full(len(squared), -20.0), np.full(len(squared), 20.0)
    for _ in range(40):
        middle = (low + high) / 2
        weights = np.exp(-np.exp(middle)[:, None] * squared)
        total = weights.sum(axis=1)
        entropy = np.log(total) + np.exp(middle) * (weights * squared).sum(axis=1) / total
        low, high = np.where(entropy > goal, middle, low), np.where(entropy > goal, high, middle)
    return weights / weights.sum(axis=1, keepdims=True)


def affinities(indices: np.ndarray, distances: np.ndarray, perplexity: float) -> sparse.csr_matrix:
    """Give the symmetric affinities p (n, n) of a graph, float32 CSR, sum 1."""
    n, k = indices.shape
    directed = sparse.csr_matrix(
        (calibrate(distances, perplexity).ravel(), indices.ravel(), np.arange(0, n * k + 1, k)), (n, n)
    )
    both = (directed + directed.T).tocsr()
    both.sort_indices()
    return (both / (2 * n)).astype(np.float32)


def lay_out(
    attraction: sparse.csr_matrix,
    start: np.ndarray,
    *,
    schedule: list[tuple[int, float, float]],
    rng: np.random.Generator,
    report: Report = silent,
) -> np.ndarray:
    """Move rows from a start until attraction and repulsion balance.

    Parameters
    ----------
    attraction : symmetric affinities (n, n), sum 1.
    start : (n, q) places; its extent should be small beside 1, then the map unfolds from it.
    schedule : phases (steps, rho, momentum).
    rng : for the sampled repulsion of three and more dimensions; one and two draw nothing.

    Returns
    -------
    float32 (n, q), centred.
    """
    n = len(start)
    places: np.ndarray = start.astype(np.float32)
    velocity: np.ndarray = np.zeros_like(places)
    gains: np.ndarray = np.ones_like(places)
    rows = np.repeat(np.arange(n), np.diff(attraction.indptr))
    total, done, began = sum(steps for steps, _, _ in schedule), 0, time.perf_counter()
    for steps, rho, momentum in schedule:
        for _ in range(steps):
            pull = _pull(attraction, rows, places)
            z, push = _push(places, rng)
            slope = 4 * (np.float32(rho) * pull - push / np.float32(max(z, 1e-12)))
            same = np.sign(slope) == np.sign(velocity)
            gains = np.maximum(np.where(same, gains * np.float32(0.8), gains + np.float32(0.2)), np.float32(0.01))
            velocity = np.float32(momentum) * velocity - np.float32(n / rho) * gains * slope
            # A step longer than the kernel would throw a row out of its neighborhood.
            velocity /= np.maximum(1, np.sqrt(np.square(velocity).sum(axis=1, keepdims=True)) / 5)
            places = (places + velocity).astype(np.float32)
            places -= places.mean(axis=0)
            done += 1
            seconds = time.perf_counter() - began
            report(Progress("map", done, total, seconds, done / seconds, seconds * (total - done) / done))
    return places


def _pull(attraction: sparse.csr_matrix, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Sum p_ij q_ij (y_i - y_j) over the edges of each row, (n, q)."""
    away = places[rows] - places[attraction.indices]  # (edges, q)
    weights = attraction.data / (1 + np.einsum("eq,eq->e", away, away))
    weighted = sparse.csr_matrix((weights, attraction.indices, attraction.indptr), shape=attraction.shape)
    return np.asarray(weighted.sum(axis=1)) * places - weighted @ places


def _push(places: np.ndarray, rng: np.random.Generator) -> tuple[float, np.ndarray]:
    """Give the sum Z over all pairs and each row's sum of q^2 (y_i - y_j)."""
    n, q = places.shape
    if q > 2:
        mean, force = sampled_repulsion(places, rng)
        return n * (mean - 1), force
    flat = np.hstack([places, np.zeros((n, 2 - q), np.float32)])
    potential, force = grid_field(flat).at(flat)
    return float(potential.sum(dtype=np.float64)) - n, force[:, :q]
