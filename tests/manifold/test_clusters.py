"""Clusterings: the family's law and one truth of each."""

import importlib.util
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

from imatlas.manifold import BalancedClusters, SpectralClusters
from imatlas.manifold.kmeans import k_means
from imatlas.neighbors import knn_graph

_spec = importlib.util.spec_from_file_location("laws_estimators", Path(__file__).parents[1] / "laws" / "estimators.py")
laws = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(laws)


@pytest.mark.parametrize(
    "make",
    [
        lambda: SpectralClusters(3, n_neighbors=10),
        lambda: SpectralClusters(3, n_neighbors=60),
        lambda: BalancedClusters(3),
        lambda: BalancedClusters(9, min_size=5),
    ],
)
def test_clusterings_obey_their_law(make):
    laws.check_clustering(make)


def test_spectral_clusters_tell_rings_apart():
    """Two rings, one inside the other: no center-based clustering can."""
    angles = 2 * np.pi * np.arange(200) / 200
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    rows = np.concatenate([ring, 3 * ring])
    truth = np.repeat([0, 1], 200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert adjusted_rand_score(truth, SpectralClusters(2, n_neighbors=6).fit_predict(rows)) == 1
        assert adjusted_rand_score(truth, SpectralClusters(2).fit_predict(knn_graph(rows, n_neighbors=6))) == 1


def test_more_parts_than_clusters_are_joined_to_their_nearest():
    rows = np.concatenate(
        [np.random.default_rng(part).normal(size=(10, 2)) + place for part, place in enumerate([0, 40, 900, 940])]
    )
    labels = SpectralClusters(2, n_neighbors=4).fit_predict(rows)
    np.testing.assert_array_equal(labels == labels[0], np.arange(40) < 20)
    assert len(set(SpectralClusters(2).fit_predict(knn_graph(rows, n_neighbors=4)))) == 2


def test_balanced_clusters_keep_their_least_size():
    rows = load_digits().data
    fitted = BalancedClusters().fit(rows)
    assert np.bincount(fitted.labels_).min() >= 50
    assert fitted.levels_.shape[1] >= 2
    for coarse, fine in zip(fitted.levels_.T[:-1], fitted.levels_.T[1:]):
        assert all(len(set(coarse[fine == cluster])) == 1 for cluster in set(fine))  # each fine one lies in one coarse one


def test_a_set_below_the_least_size_is_one_cluster():
    assert set(BalancedClusters().fit_predict(np.random.default_rng(0).normal(size=(20, 3)))) == {0}
    assert set(BalancedClusters(4).fit_predict(np.zeros((20, 3)))) == {0}


def test_k_means_ends_where_each_center_is_the_mean_of_its_rows():
    rows = laws.three_groups()
    centers = k_means(rows, 3, seed=0, n_starts=3)
    nearest = np.argmin(np.square(rows[:, None] - centers[None]).sum(axis=2), axis=1)
    means = np.stack([rows[nearest == cluster].mean(axis=0) for cluster in range(3)])
    np.testing.assert_allclose(centers, means, atol=1e-5)
    assert len(np.unique(nearest)) == 3


def test_spectral_clusters_of_one_coordinate_are_more_than_two():
    """Directions of one coordinate alone would be two; the constant mode beside it tells three groups on a line apart."""
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(size=(60, 2)) + [place, 0] for place in (0, 5, 10)])
    found = SpectralClusters(3, n_components=1, n_neighbors=20).fit_predict(rows)
    assert adjusted_rand_score(np.repeat([0, 1, 2], 60), found) > 0.9
