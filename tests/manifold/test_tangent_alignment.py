"""Tangent alignment: flat things are recovered as they are, whatever they are rolled into."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import pdist

from imatlas.images.toys import swiss_roll
from imatlas.manifold import TangentAlignment
from imatlas.neighbors import knn_graph


def _sheet(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A rectangle of 3 x 1 laid flat in six dimensions: rows (n, 6) and their places in the rectangle (n, 2)."""
    rng = np.random.default_rng(seed)
    flat = rng.uniform(size=(n, 2)) * [3, 1]
    return flat @ np.linalg.qr(np.random.default_rng(7).normal(size=(6, 6)))[0][:2], flat


def test_a_flat_sheet_is_recovered_exactly():
    """Every chart is affine in every other, so nothing is wasted and all distances on the sheet come back."""
    rows, flat = _sheet(400)
    fitted = TangentAlignment().fit(rows)
    np.testing.assert_allclose(pdist(fitted.embedding_), pdist(flat), atol=1e-5)
    assert fitted.misfits_.max() < 1e-10
    new, places = _sheet(50, seed=1)
    np.testing.assert_allclose(pdist(fitted.transform(new)), pdist(places), atol=1e-5)
    thin = TangentAlignment().fit(sparse.csr_matrix(rows))
    np.testing.assert_allclose(thin.embedding_, fitted.embedding_, atol=1e-5)
    np.testing.assert_allclose(thin.transform(sparse.csr_matrix(new)), fitted.transform(new), atol=1e-5)


def test_tangent_alignment_unrolls_a_swiss_roll():
    """Distances on the map are those of the roll laid flat; principal components keep it rolled."""
    rows, flat = swiss_roll(2000, seed=0)
    fitted = TangentAlignment(n_neighbors=12).fit(rows)
    sample = np.random.default_rng(0).choice(2000, 300, replace=False)
    assert np.corrcoef(pdist(fitted.embedding_[sample]), pdist(flat[sample]))[0, 1] > 0.999
    np.testing.assert_allclose(np.ptp(fitted.embedding_, axis=0), np.ptp(flat, axis=0), rtol=0.05)
    straight = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[0][:, :2]
    assert np.corrcoef(pdist(straight[sample]), pdist(flat[sample]))[0, 1] < 0.9
    affine = np.linalg.lstsq(np.column_stack([fitted.embedding_, np.ones(2000)]), flat, rcond=None)[0]
    new, places = swiss_roll(200, seed=1)
    read = np.column_stack([fitted.transform(new), np.ones(200)]) @ affine
    assert np.sqrt(np.square(read - places).mean()) < 0.01 * np.ptp(flat)


def test_two_sheets_lie_side_by_side_each_as_it_is():
    rows, flat = _sheet(300)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        fitted = TangentAlignment().fit(np.concatenate([rows, rows[:200] + 100]))
    np.testing.assert_allclose(pdist(fitted.embedding_[:300]), pdist(flat), atol=1e-5)
    np.testing.assert_allclose(pdist(fitted.embedding_[300:]), pdist(flat[:200]), atol=1e-5)
    near_second = fitted.transform(rows[200:220] + 100)
    np.testing.assert_allclose(pdist(near_second), pdist(flat[200:220]), atol=1e-5)


def test_as_few_rows_as_the_map_has_corners_keep_their_distances():
    rows = np.random.default_rng(0).normal(size=(3, 5))
    np.testing.assert_allclose(pdist(TangentAlignment(n_neighbors=2).fit_transform(rows)), pdist(rows), atol=1e-5)


def test_too_few_neighbors_and_missing_features_are_refused_in_words():
    rows = np.random.default_rng(0).normal(size=(50, 6))
    with pytest.raises(ValueError, match="Raise n_neighbors"):
        TangentAlignment(n_components=4, n_neighbors=4).fit(rows)
    with pytest.raises(ValueError, match="read from features"):
        TangentAlignment().fit(knn_graph(rows))
