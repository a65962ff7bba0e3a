"""Outliers, near-duplicates and hubs, planted and found again."""

import numpy as np
import pytest
from sklearn.neighbors import LocalOutlierFactor

from imatlas.checks import InputError
from imatlas.geometry import hubs, near_duplicates, outlier_scores
from imatlas.neighbors import knn_graph
from imatlas.values import KnnGraph


def _normal(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def test_outlier_scores_are_the_local_outlier_factor():
    """Where no component is small and no row doubled, the score is scikit-learn's."""
    rows = _normal(500, 4)
    peer = LocalOutlierFactor(n_neighbors=15).fit(rows)
    np.testing.assert_allclose(outlier_scores(knn_graph(rows)), -peer.negative_outlier_factor_, rtol=1e-4)


def test_planted_outliers_score_highest_at_every_scale():
    """Ten rows off a narrow and ten off a wide cluster, each by 10 of its own widths: they are the 20 highest scores."""
    rows = np.vstack([_normal(1000, 5), 100 * _normal(1000, 5, seed=1) + 3000])
    planted = np.r_[np.arange(10), np.arange(1000, 1010)]
    direction = _normal(20, 5, seed=2)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    rows[planted] += 10 * direction * np.repeat([1, 100], 10)[:, None]
    scores = outlier_scores(knn_graph(rows))
    assert set(np.argsort(-scores)[:20]) == set(planted)
    np.testing.assert_allclose(outlier_scores(knn_graph(1000 * rows)), scores, rtol=1e-3)
    assert np.median(scores) == pytest.approx(1, abs=0.1)


def test_an_isolated_small_component_is_an_outlier():
    """20 rows far away, dense in themselves: the factor alone sees nothing odd. Ten even clusters of 100 are none."""
    scores = outlier_scores(knn_graph(np.vstack([_normal(1000, 3), 50 + 0.1 * _normal(20, 3, seed=1)])))
    assert scores[1000:].min() >= 1 + np.log(50) - 1e-4
    assert np.median(scores[:1000]) < 1.1
    even = np.vstack([_normal(100, 3, seed=i) + 30 * i for i in range(10)])
    assert np.median(outlier_scores(knn_graph(even))) < 1.1


def test_piles_of_duplicates_do_not_make_their_surroundings_outliers():
    """scikit-learn's factor reaches 1e8 here."""
    rows = np.vstack([_normal(500, 2), np.zeros((50, 2))])
    scores = outlier_scores(knn_graph(rows))
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(scores[500:], 1)
    assert scores[np.linalg.norm(rows, axis=1) < 1].max() < 2


def test_one_other_row_among_equal_ones_is_the_outlier():
    rows = np.zeros((40, 3))
    rows[3] = 1
    scores = outlier_scores(knn_graph(rows, n_neighbors=5))
    assert scores.argmax() == 3
    assert scores[3] >= 10
    np.testing.assert_array_equal(outlier_scores(knn_graph(np.zeros((40, 3)), n_neighbors=5)), 1)


def test_a_bridge_does_not_take_an_outlying_group_home():
    graph = knn_graph(np.vstack([_normal(300, 3), 50 + 0.1 * _normal(20, 3, seed=1)]))
    joined = KnnGraph(graph.indices, graph.distances, bridges=np.array([[0, 300]]), bridge_lengths=np.array([90.0]))
    np.testing.assert_array_equal(outlier_scores(joined), outlier_scores(graph))


@pytest.mark.parametrize(("dimension", "closeness"), [(2, 1e-4), (5, 1e-2), (20, 0.2)])
def test_planted_near_duplicates_are_found_and_hardly_any_other(dimension, closeness):
    """At most one neighbor is expected to pass by chance; up to 5 pairs are allowed (Poisson, beyond 99.9 %)."""
    rows = _normal(2000, dimension)
    spacing = np.median(knn_graph(rows).distances[:, -1])
    step = _normal(20, dimension, seed=1)
    step *= closeness * spacing / np.linalg.norm(step, axis=1, keepdims=True)
    rows = np.vstack([rows, rows[:20] + step, rows[30:35]])
    found = near_duplicates(knn_graph(rows))
    planted = {(i, 2000 + i) for i in range(20)} | {(30 + i, 2020 + i) for i in range(5)}
    pairs = set(map(tuple, found.pairs.tolist()))
    assert planted <= pairs
    assert len(pairs - planted) <= 5
    assert [tuple(pair) for pair in found.pairs[:5]] == [(30 + i, 2020 + i) for i in range(5)]
    np.testing.assert_array_equal(found.closeness[:6] == 0, [True] * 5 + [False])


def test_rows_without_copies_have_no_near_duplicates():
    """Ten draws with chance = 0.01 each: one pair at most."""
    assert sum(len(near_duplicates(knn_graph(_normal(500, 3, seed=i)), chance=0.01).pairs) for i in range(10)) <= 1


def test_near_duplicates_form_groups_largest_first():
    rows = _normal(300, 3)
    rows[[10, 20, 30]] = rows[5]
    rows[200] = rows[100]
    found = near_duplicates(knn_graph(rows), chance=1e-6)
    assert np.flatnonzero(found.groups == 0).tolist() == [5, 10, 20, 30]
    assert np.flatnonzero(found.groups == 1).tolist() == [100, 200]
    assert found.n_groups == 2
    assert (np.delete(found.groups, [5, 10, 20, 30, 100, 200]) == -1).all()


def test_equal_rows_are_one_group():
    found = near_duplicates(knn_graph(np.zeros((40, 2)), n_neighbors=5))
    assert found.n_groups == 1
    assert (found.groups == 0).all()
    assert (found.pairs[:, 0] < found.pairs[:, 1]).all()


def test_hubs_count_who_lists_whom():
    """Independent of the counting: the column sums of the dense neighbor matrix; skewness by its formula."""
    graph = knn_graph(_normal(200, 30), n_neighbors=5)
    listed = np.zeros((200, 200), dtype=int)
    np.put_along_axis(listed, graph.indices, 1, axis=1)
    found = hubs(graph)
    np.testing.assert_array_equal(found.counts, listed.sum(axis=0))
    assert found.counts.sum() == 1000
    centred = found.counts - 5
    assert found.skewness == pytest.approx((centred**3).mean() / (centred**2).mean() ** 1.5)


def test_hubness_grows_with_the_dimension():
    """Radovanovic and others: near 0 in few dimensions, large in many."""
    low, high = (hubs(knn_graph(_normal(2000, d), n_neighbors=10)).skewness for d in (2, 50))
    assert abs(low) < 0.3
    assert high > 2
    ring = np.exp(2j * np.pi * np.arange(12) / 12)
    assert hubs(knn_graph(np.stack([ring.real, ring.imag], axis=1), n_neighbors=2)).skewness == 0


def test_near_duplicates_refuse_too_few_neighbors_and_no_chance():
    with pytest.raises(InputError, match="at least 3"):
        near_duplicates(knn_graph(_normal(10, 2), n_neighbors=2))
    with pytest.raises(ValueError, match="chance"):
        near_duplicates(knn_graph(_normal(10, 2), n_neighbors=5), chance=0)
