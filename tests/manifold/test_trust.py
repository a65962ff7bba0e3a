"""Trust of maps, and the repulsion the neighbor map stands on."""

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from imatlas.checks import InputError
from imatlas.manifold import map_trust
from imatlas.manifold.repulsion import grid_field


def test_trust_equals_that_of_scikit_learn():
    rows = np.random.default_rng(0).normal(size=(120, 6))
    trust = map_trust(rows, rows[:, :2], k=7)
    assert trust["trustworthiness"] == pytest.approx(trustworthiness(rows, rows[:, :2], n_neighbors=7), abs=1e-6)
    assert trust["continuity"] == pytest.approx(trustworthiness(rows[:, :2], rows, n_neighbors=7), abs=1e-6)
    assert trust["trustworthiness_error"] == 0


def test_a_copy_is_wholly_trusted_and_noise_is_not():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 3))
    copy, noise = map_trust(rows, 2 * rows), map_trust(rows, rng.normal(size=(200, 2)))
    for name in ("trustworthiness", "continuity", "neighbor_recall", "random_triplet_accuracy"):
        assert copy[name] == 1
        assert noise[name] < 0.65


def test_sampled_trust_holds_the_whole_in_its_interval():
    rows = np.random.default_rng(0).normal(size=(1500, 4))
    whole, part = map_trust(rows, rows[:, :2], n_anchors=1500), map_trust(rows, rows[:, :2], n_anchors=300)
    for name in ("trustworthiness", "continuity", "neighbor_recall"):
        assert abs(part[name] - whole[name]) < 2 * part[f"{name}_error"]  # four standard errors


def test_trust_of_three_rows_is_refused():
    with pytest.raises(InputError, match="4 rows"):
        map_trust(np.eye(3), np.eye(3))


@pytest.mark.parametrize("spread", [0.5, 3.0, 15.0])
def test_the_field_on_a_grid_is_the_sum_over_all_pairs(spread):
    """A step of half the kernel's width leaves a few per cent in the force, and less in the total."""
    points = (spread * np.random.default_rng(0).normal(size=(800, 2))).astype(np.float32)
    away = points[:, None] - points[None]
    kernel = 1 / (1 + np.square(away).sum(axis=2))
    total, force = kernel.sum(axis=1), (np.square(kernel)[:, :, None] * away).sum(axis=1)
    found, push = grid_field(points).at(points)
    assert np.abs(found / total - 1).max() < 0.03
    assert np.linalg.norm(push - force) < 0.06 * np.linalg.norm(force)
