import numpy as np

from imatlas.conditions import ClusterCondition, ClusterMiddleCondition, MapPlaceCondition, NeighborhoodCondition
from imatlas.conditions.components import fit_axes
from imatlas.recipes.asked import asked_codes
from imatlas.values import Codes


def test_asked_codes_lie_beside_those_of_the_training_images_themselves():
    rng = np.random.default_rng(0)
    labels, places = np.array([0, 1, -1, 1, 0]), rng.normal(size=(5, 2)).astype(np.float32)
    rows = rng.normal(size=(30, 4)).astype(np.float32)
    fit = fit_axes(rows, np.zeros(30, np.int64), 3)
    near = NeighborhoodCondition(fit, fit.codes(rows), np.zeros((30, 1), np.int64))
    kinds = [condition(labels, np.arange(2)) for condition in (ClusterCondition, ClusterMiddleCondition)]
    known = [*kinds, MapPlaceCondition(places), near]
    asked = Codes(
        {
            "cluster": np.array([[1.0], [np.nan]], np.float32),
            "map_place": known[2].code(places[:2]),
            "neighborhood": near.code_of(rows[:2]),
            "cluster_middle": np.zeros((2, 1), np.float32),
        }
    )
    found = asked_codes(known, asked)
    assert set(found) == {"cluster", "map_place", "neighborhood"}
    np.testing.assert_array_equal(found["cluster"]["train"], labels)
    np.testing.assert_array_equal(found["cluster"]["generated"], [1, -1])
    for name in ("map_place", "neighborhood"):
        np.testing.assert_allclose(found[name]["train"][:2], found[name]["generated"], atol=1e-5)


def test_a_neighborhood_without_its_bank_and_what_was_not_asked_are_left_out():
    rows = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    fit = fit_axes(rows, np.zeros(30, np.int64), 3)
    conditions = [NeighborhoodCondition(fit), MapPlaceCondition(rows[:, :2])]
    assert asked_codes(conditions, Codes({"neighborhood": np.zeros((2, 4), np.float32)})) == {}
