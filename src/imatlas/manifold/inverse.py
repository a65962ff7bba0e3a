"""From a place on a map back to features, and how far such an answer can be trusted.

Near a place the inverse of a map is about affine: it is read from a chart (`imatlas.manifold.charts`) of the k fitted rows
nearest on the map. Confidence compares the chart at z with the chart at the fitted row y nearest to it, both without rows that
lie at their very centre: r is the distance to the k-th row used, s the root mean square distance of those rows' features from
the chart's answer,

    confidence(z) = 1 / (1 + max(0, r(z) / r(y) - 1)^2 + max(0, s(z) / s(y) - 1)^2)

1 at a fitted row, near 1 among the data, 1/2 where the support is twice as far as it is for the data there, falling as 1 / r^2.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from imatlas.manifold.charts import blocks_of_steps, chart_shares, mix_rows, read_charts, step_products
from imatlas.neighbors import search
from imatlas.neighbors.workers import map_blocks

__all__ = ["chart_confidence", "invert_map"]

_TREE_DIMENSIONS = 6  # above it a tree looks at most rows anyway, and comparing all of them is faster
_NEGLIGIBLE = 1e-6  # of the width of the map, or of the features: differences this small are none


def invert_map(places: np.ndarray, coordinates: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Give features for places on a map.

    Parameters
    ----------
    places : (b, q) map coordinates.
    coordinates : float32 (n, q), fitted places.
    rows : float32 (n, d), features of the fitted rows.

    Returns
    -------
    float32 (b, d). At the place of a fitted row, that row's features.
    """
    near, lengths = _nearest(places, coordinates, _chart_size(coordinates))
    return read_charts(places, coordinates, rows, near, lengths)


def chart_confidence(places: np.ndarray, coordinates: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Give how far the features read at places can be trusted.

    Parameters
    ----------
    places, coordinates, rows : as `invert_map` takes them.

    Returns
    -------
    float64 (b,) in [0, 1]; see the module.
    """
    nearest, _ = _nearest(places, coordinates, 1)
    homes, own = np.unique(nearest[:, 0], return_inverse=True)
    here = _reach_and_spread(places, coordinates, rows)
    there = _reach_and_spread(coordinates[homes], coordinates, rows)
    doubt = np.zeros(len(places))
    for found, usual, width in zip(here, there, (np.ptp(coordinates, axis=0).max(), np.abs(rows).max())):
        least = _NEGLIGIBLE * max(float(width), 1e-30)
        doubt += np.square(np.maximum((found + least) / (usual[own] + least) - 1, 0))
    return 1 / (1 + doubt)


def _reach_and_spread(places: np.ndarray, coordinates: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give r and s float64 (b,) of charts from which one row at their very centre is left out."""
    n, k = len(coordinates), _chart_size(coordinates)
    near, lengths = _nearest(places, coordinates, min(k + 1, n))
    on_row = (lengths[:, :1] == 0) & (n > k)
    near = np.where(on_row, near[:, -k:], near[:, :k])
    lengths = np.where(on_row, lengths[:, -k:], lengths[:, :k]).astype(np.float64)
    spread = np.empty(len(places))

    def fill(block: slice) -> None:
        products = step_products(places[block], coordinates, near[block])
        answers = mix_rows(chart_shares(products, lengths[block], coordinates.shape[1]), near[block], rows)
        total = np.zeros(len(answers))
        for column in near[block].T:
            total += np.square(rows[column] - answers).sum(axis=1, dtype=np.float64)
        spread[block] = np.sqrt(total / k)

    map_blocks(fill, blocks_of_steps(near.shape[0], k, coordinates.shape[1]))
    return lengths[:, -1], spread


def _chart_size(coordinates: np.ndarray) -> int:
    """Give how many rows a chart is fitted to: twice as many as it has unknowns, at least 10, at most all."""
    n, q = coordinates.shape
    return min(max(10, 2 * q + 2), n)


def _nearest(places: np.ndarray, coordinates: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the k fitted places (b, k) nearest to some places, and their distances."""
    if coordinates.shape[1] > _TREE_DIMENSIONS:
        return search(places, coordinates, k)
    lengths, near = cKDTree(coordinates, balanced_tree=False, compact_nodes=False).query(places, k=k)
    return np.asarray(near).reshape(len(places), k), np.asarray(lengths).reshape(len(places), k)
