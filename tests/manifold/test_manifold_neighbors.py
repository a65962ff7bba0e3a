"""Neighbors under every manifold distance, for fitted and for new rows, and how alike they are."""

import json

import numpy as np
import pytest
from scipy import sparse
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.estimator_checks import parametrize_with_checks

from imatlas.checks import InputError
from imatlas.manifold import ManifoldNeighbors, manifold_distance, manifold_similarity
from imatlas.manifold.distance import DISTANCES
from imatlas.neighbors import knn_graph


def _circle(n):
    angles = 2 * np.pi * np.arange(n) / n
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _two_circles():
    return np.concatenate([_circle(40), _circle(30) + 10])


@parametrize_with_checks([ManifoldNeighbors(metric=metric) for metric in ("cosine", "geodesic", "diffusion")])
def test_scikit_learns_contract_under_other_metrics(estimator, check):
    check(estimator)


@pytest.mark.parametrize("metric", DISTANCES)
def test_neighbors_are_those_of_the_distance_table(metric):
    """Distances, then neighbors, then similarities: all read from one table."""
    rng = np.random.default_rng(0)
    rows, new = rng.normal(size=(60, 4)), rng.normal(size=(9, 4))
    links = knn_graph(rows, n_neighbors=7, metric=metric if metric in ("cosine", "correlation") else "euclidean")
    fitted = ManifoldNeighbors(7, metric=metric).fit(rows, graph=links)
    table = manifold_distance(rows, metric=metric, graph=links)
    np.fill_diagonal(table, np.inf)
    for k in (5, 7, 30):
        distances, indices = fitted.kneighbors(n_neighbors=k)
        np.testing.assert_allclose(distances, np.sort(table, axis=1)[:, :k], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(np.take_along_axis(table, indices, 1), distances, rtol=1e-4, atol=1e-5)
    beside = manifold_distance(rows, new, metric=metric, graph=links).T
    distances, indices = fitted.kneighbors(new, n_neighbors=20)
    np.testing.assert_allclose(distances, np.sort(beside, axis=1)[:, :20], rtol=1e-4, atol=1e-5)
    alone = np.concatenate([fitted.kneighbors(row[None], n_neighbors=20)[1] for row in new])
    np.testing.assert_array_equal(alone, indices)  # no row depends on its company
    if metric in ("cosine", "correlation", "diffusion"):
        alike, indices = fitted.similarities(new, 20)
        expected = manifold_similarity(rows, new, metric, links).T
        np.testing.assert_allclose(alike, np.take_along_axis(expected, indices, 1), atol=1e-4)


@pytest.mark.parametrize("metric", ["euclidean", "geodesic"])
def test_lengths_become_similarities_by_the_scale_of_both_rows(metric):
    rows = np.random.default_rng(0).normal(size=(50, 3))
    fitted = ManifoldNeighbors(10, metric=metric).fit(rows)
    distances, indices = fitted.kneighbors()
    scales = distances[:, 6]
    expected = np.exp(-np.square(distances.astype(float)) / (scales[:, None] * scales[indices]))
    np.testing.assert_allclose(fitted.similarities()[0], expected, rtol=1e-5)
    alike, _ = fitted.similarities(rows[:4], 1)
    np.testing.assert_array_equal(alike, 1)  # a row that comes again is wholly like itself


@pytest.mark.parametrize("metric", DISTANCES)
def test_packed_neighbors_answer_as_before(metric):
    rows = np.random.default_rng(0).normal(size=(50, 3))
    fitted = ManifoldNeighbors(6, metric=metric).fit(rows)
    settings, arrays = fitted.pack()
    again = ManifoldNeighbors.unpack(json.loads(json.dumps(settings)), arrays)
    for ours, theirs in zip(fitted.kneighbors(rows[:5] + 0.1, 9), again.kneighbors(rows[:5] + 0.1, 9)):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(again.graph_.indices, fitted.graph_.indices)


def test_neighbor_matrices_are_those_of_scikit_learn():
    rows = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    mine, peer = ManifoldNeighbors(5).fit(rows), NearestNeighbors(n_neighbors=5).fit(rows)
    for mode in ("connectivity", "distance"):
        ours, theirs = mine.kneighbors_graph(mode=mode), peer.kneighbors_graph(mode=mode)
        np.testing.assert_allclose(ours.toarray(), theirs.toarray(), rtol=1e-5)
    assert mine.kneighbors_graph(rows[:3], 4, mode="similarity").nnz == 12
    with pytest.raises(InputError, match="wanted one of connectivity"):
        mine.kneighbors_graph(mode="weights")


def test_neighbors_follow_the_data_when_asked():
    """On an open ring the ends are close in space and far along the data."""
    rows = _circle(100)[:97]
    straight = ManifoldNeighbors(3).fit(rows).kneighbors(n_neighbors=20, return_distance=False)
    assert 96 in straight[0]
    for metric in ("geodesic", "diffusion"):
        along = ManifoldNeighbors(3, metric=metric).fit(rows).kneighbors(n_neighbors=20, return_distance=False)
        assert 96 not in along[0]
    along = ManifoldNeighbors(3, metric="geodesic").fit(rows).kneighbors(n_neighbors=20, return_distance=False)
    np.testing.assert_array_equal(along[0], np.arange(1, 21))


@pytest.mark.parametrize("metric", ["geodesic", "diffusion"])
def test_neighbors_along_the_data_end_with_their_part(metric):
    fitted = ManifoldNeighbors(2, metric=metric).fit(_two_circles())
    distances, indices = fitted.kneighbors(n_neighbors=35)
    assert (indices[40:, 29:] == -1).all()
    assert np.isinf(distances[40:, 29:]).all()
    assert np.isfinite(distances[:40]).all()
    assert (fitted.similarities(n_neighbors=35)[0][40:, 29:] == 0).all()
    assert fitted.kneighbors_graph(n_neighbors=35).nnz == 40 * 35 + 30 * 29
    near, far = fitted.kneighbors(np.array([[10.5, 10.0]]), n_neighbors=40)
    assert np.isinf(near[0, 30:]).all()
    assert set(far[0, :30].tolist()) == set(range(40, 70))


@pytest.mark.parametrize("metric", DISTANCES)
def test_neighbors_of_small_and_repeated_sets(metric):
    for rows in (np.ones((12, 3)), np.random.default_rng(0).normal(size=(2, 4)), np.repeat(np.eye(4), 6, axis=0)):
        with pytest.warns(UserWarning, match="lowered to"):
            fitted = ManifoldNeighbors(30, metric=metric).fit(rows)
        distances, indices = fitted.kneighbors()
        assert not (indices == np.arange(len(rows))[:, None]).any()
        assert (np.diff(distances, axis=1) >= 0).all()
    with pytest.raises(ValueError, match="minimum of 2"):
        ManifoldNeighbors(metric=metric).fit(np.ones((1, 3)))


def test_sparse_rows_have_the_neighbors_of_dense_ones():
    rows = sparse.random(60, 30, density=0.3, random_state=0, format="csr", dtype=np.float32)
    for metric in ("euclidean", "cosine", "geodesic", "diffusion"):
        thin, full = (ManifoldNeighbors(6, metric=metric).fit(X) for X in (rows, rows.toarray()))
        np.testing.assert_array_equal(thin.graph_.indices, full.graph_.indices)
        np.testing.assert_allclose(thin.kneighbors(rows[:5])[0], full.kneighbors(rows[:5].toarray())[0], atol=1e-3)


def test_a_graph_of_another_metric_is_refused_in_words():
    rows = np.random.default_rng(0).normal(size=(20, 3))
    with pytest.raises(ValueError, match="made under cosine"):
        ManifoldNeighbors(metric="euclidean").fit(rows, graph=knn_graph(rows, n_neighbors=4, metric="cosine"))
    with pytest.raises(ValueError, match="wanted one of"):
        ManifoldNeighbors(metric="hamming").fit(rows)
    with pytest.raises(ValueError, match="features"):
        ManifoldNeighbors(4).fit(rows).kneighbors(np.ones((2, 5)))
