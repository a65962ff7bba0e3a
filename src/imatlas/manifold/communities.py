"""Communities: sets of rows that hold more of each other's links than chance would give them.

Every row starts alone and moves to the neighboring community that gains most of

    Q = sum_C [ w(C, C) / w  -  gamma (vol(C) / w)^2 ]

w(C, C) the links inside, vol(C) all link ends in C, w their sum over the graph. Half of the rows, drawn anew each sweep, move
at once, so that two neighbors seldom swap places for ever, and a sweep is one sparse product. Communities then become the
rows of a smaller graph, until nothing moves; at last rows move once more on each finer graph. Ties go to the lowest number.

References: Blondel, Guillaume, Lambiotte, Lefebvre, "Fast unfolding of communities in large networks", 2008, arXiv 0803.0476;
Reichardt, Bornholdt, 2006 (gamma); Rotta, Noack, "Multilevel local search algorithms for modularity clustering", 2011.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from imatlas.values import KnnGraph

__all__ = ["communities", "gather", "neighbor_links"]

_SWEEPS = 8


def communities(links: sparse.csr_matrix, *, resolution: float, rng: np.random.Generator) -> np.ndarray:
    """Divide a graph into communities.

    Parameters
    ----------
    links : symmetric weights (n, n), no negative ones.
    resolution : gamma; twice as much gives about twice as many communities.
    rng : draws which rows move in a sweep.

    Returns
    -------
    int64 (n,), numbered from 0 without gaps; no community spans two parts of a broken graph.
    """
    graph = links.astype(np.float64)
    degrees: np.ndarray = np.asarray(graph.sum(axis=1)).ravel()
    price = resolution / max(float(degrees.sum()), 1e-300)
    stack, members = [], []
    while True:
        labels = _sweep(graph, degrees, np.arange(len(degrees)), price, rng)
        stack.append((graph, degrees))
        members.append(labels)
        count = int(labels.max()) + 1
        if count > 0.95 * len(degrees) or count < 3:
            break
        graph, degrees = gather(graph, labels), np.bincount(labels, weights=degrees)
    for (graph, degrees), finer in zip(stack[-2::-1], members[-2::-1]):
        labels = _sweep(graph, degrees, labels[finer], price, rng)
    return labels


def neighbor_links(graph: KnnGraph) -> sparse.csr_matrix:
    """Count for each pair of rows how many of the two list the other, (n, n) CSR of 1 and 2; a bridge counts once."""
    n, k = graph.indices.shape
    rows = np.concatenate([np.repeat(np.arange(n), k), graph.bridges[:, 0]])
    columns = np.concatenate([graph.indices.ravel(), graph.bridges[:, 1]])
    directed = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), (n, n))
    both = (directed + directed.T).tocsr()
    both.sort_indices()
    return both


def gather(links: sparse.csr_matrix, labels: np.ndarray) -> sparse.csr_matrix:
    """Sum links (n, n) between groups, (C, C) CSR; the links inside a group stand on the diagonal."""
    groups = _membership(labels)
    summed = (groups.T @ links @ groups).tocsr()
    summed.sort_indices()
    return summed


def _membership(labels: np.ndarray) -> sparse.csr_matrix:
    n = len(labels)
    return sparse.csr_matrix((np.ones(n), labels, np.arange(n + 1)), (n, int(labels.max()) + 1))


def _sweep(
    graph: sparse.csr_matrix, degrees: np.ndarray, labels: np.ndarray, price: float, rng: np.random.Generator
) -> np.ndarray:
    """Move rows until fewer than one in a thousand gains by it, or the sweeps are used up."""
    others = graph - sparse.diags(graph.diagonal())
    others.eliminate_zeros()
    labels = np.unique(labels, return_inverse=True)[1]
    for sweep in range(_SWEEPS):
        turn = np.flatnonzero(rng.random(len(labels)) < 0.5)
        wishes = _best_moves(others[turn], degrees, labels, turn, price)
        moved = int((wishes != labels[turn]).sum())
        labels[turn] = wishes
        labels = np.unique(labels, return_inverse=True)[1]
        if sweep > 2 and moved < 1e-3 * len(labels):
            break
    return labels


def _best_moves(ties: sparse.csr_matrix, degrees: np.ndarray, labels: np.ndarray, turn: np.ndarray, price: float) -> np.ndarray:
    """Give the best community of the rows whose turn it is, int64 (t,); `ties` holds their links, own ones left out."""
    volumes = np.bincount(labels, weights=degrees)
    toward = (ties @ _membership(labels)).tocsr()
    toward.sort_indices()
    row = np.repeat(np.arange(len(turn)), np.diff(toward.indptr))
    ends, mine = degrees[turn], labels[turn]
    own = toward.indices == mine[row]
    gain = toward.data - price * ends[row] * (volumes[toward.indices] - np.where(own, ends[row], 0))
    stay = -price * ends * (volumes[mine] - ends)
    stay[row[own]] = gain[own]
    best = stay.copy()
    np.maximum.at(best, row, gain)
    wishes = mine.copy()
    # A gain of rounding size is none; written backwards, so that the lowest number stands at the end.
    good = np.flatnonzero((gain >= best[row]) & (best > stay + 1e-12)[row])[::-1]
    wishes[row[good]] = toward.indices[good]
    return wishes
