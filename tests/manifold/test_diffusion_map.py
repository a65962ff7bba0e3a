"""Diffusion maps: circles whatever the density, a dense computation, and new rows."""

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.spatial.distance import pdist, squareform

from imatlas.images.toys import moving_shape
from imatlas.manifold import DiffusionMap
from imatlas.manifold.diffusion import start_diffusion
from imatlas.neighbors import knn_graph


def _circle(n: int, contrast: float, seed: int = 0) -> np.ndarray:
    """Angles (n,) drawn with density 1 + contrast cos(angle)."""
    rng = np.random.default_rng(seed)
    angles = rng.uniform(0, 2 * np.pi, 20 * n)
    return angles[rng.uniform(0, 1 + contrast, 20 * n) < 1 + contrast * np.cos(angles)][:n]


def _on_circle(angles: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _angle_error(places: np.ndarray, angles: np.ndarray) -> float:
    """Root mean square difference, radians, of the angle read off a map, up to its turn and its direction."""
    read = np.arctan2(places[:, 1], places[:, 0])
    errors = []
    for sign in (1, -1):
        turned = np.exp(1j * (sign * read - angles))
        errors.append(np.sqrt(np.mean(np.square(np.angle(turned / np.mean(turned))))))
    return float(min(errors))


def test_a_circle_is_found_whatever_the_density_of_its_rows():
    """The Laplacian of a circle has the modes cos and sin of arc length; rows are nine times denser on one side."""
    angles = _circle(1200, contrast=0.8)
    rows = _on_circle(angles)
    fitted = DiffusionMap().fit(rows)
    assert _angle_error(fitted.embedding_, angles) < 0.12
    assert _angle_error(DiffusionMap(alpha=0).fit_transform(rows), angles) > 0.4  # with its density left in it is another
    new = _circle(200, contrast=0.8, seed=1)
    both = np.concatenate([fitted.embedding_, fitted.transform(_on_circle(new))])
    assert _angle_error(both, np.concatenate([angles, new])) < 0.12


def test_images_of_a_turning_shape_lie_on_a_circle():
    images, angles = moving_shape(400, moves=("rotate",))
    rows = images.pixels.reshape(400, -1).astype(np.float32)
    assert _angle_error(DiffusionMap().fit_transform(rows), angles[:, 0]) < 0.12


def test_distances_of_all_modes_are_those_between_spread_heat():
    """D_t^2(i, j) = sum_r (p_t(i, r) - p_t(j, r))^2 / pi_r with p_t = expm(-L t), computed densely."""
    graph = knn_graph(np.random.default_rng(0).normal(size=(60, 2)), n_neighbors=8)
    diffusion, t = start_diffusion(graph), 3.0
    weights, masses = diffusion.weights.toarray(), diffusion.masses
    jumps = (np.diag(weights.sum(axis=1)) - weights) / masses[:, None] / (weights.sum() / masses.sum())
    spread = expm(-jumps * t) / np.sqrt(masses / masses.sum())
    places = DiffusionMap(n_components=59, t=t).fit_transform(graph)
    np.testing.assert_allclose(squareform(pdist(places)), squareform(pdist(spread)), atol=1e-5)


def test_many_rows_have_the_modes_of_few():
    """The sparse solvers: a closed curve of 3,000 even rows has pairs of equal rates in the ratio 1 : 4."""
    rows = _on_circle(np.linspace(0, 2 * np.pi, 3000, endpoint=False))
    rates = DiffusionMap(n_components=4).fit(rows).rates_[0]
    np.testing.assert_allclose(rates / rates[0], [1, 1, 4, 4], rtol=1e-3)


def test_time_blurs_a_diffusion_map():
    rows = np.random.default_rng(0).normal(size=(200, 3))
    early, late = (DiffusionMap(n_components=3, t=t).fit(rows) for t in (0.0, 50.0))
    np.testing.assert_allclose(
        early.embedding_.std(axis=0) * late.eigenvalues_[0] ** 50, late.embedding_.std(axis=0), rtol=1e-4
    )


def test_wrong_times_and_normalisations_are_refused_in_words():
    with pytest.raises(ValueError, match="alpha is 2"):
        DiffusionMap(alpha=2).fit(np.eye(5))
    with pytest.raises(ValueError, match="half-life"):
        DiffusionMap(t=-1).fit(np.eye(5))
