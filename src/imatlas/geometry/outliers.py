"""How far each row lies outside, measured against its own surroundings.

The local outlier factor compares how densely a row and its neighbors are surrounded, so that it has no unit and a sparse
cluster is no outlier. With r_b the distance from b to its last neighbor and N(a) the neighbors of a,

    reach(a) = mean over b in N(a) of max(r_b, |a - b|),     LOF(a) = mean over b in N(a) of reach(a) / reach(b)

1 is ordinary, 1.5 noteworthy, 2 and more outside. A small group far from all others is dense in itself, and the factor
misses it. So a row in a component of s rows, fewer than 3 (k + 1) (a component has at least k + 1), scores at least

    1 + log(s_largest / s)

Duplicates have no distance to compare with; whoever stands beside a pile of them is compared with the median row instead.

Reference: Breunig, Kriegel, Ng, Sander, "LOF: identifying density-based local outliers", 2000.
"""

from __future__ import annotations

import numpy as np

from imatlas.geometry.readings import crowd_sizes, require_neighbors
from imatlas.values import KnnGraph

__all__ = ["outlier_scores"]

_SMALL = 3  # times k + 1
_PILE = 0.01  # of the smallest distance, where more than half of the rows are duplicates


def outlier_scores(graph: KnnGraph) -> np.ndarray:
    """Score each row by how far outside it lies.

    Parameters
    ----------
    graph : neighbor graph; more neighbors see larger groups as outliers, but more coarsely. 10 to 30 serve well.

    Returns
    -------
    float32 (n,), above 0 and finite; about 1 for ordinary rows, higher further outside. Without any distance above zero all
    rows score 1.

    Raises
    ------
    InputError
        If the graph has no neighbors.

    Examples
    --------
    >>> import numpy as np
    >>> from imatlas.neighbors import knn_graph
    >>> rows = np.random.default_rng(0).normal(size=(200, 3))
    >>> rows[7] += 9
    >>> int(outlier_scores(knn_graph(rows)).argmax())
    7
    """
    require_neighbors(graph.n_neighbors, 1, "an outlier score")
    sizes = crowd_sizes(graph)
    small = sizes < _SMALL * (graph.n_neighbors + 1)
    least = np.where(small, 1 + np.log(sizes.max() / sizes), 0)
    return np.maximum(_local_outlier_factor(graph.indices, graph.lengths), least).astype(np.float32)


def _local_outlier_factor(indices: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Give LOF, (n,); rows among their own duplicates count as surrounded like the median row."""
    reach = np.maximum(lengths[indices, -1], lengths).mean(axis=1)
    if not reach.any():
        return np.ones(len(reach))
    typical = np.median(reach) or _PILE * reach[reach > 0].min()
    reach = np.where(reach > 0, reach, typical)
    return (reach[:, None] / reach[indices]).mean(axis=1)
