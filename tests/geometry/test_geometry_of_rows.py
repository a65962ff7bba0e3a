"""Dimension, density and tangent spaces on sets whose geometry is known."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from imatlas.checks import InputError
from imatlas.geometry import estimate_density, estimate_dimension, tangent_spaces
from imatlas.neighbors import knn_graph


def _gaussian(dimension, n=3000, width=12):
    rng = np.random.default_rng(dimension)
    axes = np.linalg.qr(rng.normal(size=(width, width)))[0][:dimension]
    return rng.normal(size=(n, dimension)) @ axes


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_gaussians_have_their_dimension(dimension):
    """Within 10 %; both estimators are consistent and 3,000 rows leave a few per cent."""
    estimate = estimate_dimension(knn_graph(_gaussian(dimension)))
    assert estimate.value == pytest.approx(dimension, rel=0.1)
    assert estimate.by_method["two_nearest"] == pytest.approx(dimension, rel=0.1)
    assert estimate.interval[0] < estimate.value < estimate.interval[1]
    assert np.median(estimate.local) == pytest.approx(dimension, rel=0.15)


def test_a_sphere_has_dimension_two():
    rows = np.random.default_rng(0).normal(size=(3000, 3))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert estimate_dimension(knn_graph(rows)).value == pytest.approx(2, rel=0.1)


def test_duplicates_do_not_change_the_dimension():
    """Every row twice: zero distances are passed over, and the rest keep their growth."""
    estimate = estimate_dimension(knn_graph(np.repeat(_gaussian(2), 2, axis=0), n_neighbors=30))
    assert estimate.value == pytest.approx(2, rel=0.15)


def test_equal_rows_have_no_dimension_and_finite_density():
    graph = knn_graph(np.zeros((20, 3)), n_neighbors=5)
    dimension = estimate_dimension(graph)
    assert dimension.value == 0
    assert np.isfinite(estimate_density(graph, dimension)).all()


def test_dimension_needs_two_neighbors():
    with pytest.raises(InputError, match="at least 2"):
        estimate_dimension(knn_graph(np.eye(3), n_neighbors=1))


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
