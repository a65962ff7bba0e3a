"""Nearest rows where a row's distance counts relative to how far it usually is, so that no row is everybody's neighbor.

Training images near the mean (pale or blurred ones) are nearest to most of what a too smooth generator draws, by an amount
that looks like copying. Divided by the root mean square distance to all that is asked,

    |y - x_i| / m_i,    m_i^2 = mean_y |y - x_i|^2 = |x_i - mean y|^2 + total variance of y ,

they are near to none in particular, while a copy is at distance zero as before.
"""

from __future__ import annotations

import numpy as np
import torch

from imatlas.evaluation.nearest import nearest_of_candidates, row_blocks

__all__ = ["nearest_relative", "usual_distances"]

SPARE_CANDIDATES = 8


def usual_distances(queries: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Give the root mean square distance of each row (n, d) to the queries (q, d), float64 (n,), above 0.

    None counts as less than a quarter of the median, so that a row which all queries repeat is still found near; 1 where all
    are equal.

    Examples
    --------
    >>> import numpy as np
    >>> usual_distances(np.array([[0.0], [2.0]]), np.array([[1.0], [4.0]])).round(3)
    array([1.   , 3.162])
    """
    mean = queries.mean(axis=0, dtype=np.float64)
    spread = np.sum(queries.var(axis=0, dtype=np.float64))
    squares = np.empty(len(rows))
    for part in row_blocks(*rows.shape):
        squares[part] = np.square(rows[part] - mean).sum(axis=1)
    usual = np.sqrt(squares + spread)
    least = np.median(usual) / 4
    return np.maximum(usual, least if least > 0 else 1.0)


def nearest_relative(queries: np.ndarray, rows: np.ndarray, *, n_neighbors: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the rows nearest to each query relative to how far they usually are from the queries.

    Parameters
    ----------
    queries : (q, d) float, all that is asked: they decide together what is usual.
    rows : (n, d) float.
    n_neighbors : k; lowered to n.

    Returns
    -------
    float64 (q, k) relative distances, rising, and int64 (q, k) row numbers; ties by row number.
    """
    usual = usual_distances(queries, rows)
    centre = rows.mean(axis=0, dtype=np.float64)
    left, right = (torch.from_numpy((part - centre).astype(np.float32)) for part in (queries, rows))
    weights = torch.from_numpy((1 / np.square(usual)).astype(np.float32))  # (n,)
    right_squares = right.square().sum(dim=1)
    k = min(n_neighbors, len(right))
    kept = min(k + SPARE_CANDIDATES, len(right))
    distances, indices = np.empty((len(left), k)), np.empty((len(left), k), dtype=np.int64)
    for block in row_blocks(len(left), len(right)):
        squares = torch.addmm(right_squares, left[block], right.T, alpha=-2.0)
        squares += left[block].square().sum(dim=1, keepdim=True)
        squares *= weights
        found = squares.topk(kept, dim=1, largest=False, sorted=False).indices.numpy()  # (b, kept)
        distances[block], indices[block] = nearest_of_candidates(queries, block, rows, found, k, usual=usual)
    return distances, indices
