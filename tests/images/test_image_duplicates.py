import io

import numpy as np
import pytest
from PIL import Image

from imatlas.images import digits, find_duplicates, moving_shape, read_images, split_images
from imatlas.values import ImageSet


def image_set(pixels, **fields):
    return ImageSet(pixels, ids=np.arange(len(pixels)), **fields)


def textures(texture, n, side=32):
    return np.array([texture(seed, side, side) for seed in range(n)])


def saved_again(picture, quality):
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "jpeg", quality=quality)
    return np.asarray(Image.open(buffer))


def test_exact_copies_take_the_number_of_the_first(texture):
    pixels = textures(texture, 6)
    groups = find_duplicates(image_set(pixels[[0, 1, 2, 1, 0, 3, 1]]))
    assert groups.tolist() == [0, 1, 2, 1, 0, 5, 1]


def test_a_photo_saved_again_is_a_copy_and_its_mirror_image_is_not(texture):
    pixels = textures(texture, 20, 64)
    again = np.array([saved_again(picture, 90) for picture in pixels])
    groups = find_duplicates(image_set(np.concatenate([pixels, again, pixels[:, :, ::-1]])))
    assert groups[:40].tolist() == [*range(20), *range(20)]
    assert groups[40:].tolist() == list(range(40, 60))


def test_digits_hold_no_copies():
    assert find_duplicates(digits()).tolist() == list(range(1797))


def test_dim_pictures_are_compared_by_their_own_contrast(texture):
    """A fiftieth of the range is all these pictures use, so all of them are close, and still none is a copy."""
    dim = (textures(texture, 30) // 50).astype(np.uint8)
    assert find_duplicates(image_set(dim)).tolist() == list(range(30))


def test_flat_pictures_of_different_gray_are_not_copies():
    pixels = np.repeat(np.arange(4, dtype=np.uint8), 2)[:, None, None, None] * np.ones((1, 8, 8, 1), dtype=np.uint8)
    assert find_duplicates(image_set(pixels)).tolist() == [0, 0, 2, 2, 4, 4, 6, 6]


def test_a_dense_crowd_of_near_copies_becomes_one_group(texture):
    noise = np.random.default_rng(0).integers(-2, 3, (300, 32, 32, 3))
    crowd = np.clip(texture(0).astype(int) + noise, 0, 255).astype(np.uint8)
    assert np.unique(find_duplicates(image_set(crowd))).tolist() == [0]


def test_a_slowly_turning_shape_does_not_chain_into_one_group():
    images, angles = moving_shape(3000, moves=("rotate",))
    groups = find_duplicates(images)
    assert len(np.unique(groups)) > 50
    turn = np.abs(np.angle(np.exp(1j * (angles[:, 0] - angles[groups, 0]))))
    assert turn.max() < 0.2


def test_copies_stay_on_one_side_of_the_split(texture):
    pixels = textures(texture, 40, 64)
    pixels = np.concatenate([pixels, pixels, [saved_again(picture, 90) for picture in pixels]])
    images = split_images(image_set(pixels), 0.2, seed=3)
    groups = find_duplicates(images)
    assert len(np.unique(groups)) == 40
    assert not set(groups[images.held_out]) & set(groups[~images.held_out])
    assert 20 <= images.held_out.sum() <= 24
    assert any("120 images are exact or near copies" in note for note in images.notes)


@pytest.mark.parametrize("n", [10, 11, 14, 99])
def test_at_least_one_of_ten_is_held_out(texture, n):
    images = split_images(image_set(textures(texture, n)), 0.05)
    assert images.held_out.sum() == max(1, round(0.05 * n))


def test_the_split_follows_the_seed_and_none_can_be_asked_for():
    images = digits()
    assert np.array_equal(digits(seed=0).held_out, images.held_out)
    assert not np.array_equal(digits(seed=1).held_out, images.held_out)
    assert not digits(held_out=0.0).held_out.any()
    with pytest.raises(ValueError, match="wanted a value from"):
        digits(held_out=1.5)


def test_a_given_split_is_kept_and_copies_across_it_are_told(texture):
    pixels = textures(texture, 12)
    pixels[3] = pixels[11]
    held_out = np.arange(12) >= 10
    images = split_images(image_set(pixels, held_out=held_out), 0.5)
    assert np.array_equal(images.held_out, held_out)
    assert any("1 training images are copies of held-out ones" in note for note in images.notes)


def test_few_originals_with_many_copies_still_give_a_held_out_side(texture):
    pixels = np.repeat(textures(texture, 2), [5, 15], axis=0)
    assert read_images(pixels).held_out.tolist() == [True] * 5 + [False] * 15
