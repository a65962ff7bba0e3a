import sys

import numpy as np
import pytest

from imatlas.evaluation import kernel_distance
from imatlas.evaluation.kernel_distance import _kernel_sums, _traced


def cubic(left, right):
    return (left @ right.T / left.shape[1] + 1) ** 3


def by_hand(real, generated):
    n, m = len(real), len(generated)
    within_real, within_generated = cubic(real, real), cubic(generated, generated)
    return (
        (within_real.sum() - np.trace(within_real)) / (n * (n - 1))
        + (within_generated.sum() - np.trace(within_generated)) / (m * (m - 1))
        - 2 * cubic(real, generated).mean()
    )


@pytest.mark.parametrize(("n", "m"), [(40, 40), (37, 90), (200, 53), (5, 4)])
def test_it_equals_the_sum_over_all_pairs(n, m):
    rng = np.random.default_rng(n)
    real, generated = rng.normal(size=(n, 6)), rng.normal(size=(m, 6)) + 0.4
    assert kernel_distance(real, generated).value == pytest.approx(by_hand(real, generated), abs=1e-10)


def test_float32_blocks_give_the_same_number(monkeypatch):
    rng = np.random.default_rng(0)
    real, generated = rng.normal(size=(300, 16)), rng.normal(size=(250, 16)) + 0.2
    exact = kernel_distance(real, generated)
    monkeypatch.setattr(sys.modules["imatlas.evaluation.kernel_distance"], "EXACT_ROWS", 0)
    rough = kernel_distance(real, generated)
    assert rough.value == pytest.approx(exact.value, abs=2e-6)
    assert rough.details["standard_error"] == pytest.approx(exact.details["standard_error"], rel=1e-4)


def test_the_same_set_twice_is_slightly_negative_and_not_clipped():
    """KD(X, X) = -(2/n)(mean of the diagonal - mean off it)."""
    rows = np.random.default_rng(0).normal(size=(300, 64))
    kernel = cubic(rows, rows)
    diagonal = np.trace(kernel) / 300
    expected = -2 / 300 * (diagonal - (kernel.sum() - np.trace(kernel)) / (300 * 299))
    value = kernel_distance(rows, rows).value
    assert value == pytest.approx(expected, abs=1e-12)
    assert value < 0


def test_shifted_gaussians_give_the_closed_form():
    """N(0, I) against N(mu, I), with e = |mu|^2/d = 1/4: 3e + 3e^2 + e^3 + (3e + 6e^2)/d + 6e/d^2 = 0.97107."""
    rng = np.random.default_rng(0)
    result = kernel_distance(rng.normal(size=(2000, 64)), rng.normal(size=(2000, 64)) + 0.5)
    assert result.interval[0] < 0.97107 < result.interval[1]
    assert result.value == pytest.approx(0.97107, abs=4 * result.details["standard_error"])
    assert result.details["standard_error"] < 0.02


def test_the_parts_of_the_error_equal_leaving_out_each_row():
    rng = np.random.default_rng(0)
    real, generated = rng.normal(size=(12, 3)), rng.normal(size=(9, 3)) + 1
    without_real = np.array([by_hand(np.delete(real, i, axis=0), generated) for i in range(12)])
    without_generated = np.array([by_hand(real, np.delete(generated, j, axis=0)) for j in range(9)])
    variances = [(len(t) - 1) / len(t) * np.square(t - t.mean()).sum() for t in (without_real, without_generated)]
    traced = _traced(_kernel_sums(real, generated))
    assert traced.shared @ traced.shared == pytest.approx(variances[0], rel=1e-9)
    assert traced.own == pytest.approx(variances[1], rel=1e-9)


def test_the_error_of_equal_distributions_is_not_counted_twice():
    """All variance is that of pairs there, which a jackknife counts twice: its error is 1.41 times too large."""
    rng = np.random.default_rng(0)
    found = [_traced(_kernel_sums(rng.normal(size=(100, 64)), rng.normal(size=(120, 64)))) for _ in range(60)]
    jackknife = [np.sqrt(f.own + f.shared @ f.shared) for f in found]
    spread = np.std([f.value for f in found])
    assert np.mean([f.error for f in found]) == pytest.approx(spread, rel=0.2)
    assert np.mean(jackknife) > 1.2 * spread


def test_the_p_value_is_small_for_different_and_not_for_equal_distributions():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(200, 5))
    assert kernel_distance(real, rng.normal(size=(200, 5)) + 0.5).details["p_value"] <= 0.005
    equal = [kernel_distance(rng.normal(size=(80, 5)), rng.normal(size=(80, 5))).details["p_value"] for _ in range(20)]
    assert 0.3 < np.mean(equal) < 0.7, "p-values of equal distributions are spread over [0, 1]"


def test_the_same_seed_gives_the_same_p_value_and_touches_no_global_generator():
    rows = np.random.default_rng(0).normal(size=(60, 4))
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    first = kernel_distance(rows[:30], rows[30:], seed=3)
    assert first == kernel_distance(rows[:30], rows[30:], seed=3)
    np.testing.assert_array_equal(before, np.random.get_state()[1])
