"""Neighbor graphs: exact where they say so, measured where they do not."""

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.spatial.distance import cdist

from imatlas.checks import InputError
from imatlas.neighbors import knn_graph, search
from imatlas.neighbors.exact import ExactSearch


def _true_neighbors(rows, k, metric):
    distances = cdist(rows.astype(np.float64), rows.astype(np.float64), metric)
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(distances, order, 1)


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "correlation"])
def test_graph_equals_all_pairs_in_float64(metric):
    rows = np.random.default_rng(0).normal(size=(300, 12)).astype(np.float32)
    graph = knn_graph(rows, n_neighbors=7, metric=metric)
    order, lengths = _true_neighbors(rows, 7, metric)
    np.testing.assert_array_equal(graph.indices, order)
    np.testing.assert_allclose(graph.distances, lengths, rtol=1e-4, atol=1e-6)
    assert graph.recall == 1.0


@pytest.mark.parametrize("low_precision", [False, True])
def test_grouped_screen_finds_the_same_as_all_pairs(low_precision):
    """Above 4,096 rows the screen works on groups; in either precision the certificate makes it exact."""
    rows = np.random.default_rng(0).normal(size=(5000, 16)).astype(np.float32)
    queries = np.arange(40)
    engine = ExactSearch(rows, low_precision=low_precision)
    found, _ = engine.nearest(rows[queries], 10, own=queries)
    distances = cdist(rows[queries].astype(np.float64), rows.astype(np.float64))
    distances[queries, queries] = np.inf
    np.testing.assert_array_equal(found, np.argsort(distances, axis=1, kind="stable")[:, :10])


def test_near_duplicates_far_from_the_origin_keep_their_order():
    """Screening loses steps of 1e-3 at lengths of 1e3 (1e-6 of a squared length of 1e6); direct differences do not."""
    steps = np.arange(60, dtype=np.float32)[:, None] * np.float32(2**-10)
    rows = np.hstack([steps, np.full((60, 1), 1000, np.float32)])
    rows = np.concatenate([rows, -rows])
    np.testing.assert_array_equal(knn_graph(rows, n_neighbors=2).indices[30], [29, 31])


def test_duplicates_are_ordered_by_row_number():
    rows = np.zeros((50, 3), dtype=np.float32)
    graph = knn_graph(rows, n_neighbors=4)
    np.testing.assert_array_equal(graph.indices[0], [1, 2, 3, 4])
    np.testing.assert_array_equal(graph.indices[9], [0, 1, 2, 3])
    assert not graph.distances.any()


def test_graph_has_the_same_bits_for_one_and_two_threads():
    rows = np.repeat(np.random.default_rng(0).normal(size=(2500, 8)), 2, axis=0)
    before = torch.get_num_threads()
    graphs = []
    for n_threads in (1, 2):
        torch.set_num_threads(n_threads)
        graphs.append(knn_graph(rows, n_neighbors=5))
    torch.set_num_threads(before)
    np.testing.assert_array_equal(graphs[0].indices, graphs[1].indices)
    np.testing.assert_array_equal(graphs[0].distances, graphs[1].distances)


def test_new_rows_are_answered_as_if_alone():
    rng = np.random.default_rng(0)
    old, new = rng.normal(size=(500, 9)), rng.normal(size=(30, 9))
    together = search(new, old, 5)
    alone = [search(row[None], old, 5) for row in new]
    np.testing.assert_array_equal(together[0], np.concatenate([indices for indices, _ in alone]))
    np.testing.assert_array_equal(together[1], np.concatenate([distances for _, distances in alone]))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_sparse_rows_have_the_neighbors_of_their_dense_form(metric):
    rows = sparse.random(120, 40, density=0.3, random_state=0, format="csr", dtype=np.float32)
    graph, dense = knn_graph(rows, n_neighbors=5, metric=metric), knn_graph(rows.toarray(), n_neighbors=5, metric=metric)
    np.testing.assert_array_equal(graph.indices, dense.indices)
    np.testing.assert_allclose(graph.distances, dense.distances, atol=1e-5)


def test_too_many_neighbors_are_lowered_with_a_warning():
    with pytest.warns(UserWarning, match="lowered to 3"):
        assert knn_graph(np.eye(4), n_neighbors=9).n_neighbors == 3


def test_a_row_without_direction_is_at_distance_one():
    graph = knn_graph(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [2.0, 0.1]]), n_neighbors=3, metric="cosine")
    np.testing.assert_array_equal(graph.indices[0], [2, 1, 3])
    np.testing.assert_allclose(graph.distances[0], [0, 1, 1], atol=1e-6)


def test_bad_rows_are_refused_in_words():
    with pytest.raises(InputError, match="wanted one of"):
        knn_graph(np.eye(3), metric="hamming")
    with pytest.raises(InputError, match="at least 2"):
        knn_graph(np.eye(1))
    with pytest.raises(ValueError, match="NaN"):
        knn_graph(np.array([[np.nan], [1.0]]))
    with pytest.raises(InputError, match="columns"):
        search(np.eye(2), np.eye(3), 1)
