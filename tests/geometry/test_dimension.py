"""Intrinsic dimension on sets whose dimension is known, whatever their edge, size and surroundings."""

import numpy as np
import pytest

from imatlas.checks import InputError
from imatlas.geometry import estimate_dimension
from imatlas.neighbors import knn_graph
from imatlas.values import KnnGraph

METHODS = ("maximum_likelihood", "two_nearest", "neighbor_angles")


def drawn(family: str, dimension: int, n: int, *, width: int = 24) -> np.ndarray:
    """Rows of known dimension, turned into more directions without changing a distance."""
    rng = np.random.default_rng([dimension, n])
    flat = rng.normal(size=(n, dimension)) if family == "gaussian" else rng.random((n, dimension))
    return flat @ np.linalg.qr(rng.normal(size=(width, width)))[0][:dimension]


@pytest.mark.parametrize("family", ["gaussian", "cube"])
@pytest.mark.parametrize(("dimension", "within"), [(1, 0.1), (2, 0.1), (5, 0.1), (10, 0.15), (20, 0.25)])
def test_gaussians_and_cubes_have_their_dimension(family, dimension, within):
    """The bounds of the issue are for 10,000 rows; 3,000 keep them. The proofs script goes through the whole grid."""
    rows = drawn(family, dimension, 3000)
    found = estimate_dimension(knn_graph(rows), X=rows)
    assert tuple(found.by_method) == tuple(found.intervals) == METHODS
    for name, value in found.by_method.items():
        low, high = found.intervals[name]
        assert value == pytest.approx(dimension, rel=within)
        assert low <= value <= high
    assert found.value == found.by_method["maximum_likelihood"]
    assert found.interval == found.intervals["maximum_likelihood"]
    assert np.median(found.local) == pytest.approx(dimension, rel=within)
    assert found.local.std() < 0.15 * found.local.mean()


def test_intervals_cover_the_truth_of_either_family():
    """All methods, 2 families, 4 dimensions, 5 draws each: at least 90 % of 120 intervals hold the truth (they claim 95 %)."""
    hits = []
    for seed in range(5):
        for family in ("gaussian", "cube"):
            for dimension in (2, 4, 8, 16):
                rows = drawn(family, dimension, 600 + seed)
                found = estimate_dimension(knn_graph(rows), X=rows)
                hits += [low <= dimension <= high for low, high in found.intervals.values()]
    assert np.mean(hits) >= 0.9


def test_a_sphere_and_a_swiss_roll_have_dimension_two():
    rng = np.random.default_rng(0)
    sphere = rng.normal(size=(3000, 3))
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    turn = 1.5 * np.pi * (1 + 2 * rng.random(3000))
    roll = np.stack([turn * np.cos(turn), 21 * rng.random(3000), turn * np.sin(turn)], axis=1)
    for rows in (sphere, roll):
        found = estimate_dimension(knn_graph(rows), X=rows)
        for value in found.by_method.values():
            assert value == pytest.approx(2, rel=0.1)


def test_parts_of_different_dimension_are_told_apart_row_by_row():
    line, solid = drawn("cube", 1, 1000), drawn("cube", 6, 1000) + 50
    local = estimate_dimension(knn_graph(np.vstack([line, solid]))).local
    assert np.median(local[:1000]) == pytest.approx(1, rel=0.1)
    assert np.median(local[1000:]) == pytest.approx(6, rel=0.15)


def test_scale_does_not_matter():
    """Parts at scales 1 and 1000 have the dimension of either."""
    rows = np.vstack([drawn("gaussian", 3, 1000), 1000 * drawn("gaussian", 3, 1001) + 1e4])
    assert estimate_dimension(knn_graph(rows)).value == pytest.approx(3, rel=0.1)


def test_some_duplicates_do_not_change_any_estimate():
    """A fifth of the rows twice: steps between neighbors that touch at two copies of a row would lean on each other."""
    rows = drawn("gaussian", 15, 3000)
    rows[:600] = rows[600:1200]
    found = estimate_dimension(knn_graph(rows), X=rows)
    for value in found.by_method.values():
        assert value == pytest.approx(15, rel=0.15)


@pytest.mark.parametrize("copies", [2, 3])
def test_duplicates_do_not_change_the_dimension(copies):
    """Every row several times: zero distances and ties with the last are passed over, and the rest keep their growth."""
    found = estimate_dimension(knn_graph(np.repeat(drawn("gaussian", 2, 2000), copies, axis=0), n_neighbors=30))
    assert found.value == pytest.approx(2, rel=0.1)
    assert found.by_method["two_nearest"] == pytest.approx(2, rel=0.1)


def test_noise_below_the_spacing_does_not_change_the_dimension():
    """A plane of 3,000 rows has neighbors at about 1/50; noise of 1/1000 in 24 directions adds little to that."""
    rows = drawn("gaussian", 2, 3000) + 1e-3 * np.random.default_rng(1).normal(size=(3000, 24))
    assert estimate_dimension(knn_graph(rows)).value == pytest.approx(2, rel=0.1)


def test_angular_graphs_measure_the_sphere_of_directions():
    """Cosine distance is half a squared length: read as it comes, it would halve the dimension."""
    rows = np.random.default_rng(0).normal(size=(2000, 4)) * np.random.default_rng(1).uniform(0.1, 10, size=(2000, 1))
    found = estimate_dimension(knn_graph(rows, metric="cosine"), X=rows)
    for value in found.by_method.values():
        assert value == pytest.approx(3, rel=0.12)


def test_equal_rows_have_no_dimension():
    rows = np.zeros((20, 3))
    found = estimate_dimension(knn_graph(rows, n_neighbors=5), X=rows)
    assert found.value == 0
    assert set(found.by_method.values()) == {0.0}
    assert not found.local.any()


def test_rows_that_are_all_equally_far_have_no_dimension():
    """The corners of a simplex: no ball fills, all steps stand at right angles."""
    found = estimate_dimension(knn_graph(np.eye(12), n_neighbors=6), X=np.eye(12))
    assert set(found.by_method.values()) == {0.0}


@pytest.mark.parametrize("n", [3, 4, 10])
def test_a_handful_of_rows_gives_finite_numbers(n):
    rows = np.random.default_rng(n).normal(size=(n, 5))
    found = estimate_dimension(knn_graph(rows, n_neighbors=n - 1))
    assert np.isfinite([found.value, *found.interval, *found.local]).all()


def test_constant_columns_change_nothing():
    rows = drawn("gaussian", 2, 1000, width=4)
    plain = estimate_dimension(knn_graph(rows)).value
    assert estimate_dimension(knn_graph(np.hstack([rows, np.full((1000, 3), 7.0)]))).value == pytest.approx(plain, rel=1e-3)


def test_bridges_do_not_change_the_dimension():
    """They are no neighbors, and the parts they join stay as small as they are."""
    graph = knn_graph(np.vstack([drawn("cube", 8, 300), drawn("cube", 8, 301) + 50]))
    joined = KnnGraph(graph.indices, graph.distances, bridges=np.array([[0, 300]]), bridge_lengths=np.array([50.0]))
    assert estimate_dimension(joined).value == estimate_dimension(graph).value


def test_graphs_that_are_too_poor_are_refused_in_words():
    with pytest.raises(InputError, match="at least 2"):
        estimate_dimension(knn_graph(np.eye(2), n_neighbors=1))
    with pytest.raises(InputError, match="at least 4"):
        estimate_dimension(knn_graph(np.eye(9), n_neighbors=3), X=np.eye(9))
    with pytest.raises(InputError, match="40 rows"):
        estimate_dimension(knn_graph(drawn("gaussian", 2, 50)), X=np.zeros((40, 2)))
