"""Every condition under its family's law, and each with numbers that can be counted."""

from dataclasses import replace

import numpy as np
import pytest
from laws.conditions import check_condition, check_examples, check_reading
from small_set import N

from imatlas.checks import InputError
from imatlas.conditions import CONDITIONS, ClassCondition, FeatureCondition, MapPlaceCondition, WordCondition, batch_codes
from imatlas.values import OFF_THE_MAP, Embedding, ImageSet, Manifold

NONSENSE = {
    "class": "banana",
    "cluster": "0",
    "cluster_middle": "99",
    "cluster_coarse": "",
    "map_place": "over there",
    "density": "1.1",
}
"""For each condition that has words, some that mean nothing."""


def test_every_condition_has_the_name_it_is_found_by() -> None:
    assert {name: condition.name for name, condition in CONDITIONS.items()} == {name: name for name in CONDITIONS}
    assert set(NONSENSE) == {name for name, condition in CONDITIONS.items() if issubclass(condition, WordCondition)}


@pytest.mark.parametrize("name", CONDITIONS)
def test_conditions_keep_their_law(name: str, images: ImageSet, manifold: Manifold) -> None:
    condition = CONDITIONS[name].describe(images, manifold)
    assert condition is not None
    check_condition(condition, N)
    if isinstance(condition, WordCondition):
        check_reading(condition, NONSENSE[name])
    if isinstance(condition, FeatureCondition):
        check_examples(condition, manifold.features.rows)


def test_codes_of_classes_are_those_of_the_training_rows(images: ImageSet, manifold: Manifold) -> None:
    condition = ClassCondition.describe(images, manifold)
    codes = condition.codes(np.arange(N), np.random.default_rng(0))[:, 0]
    labels = images.labels[images.training_rows]
    assert (np.isnan(codes) == (labels < 0)).all()
    assert np.isnan(codes).any()
    np.testing.assert_array_equal(codes[labels >= 0], labels[labels >= 0])


def test_classes_are_drawn_as_often_as_they_are_in_the_set(images: ImageSet, manifold: Manifold) -> None:
    """2,000 draws; five standard errors of a share of one half are 0.056. Rows without a label are not drawn."""
    condition = ClassCondition.describe(images, manifold)
    rng = np.random.default_rng(0)
    drawn = np.array([condition.draw(rng)[0] for _ in range(2000)])
    known = images.labels[images.training_rows]
    known = known[known >= 0]
    for value in (0, 1):
        assert (drawn == value).mean() == pytest.approx((known == value).mean(), abs=0.056)


def test_a_class_is_asked_for_by_its_name(images: ImageSet, manifold: Manifold) -> None:
    condition = ClassCondition.describe(images, manifold)
    assert condition.read("pear, green").tolist() == [1.0]
    assert condition.words(np.array([0], dtype=np.float32)) == "apple"
    with pytest.raises(InputError, match=r"There is no class 'fig'; choose one of: apple, pear, green\."):
        condition.read("fig")
    for wish in ("1", "-1", "Apple", ""):
        with pytest.raises(InputError, match="There is no class"):
            condition.read(wish)


def test_a_class_without_a_training_image_is_no_wish() -> None:
    """Its place in the network was never trained, so what it would draw is anything."""
    condition = ClassCondition(np.array([0, 2, 2, -1]), ("apple", "fig", "pear"))
    assert condition.read("pear") == 2
    with pytest.raises(InputError, match=r"No training image is of the class 'fig'; choose one of: apple, pear\."):
        condition.read("fig")


def test_a_place_counts_as_on_the_map_by_its_nearest_image_as_the_map_itself_has_it() -> None:
    """Points a unit apart: 2.9 units from the last one is on the map, 3.1 is off, here and in `Embedding.support`."""
    line = np.stack([np.arange(100.0), np.zeros(100)], axis=1).astype(np.float32)
    condition, embedding = MapPlaceCondition(line), Embedding(line, "line")
    for off, is_on in ((2.9, True), (3.1, False)):
        place = 99 + off * embedding.spacing
        assert (embedding.support(np.array([place, 0.0])) <= OFF_THE_MAP) == is_on
        if is_on:
            condition.read(f"{place},0")
        else:
            with pytest.raises(InputError, match=r"is off the map: 3 times .* The nearest place on it is 99"):
                condition.read(f"{place},0")


def test_a_name_that_is_a_number_is_read_as_a_name() -> None:
    condition = ClassCondition(np.array([0, 1]), ("1", "0"))
    assert condition.read("1") == 0
    assert condition.words(condition.read("0")) == "0"


def test_a_long_list_of_names_is_cut() -> None:
    condition = ClassCondition(np.arange(30), [f"kind {number}" for number in range(30)])
    with pytest.raises(InputError, match=r"kind 19 and 10 more\.$"):
        condition.read("nothing")


def test_a_set_without_two_classes_has_no_class_condition(images: ImageSet, manifold: Manifold) -> None:
    assert ClassCondition.describe(replace(images, labels=None), manifold) is None
    one = np.where(images.labels >= 0, 0, -1)
    assert ClassCondition.describe(replace(images, labels=one), manifold) is None
    only_held_out = np.where(images.held_out, 1, 0)
    assert ClassCondition.describe(replace(images, labels=only_held_out), manifold) is None


def test_codes_of_places_are_centred_of_unit_spread_and_jittered(images: ImageSet, manifold: Manifold) -> None:
    """Jitter is half the spacing in map units, so (1 / 2 spacing / scale)^2 of variance in each column."""
    condition = MapPlaceCondition.describe(images, manifold)
    plain = condition.code(manifold.embedding.coordinates)
    np.testing.assert_allclose(plain.mean(axis=0), 0, atol=1e-5)
    first, again = (condition.codes(np.arange(N), np.random.default_rng(seed)) for seed in (0, 1))
    assert not np.array_equal(first, again), "each batch moves the places afresh"
    moved = np.concatenate([condition.codes(np.arange(N), np.random.default_rng(seed)) - plain for seed in range(20)])
    expected = 0.5 * manifold.embedding.spacing / condition.scale
    np.testing.assert_allclose(moved.std(axis=0), expected, rtol=0.1)
    np.testing.assert_allclose(moved.mean(axis=0), 0, atol=5 * expected / np.sqrt(len(moved)))


def test_places_are_drawn_where_the_map_is_dense(images: ImageSet, manifold: Manifold) -> None:
    """Mean and spread of 1,500 draws are those of the map's points, jitter included; five standard errors."""
    condition = MapPlaceCondition.describe(images, manifold)
    rng = np.random.default_rng(0)
    drawn = np.stack([condition.draw(rng) for _ in range(1500)])
    plain = condition.code(manifold.embedding.coordinates)
    spread = np.sqrt(plain.var(axis=0) + (0.5 * manifold.embedding.spacing / condition.scale) ** 2)
    np.testing.assert_allclose(drawn.mean(axis=0), 0, atol=5 * spread.max() / np.sqrt(1500))
    np.testing.assert_allclose(drawn.std(axis=0), spread, rtol=0.1)


def test_a_place_is_asked_for_in_map_coordinates(images: ImageSet, manifold: Manifold) -> None:
    condition = MapPlaceCondition.describe(images, manifold)
    place = manifold.embedding.coordinates[:1].astype(np.float64)
    code = condition.read(f"{place[0, 0]:.4f}, {place[0, 1]:.4f}")
    np.testing.assert_allclose(code, condition.code(place)[0], atol=1e-3)
    for wish in ("1", "1,2,3", "nan,1", "inf,1", "a,b", "1;2"):
        with pytest.raises(InputError, match=r"is not 2 numbers; write x,y with values from .* to .* and .* to "):
            condition.read(wish)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_places_are_said_in_as_many_digits_as_the_map_needs(scale: float) -> None:
    """A spectral map has coordinates of about 0.01; two decimals would say the same of every place."""
    coordinates = scale * np.random.default_rng(0).normal(size=(50, 2))
    condition = MapPlaceCondition(coordinates)
    words = {condition.words(code) for code in condition.code(coordinates.astype(np.float32))}
    assert len(words) == 50
    assert max(len(word) for word in words) < 24
    check_condition(condition, 50)
    check_reading(condition, "nowhere")


def test_a_map_with_all_points_in_one_place_still_gives_codes() -> None:
    condition = MapPlaceCondition(np.full((5, 2), 3.0))
    assert np.isfinite(condition.codes(np.arange(5), np.random.default_rng(0))).all()


def test_codes_of_a_batch_hold_every_condition_once(images: ImageSet, manifold: Manifold) -> None:
    conditions = [kind.describe(images, manifold) for kind in CONDITIONS.values()]
    codes = batch_codes(conditions, np.array([3, 3, 7]), np.random.default_rng(0))
    assert {name: values.shape[1] for name, values in codes.fields.items()} == {
        "class": 1,
        "cluster": 1,
        "cluster_middle": 1,
        "cluster_coarse": 1,
        "style": 8,
        "neighborhood": 17,
        "map_place": 2,
        "density": 1,
    }
    assert {len(values) for values in codes.fields.values()} == {3}
    assert not np.array_equal(codes.fields["map_place"][0], codes.fields["map_place"][1])
    assert batch_codes([], np.array([1]), np.random.default_rng(0)).fields == {}
