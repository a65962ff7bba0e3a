"""Geodesics of decoders whose geometry is known in closed form."""

import numpy as np
import pytest
import torch
from laws.random_state import global_generators_untouched
from torch import Tensor

from imatlas.generators.code_geodesics import arc, even_path, hold, refine_path


def to_sphere(codes: Tensor) -> Tensor:
    """The plane to the unit sphere, by the inverse of the stereographic projection."""
    squares = codes.square().sum(dim=1, keepdim=True)
    return torch.cat([2 * codes, squares - 1], dim=1) / (1 + squares)


def steps_of(decode, path: np.ndarray) -> np.ndarray:
    return decode(torch.from_numpy(path)).double().diff(dim=0).flatten(1).norm(dim=1).numpy()


def energy(decode, path: np.ndarray) -> float:
    return (len(path) - 1) * float(np.square(steps_of(decode, path)).sum())


def line(first: list[float], last: list[float], count: int) -> np.ndarray:
    u = np.linspace(0, 1, count)[:, None]
    return ((1 - u) * np.array(first) + u * np.array(last)).astype(np.float32)


def test_on_a_sphere_the_refined_path_is_the_great_circle():
    """Two points of the equator, 120 degrees apart: the straight line between their codes passes nearer the pole.

    Its image is a circle of radius > 2 pi / 3 in length; the great circle's arc is 2 pi / 3.
    """
    start = line([1.0, 0.0], [-0.5, np.sqrt(0.75)], 33)
    with global_generators_untouched():
        refined = refine_path(to_sphere, start[None], held=False, steps=100)[0]
    assert steps_of(to_sphere, start).sum() > 2.2
    assert steps_of(to_sphere, refined).sum() == pytest.approx(2 * np.pi / 3, rel=0.01)
    np.testing.assert_allclose(np.linalg.norm(refined, axis=1), 1, atol=0.02)
    np.testing.assert_array_equal(refined[[0, -1]], start[[0, -1]])


def test_refining_lowers_the_energy_of_each_path_by_itself():
    """From random zigzags: every path ends below where it began, and company changes nothing but last bits."""
    starts = np.random.default_rng(0).normal(size=(4, 9, 2)).astype(np.float32)
    refined = refine_path(to_sphere, starts, held=False)
    for before, after in zip(starts, refined):
        assert energy(to_sphere, after) < 0.5 * energy(to_sphere, before)
    np.testing.assert_allclose(refine_path(to_sphere, starts[2:3], held=False)[0], refined[2], atol=1e-4)
    np.testing.assert_array_equal(refine_path(to_sphere, starts, held=False), refined)
    best = refined[0]
    assert energy(to_sphere, refine_path(to_sphere, best[None], held=False, steps=3)[0]) <= energy(to_sphere, best)


def test_a_held_path_goes_around_the_hole_that_a_free_one_crosses():
    """Places on a circle, drawn as they are: the way between two of them is an arc; a free way is its chord."""
    start = hold(line([3.0, 0.0], [-1.0, np.sqrt(8.0)], 21))
    held = refine_path(torch.clone, start[None])[0]
    free = refine_path(torch.clone, start[None], held=False, steps=300)[0]
    angle = np.arccos(-1 / 3)
    np.testing.assert_allclose(np.linalg.norm(held, axis=1), 3, rtol=1e-5)
    assert steps_of(torch.clone, held).sum() == pytest.approx(3 * angle, rel=0.01)
    assert steps_of(torch.clone, free).sum() == pytest.approx(np.sqrt(24), rel=0.01)
    assert np.linalg.norm(free, axis=1).min() < 1.9


def test_an_arc_turns_and_lengthens_evenly():
    """From radius 1 to radius 3 over 90 degrees: (1 + 2 u) (cos 90 u, sin 90 u) at u = 0, 1/4, ..."""
    u = np.linspace(0, 1, 5)
    expected = (1 + 2 * u)[:, None] * np.stack([np.cos(np.pi / 2 * u), np.sin(np.pi / 2 * u)], axis=1)
    np.testing.assert_allclose(arc(np.array([1.0, 0.0]), np.array([0.0, 3.0]), 5), expected, atol=1e-6)


@pytest.mark.parametrize("d", [1, 2, 5])
def test_an_arc_between_opposite_or_equal_places_is_still_an_arc(d: int):
    place = np.arange(1.0, d + 1)
    assert np.isfinite(arc(place, -place, 7)).all()
    np.testing.assert_allclose(arc(place, place, 7), np.tile(place, (7, 1)), atol=1e-6)
    if d > 1:
        np.testing.assert_allclose(np.linalg.norm(arc(place, -place, 7), axis=1), np.linalg.norm(place), rtol=1e-6)


@pytest.mark.parametrize("held", [True, False])
def test_an_even_path_runs_at_constant_speed_in_what_is_drawn(held: bool):
    """Places crowded near one end of a path over the sphere: 40 frames in equal steps, to 2 %."""
    u = np.linspace(0, 1, 15)[:, None] ** 3
    path = (np.hstack([np.cos(2 * u), np.sin(2 * u)]) * (1 + u)).astype(np.float32)
    even = even_path(to_sphere, path, 40, held=held)
    gaps = steps_of(to_sphere, even)
    assert gaps.max() / gaps.min() < 1.02
    np.testing.assert_array_equal(even[[0, -1]], path[[0, -1]])
    assert even.dtype == np.float32


def test_a_path_that_goes_nowhere_stays_there():
    path = np.ones((4, 2), np.float32)
    np.testing.assert_array_equal(even_path(to_sphere, path, 5), np.ones((5, 2)))
    np.testing.assert_allclose(refine_path(to_sphere, path[None]), path[None], atol=1e-6)
