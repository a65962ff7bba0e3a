"""Search in inverted lists: the recall it reports, the same bits always, new rows answered alone."""

import importlib
import pickle
import warnings

import numpy as np
import pytest
import torch

from imatlas.checks import InputError
from imatlas.neighbors import NeighborIndex, index, knn_graph, search
from imatlas.neighbors.approximate import ApproximateSearch, approximate_neighbors
from imatlas.neighbors.screen import Screen


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """Rows on a curved sheet of 6 dimensions in 200, with noise, float32 (4000, 200)."""
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(4000, 6)) @ rng.normal(size=(6, 200))
    return (flat + 0.1 * np.square(flat) + 0.3 * rng.normal(size=flat.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    """Rows free in 60 dimensions, all about equally far, so that lists cannot tell where neighbors are; float32 (10000, 60)."""
    return np.random.default_rng(0).normal(size=(10_000, 60)).astype(np.float32)


def test_lists_reach_the_recall_they_report(rows):
    indices, squared, recall = approximate_neighbors(rows, 10, seed=0)
    true = knn_graph(rows, n_neighbors=10, method="exact")
    measured = np.mean([len(set(found) & set(near)) / 10 for found, near in zip(indices, true.indices)])
    assert recall >= 0.985
    assert abs(measured - recall) < 0.015  # 256 rows x 10 neighbors: standard error about 0.003
    assert (np.diff(squared, axis=1) >= 0).all()
    assert (indices != np.arange(4000)[:, None]).all()
    found = indices == true.indices
    np.testing.assert_allclose(np.sqrt(squared[found]), true.distances[found], rtol=1e-5)


def test_a_missed_goal_is_warned_of_with_the_recall_measured(noise, monkeypatch):
    monkeypatch.setattr(importlib.import_module("imatlas.neighbors.graph"), "_GOAL", 1.01)
    with pytest.warns(UserWarning, match="of the true neighbors"):
        graph = knn_graph(noise[:3000], n_neighbors=5, method="approximate")
    assert 0.9 < graph.recall <= 1


def test_one_and_two_threads_give_the_same_bits_with_duplicates(rows):
    twice = np.concatenate([rows[:1000], rows[:1000], rows[:500]])
    graphs, before = [], torch.get_num_threads()
    for n_threads in (1, 2):
        torch.set_num_threads(n_threads)
        graphs.append(knn_graph(twice, n_neighbors=8, method="approximate"))
        assert torch.get_num_threads() == n_threads
    torch.set_num_threads(before)
    np.testing.assert_array_equal(graphs[0].indices, graphs[1].indices)
    np.testing.assert_array_equal(graphs[0].distances, graphs[1].distances)
    assert (graphs[0].distances[:500, :2] == 0).all()


def test_equal_rows_have_equal_rows_as_neighbors():
    graph = knn_graph(np.ones((1600, 3), np.float32), n_neighbors=4, method="approximate")
    assert not graph.distances.any()
    assert (graph.indices != np.arange(1600)[:, None]).all()


def test_new_rows_of_a_large_set_are_answered_as_if_alone(rows, monkeypatch):
    monkeypatch.setattr(index, "EXACT_COST", 0)
    laid = NeighborIndex(rows[:3500])
    indices, distances = laid.search(rows[3500:], 10)
    true, _ = search(rows[3500:], rows[:3500], 10)
    assert np.mean([len(set(found) & set(near)) / 10 for found, near in zip(indices, true)]) > 0.97
    for row in range(5):
        alone = laid.search(rows[3500 + row][None], 10)
        np.testing.assert_array_equal(alone[0][0], indices[row])
        np.testing.assert_array_equal(alone[1][0], distances[row])
    again = pickle.loads(pickle.dumps(laid))
    np.testing.assert_array_equal(again.search(rows[3500:3600], 10)[0], indices[:100])


def test_old_rows_that_come_again_find_themselves(rows, monkeypatch):
    monkeypatch.setattr(index, "EXACT_COST", 0)
    laid = NeighborIndex(rows)
    found, distances = laid.search(rows[::7], 3)
    np.testing.assert_array_equal(found[:, 0], np.arange(4000)[::7])
    assert not distances[:, 0].any()
    # What the screen misses is known by its bits: an answer that lacks the row itself is mended.
    mended, squared = laid._find_again(rows[:2], np.array([[7, 8], [1, 9]]), np.array([[1.0, 2.0], [0.0, 3.0]], np.float32))
    np.testing.assert_array_equal(mended, [[0, 7], [1, 9]])
    np.testing.assert_array_equal(squared, [[0, 1], [0, 3]])


def test_short_rows_rank_candidates_nearly_as_the_full_rows_do(rows):
    """Of the 10 nearest in full, nearly all are among the 30 best of the screen."""
    screen = Screen(rows)
    true = knn_graph(rows, n_neighbors=10, method="exact").indices[:200]
    scores = screen.short[:200] @ screen.short.T + screen.heights
    scores[torch.arange(200), torch.arange(200)] = -torch.inf
    best = scores.topk(30, dim=1).indices.numpy()
    assert np.mean([np.isin(near, mine).mean() for near, mine in zip(true, best)]) > 0.99
    assert screen.short.shape == (4000, 128)
    assert (screen.leftover > 0).all()


def test_more_filings_find_more(noise):
    engine, true = ApproximateSearch(noise), search(noise[:500], noise, 6)[0]
    shares = []
    for _ in range(2):
        shares.append(np.mean([np.isin(near[1:], found).mean() for near, found in zip(true, engine.own(5)[0])]))
        engine.file_again()
    assert shares[0] + 0.02 < shares[1]


def test_what_lists_cannot_do_is_refused_in_words():
    few = np.random.default_rng(0).normal(size=(50, 3))
    with pytest.raises(InputError, match="1,536 rows or more"):
        knn_graph(few, method="approximate")
    with pytest.raises(InputError, match="wanted one of"):
        knn_graph(few, method="hnsw")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert knn_graph(few, method="auto").recall == 1.0
