"""Landmarks, certified bounds, exact pairs and truncated search, on graphs whose distances are known."""

import numpy as np
import pytest
from scipy.sparse.csgraph import dijkstra
from scipy.stats import spearmanr

from imatlas.checks import InputError
from imatlas.images.toys import moving_shape, swiss_roll
from imatlas.manifold import GeodesicOracle, geodesic_path, join_components, landmark_geodesics
from imatlas.manifold.geodesic_neighbors import geodesic_neighbors, geodesic_neighbors_of_new
from imatlas.manifold.geodesics import all_geodesics, geodesics_of_new
from imatlas.neighbors import knn_graph, search
from imatlas.values import Geodesics


def _circle(n, center=0.0):
    turn = 2 * np.pi * np.arange(n) / n
    return np.stack([np.cos(turn), np.sin(turn)], axis=1) + center


def _sphere(n, seed=0):
    rows = np.random.default_rng(seed).normal(size=(n, 3))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


GRAPHS = {
    "noise": lambda: knn_graph(np.random.default_rng(0).normal(size=(300, 5)), n_neighbors=6),
    "roll": lambda: knn_graph(swiss_roll(400, seed=0)[0], n_neighbors=8),
    "circle": lambda: knn_graph(_circle(301), n_neighbors=2),
    "duplicates": lambda: knn_graph(np.repeat(np.random.default_rng(0).normal(size=(30, 2)), 5, axis=0), n_neighbors=8),
    "two circles": lambda: knn_graph(np.concatenate([_circle(60), _circle(40, 10.0)]), n_neighbors=2),
    "one row, many times": lambda: knn_graph(np.ones((25, 3)), n_neighbors=4),
}


@pytest.fixture(params=GRAPHS)
def graph(request):
    return GRAPHS[request.param]()


def test_landmarks_have_dijkstras_distances_bit_for_bit(graph):
    """The layout of the search does not show: each row of the table is SciPy's own, on the graph as it came."""
    geodesics = landmark_geodesics(graph, 12)
    expected = dijkstra(graph.adjacency, directed=False, indices=geodesics.landmarks)
    np.testing.assert_array_equal(geodesics.distances, expected.astype(np.float32))
    assert len(set(geodesics.landmarks.tolist())) == len(geodesics.landmarks)


def test_each_landmark_is_farthest_from_those_before_among_linked_rows():
    graph = GRAPHS["noise"]()
    geodesics, links = landmark_geodesics(graph, 8), np.diff(graph.adjacency.indptr)
    linked = np.sort(np.lexsort([np.arange(len(graph)), -links])[:64])
    exact = all_geodesics(graph)
    for place in range(1, 8):
        nearest = exact[geodesics.landmarks[:place]].min(axis=0)
        assert geodesics.landmarks[place] == linked[np.argmax(nearest[linked])]


def test_bounds_hold_the_exact_distance_of_every_pair(graph):
    exact = all_geodesics(graph)
    i, j = np.meshgrid(np.arange(len(graph)), np.arange(len(graph)), indexing="ij")
    lower, upper = landmark_geodesics(graph, 16).bounds(i, j)
    assert (lower <= exact).all()
    assert (exact <= upper).all()
    np.testing.assert_array_equal(np.isinf(lower), np.isinf(exact))
    np.testing.assert_array_equal(np.isinf(upper), np.isinf(exact))
    np.testing.assert_array_equal(np.diag(upper), 0)


def test_bounds_of_rounded_distances_stay_outside():
    """0.1 is not a float32: the true 0.1 must lie within the bounds of the stored one, though they differ by 1.5e-9."""
    lower, upper = Geodesics(np.array([0]), np.array([[0.0, 0.1]], dtype=np.float32)).bounds([0, 1], [1, 0])
    assert (lower < 0.1).all()
    assert (upper > 0.1).all()
    np.testing.assert_allclose(upper - lower, 0, atol=1e-7)


def test_the_oracle_is_exact_and_its_paths_are_as_long_as_it_says(graph):
    oracle, exact = GeodesicOracle.of(graph, 5), all_geodesics(graph)
    i, j = np.random.default_rng(1).integers(0, len(graph), size=(2, 40))
    lengths = oracle.distance(i, j)
    np.testing.assert_allclose(lengths, exact[i, j], rtol=1e-12)
    np.testing.assert_array_equal(oracle.distance(j, i), lengths)
    for a, b, length in zip(i, j, lengths):
        if np.isinf(length):
            with pytest.raises(InputError, match="different components"):
                oracle.path(a, b)
            continue
        for path in (oracle.path(a, b), geodesic_path(graph, int(a), int(b))):
            assert (path[0], path[-1]) == (a, b)
            steps = np.array(graph.adjacency[path[:-1], path[1:]]).ravel() if len(path) > 1 else np.zeros(1)
            assert (steps > 0).all() or a == b
            assert steps.sum() == pytest.approx(length, rel=1e-12)


@pytest.mark.parametrize("k", [1, 7, 40])
def test_truncated_search_finds_what_the_whole_search_finds(graph, k):
    exact = all_geodesics(graph)
    np.fill_diagonal(exact, np.inf)
    order = np.argsort(np.where(exact < 1e-30, 0, exact), axis=1, kind="stable")[:, :k]
    order = np.pad(order, ((0, 0), (0, k - order.shape[1])))
    expected = np.take_along_axis(exact, order, 1)
    expected[:, len(graph) - 1 :] = np.inf
    distances, indices = geodesic_neighbors(graph, k)
    np.testing.assert_array_equal(distances, np.where(expected < 1e-30, 0, expected))
    np.testing.assert_array_equal(indices, np.where(np.isinf(expected), -1, order))


def test_truncated_search_of_new_rows_equals_the_whole_one():
    rng = np.random.default_rng(0)
    rows, new = rng.normal(size=(200, 4)), rng.normal(size=(15, 4))
    graph = knn_graph(rows, n_neighbors=6)
    near, lengths = search(new, rows, 6)
    whole = geodesics_of_new(graph, near, lengths)
    distances, indices = geodesic_neighbors_of_new(graph, 30, near, lengths)
    np.testing.assert_array_equal(indices, np.argsort(whole, axis=1, kind="stable")[:, :30])
    np.testing.assert_array_equal(distances, np.sort(whole, axis=1)[:, :30])


def test_geodesics_of_a_sphere_are_its_great_circles():
    """Paths on 2,500 rows zigzag, so they are a few per cent long; more rows and neighbors straighten them."""
    rows = _sphere(2500)
    oracle = GeodesicOracle.of(knn_graph(rows, n_neighbors=20), 32)
    i, j = np.random.default_rng(1).integers(0, 2500, size=(2, 200))
    true = np.arccos(np.clip((rows[i] * rows[j]).sum(axis=1), -1, 1))
    far = true > 0.3
    ratio = oracle.distance(i, j)[far] / true[far]
    assert np.median(np.abs(ratio - 1)) < 0.03
    assert np.abs(ratio - 1).max() < 0.1


def test_geodesics_of_a_flat_torus_are_straight_in_its_angles():
    """On (cos a, sin a, cos b, sin b) the distance is sqrt(da^2 + db^2) with both differences taken round the short way."""
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, size=(3000, 2))
    rows = np.hstack([np.cos(angles), np.sin(angles)])
    lengths = all_geodesics(knn_graph(rows, n_neighbors=20), np.arange(20))
    turn = np.abs(angles[:20, None] - angles[None])
    true = np.sqrt(np.square(np.minimum(turn, 2 * np.pi - turn)).sum(axis=2))
    far = true > 0.5
    assert np.median(np.abs(lengths[far] / true[far] - 1)) < 0.05
    assert (lengths[far] > 0.98 * true[far]).all()  # chords cut a little off each arc


def test_images_of_a_turning_shape_lie_along_its_turn():
    """They lie on a closed curve: in the order of the angles its arcs add up, and a geodesic is the shorter way round."""
    images, angles = moving_shape(1000, resolution=16, seed=0, moves=("rotate",))
    rows = images.pixels.reshape(1000, -1)[np.argsort(angles[:, 0])] / np.float32(255)
    steps = np.linalg.norm(rows - np.roll(rows, -1, axis=0), axis=1)
    place = np.append(0, np.cumsum(steps)[:-1])
    arc = np.abs(place[:10] - place[:, None]).T
    arc = np.minimum(arc, steps.sum() - arc)
    lengths = all_geodesics(knn_graph(rows, n_neighbors=10), np.arange(10))
    assert spearmanr(lengths.ravel(), arc.ravel()).statistic > 0.99
    assert (lengths <= arc * 1.0001 + 1e-4).all()  # links cut corners


def test_bridges_make_distances_finite_only_when_asked():
    rows = np.concatenate([_circle(60), _circle(40, 10.0)])
    graph = knn_graph(rows, n_neighbors=2)
    assert np.isinf(GeodesicOracle.of(graph, 8).distance(0, 70))
    joined = join_components(graph, rows)
    oracle = GeodesicOracle.of(joined, 8)
    path = oracle.path(0, 70)
    assert np.isfinite(oracle.distance(0, 70))
    steps = {tuple(sorted(step)) for step in zip(path[:-1].tolist(), path[1:].tolist())}
    assert {tuple(sorted(bridge)) for bridge in joined.bridges.tolist()} <= steps


def test_strange_rows_are_refused_in_words():
    geodesics = landmark_geodesics(GRAPHS["circle"](), 4)
    with pytest.raises(InputError, match="whole numbers from 0 to 300"):
        geodesics.bounds(0, 301)
    with pytest.raises(InputError, match="whole numbers"):
        geodesics.bounds(0.5, 1)
    with pytest.raises(InputError, match="landmarks know 301 rows"):
        GeodesicOracle(GRAPHS["noise"](), geodesics)
    with pytest.raises(InputError, match="one row of distances per landmark"):
        Geodesics(np.arange(2), np.zeros((3, 5)))


@pytest.mark.parametrize("n", [100, 400])
def test_paths_on_an_angular_graph_are_as_long_as_the_arc(n):
    """1 - cos is half a squared chord, and squares do not add up: as chords the quarter circle is pi / 2 long at any n."""
    turn = np.linspace(0, np.pi / 2, n)
    rows = np.stack([np.cos(turn), np.sin(turn)], axis=1) * np.linspace(1, 5, n)[:, None]
    graph = knn_graph(rows, n_neighbors=4, metric="cosine")
    assert abs(all_geodesics(graph, np.array([0]))[0, -1] / (np.pi / 2) - 1) < 1e-3
    inner = [0.999 * rows[0] + 0.001 * rows[1]]
    near, distances = search(np.array(inner), rows, 4, "cosine")
    assert abs(geodesics_of_new(graph, near, distances)[0, -1] / (np.pi / 2) - 1) < 2e-2
