"""The same numbers as the libraries people know, on stored features.

The numbers were made with prdc 0.2, SciPy 1.17.1 and vendi-score 0.0.3, which the tests do not need:

    compute_prdc(real, generated, k);  sqrtm(np.cov(real.T) @ np.cov(generated.T)), real part;  score_X and score_dual(rows)

`benchmarks/evaluation.py` compares with the libraries themselves, at full size. Kernel distance: scikit-learn's
polynomial kernel, as the authors of the measure use it.
"""

import numpy as np
import pytest
from sklearn.metrics.pairwise import polynomial_kernel

from imatlas.evaluation import frechet_distance, kernel_distance, neighbor_shares, vendi_score


@pytest.fixture(scope="module")
def sets():
    rng = np.random.default_rng(5)
    mix = rng.normal(size=(48, 48)) / np.sqrt(48)
    real = rng.normal(size=(300, 48)) @ mix
    generated = 0.9 * rng.normal(size=(250, 48)) @ mix + 0.1
    return real.astype(np.float32), generated.astype(np.float32)


@pytest.mark.parametrize(
    ("k", "expected"), [(5, (0.96, 0.623333333, 2.1656, 1.0)), (3, (0.916, 0.436666667, 2.246666667, 0.963333333))]
)
def test_shares_are_those_of_prdc(sets, k, expected):
    found = neighbor_shares(*sets, k=k)
    assert (found.precision, found.recall, found.density, found.coverage) == pytest.approx(expected, abs=1e-8)


def test_the_frechet_distance_is_that_of_the_matrix_square_root(sets):
    real, generated = sets
    assert frechet_distance(real, generated) == pytest.approx(3.664732757506684, rel=1e-6)
    # Fewer rows than dimensions: the square root came out complex there, its imaginary part 1e-8, and was cut to its real part.
    assert frechet_distance(real[:40], generated[:30]) == pytest.approx(19.97739624748742, rel=1e-6)


def test_the_kernel_distance_is_that_of_scikit_learn_s_kernel(sets):
    real, generated = (rows.astype(float) for rows in sets)

    def kernel(left, right):
        return polynomial_kernel(left, right, degree=3, gamma=1 / 48, coef0=1)

    def within(rows):
        pairs = kernel(rows, rows)
        return (pairs.sum() - np.trace(pairs)) / (len(rows) * (len(rows) - 1))

    expected = within(real) + within(generated) - 2 * kernel(real, generated).mean()
    assert expected == pytest.approx(0.03324571488763883, rel=1e-6)
    assert kernel_distance(*sets).value == pytest.approx(expected, rel=1e-4)


def test_the_vendi_score_is_that_of_its_authors(sets):
    real, generated = sets
    for rows, expected in ((real, 27.25285727067537), (generated, 27.077661372285526), (real[:30], 16.47385511743739)):
        assert vendi_score(rows) == pytest.approx(expected, rel=1e-6)
