"""Distances that become Euclidean once each row is prepared.

Cosine and correlation distance are half the squared Euclidean distance between unit rows, so one search serves all three:

    cosine       1 - x.y / (|x| |y|)          x -> x / |x|
    correlation  1 - corr(x, y)               x -> (x - mean x) / |x - mean x|

A row without direction (all zeros, or constant under correlation) has no angle to anything. It gets a direction of its own in
one added column, shared by all such rows: at distance 1 from every other row and 0 from its like.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from imatlas.checks import InputError, require_matrix

__all__ = ["METRICS", "prepare_rows", "to_distance"]

METRICS = ("euclidean", "cosine", "correlation")


def prepare_rows(X: np.ndarray | sparse.spmatrix, metric: str) -> np.ndarray | sparse.csr_matrix:
    """Give rows whose Euclidean distances stand for a metric.

    Parameters
    ----------
    X : (n, d) matrix, dense or CSR, finite.
    metric : one of `METRICS`.

    Returns
    -------
    float32 (n, d), or (n, d + 1) for the angular metrics; float64 CSR for sparse input.

    Raises
    ------
    InputError
        If the metric is unknown, or is correlation on sparse rows.
    ValueError
        If X is not a finite matrix.
    """
    if metric not in METRICS:
        raise InputError(f"The metric is {metric!r}; wanted one of {', '.join(METRICS)}. Choose one of these.")
    if sparse.issparse(X):
        return _prepare_sparse(X, metric)
    rows = np.ascontiguousarray(require_matrix(X, "X"))
    if metric == "euclidean":
        return rows
    rows = rows.astype(np.float64)
    if metric == "correlation":
        rows = rows - rows.mean(axis=1, keepdims=True)
    lengths = np.sqrt(np.square(rows).sum(axis=1))
    largest = np.abs(X).max(axis=1, initial=0)
    flat = lengths <= 1e-7 * np.sqrt(max(rows.shape[1], 1)) * largest
    rows /= np.where(flat, 1, lengths)[:, None]
    rows[flat] = 0
    return np.hstack([rows, flat[:, None]]).astype(np.float32)


def to_distance(squared: np.ndarray, metric: str) -> np.ndarray:
    """Turn squared Euclidean distances of prepared rows into the metric's distances, float32."""
    squared = np.maximum(squared, 0)
    return (np.sqrt(squared) if metric == "euclidean" else squared / 2).astype(np.float32)


def _prepare_sparse(X: sparse.spmatrix, metric: str) -> sparse.csr_matrix:
    rows = sparse.csr_matrix(X, dtype=np.float64)
    if not np.isfinite(rows.data).all():
        raise ValueError("X has NaN or infinite values among its stored entries; drop or mend them.")
    if metric == "correlation":
        raise InputError("Correlation came with sparse rows; it would fill them. Use cosine, or X.toarray().")
    if metric == "euclidean":
        return rows
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    flat = lengths == 0
    unit = sparse.diags(1 / np.where(flat, 1, lengths)) @ rows
    return sparse.hstack([unit, sparse.csr_matrix(flat[:, None].astype(np.float64))]).tocsr()
