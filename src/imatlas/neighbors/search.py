"""The nearest old rows of new rows, exactly, each new row answered as if it came alone."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from imatlas.checks import InputError
from imatlas.neighbors.exact import ExactSearch
from imatlas.neighbors.metrics import prepare_rows, to_distance
from imatlas.neighbors.sparse import sparse_search

__all__ = ["search"]


def search(
    X: np.ndarray | sparse.spmatrix, Y: np.ndarray | sparse.spmatrix, k: int, metric: str = "euclidean"
) -> tuple[np.ndarray, np.ndarray]:
    """Find the k nearest rows of Y for each row of X, exactly.

    Parameters
    ----------
    X : (b, d) new rows, dense or CSR.
    Y : (n, d) old rows, of the same kind.
    k : neighbors wanted, 1 to n.
    metric : "euclidean", "cosine" or "correlation".

    Returns
    -------
    indices : int64 (b, k), rows of Y, nearest first, ties by row number.
    distances : float32 (b, k). A new row's answer does not depend on which rows come with it.

    Raises
    ------
    InputError
        If widths differ or k does not lie in [1, n].

    Examples
    --------
    >>> import numpy as np
    >>> search(np.array([[0.9]]), np.array([[0.0], [1.0], [2.0]]), 2)[0].tolist()
    [[1, 0]]
    """
    if sparse.issparse(X) or sparse.issparse(Y):
        X, Y = sparse.csr_matrix(X), sparse.csr_matrix(Y)
    if np.ndim(X) == 2 and np.ndim(Y) == 2 and X.shape[1] != Y.shape[1]:
        raise InputError(f"The new rows have {X.shape[1]} columns, the old {Y.shape[1]}; give rows of one width.")
    new, old = prepare_rows(X, metric), prepare_rows(Y, metric)
    if not 1 <= k <= old.shape[0]:
        raise InputError(f"k is {k}; wanted 1 to {old.shape[0]}, the number of old rows. Lower k.")
    indices, squared = sparse_search(new, old, k) if sparse.issparse(new) else ExactSearch(old).nearest_of_many(new, k)
    return indices, to_distance(squared, metric)
