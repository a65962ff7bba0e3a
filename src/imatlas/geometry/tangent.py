"""Tangent spaces: the directions in which the manifold runs through each row.

The neighbors of a row, centred on their mean, spread along the tangent space and hardly across it; its basis is their
leading right singular vectors. With k < d the small Gram matrix gives them:

    G = D D^T = U S^2 U^T   (k x k),     basis = S^-1 U^T D

A row lies off its tangent plane by the part of its offset from the mean of its neighbors, itself left out, that no basis
vector takes up.

Reference: Zhang, Zha, "Principal manifolds and nonlinear dimension reduction via tangent space alignment", 2004.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from imatlas.checks import InputError, require_matrix
from imatlas.values import KnnGraph

__all__ = ["TangentSpaces", "plane_residuals", "tangent_residuals", "tangent_spaces"]

_BLOCK = 2**22  # numbers gathered at once


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
    TangentSpaces of the n rows, the same bits with any number of threads.

    Raises
    ------
    InputError
        If n_components does not lie in [1, min(k, d)] or the sizes differ.
    """
    rows = _require_fitting(X, graph, n_components)
    bases = np.zeros((len(rows), n_components, rows.shape[1]), dtype=np.float32)
    spreads = np.zeros((len(rows), n_components), dtype=np.float32)
    for block in _blocks(len(rows), rows.shape[1] * (graph.n_neighbors + 1)):
        near = np.concatenate([rows[block, None], rows[graph.indices[block]]], axis=1, dtype=np.float64)  # (b, k + 1, d)
        near -= near.mean(axis=1, keepdims=True)
        bases[block], squared = _principal_axes(near, n_components)
        spreads[block] = np.sqrt(squared / near.shape[1])
    return TangentSpaces(bases, spreads)


def tangent_residuals(X: np.ndarray, graph: KnnGraph, *, n_components: int) -> np.ndarray:
    """Measure how far each row lies off the tangent plane of its neighbors.

    Parameters
    ----------
    X, graph, n_components : as for `tangent_spaces`.

    Returns
    -------
    float32 (n,), the distance from the plane as a share of the neighbors' root mean square distance from their mean: 0 on
    a flat manifold, about 1 and more off the manifold; 0 among duplicates only.

    Raises
    ------
    InputError
        If n_components does not lie in [1, min(k, d)] or the sizes differ.
    """
    rows = _require_fitting(X, graph, n_components)
    return plane_residuals(rows, rows, graph.indices, n_components=n_components)


def plane_residuals(points: np.ndarray, X: np.ndarray, neighbors: np.ndarray, *, n_components: int) -> np.ndarray:
    """Measure how far each point, of the set or not, lies off the tangent plane of some rows near it.

    Parameters
    ----------
    points : (m, d).
    X : (n, d) the rows that make the planes.
    neighbors : int (m, k), rows of X near each point, more than n_components.
    n_components : directions of a plane, 1 to min(k, d).

    Returns
    -------
    float32 (m,), as `tangent_residuals` gives for the rows themselves.
    """
    shares = np.zeros(len(points), dtype=np.float32)
    for block in _blocks(len(points), X.shape[1] * (neighbors.shape[1] + 1)):
        near = X[neighbors[block]].astype(np.float64)  # (b, k, d)
        mean = near.mean(axis=1, keepdims=True)
        near -= mean
        bases, _ = _principal_axes(near, n_components)
        offset = points[block] - mean[:, 0]
        off = offset - ((bases @ offset[:, :, None]).transpose(0, 2, 1) @ bases)[:, 0]
        width = np.sqrt(np.square(near).sum(axis=(1, 2)) / near.shape[1])
        length = np.linalg.norm(off, axis=1)
        shares[block] = np.divide(length, width, out=np.zeros_like(length), where=width > 0)
    return shares


def _require_fitting(X: np.ndarray, graph: KnnGraph, n_components: int) -> np.ndarray:
    """Give the rows if they fit the graph and the number of directions."""
    rows = require_matrix(X, "X")
    most = min(graph.n_neighbors, rows.shape[1])
    if len(rows) != len(graph):
        raise InputError(f"X has {len(rows)} rows, the graph {len(graph)}; give the rows the graph was made of.")
    if not 1 <= n_components <= most:
        raise InputError(f"n_components is {n_components}; wanted 1 to {most}. Lower it, or make a graph of more neighbors.")
    return rows


def _blocks(n_rows: int, width: int) -> Iterator[slice]:
    """Give slices of rows whose neighborhoods take about 32 MB each; their products run on one thread, for the same bits."""
    step = max(1, _BLOCK // width)
    with threadpool_limits(1):
        for start in range(0, n_rows, step):
            yield slice(start, start + step)


def _principal_axes(near: np.ndarray, n_components: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the leading axes (b, q, d) of centred neighborhoods (b, s, d), and the squared spread summed along each (b, q)."""
    squared, left = np.linalg.eigh(near @ near.transpose(0, 2, 1))
    squared = np.maximum(squared[:, ::-1][:, :n_components], 0)
    left = left[:, :, ::-1][:, :, :n_components]
    kept = squared > 1e-12 * np.maximum(squared[:, :1], 1e-300)
    scale = np.where(kept, 1 / np.sqrt(np.where(kept, squared, 1)), 0)
    return scale[:, :, None] * (left.transpose(0, 2, 1) @ near), np.where(kept, squared, 0)
