"""From places on a map back to features: exact on rows, right between them, and less sure the further off."""

import numpy as np
import pytest

from imatlas.manifold import LandmarkIsomap, NeighborMap
from imatlas.manifold.inverse import chart_confidence, invert_map
from imatlas.neighbors import knn_graph


def _curved(places: np.ndarray) -> np.ndarray:
    """A smooth manifold float32 (b, 40) with coordinates places (b, q)."""
    rng = np.random.default_rng(7)
    return np.sin(places @ rng.normal(size=(places.shape[1], 40)) / np.sqrt(places.shape[1]) + rng.uniform(0, 6, 40)).astype(
        np.float32
    )


def test_places_become_the_features_they_came_from():
    """On a flat sheet the map is affine, so its inverse at a place between rows is known to the chart's error."""
    rng = np.random.default_rng(0)
    sheet = rng.uniform(size=(800, 2))
    axes = np.linalg.qr(rng.normal(size=(6, 6)))[0][:2]
    fitted = LandmarkIsomap(n_neighbors=12).fit(sheet @ axes)
    np.testing.assert_array_equal(fitted.inverse_transform(fitted.embedding_), fitted.rows_)
    inner = rng.uniform(0.2, 0.8, size=(50, 2)) @ axes
    back = fitted.inverse_transform(fitted.transform(inner))
    assert np.sqrt(np.square(back - inner).sum(axis=1)).max() < 0.05


@pytest.mark.parametrize(("q", "error"), [(2, 0.03), (8, 0.15), (32, 0.4)])
def test_places_of_any_dimension_become_features(q, error):
    """Relative to the spread of the features; 2,000 rows leave cells of 0.02, 0.4 and 0.8 of a side in 2, 8, 32 dimensions."""
    rng = np.random.default_rng(0)
    places, new = rng.uniform(size=(2000, q)).astype(np.float32), rng.uniform(size=(100, q)).astype(np.float32)
    truth = _curved(new)
    back = invert_map(new, places, _curved(places))
    assert np.square(back - truth).mean() < error**2 * truth.var(axis=0).mean()
    alone = np.concatenate([invert_map(place[None], places, _curved(places)) for place in new[:20]])
    np.testing.assert_allclose(alone, back[:20], atol=1e-5)


@pytest.mark.parametrize("q", [2, 8, 32])
def test_confidence_is_near_one_among_the_rows_and_falls_off_them(q):
    rng = np.random.default_rng(0)
    places, new = rng.normal(size=(1500, q)).astype(np.float32), rng.normal(size=(100, q)).astype(np.float32)
    rows = _curved(places)
    assert chart_confidence(places[:50], places, rows).min() == 1
    assert np.median(chart_confidence(new, places, rows)) > 0.95
    falling = [np.median(chart_confidence(new * far, places, rows)) for far in (4, 10, 100, 1e4)]
    assert falling == sorted(falling, reverse=True)
    assert falling[1] < 0.1
    assert falling[3] < 1e-4


def test_a_gap_between_two_groups_is_told_by_confidence():
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(size=(150, 5)), rng.normal(size=(150, 5)) + 12])
    fitted = NeighborMap(n_neighbors=10, n_steps=80).fit(rows)
    middle = (fitted.embedding_[:150].mean(axis=0) + fitted.embedding_[150:].mean(axis=0)) / 2
    assert fitted.inverse_confidence(middle[None])[0] < 0.3
    assert np.median(fitted.inverse_confidence(fitted.embedding_ + 0.01)) > 0.95


def test_equal_rows_have_sure_places_and_unsure_surroundings():
    places, rows = np.zeros((30, 2), dtype=np.float32), np.ones((30, 4), dtype=np.float32)
    np.testing.assert_array_equal(chart_confidence(np.array([[0, 0], [1, 1]], dtype=np.float32), places, rows).round(6), [1, 0])
    np.testing.assert_allclose(invert_map(np.ones((1, 2), dtype=np.float32), places, rows), 1, rtol=1e-6)


def test_places_that_are_no_places_are_refused_in_words():
    fitted = LandmarkIsomap(n_neighbors=5).fit(np.random.default_rng(0).normal(size=(30, 3)))
    for verb in (fitted.inverse_transform, fitted.inverse_confidence):
        with pytest.raises(ValueError, match="2 coordinates per place"):
            verb(np.zeros((3, 5)))
        with pytest.raises(ValueError, match="NaN or infinite"):
            verb(np.full((3, 2), np.nan))
    with pytest.raises(ValueError, match="dense rows"):
        LandmarkIsomap().fit(knn_graph(fitted.rows_, n_neighbors=5)).inverse_transform(np.zeros((1, 2)))
