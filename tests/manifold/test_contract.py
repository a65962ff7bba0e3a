"""Scikit-learn's contract, kept by every estimator of the manifold room without exemption."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from imatlas.manifold import CLUSTERINGS, EMBEDDINGS, AnyMap, ManifoldNeighbors, SpectralMap

QUICK = {"landmark_isomap": {"n_landmarks": 20}, "neighbor_map": {"n_steps": 20}}
DIGITS = load_digits()


@parametrize_with_checks(
    [
        *[method(**QUICK.get(name, {})) for name, method in (EMBEDDINGS | CLUSTERINGS).items()],
        AnyMap(PCA(1)),
        ManifoldNeighbors(),
    ]
)
def test_estimators_keep_the_contract_of_scikit_learn(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_maps_work_in_a_pipeline_and_name_their_columns(name):
    """Neighbors on a map of four coordinates know digits they have not seen, far better than the tenth that chance gives."""
    mapper = EMBEDDINGS[name](n_components=4, n_neighbors=10, **QUICK.get(name, {}))
    pipeline = make_pipeline(StandardScaler(with_std=False), mapper, KNeighborsClassifier())
    assert cross_val_score(pipeline, DIGITS.data[:500], DIGITS.target[:500], cv=2).min() > 0.5
    names = pipeline[:-1].fit(DIGITS.data[:100]).get_feature_names_out()
    assert names.tolist() == [f"{type(mapper).__name__.lower()}{column}" for column in range(4)]


def test_columns_of_maps_come_as_a_table_when_asked():
    pandas = pytest.importorskip("pandas")
    table = SpectralMap().set_output(transform="pandas").fit_transform(DIGITS.data[:50])
    assert isinstance(table, pandas.DataFrame)
    assert table.columns.tolist() == ["spectralmap0", "spectralmap1"]


def test_settings_of_a_map_are_searched():
    search = GridSearchCV(make_pipeline(SpectralMap(), KNeighborsClassifier()), {"spectralmap__n_components": [1, 8]}, cv=2)
    search.fit(DIGITS.data[:500], DIGITS.target[:500])
    assert search.best_params_ == {"spectralmap__n_components": 8}
    assert search.best_score_ > 0.8


@pytest.mark.parametrize("name", CLUSTERINGS)
def test_settings_of_a_clustering_are_searched(name):
    """Judged without labels of its own: a clustering that agrees with itself on new rows."""
    rows = DIGITS.data[:200]
    search = GridSearchCV(
        CLUSTERINGS[name](),
        {"n_neighbors" if "n_neighbors" in CLUSTERINGS[name]().get_params() else "random_state": [5, 10]},
        cv=2,
        scoring=lambda estimator, new, y=None: float(len(np.unique(estimator.predict(new)))),
    )
    assert search.fit(rows).best_estimator_.predict(rows).shape == (200,)
