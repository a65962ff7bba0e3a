"""Density and tangent spaces on sets where both are known."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import spearmanr
from threadpoolctl import threadpool_limits

from imatlas.checks import InputError
from imatlas.geometry import estimate_density, estimate_dimension, tangent_residuals, tangent_spaces
from imatlas.neighbors import knn_graph
from imatlas.values import Dimension, KnnGraph


def mixture(dimension: int, n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of four Gaussians of unequal scale and share, in 20 directions, and the log density at each, up to a constant."""
    rng = np.random.default_rng([dimension, seed])
    centers, scales = 3 * rng.normal(size=(4, dimension)), np.array([0.3, 0.6, 1.0, 2.0])
    shares = np.array([0.2, 0.3, 0.3, 0.2])
    part = rng.choice(4, n, p=shares)
    flat = centers[part] + scales[part, None] * rng.normal(size=(n, dimension))
    squared = np.square(flat[:, None] - centers).sum(axis=2) / scales**2
    density = logsumexp(np.log(shares) - dimension * np.log(scales) - squared / 2, axis=1)
    return flat @ np.linalg.qr(rng.normal(size=(20, 20)))[0][:dimension], density


@pytest.mark.parametrize("dimension", [1, 2, 3, 5])
def test_density_orders_a_mixture_as_the_true_one(dimension):
    """The single radius alone reaches 0.92 to 0.95 on the curve; smoothing by a fixed step fails in 1 or in 5 dimensions."""
    rows, truth = mixture(dimension, 5000)
    graph = knn_graph(rows)
    density = estimate_density(graph, estimate_dimension(graph))
    assert density.dtype == np.float32
    assert spearmanr(density, truth).statistic >= 0.95


def test_density_has_the_unit_of_the_manifold():
    """On a plane with a normal density, log p = -|x|^2 / 2 - log(2 pi), without a free constant."""
    rows = np.random.default_rng(0).normal(size=(4000, 2))
    graph = knn_graph(rows, n_neighbors=30)
    flat = Dimension(2.0, (2.0, 2.0), {}, np.full(4000, 2.0))
    level = estimate_density(graph, flat) + np.square(rows).sum(axis=1) / 2 + np.log(2 * np.pi)
    assert abs(np.median(level)) < 0.1


def test_density_is_finite_whatever_the_graph():
    """Duplicates beyond k have no radius: they take the smallest of the set."""
    rows = np.vstack([np.random.default_rng(0).normal(size=(100, 2)), np.zeros((30, 2))])
    graph = knn_graph(rows)
    density = estimate_density(graph, estimate_dimension(graph))
    assert np.isfinite(density).all()
    assert density[100:].mean() > density[:100].max() - 1
    same = knn_graph(np.zeros((20, 3)), n_neighbors=5)
    assert not estimate_density(same, estimate_dimension(same)).any()
    two = knn_graph(np.array([[0.0], [1.0]]), n_neighbors=1)
    assert np.isfinite(estimate_density(two, Dimension(1.0, (1.0, 1.0), {}, np.ones(2)))).all()


def test_bridges_carry_no_density_across():
    """Two parts of unlike density: a bridge asked for later is no neighbor and must not blend them."""
    rng = np.random.default_rng(0)
    graph = knn_graph(np.vstack([rng.normal(size=(300, 1)), 1000 + 50 * rng.normal(size=(300, 1))]))
    dimension = estimate_dimension(graph)
    joined = KnnGraph(graph.indices, graph.distances, bridges=np.array([[0, 300]]), bridge_lengths=np.array([1000.0]))
    np.testing.assert_array_equal(estimate_density(joined, dimension), estimate_density(graph, dimension))


def _plane(n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(5, 5)))[0][:2]
    return rng.normal(size=(n, 2)) @ axes, axes


def test_tangent_spaces_of_a_plane_are_the_plane():
    rows, axes = _plane()
    bases = tangent_spaces(rows, knn_graph(rows), n_components=2).bases
    np.testing.assert_allclose(bases @ bases.transpose(0, 2, 1), np.broadcast_to(np.eye(2), (200, 2, 2)), atol=1e-5)
    np.testing.assert_allclose(bases @ axes.T @ axes, bases, atol=1e-5)


def test_tangent_spaces_of_a_sphere_are_at_right_angles_to_the_radius():
    """Neighborhoods of 16 among 3,000 rows are caps of about 0.07: the plane tilts by no more than that."""
    rows = np.random.default_rng(0).normal(size=(3000, 3))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    bases = tangent_spaces(rows, knn_graph(rows), n_components=2).bases
    assert np.quantile(np.abs(bases @ rows[:, :, None]), 0.99) < 0.07


def test_tangent_spaces_have_the_same_bits_with_one_thread_and_two():
    rows = np.random.default_rng(0).normal(size=(2000, 40))
    graph = knn_graph(rows)
    found = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            found.append(tangent_spaces(rows, graph, n_components=5))
    np.testing.assert_array_equal(found[0].bases, found[1].bases)
    np.testing.assert_array_equal(found[0].spreads, found[1].spreads)


def test_a_row_lifted_off_a_plane_has_the_largest_residual():
    """All others lie on the plane up to float32; the lifted row stands at its height over the width of its neighbors."""
    rows, axes = _plane()
    normal = np.linalg.svd(axes)[2][-1]
    rows[17] += 2 * normal
    graph = knn_graph(rows)
    residuals = tangent_residuals(rows, graph, n_components=2)
    near = rows[graph.indices[17]]
    width = np.sqrt(np.square(near - near.mean(axis=0)).sum(axis=1).mean())
    assert residuals[17] == pytest.approx(2 / width, rel=1e-3)
    untouched = ~(graph.indices == 17).any(axis=1)
    untouched[17] = False
    assert residuals[untouched].max() < 1e-4


def test_duplicates_have_no_tangent_and_no_residual():
    graph = knn_graph(np.ones((20, 3)), n_neighbors=5)
    spaces = tangent_spaces(np.ones((20, 3)), graph, n_components=2)
    assert not spaces.bases.any()
    assert not spaces.spreads.any()
    assert not tangent_residuals(np.ones((20, 3)), graph, n_components=2).any()


@pytest.mark.parametrize("method", [tangent_spaces, tangent_residuals])
def test_tangent_input_that_does_not_fit_is_refused(method):
    rows, _ = _plane(30)
    graph = knn_graph(rows, n_neighbors=4)
    with pytest.raises(InputError, match="wanted 1 to 4"):
        method(rows, graph, n_components=5)
    with pytest.raises(InputError, match="30"):
        method(rows[:20], graph, n_components=2)
