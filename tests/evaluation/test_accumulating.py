import numpy as np
import pytest

from imatlas.checks import InputError
from imatlas.evaluation import (
    KernelSums,
    Moments,
    frechet_distance,
    frechet_of_moments,
    kernel_distance,
    kernel_of_sums,
)


def gathered(kind, rows, cuts):
    """Gather batches, then merge them as a tree of processes would: the last with the first."""
    parts = [kind.of(batch) for batch in np.split(rows, cuts)]
    while len(parts) > 1:
        parts.insert(0, parts.pop().merged(parts.pop(0)))
    return parts[0]


@pytest.fixture
def sets():
    rng = np.random.default_rng(0)
    return rng.normal(size=(300, 6)), 1.2 * rng.normal(size=(211, 6)) + 0.3


@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_moments_do_not_depend_on_the_batches(sets, shift):
    """1e4 times the spread away from zero a row itself has lost four of its sixteen digits, and its square eight."""
    rows = sets[0] + shift
    whole = Moments.of(rows)
    for cuts in ([150], [1, 2, 3, 299], range(1, 300)):
        merged = gathered(Moments, rows, cuts)
        assert merged.n == 300
        np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(merged.covariance, whole.covariance, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(whole.covariance, np.cov(sets[0].T), rtol=1e-9, atol=1e-9)


def test_distances_of_gathered_sums_are_those_of_the_rows(sets):
    real, generated = sets
    for cuts in ([100], [7, 9, 200]):
        moments = [gathered(Moments, rows, cuts) for rows in sets]
        assert frechet_of_moments(*moments) == pytest.approx(frechet_distance(real, generated), rel=1e-10)
        sums = [gathered(KernelSums, rows, cuts) for rows in sets]
        assert kernel_of_sums(*sums) == pytest.approx(kernel_distance(real, generated).value, abs=1e-10)


def test_fewer_rows_than_dimensions_are_no_obstacle():
    rng = np.random.default_rng(0)
    few, many = rng.normal(size=(12, 20)), rng.normal(size=(90, 20))
    # The root of a singular matrix loses half its digits: sqrt(1e-16) each.
    found = frechet_of_moments(Moments.of(few), Moments.of(many))
    assert found == pytest.approx(frechet_distance(few, many), abs=2e-6)


def test_too_many_dimensions_for_cubic_sums_are_refused_in_words():
    with pytest.raises(InputError, match=r"65 dimensions.*up to 64"):
        KernelSums.of(np.zeros((3, 65)))
