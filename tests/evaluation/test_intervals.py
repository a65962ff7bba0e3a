"""A small version of benchmarks/intervals.py: do intervals hold the truth, and are they no wider than they must be?"""

import numpy as np
import pytest

from imatlas.evaluation.intervals import NORMAL_95, Traced, row_errors, wilson_interval
from imatlas.evaluation.judged import Comparison, RealSide
from imatlas.evaluation.paired import TRACED

N, D, N_DRAWS = 120, 6, 30
SHIFT = 0.25
DISTANCES = {"frechet_distance": D * SHIFT**2, "sliced_distance": 3 * D * SHIFT**2}


@pytest.fixture(scope="module")
def drawn():
    """Traced scores of two generators, one shifted by SHIFT and one hardly better, over N_DRAWS draws of everything."""
    rng = np.random.default_rng(5)
    found = {name: ([], []) for name in TRACED}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("imatlas.evaluation.sliced.N_DIRECTIONS", 12)
        for _ in range(N_DRAWS):
            real = rng.normal(size=(2 * N, D)).astype(np.float32)
            side = RealSide("rows", real[:N], real[N:], np.zeros(D), 1.0)
            for which, shift in enumerate((SHIFT, 0.2)):
                rows = (rng.normal(size=(N, D)) + shift).astype(np.float32)
                comparison = Comparison(side, rows, np.arange(N), N)
                for name, trace in TRACED.items():
                    found[name][which].append(trace(comparison))
    return found


def check_held(numbers, truth):
    """Of 30 intervals 28.5 should hold the truth, fewer than 24 is four standard deviations away."""
    values = np.array([number.value for number in numbers])
    errors = np.array([number.error for number in numbers])
    truth = values.mean() if truth is None else truth
    assert np.count_nonzero(np.abs(values - truth) <= NORMAL_95 * errors) >= 24
    assert errors.mean() < 1.7 * values.std(), "and it is no wider than it must be"


@pytest.mark.parametrize("name", TRACED)
def test_intervals_of_scores_hold_the_truth(name, drawn):
    check_held(drawn[name][0], DISTANCES.get(name))


@pytest.mark.parametrize("name", TRACED)
def test_paired_intervals_hold_the_difference(name, drawn):
    check_held([first.minus(second) for first, second in zip(*drawn[name], strict=True)], None)


def test_pairs_are_counted_once_and_a_third_of_the_variance_stays():
    shared = np.array([3.0, 4.0])
    assert Traced(1.0, 11.0, shared, own_pairs=5.0, shared_pairs=6.0).error == pytest.approx(5.0)
    assert Traced(1.0, 11.0, shared, own_pairs=50.0).error == pytest.approx(np.sqrt(12.0))


def test_scaling_a_number_scales_its_error():
    number = Traced(2.0, 1.0, np.array([0.5, 0.5]), own_pairs=0.2, shared_pairs=0.1)
    assert number.scaled(3.0).error == pytest.approx(3 * number.error)
    assert number.scaled(3.0).distance().interval == pytest.approx(tuple(3 * end for end in number.distance().interval))


def test_the_errors_of_rows_add_up_to_that_of_their_mean():
    numbers = np.random.default_rng(0).normal(size=50)
    assert np.square(row_errors(numbers)).sum() == pytest.approx(numbers.var(ddof=1) / 50)


def test_wilson_s_interval_is_sensible_at_both_ends():
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.161), abs=1e-3)
    assert wilson_interval(20, 20) == pytest.approx((0.839, 1.0), abs=1e-3)
    assert wilson_interval(10, 20) == pytest.approx((0.299, 0.701), abs=1e-3)
