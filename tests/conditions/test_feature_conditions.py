"""Style, neighborhood and density, each with a truth that can be counted; and codes taken from the bank."""

from dataclasses import replace

import numpy as np
import pytest
from small_set import N

from imatlas.checks import InputError
from imatlas.conditions import CONDITIONS, DensityCondition, NeighborhoodCondition, StyleCondition, bank_codes
from imatlas.values import Codes, Features


def test_style_has_zero_mean_in_each_class_and_unit_spread(images, manifold) -> None:
    """Means of float32 sums over some hundred rows: 1e-4."""
    codes = StyleCondition.describe(images, manifold).codes(np.arange(N), np.random.default_rng(0))
    labels = images.labels[images.training_rows]
    for value in (0, 1):
        np.testing.assert_allclose(codes[labels == value].mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(np.cov(codes[labels >= 0].T, bias=True), np.eye(codes.shape[1]), atol=1e-3)


def test_without_labels_style_has_zero_mean_in_each_cluster(images, manifold) -> None:
    codes = StyleCondition.describe(replace(images, labels=None), manifold).codes(np.arange(N), np.random.default_rng(0))
    for cluster in (0, 3, 7):
        np.testing.assert_allclose(codes[manifold.clusters.labels == cluster].mean(axis=0), 0, atol=1e-4)


def test_style_goes_from_one_group_to_another(images, manifold) -> None:
    """Moved from the center of one cluster to that of another, a row keeps its style: all that changed was what it shows."""
    condition = StyleCondition.describe(replace(images, labels=None), manifold)
    labels, rows = manifold.clusters.labels, manifold.features.rows
    means = [rows[labels == cluster].mean(axis=0) for cluster in (4, 6)]
    some = rows[labels == 4][:10]
    np.testing.assert_allclose(condition.code_of(some - means[0] + means[1]), condition.code_of(some), atol=1e-3)


def test_a_neighborhood_never_comes_from_the_row_itself(images, manifold) -> None:
    """Without noise the code of row i is that of one of its three neighbors i + 1, i + 2, i + 3, each about as often."""
    condition = NeighborhoodCondition.describe(images, manifold)
    rows = np.tile(np.arange(100), 30)
    near = condition.near(rows, np.random.default_rng(0))
    steps = np.stack([(near == condition.bank[(rows + step) % N]).all(axis=1) for step in range(4)])
    np.testing.assert_allclose(steps.mean(axis=1), [0, 1 / 3, 1 / 3, 1 / 3], atol=0.05)
    with pytest.raises(RuntimeError, match="This neighborhood has training rows but not who is near to whom"):
        NeighborhoodCondition(condition.fit, condition.bank).near(rows, np.random.default_rng(0))


def test_codes_without_some_rows_say_nothing_of_them(images, manifold) -> None:
    """Row 0 has 1, 2, 3 for neighbors: without 1 and 3 it is 2 alone; rows far from these keep theirs."""
    whole = NeighborhoodCondition.describe(images, manifold)
    condition = whole.without(np.array([1, 3]))
    assert condition.neighbors[0].tolist() == [2, 2, 2]
    assert not np.isin(condition.neighbors, [1, 3]).any()
    np.testing.assert_array_equal(condition.neighbors[10:90], whole.neighbors[10:90])
    assert whole.without(np.empty(0, np.int64)) is whole


def test_a_neighborhood_is_corrupted_by_as_much_as_it_says(images, manifold) -> None:
    """(code - sqrt(1 - s^2) h_j) / s is standard normal for one of the neighbors j; the amount s is uniform in [0, 0.5]."""
    condition = NeighborhoodCondition.describe(images, manifold)
    codes = condition.codes(np.zeros(4000, np.int64), np.random.default_rng(0))
    amount = (codes[:, -1:] / np.sqrt(12) + 0.5) * 0.5
    np.testing.assert_allclose(np.quantile(amount, [0, 0.25, 0.5, 0.75, 1]), [0, 0.125, 0.25, 0.375, 0.5], atol=0.02)
    noise = np.stack([(codes[:, :-1] - np.sqrt(1 - amount**2) * condition.bank[row]) / amount for row in (1, 2, 3)])
    least = noise[np.square(noise).sum(axis=2).argmin(axis=0), np.arange(4000)]
    clear = amount[:, 0] > 0.05  # below, rounding counts
    assert least[clear].std() == pytest.approx(1, abs=0.02)
    assert least[clear].mean() == pytest.approx(0, abs=0.02)


def test_codes_of_features_are_standardised(images, manifold) -> None:
    condition = NeighborhoodCondition.describe(images, manifold)
    codes = condition.code_of(manifold.features.rows)
    np.testing.assert_allclose(np.cov(codes[:, :-1].T, bias=True), np.eye(16), atol=1e-3)
    np.testing.assert_allclose(codes[:, -1], -np.sqrt(3), rtol=1e-6)


def test_the_length_of_a_neighborhood_follows_the_dimension_up_to_the_rank(images, manifold) -> None:
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(N, 3)) @ rng.normal(size=(3, 100))
    for rows, dimension, length in ((rng.normal(size=(N, 100)), 2, 16), (rng.normal(size=(N, 100)), 13, 26), (flat, 2, 3)):
        features = Features(rows.astype(np.float32), "pixels")
        other = replace(manifold, features=features, dimension=replace(manifold.dimension, value=float(dimension)))
        assert NeighborhoodCondition.describe(images, other).field.size == length + 1


def test_images_without_any_difference_have_neither_style_nor_neighborhood_nor_density(images, manifold) -> None:
    same = replace(manifold, features=Features(np.ones((N, 5)), "pixels"), density=np.zeros(N, np.float32))
    for name in ("style", "neighborhood", "density"):
        assert CONDITIONS[name].describe(images, same) is None


def test_quantiles_of_density_are_uniform_and_follow_the_density(images, manifold) -> None:
    """20 codes of each row: a tenth of them in each tenth of [0, 1], jitter included; five standard errors are 0.015."""
    condition = DensityCondition.describe(images, manifold)
    codes = condition.codes(np.tile(np.arange(N), 20), np.random.default_rng(0))[:, 0]
    quantiles = codes / np.sqrt(12) + 0.5
    shares = np.histogram(quantiles, bins=10, range=(0, 1))[0] / len(quantiles)
    np.testing.assert_allclose(shares, 0.1, atol=0.015)
    means = quantiles.reshape(20, N).mean(axis=0)
    assert np.corrcoef(np.argsort(np.argsort(manifold.density)), means)[0, 1] > 0.99


def test_density_is_asked_for_in_words_or_as_a_quantile(images, manifold) -> None:
    condition = DensityCondition.describe(images, manifold)
    low, middle, high = (float(condition.read(wish)[0]) for wish in ("low", "middle", "high"))
    assert low < middle == 0 < high
    assert condition.words(condition.read("0.9")) == "0.900"
    for wish in ("1.5", "-0.1", "nan", "lowest", ""):
        with pytest.raises(InputError, match=r"is neither low, middle, high nor a number from 0 \(rarest\) to 1; give one\."):
            condition.read(wish)


def noise_in(codes: np.ndarray, bank: np.ndarray) -> np.ndarray:
    """Give for each code the size of (code - sqrt(1 - s^2) h) / s for the h of a bank that makes it least."""
    amount = (codes[:, -1:] / np.sqrt(12) + 0.5) * 0.5
    gaps = codes[:, None, :-1] - np.sqrt(1 - amount**2)[:, None] * bank[None]
    return np.sqrt(np.square(gaps).mean(axis=2).min(axis=1)) / amount[:, 0]


def test_codes_from_the_bank_are_those_of_rows_that_meet_the_wishes(images, manifold) -> None:
    """Codes of apples are neighbors i + 1 to i + 3 of apples and noise of size 1, up to 1.8 in 16 numbers; from the bank of all
    others some would need more.
    """
    known = {name: kind.describe(images, manifold) for name, kind in CONDITIONS.items()}
    chosen = Codes({"class": np.zeros((50, 1), np.float32)})
    codes = bank_codes(known, chosen, range(50))
    apples = np.flatnonzero(images.labels[images.training_rows] == 0)
    allowed = np.unique((apples[:, None] + np.arange(1, 4)) % N)
    bank = known["neighborhood"].bank
    assert noise_in(codes, bank[allowed]).max() < 1.8
    assert noise_in(codes, np.delete(bank, allowed, axis=0)).max() > 1.8
    np.testing.assert_array_equal(bank_codes(known, Codes({"class": chosen.fields["class"][:2]}), [7, 3]), codes[[7, 3]])


def test_near_a_wished_place_the_bank_draws_the_nearest_rows(images, manifold) -> None:
    """The place is that of row 0 without jitter, so the 15 rows nearest to it, each jittered by half a spacing, are near it."""
    known = {name: kind.describe(images, manifold) for name, kind in CONDITIONS.items()}
    place = known["map_place"].code(manifold.embedding.coordinates[:1])
    codes = bank_codes(known, Codes({"map_place": np.repeat(place, 40, axis=0)}), range(40))
    assert len(np.unique(codes, axis=0)) == 40
    around = manifold.embedding.nearest(manifold.embedding.coordinates[:1], 60)[0]
    bank = known["neighborhood"].bank
    assert noise_in(codes, bank[np.unique((around[:, None] + np.arange(1, 4)) % N)]).max() < 1.8


def test_wishes_that_no_training_image_meets_are_told(images, manifold) -> None:
    known = {name: kind.describe(images, manifold) for name, kind in CONDITIONS.items()}
    nothing = {"class": np.zeros((1, 1), np.float32), "cluster": np.full((1, 1), 8, np.float32)}
    with pytest.raises(InputError, match="No training image is of all of class, cluster as wished"):
        bank_codes(known, Codes(nothing), [0])
