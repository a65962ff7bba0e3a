"""Distances by formula and along the data, paths, bridges."""

import numpy as np
import pytest
from scipy import sparse
from scipy.linalg import expm
from sklearn.metrics.pairwise import cosine_distances

from imatlas.checks import InputError
from imatlas.manifold import (
    geodesic_path,
    join_components,
    landmark_geodesics,
    manifold_distance,
    manifold_similarity,
)
from imatlas.neighbors import knn_graph


def _circle(n):
    angles = 2 * np.pi * np.arange(n) / n
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _two_circles():
    return np.concatenate([_circle(40), _circle(30) + 10])


def test_formulas_equal_their_peers():
    rows, others = np.random.default_rng(0).normal(size=(2, 20, 5)).astype(np.float32)
    np.testing.assert_allclose(manifold_distance(rows, others, "cosine"), cosine_distances(rows, others), atol=1e-6)
    np.testing.assert_allclose(manifold_similarity(rows), np.corrcoef(rows), atol=1e-6)
    np.testing.assert_allclose(manifold_distance(rows, others), np.linalg.norm(rows[:, None] - others[None], axis=2), rtol=1e-6)


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "geodesic", "diffusion"])
def test_one_side_may_be_sparse(metric):
    rows, others = np.random.default_rng(0).normal(size=(2, 20, 5)).astype(np.float32)
    dense = manifold_distance(rows, others, metric)
    for X, Y in ((rows, sparse.csr_matrix(others)), (sparse.csr_matrix(rows), others)):
        np.testing.assert_allclose(manifold_distance(X, Y, metric), dense, rtol=1e-3, atol=1e-6)


def test_geodesics_of_a_circle_run_along_it():
    """Opposite points: half of the polygon's 100 sides, each 2 sin(pi / 100) long."""
    rows = _circle(100)
    graph = knn_graph(rows, n_neighbors=2)
    lengths = manifold_distance(rows, metric="geodesic", graph=graph)
    assert lengths[0, 50] == pytest.approx(100 * np.sin(np.pi / 100), rel=1e-5)
    np.testing.assert_allclose(lengths, lengths.T)


def test_geodesics_of_a_new_row_start_at_its_neighbors():
    rows = _circle(100)
    graph = knn_graph(rows, n_neighbors=2)
    lengths = manifold_distance(rows, 1.01 * rows[:1], metric="geodesic", graph=graph)
    assert lengths.shape == (100, 1)
    assert lengths[0, 0] == pytest.approx(0.01, abs=1e-5)
    assert lengths[50, 0] == pytest.approx(100 * np.sin(np.pi / 100), rel=0.01)


def test_geodesics_between_parts_are_infinite():
    graph = knn_graph(_two_circles(), n_neighbors=2)
    geodesics = landmark_geodesics(graph, 12)
    same = graph.components[geodesics.landmarks][:, None] == graph.components[None]
    np.testing.assert_array_equal(np.isfinite(geodesics.distances), same)
    assert set(graph.components[geodesics.landmarks]) == {0, 1}
    with pytest.raises(InputError, match="different components"):
        geodesic_path(graph, 0, 50)


def test_landmarks_bound_every_geodesic():
    """|g(l, i) - g(l, j)| <= g(i, j) <= g(l, i) + g(l, j) for each landmark l."""
    rows = np.random.default_rng(0).normal(size=(150, 3))
    graph = knn_graph(rows, n_neighbors=8)
    exact = manifold_distance(rows, metric="geodesic", graph=graph)
    reach = landmark_geodesics(graph, 10).distances.astype(np.float64)
    assert (np.abs(reach[:, :, None] - reach[:, None]).max(axis=0) <= exact + 1e-5).all()
    assert ((reach[:, :, None] + reach[:, None]).min(axis=0) >= exact - 1e-5).all()


def test_a_path_has_the_length_of_its_geodesic():
    rows = np.random.default_rng(0).normal(size=(150, 3))
    graph = knn_graph(rows, n_neighbors=6)
    path = geodesic_path(graph, 3, 77)
    assert (path[0], path[-1]) == (3, 77)
    steps = np.linalg.norm(np.diff(rows[path], axis=0), axis=1).sum()
    assert steps == pytest.approx(manifold_distance(rows, metric="geodesic", graph=graph)[3, 77], rel=1e-5)
    np.testing.assert_array_equal(geodesic_path(graph, 5, 5), [5])


def test_bridges_are_the_shortest_and_are_marked():
    rows = np.concatenate([np.arange(5.0), np.arange(5.0) + 20, np.arange(5.0) + 100])[:, None]
    graph = knn_graph(rows, n_neighbors=2)
    joined = join_components(graph, rows)
    assert {tuple(bridge) for bridge in joined.bridges.tolist()} == {(4, 5), (9, 10)}
    np.testing.assert_allclose(np.sort(joined.bridge_lengths), [16, 76])
    assert len(joined.component_sizes) == 1
    np.testing.assert_array_equal(joined.indices, graph.indices)


def test_diffusion_distance_is_the_distance_between_spread_heat():
    """sum_u (p_t(i, u) - p_t(j, u))^2 / pi(u), written out with the dense walk, on two parts that share no link."""
    from imatlas.manifold.diffusion import start_diffusion

    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(size=(25, 3)), rng.normal(size=(20, 3)) + 100])
    graph = knn_graph(rows, n_neighbors=6)
    diffusion = start_diffusion(graph)
    rest = diffusion.masses / diffusion.masses.sum()
    rates = diffusion.weights.toarray() / diffusion.masses[:, None]
    jumps = np.array([(rates.sum(axis=1) * rest)[graph.components == part].sum() for part in (0, 1)])
    jumps /= np.array([rest[graph.components == part].sum() for part in (0, 1)])
    walk = expm(2.0 * (rates - np.diag(rates.sum(axis=1))) / jumps[graph.components][:, None])
    expected = np.sqrt((np.square(walk[:, None] - walk[None]) / rest).sum(axis=2))
    found = manifold_distance(rows, metric="diffusion", graph=graph, t=2.0)
    np.testing.assert_allclose(found, expected, atol=1e-4 * expected.max())
    similarity = manifold_similarity(rows, metric="diffusion", graph=graph, t=2.0)
    inner = (walk[:, None] * walk[None] / rest).sum(axis=2)
    cosines = inner / np.sqrt(np.outer(np.diag(inner), np.diag(inner)))
    np.testing.assert_allclose(similarity, cosines, atol=1e-4)


def test_diffusion_places_a_new_row_among_its_like():
    """A fitted row that comes as new has the distances it has; a row just beside it has almost those."""
    rows = np.random.default_rng(0).normal(size=(80, 3))
    graph = knn_graph(rows, n_neighbors=8)
    whole = manifold_distance(rows, metric="diffusion", graph=graph)
    again = manifold_distance(rows, rows[:5], metric="diffusion", graph=graph)
    np.testing.assert_allclose(again, whole[:, :5], atol=1e-5)
    beside = manifold_distance(rows, rows[:5] + 1e-3, metric="diffusion", graph=graph)
    assert np.abs(beside - whole[:, :5]).max() < 0.3 * np.median(whole)
    assert manifold_similarity(rows, rows[:5], metric="diffusion", graph=graph).shape == (80, 5)


def test_unknown_distances_are_refused_in_words():
    with pytest.raises(InputError, match="wanted one of"):
        manifold_distance(np.eye(3), metric="hamming")
    with pytest.raises(InputError, match="the graph 3"):
        manifold_distance(np.eye(4), metric="diffusion", graph=knn_graph(np.eye(3), n_neighbors=2))
