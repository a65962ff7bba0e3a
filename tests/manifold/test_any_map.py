"""Any transformer in the place of a map: its own ways are used, what it lacks is charted."""

import json

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.manifold import TSNE, Isomap
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from imatlas.manifold import AnyMap, map_trust
from imatlas.neighbors import knn_graph

DIGITS = load_digits()


@pytest.mark.parametrize("transformer", [PCA(3, random_state=0), make_pipeline(StandardScaler(), PCA(2, random_state=0))])
def test_what_a_transformer_can_do_itself_it_does(transformer):
    rows = DIGITS.data[:300].astype(np.float32)
    fitted = AnyMap(transformer).fit(rows[:250])
    peer = transformer.fit(rows[:250])
    np.testing.assert_allclose(fitted.embedding_, peer.transform(rows[:250]), atol=1e-4)
    np.testing.assert_allclose(fitted.transform(rows[250:]), peer.transform(rows[250:]), atol=1e-4)
    places = fitted.embedding_[:20]
    np.testing.assert_allclose(fitted.inverse_transform(places), peer.inverse_transform(places), atol=1e-3)
    assert fitted.inverse_confidence(places).min() == 1


def test_charts_stand_in_for_the_transform_they_replace():
    """Principal components are affine, and so is a chart: with little noise across them both place new rows alike."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(500, 2)) @ rng.normal(size=(2, 8)) + 1e-3 * rng.normal(size=(500, 8))
    own, charted = (AnyMap(PCA(2), charts_only=only).fit(rows[:400]) for only in (False, True))
    inner = rows[400:][np.abs(own.transform(rows[400:])).max(axis=1) < 3]
    assert np.median(np.abs(own.transform(inner) - charted.transform(inner))) < 0.02 * np.ptp(own.embedding_)
    np.testing.assert_array_equal(charted.inverse_transform(charted.embedding_), charted.rows_)


def test_a_map_that_cannot_place_new_rows_places_them_by_charts():
    rows, old = DIGITS.data[:600].astype(np.float32), np.arange(600) % 6 > 0
    fitted = AnyMap(TSNE(random_state=0, max_iter=300)).fit(rows[old])
    np.testing.assert_array_equal(fitted.transform(rows[old]), fitted.embedding_)
    new = rows[~old]
    places = fitted.transform(new)
    alone = np.concatenate([fitted.transform(row[None]) for row in new[:10]])
    assert np.abs(alone - places[:10]).max() <= 1e-5 * np.ptp(fitted.embedding_)
    nearest = fitted.embedding_value().nearest(places)[:, 0]
    assert np.mean(DIGITS.target[:600][old][nearest] == DIGITS.target[:600][~old]) > 0.9
    assert map_trust(rows[old], fitted.embedding_)["trustworthiness"] > 0.95


def test_a_transformer_takes_a_ready_graph_and_is_packed_with_charts():
    rows = DIGITS.data[:200].astype(np.float32)
    fitted = AnyMap(Isomap(n_neighbors=8), charts_only=True).fit(rows[:180], graph=knn_graph(rows[:180], n_neighbors=10))
    settings, arrays = fitted.pack()
    again = AnyMap.unpack(json.loads(json.dumps(settings)), arrays)
    np.testing.assert_array_equal(again.transform(rows), fitted.transform(rows))
    np.testing.assert_array_equal(again.inverse_transform(fitted.embedding_), rows[:180])
    with pytest.raises(ValueError, match="charts_only=True"):
        AnyMap(PCA(2)).fit(rows).pack()


def test_settings_of_the_transformer_are_searched():
    search = GridSearchCV(
        make_pipeline(AnyMap(PCA(random_state=0)), KNeighborsClassifier()), {"anymap__transformer__n_components": [1, 8]}, cv=3
    )
    assert search.fit(DIGITS.data[:400], DIGITS.target[:400]).best_params_ == {"anymap__transformer__n_components": 8}


def test_what_is_no_map_is_refused_in_words():
    rows = np.abs(np.random.default_rng(0).normal(size=(30, 4)))
    with pytest.raises(ValueError, match="no fit_transform"):
        AnyMap(KNeighborsClassifier()).fit(rows)
    with pytest.raises(ValueError, match="such as PCA"):
        AnyMap(TfidfTransformer()).fit(rows)
    with pytest.raises(ValueError, match="needs features"):
        AnyMap(PCA(2)).fit(knn_graph(rows, n_neighbors=3))
