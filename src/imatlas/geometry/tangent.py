"""Tangent spaces: the directions in which the manifold runs through each row.

The neighbors of a row, centred on their mean, spread along the tangent space and hardly across it; its basis is their
leading right singular vectors. With k < d the small Gram matrix gives them:

    G = D D^T = U S^2 U^T   (k x k),     basis = S^-1 U^T D

Reference: Zhang, Zha, "Principal manifolds and nonlinear dimension reduction via tangent space alignment", 2004.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imatlas.checks import InputError, require_matrix
from imatlas.values import KnnGraph

__all__ = ["TangentSpaces", "tangent_spaces"]


@dataclass(frozen=True)
class TangentSpaces:
    """An orthonormal basis of the manifold at each row.

    Parameters
    ----------
    bases : float32 (n, q, d), rows are directions, widest spread first; zero where there is no spread.
    spreads : float32 (n, q), standard deviation of the neighbors along each direction.
    """

    bases: np.ndarray
    spreads: np.ndarray


def tangent_spaces(X: np.ndarray, graph: KnnGraph, *, n_components: int) -> TangentSpaces:
    """Find the tangent space at each row by principal components of its neighborhood.

    Parameters
    ----------
    X : (n, d) features the graph was made of.
    graph : neighbor graph of the same rows, with at least n_components neighbors.
    n_components : directions per row, 1 to min(k, d); about the intrinsic dimension.

    Returns
    -------
    TangentSpaces of the n rows.

    Raises
    ------
    InputError
        If n_components does not lie in [1, min(k, d)] or the sizes differ.
    """
    rows = require_matrix(X, "X")
    most = min(graph.n_neighbors, rows.shape[1])
    if len(rows) != len(graph):
        raise InputError(f"X has {len(rows)} rows, the graph {len(graph)}; give the rows the graph was made of.")
    if not 1 <= n_components <= most:
        raise InputError(f"n_components is {n_components}; wanted 1 to {most}. Lower it, or make a graph of more neighbors.")
    bases = np.zeros((len(rows), n_components, rows.shape[1]), dtype=np.float32)
    spreads = np.zeros((len(rows), n_components), dtype=np.float32)
    step = max(1, 2**24 // (rows.shape[1] * (graph.n_neighbors + 1)))
    for start in range(0, len(rows), step):
        block = slice(start, start + step)
        members = np.hstack([np.arange(len(rows))[block, None], graph.indices[block]])
        near = rows[members].astype(np.float64)  # (b, k + 1, d)
        near -= near.mean(axis=1, keepdims=True)
        squared, left = np.linalg.eigh(near @ near.transpose(0, 2, 1))
        squared = np.maximum(squared[:, ::-1][:, :n_components], 0)
        left = left[:, :, ::-1][:, :, :n_components]
        kept = squared > 1e-12 * np.maximum(squared[:, :1], 1e-300)
        scale = np.where(kept, 1 / np.sqrt(np.where(kept, squared, 1)), 0)
        bases[block] = scale[:, :, None] * (left.transpose(0, 2, 1) @ near)
        spreads[block] = np.sqrt(np.where(kept, squared, 0) / members.shape[1])
    return TangentSpaces(bases, spreads)
