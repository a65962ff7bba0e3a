import numpy as np
import pytest
from scipy import linalg

from imatlas.checks import InputError
from imatlas.evaluation import frechet, kernel_distance, neighbor_shares, sliced_distance
from imatlas.evaluation.frechet import frechet_distance, frechet_estimate


def with_moments(n, mean, covariance, seed=0):
    """Give n rows with exactly this mean and covariance."""
    rows = np.random.default_rng(seed).normal(size=(n, len(mean)))
    rows -= rows.mean(axis=0)
    whitened = linalg.solve_triangular(linalg.cholesky(np.cov(rows.T)).T, rows.T, lower=True).T
    return whitened @ linalg.cholesky(np.atleast_2d(covariance)) + mean


def test_diagonal_covariances_give_the_closed_form():
    """Sum of (sqrt a - sqrt b)^2 = (1-2)^2 + (2-1)^2 + (3-4)^2 = 3."""
    real, generated = (
        with_moments(40, np.zeros(3), np.diag([1.0, 4, 9])),
        with_moments(50, np.zeros(3), np.diag([4.0, 1, 16]), 1),
    )
    assert frechet_distance(real, generated) == pytest.approx(3.0, abs=1e-9)


def test_shift_and_scale_give_the_closed_form():
    """N(0, I) against N(mu, s^2 I): |mu|^2 + d (1 - s)^2."""
    mean = np.array([1.0, -2.0, 0.5, 0.0, 0.0])
    real, generated = with_moments(60, np.zeros(5), np.eye(5)), with_moments(45, mean, 2.25 * np.eye(5), 1)
    assert frechet_distance(real, generated) == pytest.approx(np.square(mean).sum() + 5 * 0.25, abs=1e-9)


@pytest.mark.parametrize(("n", "m", "d"), [(40, 60, 8), (15, 60, 20), (60, 15, 20), (12, 9, 20)])
def test_it_equals_the_matrix_square_root_form_for_any_sizes(n, m, d):
    """With n < d the covariances are singular; the square root is then taken by eigenvalues of S_x^1/2 S_y S_x^1/2."""
    rng = np.random.default_rng(n)
    real, generated = rng.normal(size=(n, d)), 1.3 * rng.normal(size=(m, d)) + 0.2
    left, right = np.cov(real.T), np.cov(generated.T)
    values, vectors = linalg.eigh(left)
    half = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    overlap = np.sqrt(linalg.eigvalsh(half @ right @ half).clip(0)).sum()
    shift = np.square(real.mean(axis=0) - generated.mean(axis=0)).sum()
    expected = shift + np.trace(left) + np.trace(right) - 2 * overlap
    # The eigenvalue form loses half its digits on singular matrices: sqrt(1e-16) = 1e-8 each.
    assert frechet_distance(real, generated) == pytest.approx(expected, abs=2e-6)


def test_it_needs_no_matrix_square_root_and_no_square_table_for_few_rows(monkeypatch):
    """SciPy 1.18 took an argument of sqrtm away and broke four packages; and d x d numbers are gigabytes for pixels."""

    def refuse(*_, **__):
        raise AssertionError("asked for")

    monkeypatch.setattr(linalg, "sqrtm", refuse)
    monkeypatch.setattr(frechet.Moments, "of", refuse)
    rng = np.random.default_rng(0)
    real, generated = rng.normal(size=(30, 500)), rng.normal(size=(20, 500))
    found = frechet_distance(real, generated)
    assert type(found) is float
    assert found > 0


@pytest.mark.parametrize("fault", ["few", "not finite", "widths", "no matrix"])
def test_features_that_cannot_be_compared_are_refused_in_words(fault):
    rng = np.random.default_rng(0)
    real, generated = rng.normal(size=(20, 4)), rng.normal(size=(20, 4))
    if fault == "few":
        generated, words = generated[:1], "1 rows of features came; . are needed"
    elif fault == "not finite":
        generated[3, 1], words = np.nan, "1 of 20 rows of features are not finite"
    elif fault == "widths":
        generated, words = generated[:, :3], "3 and 4 columns"
    else:
        generated, words = generated[:, 0], r"shape \(20,\)"
    for compare in (frechet_distance, frechet_estimate, neighbor_shares, kernel_distance, sliced_distance):
        with pytest.raises(InputError, match=words):
            compare(real, generated)


def test_the_same_set_is_at_distance_zero():
    for n in (10, 200):
        rows = np.random.default_rng(0).normal(size=(n, 30))
        assert frechet_distance(rows, rows) == pytest.approx(0.0, abs=1e-10)


def test_it_is_symmetric_and_follows_rotation_shift_and_scale():
    rng = np.random.default_rng(0)
    real, generated = rng.normal(size=(50, 6)), rng.normal(size=(70, 6)) * 1.5 + 1
    rotation = linalg.qr(rng.normal(size=(6, 6)))[0]
    plain = frechet_distance(real, generated)
    assert frechet_distance(generated, real) == pytest.approx(plain)
    assert frechet_distance(real @ rotation + 7, generated @ rotation + 7) == pytest.approx(plain)
    assert frechet_distance(3 * real, 3 * generated) == pytest.approx(9 * plain)


def test_a_large_common_mean_in_float32_does_no_harm():
    """At a mean of 1e4, raw second moments in float32 give negative variances; centred ones in float64 do not."""
    rng = np.random.default_rng(0)
    real, generated = (rng.normal(size=(300, 4)).astype(np.float32) + np.float32(1e4) for _ in range(2))
    centred = frechet_distance(real.astype(float) - 1e4, generated.astype(float) - 1e4)
    assert frechet_distance(real, generated) == pytest.approx(centred, rel=1e-9)


def test_many_dimensions_take_the_eigenvalue_road_to_the_same_number(monkeypatch):
    rng = np.random.default_rng(0)
    real, generated = rng.normal(size=(200, 30)), rng.normal(size=(150, 30)) + 0.3
    by_singular_values = frechet_distance(real, generated)
    monkeypatch.setattr("imatlas.evaluation.frechet.LARGEST_SVD", 1)
    assert frechet_distance(real, generated) == pytest.approx(by_singular_values, rel=1e-9)


def test_constant_columns_and_a_collapsed_set_are_no_obstacle():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(100, 5))
    real[:, 2] = 1.0
    collapsed = np.ones((80, 5))
    assert frechet_distance(real, collapsed) == pytest.approx(
        np.square(real.mean(axis=0) - 1).sum() + np.trace(np.cov(real.T)), rel=1e-9
    )
    assert np.isfinite(frechet_estimate(real, collapsed).value)


def test_the_correction_takes_off_the_known_bias():
    """For equal isotropic Gaussians the plain distance is about d(d+5)/4 (1/n + 1/m) = 0.315; corrected, about 0."""
    rng = np.random.default_rng(0)
    estimates = [frechet_estimate(rng.normal(size=(800, 16)), rng.normal(size=(400, 16))) for _ in range(12)]
    bias = 16 * 21 / 4 * (1 / 800 + 1 / 400)
    plain = np.mean([e.details["uncorrected"] for e in estimates])
    assert plain == pytest.approx(bias, rel=0.1)
    assert abs(np.mean([e.value for e in estimates])) < 0.05 * bias


def test_the_correction_holds_for_distributions_that_differ_and_are_not_gaussian():
    """Uniform against a scaled, shifted Laplace: the truth is d ((1-s)^2 + shift^2) in unit-variance coordinates."""
    rng = np.random.default_rng(3)
    d, truth = 12, 12 * (0.25**2 + 0.1**2)
    values = []
    for _ in range(40):
        real = rng.uniform(-np.sqrt(3), np.sqrt(3), size=(500, d))
        generated = 1.25 * rng.laplace(scale=np.sqrt(0.5), size=(500, d)) + 0.1
        values.append(frechet_estimate(real, generated).value)
    # One value has a standard deviation of 0.106: three and a half errors of the mean of 40.
    assert np.mean(values) == pytest.approx(truth, abs=0.06)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    """60 draws, truth 8 x 0.3^2 = 0.72; 95 % of intervals should hold it, 50 of 60 is five sigma away."""
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(60):
        low, high = frechet_estimate(rng.normal(size=(300, 8)), rng.normal(size=(300, 8)) + 0.3).interval
        held += low <= 0.72 <= high
    assert held >= 50


def test_too_few_rows_for_a_correction_are_refused_in_words():
    rows = np.random.default_rng(0).normal(size=(30, 20))
    with pytest.raises(InputError, match=r"30 rows in 20 dimensions.*more than 40"):
        frechet_estimate(rows, rows)


@pytest.mark.parametrize("n", [60, 300])
def test_many_dimensions_take_another_road_to_the_same_principal_axes(monkeypatch, n):
    """The scatter of the pixels of large colour images took minutes; with few rows or many, the projector is the same."""
    spread = np.concatenate([10.0 * 0.7 ** np.arange(8), np.full(112, 0.01)])
    rows = np.random.default_rng(0).normal(size=(n, 120)) * spread + 3.0
    wanted = frechet._principal_axes(rows, 5)
    monkeypatch.setattr(frechet, "LARGEST_SCATTER", 100)
    found = frechet._principal_axes(rows, 5)
    np.testing.assert_allclose(found.T @ found, np.eye(5), atol=1e-9)
    np.testing.assert_allclose(found @ found.T, wanted @ wanted.T, atol=1e-6)
