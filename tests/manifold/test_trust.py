"""Trust of maps, and the repulsion the neighbor map stands on."""

import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import cdist
from scipy.stats import spearmanr
from sklearn.manifold import trustworthiness
from threadpoolctl import threadpool_limits

from imatlas.checks import InputError
from imatlas.images.toys import swiss_roll
from imatlas.manifold import landmark_geodesics, manifold_distance, map_trust
from imatlas.manifold.repulsion import grid_field
from imatlas.manifold.trust import geodesic_rank_correlation
from imatlas.neighbors import knn_graph


def test_trust_equals_that_of_scikit_learn():
    rows = np.random.default_rng(0).normal(size=(120, 6))
    trust = map_trust(rows, rows[:, :2], k=7)
    assert trust["trustworthiness"] == pytest.approx(trustworthiness(rows, rows[:, :2], n_neighbors=7), abs=1e-6)
    assert trust["continuity"] == pytest.approx(trustworthiness(rows[:, :2], rows, n_neighbors=7), abs=1e-6)
    assert trust["trustworthiness_error"] == 0


def test_a_copy_is_wholly_trusted_and_noise_is_not():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 3))
    copy, noise = map_trust(rows, 2 * rows), map_trust(rows, rng.normal(size=(200, 2)))
    for name in ("trustworthiness", "continuity", "neighbor_recall", "random_triplet_accuracy"):
        assert copy[name] == 1
        assert noise[name] < 0.65


def test_sampled_trust_holds_the_whole_in_its_interval():
    rows = np.random.default_rng(0).normal(size=(1500, 4))
    whole, part = map_trust(rows, rows[:, :2], n_anchors=1500), map_trust(rows, rows[:, :2], n_anchors=300)
    for name in ("trustworthiness", "continuity", "neighbor_recall"):
        assert abs(part[name] - whole[name]) < 2 * part[f"{name}_error"]  # four standard errors


def test_trust_of_sparse_rows_is_that_of_dense_ones():
    rows = sparse.random(90, 40, density=0.2, random_state=0, format="csr")
    places = np.random.default_rng(0).normal(size=(90, 2))
    thin, full = map_trust(rows, places), map_trust(rows.toarray(), places)
    assert thin == pytest.approx(full, abs=1e-12)


def test_ranks_are_right_where_rows_lie_close_together_and_wide_apart():
    """Groups 1,000 apart and 0.01 wide: in float32 products, the distances within a group would be rounding alone."""
    rng = np.random.default_rng(0)
    rows = (np.repeat(1e3 * np.eye(3), 40, axis=0) + 1e-2 * rng.normal(size=(120, 3))).astype(np.float32)
    places = rng.normal(size=(120, 2)).astype(np.float32) + 1e3 * rows[:, :2]
    table = cdist(rows.astype(np.float64), rows.astype(np.float64))  # by differences
    expected = trustworthiness(table, places, n_neighbors=5, metric="precomputed")
    assert map_trust(rows, places, k=5)["trustworthiness"] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("make", [lambda graph: graph, lambda graph: landmark_geodesics(graph, 40)])
def test_geodesic_rank_correlation_tells_an_unrolled_map_from_a_flattened_one(make):
    rows, flat = swiss_roll(900, seed=0)
    along = make(knn_graph(rows, n_neighbors=10))
    unrolled = map_trust(rows, flat, along=along)
    flattened = map_trust(rows, rows[:, [0, 2]], along=along)
    assert unrolled["geodesic_rank_correlation"] > 0.99
    assert flattened["geodesic_rank_correlation"] < 0.6
    assert 0 < unrolled["geodesic_rank_correlation_error"] < 0.01
    assert "geodesic_rank_correlation" not in map_trust(rows, flat)


def test_geodesic_rank_correlation_is_spearmans():
    rows = np.random.default_rng(0).normal(size=(60, 3))
    lengths = manifold_distance(rows, metric="geodesic", graph=knn_graph(rows, n_neighbors=8))
    straight = manifold_distance(rows[:, :2])
    every = [spearmanr(np.delete(lengths[i], i), np.delete(straight[i], i)).statistic for i in range(60)]
    found, _ = geodesic_rank_correlation(rows[:, :2], knn_graph(rows, n_neighbors=8))
    assert found == pytest.approx(np.mean(every), abs=1e-9)


def test_trust_has_the_same_bits_with_one_thread_and_with_two():
    rows = np.random.default_rng(0).normal(size=(3000, 40)).astype(np.float32)
    with threadpool_limits(1):
        one = map_trust(rows, rows[:, :2])
    with threadpool_limits(2):
        assert map_trust(rows, rows[:, :2]) == one


def test_rows_that_are_all_the_same_have_no_ranks_to_lose():
    trust = map_trust(np.ones((30, 4)), np.random.default_rng(0).normal(size=(30, 2)))
    assert trust["trustworthiness"] == trust["neighbor_recall"] == 1


def test_trust_of_a_strange_map_is_refused_in_words():
    rows = np.random.default_rng(0).normal(size=(20, 3))
    with pytest.raises(InputError, match="20 places, the geodesics 19 rows"):
        map_trust(rows, rows, along=knn_graph(rows[:19], n_neighbors=4))
    with pytest.raises(InputError, match="at least 1 of each"):
        map_trust(rows, rows, k=0)
    with pytest.raises(InputError, match="20 rows and 19 places"):
        map_trust(rows, rows[:19])
    with pytest.raises(ValueError, match="NaN"):
        map_trust(rows, np.where(rows > 0, np.nan, rows))


def test_trust_of_three_rows_is_refused():
    with pytest.raises(InputError, match="4 rows"):
        map_trust(np.eye(3), np.eye(3))


@pytest.mark.parametrize("spread", [0.5, 3.0, 15.0])
def test_the_field_on_a_grid_is_the_sum_over_all_pairs(spread):
    """A step of half the kernel's width leaves a few per cent in the force, and less in the total."""
    points = (spread * np.random.default_rng(0).normal(size=(800, 2))).astype(np.float32)
    away = points[:, None] - points[None]
    kernel = 1 / (1 + np.square(away).sum(axis=2))
    total, force = kernel.sum(axis=1), (np.square(kernel)[:, :, None] * away).sum(axis=1)
    found, push = grid_field(points).at(points)
    assert np.abs(found / total - 1).max() < 0.03
    assert np.linalg.norm(push - force) < 0.06 * np.linalg.norm(force)
