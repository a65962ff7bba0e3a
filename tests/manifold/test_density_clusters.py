"""Density clusters: the family's law, known shapes, and the parts they are made of."""

import importlib.util
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits, make_blobs, make_circles, make_moons
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from imatlas.manifold import DensityClusters
from imatlas.manifold.border_tree import border_tree, expected_cut
from imatlas.manifold.communities import communities, gather, neighbor_links
from imatlas.manifold.terrain import Terrain
from imatlas.neighbors import knn_graph

_spec = importlib.util.spec_from_file_location("laws_estimators", Path(__file__).parents[1] / "laws" / "estimators.py")
laws = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(laws)


def _fit(rows, **parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return DensityClusters(**parameters).fit(rows)


@parametrize_with_checks([DensityClusters(n_neighbors=5)])
def test_scikit_learns_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("parameters", [{}, {"noise": "assign"}, {"min_size": 40}])
def test_density_clusters_obey_their_law(parameters):
    laws.check_clustering(lambda: DensityClusters(**parameters))


@pytest.mark.parametrize(
    ("rows", "truth"),
    [
        make_moons(1000, noise=0.07, random_state=0),
        make_circles(1000, noise=0.05, factor=0.5, random_state=0),
        make_blobs([800, 200, 80, 40], 10, cluster_std=[1, 2, 0.5, 3], random_state=1),
    ],
    ids=["moons", "circles", "blobs of uneven size and density"],
)
def test_shapes_are_found_whole_and_counted(rows, truth):
    assert adjusted_rand_score(truth, _fit(rows, noise="assign").labels_) == 1
    assert adjusted_rand_score(truth, _fit(rows).labels_) > 0.95


@pytest.mark.parametrize("d", [2, 5])
def test_a_uniform_cube_is_one_cluster(d):
    fitted = _fit(np.random.default_rng(0).random((1500, d)))
    assert set(fitted.labels_) <= {-1, 0}
    assert (fitted.labels_ == 0).mean() > 0.98


@pytest.mark.parametrize("seed", range(3))
def test_digits_are_found_without_labels(seed):
    rows, truth = load_digits(return_X_y=True)
    assert adjusted_rand_score(truth, _fit(rows, random_state=seed).labels_) > 0.88


@pytest.mark.parametrize("metric", ["cosine", "correlation"])
def test_digits_are_found_by_their_angles_too(metric):
    """Angular distances are squares of lengths; read as lengths they halved the dimension and hid every border: ARI 0.11."""
    rows, truth = load_digits(return_X_y=True)
    assert adjusted_rand_score(truth, _fit(rows, metric=metric).labels_) > 0.8


def test_levels_are_nested_and_hold_the_labels():
    """A finer level divides the clusters of a coarser one; noise may differ, since a coarser border leaves fewer rows alone."""
    fitted = _fit(load_digits().data, noise="assign")
    np.testing.assert_array_equal(fitted.levels_[:, fitted.level_], fitted.labels_)
    for coarse, fine in zip(fitted.levels_.T[:-1], fitted.levels_.T[1:]):
        assert fine.max() > coarse.max()
        assert all(len(set(coarse[fine == cluster])) == 1 for cluster in set(fine))


def test_far_rows_are_noise_unless_assigned():
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(size=(200, 3)), rng.normal(size=(200, 3)) + 12, rng.uniform(-60, 60, size=(8, 3))])
    fitted = _fit(rows)
    assert (fitted.labels_[-8:] == -1).all()
    assert (fitted.labels_[:-8] >= 0).mean() > 0.97
    assert (fitted.strengths_[fitted.labels_ < 0] == 0).all()
    assert fitted.predict(np.full((1, 3), 1e3)).tolist() == [-1]
    assert _fit(rows, noise="assign").labels_.min() == 0


def test_parts_that_hang_together_nowhere_are_apart_on_every_level():
    rows = np.concatenate([np.random.default_rng(part).normal(size=(40, 2)) + 100 * part for part in range(5)])
    fitted = _fit(rows, n_neighbors=8, noise="assign")
    for level in fitted.levels_.T:
        assert all(not set(level[:40]) & set(level[40 * part : 40 * part + 40]) for part in range(1, 5))


@pytest.mark.parametrize(
    "rows",
    [np.zeros((30, 4)), np.eye(2), np.eye(3), np.repeat(np.random.default_rng(0).normal(size=(12, 3)), 30, axis=0)],
    ids=["one row many times", "two rows", "three rows", "twelve rows many times"],
)
def test_duplicates_share_a_cluster_and_tiny_sets_have_one(rows):
    fitted = _fit(rows)
    _, same = np.unique(rows, axis=0, return_inverse=True)
    assert all(len(set(fitted.labels_[same.ravel() == row])) == 1 for row in set(same.ravel()))
    np.testing.assert_array_equal(fitted.predict(rows), fitted.labels_)
    assert np.isfinite(fitted.strengths_).all()


def test_one_thread_and_two_give_the_same_bits():
    rows = np.concatenate([laws.three_groups(400), laws.three_groups(50), laws.three_groups(50)])
    fits = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            fits.append(_fit(rows))
    for name in ("labels_", "levels_", "strengths_", "openness_"):
        np.testing.assert_array_equal(getattr(fits[0], name), getattr(fits[1], name))


@pytest.mark.parametrize("parameters", [{"openness": 0}, {"min_size": 0}, {"noise": "drop"}])
def test_wrong_parameters_are_told(parameters):
    with pytest.raises(ValueError, match="wanted"):
        DensityClusters(**parameters).fit(laws.three_groups())


@pytest.mark.parametrize("d", [1, 2, 4])
def test_a_cut_through_a_cube_is_crossed_by_the_expected_links(d):
    """Rows of a cube cut in half by a plane; walls lengthen neighbor distances, so that up to a third more links cross."""
    rows = np.random.default_rng(0).random((4000, d)).astype(np.float32)
    graph = knn_graph(rows, n_neighbors=15)
    side = (rows[:, 0] > 0.5).astype(np.int64)
    crossing = (side[graph.indices] != side[:, None]).sum()
    # One half has m rows and the side of a cube of m rows only along the cut's normal: the face is 2^(1 - 1/d) of that cube's.
    expected = expected_cut(2000, d, 15) * 2 ** (1 - 1 / d)
    assert 0.7 < crossing / expected < 1.35


def test_communities_find_cliques_and_never_join_parts():
    """Eight groups of 16 rows, each linked with itself alone: the best division is the groups."""
    rows = np.repeat(np.arange(8) * 100.0, 16)[:, None] + np.arange(128)[:, None] % 16
    links = neighbor_links(knn_graph(rows, n_neighbors=15))
    found = communities(links, resolution=1.0, rng=np.random.default_rng(0))
    assert adjusted_rand_score(np.repeat(np.arange(8), 16), found) == 1
    assert gather(links, found).nnz == 8


def test_terrain_has_a_basin_per_hill_and_a_border_between():
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(size=(400, 2)), rng.normal(size=(400, 2)) + [7, 0]]).astype(np.float32)
    terrain = Terrain.of(rows, np.zeros(800, dtype=int))
    basins = terrain.basins(1.5)
    assert adjusted_rand_score(np.repeat([0, 1], 400), basins) > 0.98
    tree = border_tree(knn_graph(rows, n_neighbors=30), terrain, basins, min_size=5)
    assert (tree.openness < 0.1).all()
    assert tree.groups(0).tolist() == [0, 1]
