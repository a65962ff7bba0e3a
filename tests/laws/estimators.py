"""What every map and every clustering must obey, whatever its mathematics."""

import json
import warnings

import numpy as np
import pytest

from imatlas.neighbors import knn_graph


def three_groups(n: int = 150, d: int = 6, seed: int = 0) -> np.ndarray:
    """Rows in three well separated groups, float32 (n, d)."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, d)) + 8 * np.eye(3, d)[np.arange(n) % 3]).astype(np.float32)


def _quiet_fit(estimator, *rows, **graph):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return estimator.fit(*rows, **graph)


def check_map(make, takes_graphs: bool = True) -> None:
    """Hold a map to its family's law; `make()` gives an unfitted one; does it need no features beside a graph?"""
    rows = np.random.default_rng(0).normal(size=(80, 5)).astype(np.float32)
    new = np.random.default_rng(1).normal(size=(20, 5)).astype(np.float32)
    fitted = _quiet_fit(make(), rows)
    places, width = fitted.embedding_, np.ptp(fitted.embedding_)
    assert places.dtype == np.float32
    assert np.isfinite(places).all()
    np.testing.assert_array_equal(_quiet_fit(make(), rows).embedding_, places)  # the same seed, the same bits
    np.testing.assert_array_equal(fitted.transform(rows), places)  # a fitted row has its fitted place
    alone = np.concatenate([fitted.transform(row[None]) for row in new])
    assert np.abs(alone - fitted.transform(new)).max() <= 1e-5 * width  # no row depends on its company
    ready = _quiet_fit(make(), rows, graph=knn_graph(rows, n_neighbors=make().n_neighbors))
    np.testing.assert_array_equal(ready.embedding_, places)  # a ready graph changes nothing
    graph = knn_graph(rows, n_neighbors=make().n_neighbors)
    with pytest.raises(ValueError, match="graph alone"):
        make().fit(graph).transform(rows)
    if takes_graphs:
        assert make().fit(graph).embedding_.shape == places.shape
    settings, arrays = fitted.pack()
    again = type(fitted).unpack(json.loads(json.dumps(settings)), {name: array.copy() for name, array in arrays.items()})
    np.testing.assert_array_equal(again.transform(new), fitted.transform(new))
    assert fitted.embedding_value().coordinates.shape == places.shape
    np.testing.assert_array_equal(fitted.inverse_transform(places), rows)
    assert fitted.inverse_confidence(places).min() == 1
    between = fitted.transform(new)
    together, apart = fitted.inverse_transform(between), [fitted.inverse_transform(place[None])[0] for place in between]
    np.testing.assert_allclose(together, np.array(apart), atol=1e-5)


def check_map_of_broken_and_tiny_sets(make) -> None:
    """A map gives finite places for sets that fall apart, duplicates, and the smallest sets."""
    for rows in (
        np.concatenate([np.random.default_rng(0).normal(size=(40, 3)), np.random.default_rng(1).normal(size=(30, 3)) + 1e3]),
        np.zeros((30, 4)),
        np.random.default_rng(0).normal(size=(3, 2)),
        np.random.default_rng(0).normal(size=(2, 2)),
        np.repeat(np.random.default_rng(0).normal(size=(20, 3)), 4, axis=0),
    ):
        fitted = _quiet_fit(make(), rows)
        assert np.isfinite(fitted.embedding_).all()
        np.testing.assert_array_equal(_quiet_fit(make(), rows).transform(rows), fitted.embedding_)


def check_clustering(make) -> None:
    """Hold a clustering of three groups to its family's law; `make()` gives an unfitted one."""
    rows = three_groups()
    fitted = _quiet_fit(make(), rows)
    truth = np.arange(len(rows)) % 3
    together = fitted.labels_[:, None] == fitted.labels_[None]
    assert not together[truth[:, None] != truth[None]].any()  # no cluster holds rows of two groups
    np.testing.assert_array_equal(_quiet_fit(make(), rows).labels_, fitted.labels_)
    np.testing.assert_array_equal(fitted.predict(rows), fitted.labels_)
    new = three_groups(seed=1)
    np.testing.assert_array_equal(np.concatenate([fitted.predict(row[None]) for row in new]), fitted.predict(new))
    settings, arrays = fitted.pack()
    again = type(fitted).unpack(json.loads(json.dumps(settings)), arrays)
    np.testing.assert_array_equal(again.predict(new), fitted.predict(new))
    clusters = fitted.clusters_value()
    assert clusters.labels.max() + 1 == clusters.n_clusters
    assert clusters.strengths.min() >= 0
    assert clusters.strengths.max() <= 1
