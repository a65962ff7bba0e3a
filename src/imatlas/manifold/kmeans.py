"""k-means with the same bits at any number of threads.

Centers start far apart (each drawn with probability proportional to its squared distance from those before it) and then move
to the mean of the rows nearest to them. The nearest center is found by the certified exact search, sums run in row order, so
nothing depends on how work was split. A center left without rows moves to the row worst served.

Reference: Arthur, Vassilvitskii, "k-means++: the advantages of careful seeding", 2007.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from imatlas.neighbors import search

__all__ = ["k_means", "nearest_centers"]

_FEW = 2048  # numbers in all centers below which they are compared one by one


def k_means(X: np.ndarray, n_clusters: int, *, seed: int, n_starts: int = 1, n_steps: int = 50) -> np.ndarray:
    """Find cluster centers.

    Parameters
    ----------
    X : (n, d) float, n >= n_clusters.
    n_clusters : centers wanted.
    seed : of the starts.
    n_starts : starts tried, on a sample of 20,000 rows (64 per center) of a larger set; the least squared distance wins.
    n_steps : most steps per start; it ends earlier when no row changes its center.

    Returns
    -------
    float32 (n_clusters, d).
    """
    rows = np.ascontiguousarray(X, dtype=np.float32)
    rng = np.random.default_rng(seed)
    sample = _sample(rows, max(20_000, 64 * n_clusters), rng)
    best, least = rows[:n_clusters], np.inf
    for _ in range(n_starts):
        centers = _far_apart(_sample(rows, max(5000, 20 * n_clusters), rng), n_clusters, rng)
        centers = _descend(sample, centers, n_steps)
        cost = float(np.square(nearest_centers(sample, centers)[1], dtype=np.float64).sum())
        if cost < least:
            best, least = centers, cost
    # A large set is settled on a sample; all its rows then have a say in where the centers end.
    return best if len(sample) == len(rows) else _descend(rows, best, 3)


def nearest_centers(rows: np.ndarray, centers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the nearest center int64 (b,) of each row and the distance float32 (b,)."""
    # Which way is taken must not depend on how many rows there are: the last bits of the lengths may differ.
    if centers.size <= _FEW:
        return _nearest_of_few(rows, centers)
    indices, lengths = search(rows, centers, 1)
    return indices[:, 0], lengths[:, 0]


def _nearest_of_few(rows: np.ndarray, centers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compare rows with each center in turn, without the cost of setting up a search."""
    nearest = np.zeros(len(rows), dtype=np.int64)
    least = np.full(len(rows), np.inf, dtype=np.float32)
    for number, center in enumerate(np.asarray(centers, dtype=np.float32)):
        squared = np.square(rows - center).sum(axis=1, dtype=np.float32)
        closer = squared < least
        nearest[closer], least[closer] = number, squared[closer]
    return nearest, np.sqrt(least)


def _sample(rows: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw rows without repetition, in their order; all of them if there are no more than asked for."""
    return rows if len(rows) <= size else rows[np.sort(rng.choice(len(rows), size=size, replace=False))]


def _descend(rows: np.ndarray, centers: np.ndarray, n_steps: int) -> np.ndarray:
    """Move centers to the means of their rows until no row changes its center."""
    labels = np.full(len(rows), -1)
    for _ in range(n_steps):
        found, lengths = nearest_centers(rows, centers)
        if np.array_equal(found, labels):
            break
        labels = found
        centers = _means(rows, labels, lengths, centers)
    return centers


def _far_apart(rows: np.ndarray, n_clusters: int, rng: np.random.Generator) -> np.ndarray:
    """Draw centers from rows, each far from those before it."""
    chosen = [int(rng.integers(len(rows)))]
    nearest = np.square(rows - rows[chosen[0]]).sum(axis=1, dtype=np.float64)
    while len(chosen) < n_clusters:
        total = np.cumsum(nearest)
        pick = int(np.searchsorted(total, rng.random() * total[-1])) if total[-1] > 0 else int(rng.integers(len(rows)))
        chosen.append(min(pick, len(rows) - 1))
        nearest = np.minimum(nearest, np.square(rows - rows[chosen[-1]]).sum(axis=1, dtype=np.float64))
    return rows[chosen]


def _means(rows: np.ndarray, labels: np.ndarray, lengths: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """Move centers to the mean of their rows; empty ones to the rows farthest from their center."""
    n, k = len(rows), len(centers)
    members = sparse.csr_matrix((np.ones(n, np.float32), (labels, np.arange(n))), shape=(k, n))
    counts = np.bincount(labels, minlength=k)
    moved = (members @ rows) / np.maximum(counts, 1)[:, None]
    empty = np.flatnonzero(counts == 0)
    moved[empty] = rows[np.argsort(-lengths, kind="stable")[: len(empty)]]
    return moved.astype(np.float32)
