"""Every extractor under its family's law."""

from functools import partial

import numpy as np
import pytest
from laws import extractors as laws

from imatlas.checks import InputError
from imatlas.features import EXTRACTORS, Encoder, Extractor
from imatlas.values import ImageSet

MEMBERS = dict(EXTRACTORS) | {"encoder": partial(Encoder, 8, steps=3, width=8)}
every_member = pytest.mark.parametrize("make", MEMBERS.values(), ids=MEMBERS)


def test_every_extractor_has_the_name_it_is_found_by() -> None:
    for name, kind in EXTRACTORS.items():
        assert issubclass(kind, Extractor)
        assert kind.name == name


@every_member
def test_extractors_keep_their_law(make) -> None:
    laws.check_extractor(make)


@every_member
@pytest.mark.parametrize("size", [8, 28, 32, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_extractors_take_images_of_every_shape(make, size: int, channels: int) -> None:
    laws.check_images_of_shape(make, size, channels)


@every_member
def test_sets_without_any_difference_are_refused_in_words(make) -> None:
    for n in (1, 30):
        images = ImageSet(np.full((n, 8, 8, 1), 7, np.uint8), np.arange(n).astype(str))
        if make is EXTRACTORS["pixels"]:
            assert len(make().fit(images).transform(images)) == n
            continue
        with pytest.raises(InputError, match=f"{n} images without any difference came; features want two that differ"):
            make().fit(images)


@every_member
def test_a_large_set_gives_the_rows_of_its_blocks(make) -> None:
    """2,048 rows are taken at a time; the seam shows nowhere."""
    images = laws.random_images(2100)
    extractor = make().fit(images.take(np.arange(50)))
    rows = extractor.transform(images).rows
    np.testing.assert_array_equal(rows[2048:], extractor.rows(images.pixels[2048:]))
    np.testing.assert_array_equal(rows[:2048], extractor.rows(images.pixels[:2048]))
