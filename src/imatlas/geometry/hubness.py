"""Hubs: rows that are neighbors of very many others, and rows that are nobody's.

In many dimensions rows near the middle are everyone's neighbor and most rows no one's, which misleads whatever counts
neighbors. With N_i the rows that list row i, the k-occurrence, the hubness of a set is the skewness of N,

    mean((N - k)^3) / mean((N - k)^2)^(3/2),     the mean of N being k

near 0 in few dimensions, above 1 where hubs rule.

Reference: Radovanovic, Nanopoulos, Ivanovic, "Hubs in space: popular nearest neighbors in high-dimensional data", 2010.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imatlas.geometry.readings import require_neighbors
from imatlas.values import KnnGraph

__all__ = ["Hubs", "hubs"]


@dataclass(frozen=True)
class Hubs:
    """How often each row is a neighbor.

    Parameters
    ----------
    counts : int64 (n,), rows that list this one among their k nearest (k-occurrence); 0 = an antihub.
    skewness : of the counts, the hubness of the set; 0 when all counts are the same.
    """

    counts: np.ndarray
    skewness: float


def hubs(graph: KnnGraph) -> Hubs:
    """Count how often each row is a neighbor.

    Parameters
    ----------
    graph : neighbor graph; more neighbors tell hubs apart more surely.

    Raises
    ------
    InputError
        If the graph has no neighbors.

    Examples
    --------
    >>> import numpy as np
    >>> from imatlas.neighbors import knn_graph
    >>> star = np.vstack([np.zeros(4), np.eye(4)])
    >>> hubs(knn_graph(star, n_neighbors=1)).counts.tolist()
    [4, 1, 0, 0, 0]
    """
    require_neighbors(graph.n_neighbors, 1, "hubs")
    counts = np.bincount(graph.indices.ravel(), minlength=len(graph))
    centred = counts - counts.mean()
    spread = np.sqrt(np.square(centred).mean())
    return Hubs(counts, float((centred**3).mean() / spread**3) if spread > 0 else 0.0)
