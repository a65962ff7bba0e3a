import numpy as np
import pytest

from imatlas.checks import InputError
from imatlas.evaluation import sliced_distance
from imatlas.evaluation.sliced import _coupling, _Directions, _potentials, _squared_distance, sliced_metric


def test_shift_and_scale_give_three_times_the_frechet_distance():
    """N(0, I) against N(mu, I): 3 |mu|^2 = 12; against N(0, s^2 I): 3 d (1 - s)^2 = 12; errors near 0.8 and 0.4."""
    rng = np.random.default_rng(0)
    real = rng.normal(size=(800, 16))
    shifted = sliced_distance(real, rng.normal(size=(800, 16)) + 0.5)
    scaled = sliced_distance(real, 1.5 * rng.normal(size=(700, 16)))
    for found in (shifted, scaled):
        assert found.interval[0] < 12 < found.interval[1]
        assert found.value == pytest.approx(12, abs=2)


def test_the_number_of_images_does_not_shift_it():
    """The plain distance of equal sets grows as 1/n; the corrected one stays near 0, also for unequal numbers of rows."""
    rng = np.random.default_rng(1)
    found = [sliced_distance(rng.normal(size=(200, 16)), rng.normal(size=(90, 16)), n_directions=32) for _ in range(20)]
    plain = np.mean([f.details["uncorrected"] for f in found])
    assert abs(np.mean([f.value for f in found])) < 0.1 * plain


@pytest.mark.parametrize(("n", "m"), [(6, 6), (4, 6), (7, 3), (5, 20)])
def test_unequal_numbers_are_matched_exactly(n, m):
    """Every row repeated up to n m rows each: equal numbers, the same distributions, and sorted rows pair off."""
    rng = np.random.default_rng(n)
    left, right = np.sort(rng.normal(size=(3, n))), np.sort(rng.normal(size=(3, m)))
    expected = np.square(left.repeat(m, axis=1) - right.repeat(n, axis=1)).mean(axis=1)
    np.testing.assert_allclose(_squared_distance(left, right), expected, rtol=1e-12)
    assert _coupling(n, m)[2].sum() == pytest.approx(1.0)


@pytest.mark.parametrize("m", [400, 250])
def test_a_row_s_influence_is_what_leaving_it_out_changes(m):
    rng = np.random.default_rng(0)
    left, right = np.sort(rng.normal(size=(1, 400))), np.sort(rng.normal(size=(1, m)) * 1.3 + 0.4)
    potential = _potentials(left, right)[0]
    whole = _squared_distance(left, right)[0]
    rows = np.arange(20, 380, 40)
    change = np.array([whole - _squared_distance(np.delete(left, row, axis=1), right)[0] for row in rows])
    predicted = (potential - potential.mean())[rows] / 399
    np.testing.assert_allclose(change, predicted, atol=0.03 * np.ptp(predicted))


@pytest.mark.parametrize(("d", "wanted", "block"), [(4, 10, 4), (30, 8, 8)])
def test_directions_are_orthonormal_within_a_block(d, wanted, block):
    drawn = _Directions.drawn(d, wanted, 0)
    directions = drawn.rows
    assert drawn.block == block
    assert len(directions) >= wanted
    np.testing.assert_allclose(directions[:block] @ directions[:block].T, np.eye(block), atol=1e-12)


def test_a_whole_block_of_directions_measures_a_shift_without_error():
    """sum over an orthonormal basis of (theta . mu)^2 = |mu|^2, whatever the basis."""
    rows = np.random.default_rng(0).normal(size=(50, 8))
    shifted = rows + np.arange(8)
    for seed in range(3):
        found = sliced_distance(rows, shifted, n_directions=8, seed=seed)
        assert found.details["uncorrected"] == pytest.approx(3 * np.square(np.arange(8)).sum())


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_the_interval_holds_the_truth_both_at_equality_and_away_from_it(shift):
    """Of 60 draws 57 should; 51 is three standard deviations away. benchmarks/intervals.py counts more of them."""
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(60):
        drawn = rng.normal(size=(150, 8)), rng.normal(size=(150, 8)) + shift
        low, high = sliced_distance(*drawn, n_directions=16).interval
        held += low <= 24 * shift**2 <= high
    assert held >= 51


def test_it_is_deterministic_and_scales_with_squared_units(make_trial):
    rng = np.random.default_rng(0)
    real, generated = rng.normal(size=(40, 5)), rng.normal(size=(30, 5)) + 1
    plain = sliced_distance(real, generated)
    assert sliced_distance(real, generated) == plain
    assert sliced_distance(3 * real, 3 * generated).value == pytest.approx(9 * plain.value)
    assert sliced_metric(make_trial(), "projection").interval[0] < 0.2


def test_too_few_rows_are_refused_in_words():
    with pytest.raises(InputError, match=r"7 rows.*8 are needed"):
        sliced_distance(np.zeros((10, 2)), np.ones((7, 2)))
