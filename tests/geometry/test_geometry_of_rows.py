"""Dimension, density and tangent spaces on sets whose geometry is known."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from imatlas.checks import InputError
from imatlas.geometry import estimate_density, estimate_dimension, tangent_spaces
from imatlas.neighbors import knn_graph


def test_equal_rows_have_no_dimension_and_finite_density():
    graph = knn_graph(np.zeros((20, 3)), n_neighbors=5)
    dimension = estimate_dimension(graph)
    assert dimension.value == 0
    assert np.isfinite(estimate_density(graph, dimension)).all()


def test_density_orders_rows_as_the_true_one():
    """On a plane with a normal density, log p = -|x|^2 / 2 + constant; k = 30 leaves noise of 1 / sqrt(30) in log p."""
    rows = np.random.default_rng(0).normal(size=(4000, 2))
    graph = knn_graph(rows, n_neighbors=30)
    density = estimate_density(graph, estimate_dimension(graph))
    assert density.dtype == np.float32
    assert spearmanr(density, -np.square(rows).sum(axis=1)).statistic >= 0.95
    level = density + np.square(rows).sum(axis=1) / 2 + np.log(2 * np.pi)
    assert abs(np.median(level)) < 0.15


def test_tangent_spaces_of_a_plane_are_the_plane():
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(5, 5)))[0][:2]
    rows = rng.normal(size=(200, 2)) @ axes
    bases = tangent_spaces(rows, knn_graph(rows), n_components=2).bases
    np.testing.assert_allclose(bases @ bases.transpose(0, 2, 1), np.broadcast_to(np.eye(2), (200, 2, 2)), atol=1e-5)
    np.testing.assert_allclose(bases @ axes.T @ axes, bases, atol=1e-5)
