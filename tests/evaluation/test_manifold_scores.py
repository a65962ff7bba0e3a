"""Dimension and residual against planted truths: spheres of known dimension, points lifted off a plane by a known step."""

import numpy as np
import pytest

from imatlas.checks import InputError
from imatlas.evaluation.dimension import dimension_metric
from imatlas.evaluation.of_rows import SPACE, trial_of_rows
from imatlas.evaluation.off_manifold import off_manifold_metric
from imatlas.geometry import plane_residuals

N = 500


def sphere(dimension, seed, width=10):
    """Draw from the unit sphere of a dimension, in the first columns of so many."""
    rows = np.random.default_rng(seed).normal(size=(N, dimension + 1))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return np.pad(rows, ((0, 0), (0, width - dimension - 1)))


@pytest.mark.parametrize("drawn", [2, 5, 7])
def test_the_dimension_of_spheres_is_found_beside_that_of_the_real_ones(drawn):
    score = dimension_metric(trial_of_rows(sphere(5, 0), sphere(5, 1), sphere(drawn, 2)), SPACE)
    assert score.value == pytest.approx(drawn, rel=0.12)
    assert score.floor == pytest.approx(5, rel=0.12)
    low, high = score.details["interval_real"]
    assert low < 5 < high
    assert score.details["ratio_to_real"] == pytest.approx(drawn / 5, rel=0.2)


def plane(seed, *, noise=0.02, lift=0.0, n_directions=3, width=12):
    """Draw near a plane of 3 directions in 12; all noise lies across it, and the lift is along the last axis."""
    rng = np.random.default_rng(seed)
    across = noise * rng.normal(size=(N, width - n_directions))
    across[:, -1] += lift
    return np.concatenate([rng.normal(size=(N, n_directions)), across], axis=1)


@pytest.mark.parametrize("lift", [0.0, 0.06, 0.24])
def test_points_lifted_off_a_plane_are_off_by_the_lift(lift):
    """Nine directions across with noise s: sqrt(lift^2 + 9 s^2) / (3 s). Planes tilt with noise, hence 15 %."""
    score = off_manifold_metric(trial_of_rows(plane(0), plane(1), plane(2, lift=lift)), SPACE)
    assert score.value == pytest.approx(np.hypot(lift, 0.06) / 0.06, rel=0.15)
    assert score.interval[0] < score.value < score.interval[1]
    assert score.details["directions"] == 3
    if lift == 0:
        assert score.interval[0] < 1 < score.interval[1]


def test_smoother_images_than_real_ones_lie_nearer_the_planes():
    assert off_manifold_metric(trial_of_rows(plane(0), plane(1), plane(2, noise=0.005)), SPACE).value < 0.8


def test_the_residual_of_new_points_is_their_share_of_the_neighbors_width():
    """Neighbors at +-1 on one axis: their plane is that axis, their width 1, and the height above it is the residual."""
    rows = np.array([[-1.0, 0.0], [1.0, 0.0]])
    found = plane_residuals(np.array([[0.3, 0.25], [5.0, 2.0]]), rows, np.array([[0, 1], [0, 1]]), n_components=1)
    np.testing.assert_allclose(found, [0.25, 2.0], rtol=1e-6)


def test_few_images_and_exact_planes_are_refused_in_words():
    flat = [np.pad(rows, ((0, 0), (0, 2))) for rows in (plane(seed, noise=0.0) for seed in range(3))]
    with pytest.raises(InputError, match=r"tangent planes exactly in the space 'features'"):
        off_manifold_metric(trial_of_rows(*flat), SPACE)
    with pytest.raises(InputError, match=r"30 images a side; a dimension needs 50"):
        dimension_metric(trial_of_rows(plane(0), plane(1), plane(2)[:30]), SPACE)
