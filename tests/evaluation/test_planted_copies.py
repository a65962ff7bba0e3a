"""The small version of benchmarks/copies.py: copies of digits, planted among held-out digits, are counted."""

import io

import numpy as np
import pytest
from PIL import Image

from imatlas.evaluation import copy_rate, copy_ratios
from imatlas.evaluation.patches import nearest_in_parts
from imatlas.evaluation.shifts import nearest_shifted, usual_differences
from imatlas.images import digits


def shifted(images):
    """Move by 2 pixels, down and right; what comes in repeats the border."""
    return np.pad(images, ((0, 0), (2, 0), (2, 0), (0, 0)), mode="edge")[:, :-2, :-2]


def as_jpeg(images):
    saved = []
    for image in images:
        file = io.BytesIO()
        Image.fromarray(image[..., 0]).save(file, "JPEG", quality=50)
        saved.append(np.asarray(Image.open(file))[..., None])
    return np.stack(saved)


def noisy(images):
    noise = np.random.default_rng(0).normal(0, 0.05 * 255, images.shape)
    return np.rint(images + noise).clip(0, 255).astype(np.uint8)


CHANGES = {
    "exact": lambda images: images,
    "flipped": lambda images: images[:, :, ::-1],
    "shifted by 2 pixels": shifted,
    "JPEG of quality 50": as_jpeg,
    "5 % noise": noisy,
}


def in_pixels(images, train):
    return copy_ratios(nearest_shifted(images, train, usual_differences(images, train))[0])


def in_patches(images, train):
    return copy_ratios(nearest_in_parts(images, train)[0])


@pytest.fixture(scope="module")
def parts():
    """Digits of 16 x 16 pixels: 900 for training, 897 held out, with the ratios of these in both spaces."""
    images = digits().pixels.repeat(2, axis=1).repeat(2, axis=2)
    train, held_out = np.split(np.random.default_rng(0).permutation(images), [900])
    return train, {search: search(held_out, train) for search in (in_pixels, in_patches)}


@pytest.mark.parametrize("search", [in_pixels, in_patches])
@pytest.mark.parametrize("how", CHANGES)
def test_planted_copies_are_counted_however_they_were_changed(how, search, parts):
    """Half of the held-out digits set the threshold, at alpha = 5 %; copies take the place of 0 to 20 % of the others."""
    train, usual = parts
    usual = usual[search]
    copies = search(np.ascontiguousarray(CHANGES[how](train[:80])), train)
    for n_copied in (0, 4, 20, 80):
        generated = np.concatenate([copies[:n_copied], usual[497 + n_copied :]])
        planted = n_copied / len(generated)
        found = copy_rate(generated, usual[:497])
        assert found.interval[0] <= planted <= found.interval[1]
        assert found.value == pytest.approx(planted, abs=0.04), "three standard errors of alpha"
