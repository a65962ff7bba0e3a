"""Copies that are planted are found where there is enough to find them with, and it is said where there is not."""

import numpy as np
import pytest
from laws.threads import one_thread

from imatlas.features import PrincipalComponents
from imatlas.images import moving_shape
from imatlas.recipes import real_set
from imatlas.studies import judging
from imatlas.studies.judging import plant
from imatlas.values import ImageSet

__all__ = ["one_thread"]


@pytest.fixture(scope="module", autouse=True)
def few_metrics():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judging, "COPY_METRICS", ("copy_rate",))
        yield


@pytest.fixture(scope="module")
def side():
    """A thousand images to train on and eleven hundred held out, as their principal components see them."""
    images = moving_shape(2_100, 8, seed=0)[0]
    whole = ImageSet(images.pixels, images.ids, held_out=np.arange(2_100) >= 1_000)
    return real_set(whole, [PrincipalComponents()], resize="none")


def test_one_planted_copy_in_twenty_is_found_among_new_images(side):
    found = plant(side, moving_shape(1_000, 8, seed=1)[0].pixels)
    assert found["detected"]
    assert found["planted"] == 0.05
    assert found["with"][0]["value"] - found["without"][0]["value"] == pytest.approx(0.05, abs=0.01)


def test_with_few_held_out_images_more_copies_are_planted_and_found():
    """With 200 of them the threshold of a copy is that of one real image in twenty, so one copy in twenty cannot stand out."""
    images = moving_shape(1_000, 8, seed=0)[0]
    whole = ImageSet(images.pixels, images.ids, held_out=np.arange(1_000) >= 800)
    found = plant(real_set(whole, [PrincipalComponents()], resize="none"), moving_shape(300, 8, seed=1)[0].pixels)
    assert found["planted"] == 0.2
    assert found["detected"]


def test_among_few_images_it_is_said_that_copies_cannot_be_found(side):
    assert not plant(side, moving_shape(20, 8, seed=1)[0].pixels)["detected"]


def test_what_was_generated_is_left_as_it_is(side):
    pixels = moving_shape(40, 8, seed=1)[0].pixels
    before = pixels.copy()
    plant(side, pixels)
    np.testing.assert_array_equal(pixels, before)
