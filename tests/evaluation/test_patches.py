import numpy as np
import pytest
import torch

from imatlas.checks import InputError
from imatlas.evaluation import copy_rate, copy_ratios
from imatlas.evaluation.patches import _partial_distances, nearest_in_parts


def drawn(count, seed, side=28):
    """Draw images of coarse random squares, smooth enough to be shifted by a pixel or two."""
    coarse = np.random.default_rng(seed).integers(0, 256, size=(count, side // 4, side // 4, 1))
    return coarse.repeat(4, axis=1).repeat(4, axis=2).astype(np.uint8)


def with_part(images, others, how):
    made = others.copy()
    if how == "left half":
        made[:, :, :14] = images[:, :, :14]
    elif how == "middle":
        made[:, 5:23, 5:23] = images[:, 5:23, 5:23]
    elif how == "mirrored half":
        made[:, :, 14:] = images[:, :, ::-1][:, :, 14:]
    return made


def test_the_partial_distance_caps_every_patch_at_what_is_usual_for_it():
    """Two patches, one window, three candidates: usual is the mean of the 2nd and 3rd least, 3 and 6, so 9 in all."""
    apart = np.array([[0.0, 2.0, 4.0], [8.0, 1.0, 4.0]])
    found = _partial_distances(torch.from_numpy(apart)[None, :, None], 3)
    np.testing.assert_allclose(found[0].numpy(), np.array([0 + 6, 2 + 1, 3 + 4]) / 9)


@pytest.mark.parametrize("how", ["left half", "middle", "mirrored half"])
def test_copies_of_a_part_are_found_and_lead_to_their_source(how):
    train, held_out, others = drawn(300, 0), drawn(200, 1), drawn(40, 2)
    distances, rows = nearest_in_parts(with_part(train[:40], others, how), train)
    assert (rows[:, 0] == np.arange(40)).mean() > 0.9
    assert (np.diff(distances, axis=1) >= 0).all()
    usual = copy_ratios(nearest_in_parts(held_out, train)[0])
    rate = copy_rate(copy_ratios(distances), usual)
    assert rate.value > 0.9


def test_an_exact_copy_is_at_distance_zero_and_no_image_is_named_twice():
    train = drawn(60, 0)
    distances, rows = nearest_in_parts(train[:10], train)
    np.testing.assert_array_equal(rows[:, 0], np.arange(10))
    np.testing.assert_array_equal(distances[:, 0], 0)
    assert all(len(set(found)) == 10 for found in rows)


def test_an_empty_ground_weighs_nothing():
    """Objects in one quarter on black: a copy of the object is a whole copy, not a quarter of one."""
    train, other = np.zeros((80, 28, 28, 1), np.uint8), np.zeros((80, 28, 28, 1), np.uint8)
    train[:, 4:12, 4:12], other[:, 4:12, 4:12] = drawn(80, 0, 8), drawn(80, 1, 8)
    noise = np.random.default_rng(0).normal(0, 3, train[:10].shape)
    noisy = (train[:10] + noise).clip(0, 255).astype(np.uint8)
    copied, fresh = (copy_ratios(nearest_in_parts(images, train)[0]) for images in (noisy, other[:10]))
    assert copied.max() < 0.5
    assert fresh.min() > 0.6


def test_images_too_thin_for_a_grid_are_refused_in_words():
    thin = np.zeros((20, 2, 30, 1), np.uint8)
    with pytest.raises(InputError, match=r"2 x 30 pixels.*4 x 4 patches"):
        nearest_in_parts(thin, thin)
    colour = np.random.default_rng(0).integers(0, 256, size=(6, 4, 5, 3), dtype=np.uint8)
    np.testing.assert_array_equal(nearest_in_parts(colour, colour)[1][:, 0], np.arange(6))
