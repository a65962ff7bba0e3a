"""Maps: the family's law, scikit-learn's contract, and one truth of each."""

import importlib.util
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist
from sklearn.datasets import load_digits, make_swiss_roll
from sklearn.manifold import Isomap, SpectralEmbedding
from threadpoolctl import threadpool_limits

from imatlas.manifold import (
    EMBEDDINGS,
    DiffusionMap,
    LandmarkIsomap,
    NeighborMap,
    SpectralMap,
    TangentAlignment,
    map_trust,
)
from imatlas.manifold.spectral import graph_affinity
from imatlas.neighbors import knn_graph

_spec = importlib.util.spec_from_file_location("laws_estimators", Path(__file__).parents[1] / "laws" / "estimators.py")
laws = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(laws)

MAKERS = [
    lambda: SpectralMap(n_neighbors=10),
    lambda: DiffusionMap(n_neighbors=10),
    lambda: LandmarkIsomap(n_neighbors=10, n_landmarks=30),
    lambda: NeighborMap(n_neighbors=10, n_steps=60),
    lambda: TangentAlignment(n_neighbors=10),
]


@pytest.mark.parametrize("make", MAKERS)
def test_maps_obey_their_law(make):
    laws.check_map(make, takes_graphs=not isinstance(make(), TangentAlignment))


@pytest.mark.parametrize("make", MAKERS)
def test_maps_of_broken_and_tiny_sets_are_finite(make):
    laws.check_map_of_broken_and_tiny_sets(make)


@pytest.mark.parametrize("method", EMBEDDINGS.values())
@pytest.mark.parametrize("n_components", [1, 3])
def test_maps_have_any_number_of_components(method, n_components):
    rows = np.random.default_rng(0).normal(size=(60, 5))
    fitted = method(n_components=n_components, n_neighbors=8).fit(rows)
    assert fitted.transform(rows[:4] + 0.01).shape == (4, n_components)
    assert fitted.get_feature_names_out().shape == (n_components,)


def test_isomap_unrolls_a_swiss_roll():
    """The roll's flat form is (arc length, height); arc length s(t) of r = t is (t sqrt(1 + t^2) + asinh t) / 2."""
    rows, t = make_swiss_roll(1500, random_state=0)
    flat = np.stack([(t * np.sqrt(1 + t**2) + np.arcsinh(t)) / 2, rows[:, 1]], axis=1)
    places = LandmarkIsomap(n_neighbors=10, n_landmarks=100).fit_transform(rows)
    sample = np.random.default_rng(0).choice(1500, 300, replace=False)
    assert np.corrcoef(pdist(places[sample]), pdist(flat[sample]))[0, 1] > 0.995
    straight = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[0][:, :2]
    assert np.corrcoef(pdist(straight[sample]), pdist(flat[sample]))[0, 1] < 0.9  # principal components cannot


def test_isomap_with_all_rows_as_landmarks_is_isomap():
    rows = np.random.default_rng(0).normal(size=(120, 3))
    places = LandmarkIsomap(n_neighbors=8, n_landmarks=120).fit_transform(rows)
    peer = Isomap(n_neighbors=8, n_components=2).fit_transform(rows)
    signs = np.sign((places * peer).sum(axis=0))
    np.testing.assert_allclose(places, peer * signs, atol=1e-3 * np.ptp(peer))


def test_spectral_map_is_the_spectral_embedding_of_its_affinity():
    rows = np.random.default_rng(0).normal(size=(100, 3))
    graph = knn_graph(rows, n_neighbors=10)
    places = SpectralMap().fit_transform(graph)
    affinity = graph_affinity(graph).toarray()
    peer = SpectralEmbedding(2, affinity="precomputed", random_state=0, eigen_solver="arpack").fit_transform(affinity)
    scale = np.linalg.norm(places[:, 0]) / np.linalg.norm(peer[:, 0])
    signs = np.sign((places * peer).sum(axis=0))
    np.testing.assert_allclose(places, peer * signs * scale, atol=2e-2)


def test_neighbor_map_of_digits_is_more_trusted_than_principal_components():
    rows = load_digits().data.astype(np.float32)
    trust = map_trust(rows, NeighborMap().fit_transform(rows))
    straight = map_trust(rows, np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[0][:, :2])
    assert trust["trustworthiness"] > 0.98 > straight["trustworthiness"]
    assert trust["neighbor_recall"] > 0.4 > straight["neighbor_recall"]


def test_new_digits_land_among_their_own():
    digits = load_digits()
    old, new = np.arange(1797) % 5 > 0, np.arange(1797) % 5 == 0
    fitted = NeighborMap().fit(digits.data[old])
    nearest = fitted.embedding_value().nearest(fitted.transform(digits.data[new]))[:, 0]
    assert np.mean(digits.target[old][nearest] == digits.target[new]) > 0.95


def test_parts_of_a_broken_graph_do_not_overlap():
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(size=(60, 3)), rng.normal(size=(40, 3)) + 500])
    for method in EMBEDDINGS.values():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            places = method(n_neighbors=6).fit_transform(rows)
        near = [np.argsort(np.square(places - place).sum(axis=1))[1] for place in places]
        assert np.mean((np.array(near) < 60) == (np.arange(100) < 60)) == 1.0


def test_wrong_settings_are_refused_in_words():
    with pytest.raises(ValueError, match="whole number"):
        SpectralMap(n_components=0).fit(np.eye(5))
    with pytest.raises(ValueError, match="1 or more"):
        NeighborMap(attraction=0.5).fit(np.eye(5))
    with pytest.raises(ValueError, match="made of X"):
        SpectralMap().fit(np.eye(5), graph=knn_graph(np.eye(4), n_neighbors=2))


@pytest.mark.parametrize("method", EMBEDDINGS.values())
def test_maps_have_the_same_bits_with_one_and_with_two_threads(method):
    rows = np.random.default_rng(0).normal(size=(700, 20)).astype(np.float32)
    answers, before = [], torch.get_num_threads()
    for n_threads in (1, 2):
        torch.set_num_threads(n_threads)
        with threadpool_limits(n_threads):
            fitted = method(n_components=3).fit(rows[:600])
            places = fitted.transform(rows[600:])
            answers.append((fitted.embedding_, places, fitted.inverse_transform(places), fitted.inverse_confidence(places)))
    torch.set_num_threads(before)
    for one, two in zip(*answers):
        np.testing.assert_array_equal(one, two)


def test_isomap_wants_more_landmarks_than_coordinates():
    """One landmark has no direction to any other: all rows would have one place."""
    with pytest.raises(ValueError, match="Raise n_landmarks"):
        LandmarkIsomap(2, n_landmarks=2).fit(np.random.default_rng(0).normal(size=(40, 3)))
