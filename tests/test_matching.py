"""Two sets laid beside each other: classes by name, and what is suspect about them said in words."""

from dataclasses import replace

import numpy as np
import pytest

from imatlas.recipes import matching
from imatlas.recipes.matching import equal_images, first_rows, match_channels, match_classes
from imatlas.values import ImageSet, Rejected


def images(n: int = 60, seed: int = 0, **more) -> ImageSet:
    pixels = np.random.default_rng(seed).integers(0, 256, (n, 8, 8, 1), dtype=np.uint8)
    return ImageSet(pixels, [f"{seed}/{row}.png" for row in range(n)], **more)


def suspicions(real: ImageSet, generated: ImageSet) -> tuple[str, ...]:
    first_of = first_rows(real)
    return matching.suspicions(real, generated, equal=equal_images(first_of, generated), n_pictures=len(first_of))


def told(real: ImageSet, generated: ImageSet) -> str:
    return " ".join(suspicions(real, generated))


def test_two_sound_sets_arouse_no_suspicion():
    counts = {"formats": {"PNG": 60}, "sizes": {"8 x 8": 60}}
    assert suspicions(replace(images(), **counts), replace(images(seed=1), **counts)) == ()


@pytest.mark.parametrize(("real", "drawn", "side"), [(49, 60, "real"), (60, 49, "generated")])
def test_fewer_than_fifty_images_are_said_by_side(real, drawn, side):
    assert suspicions(images(50), images(50, 1)) == ()
    assert f"There are 49 {side} images; with fewer than 50" in told(images(real), images(drawn, 1))


def test_real_images_among_the_generated_are_found_by_content_and_named_with_their_share():
    real, drawn = images(), images(seed=1)
    pixels = drawn.pixels.copy()
    pixels[[4, 9, 30]] = real.pixels[[7, 7, 20]]
    said = told(real, replace(drawn, pixels=pixels))
    assert "3 of 60 generated images (5 %) are real images pixel for pixel: the first is 1/4.png, which is 0/7.png" in said
    assert "mixed up" in said


def test_one_set_on_both_sides_is_said_whatever_its_files_are_called():
    real = images()
    shuffled = replace(real.take(np.arange(60)[::-1]), ids=np.arange(60).astype(str))
    assert "Both sides hold the same 60 images" in told(real, shuffled)
    assert "Both sides hold the same" not in told(real, real.take(np.arange(59)))


def test_of_equal_real_pictures_a_training_image_is_named_first():
    """Rows 0 and 5 are one picture, and row 0 is held out."""
    real = images()
    pixels = real.pixels.copy()
    pixels[5] = pixels[0]
    real = replace(real, pixels=pixels, held_out=np.arange(60) == 0)
    assert equal_images(first_rows(real), real.take(np.array([0]))) == ((0, 5),)


def test_files_that_could_not_be_read_are_said_by_side():
    broken = (Rejected("a.png", "it is cut short."), Rejected("b.png", "no image"))
    said = told(images(), replace(images(seed=1), rejected=broken))
    assert "2 of the generated files could not be read" in said
    assert "the first: a.png (it is cut short)." in said
    assert "1 of the real files" in told(replace(images(), rejected=broken[:1]), images(seed=1))


def test_a_generator_of_one_picture_is_said():
    assert "All 60 generated images are the same picture" in told(images(), images(1, 5).take(np.zeros(60, int)))


@pytest.mark.parametrize(
    ("real", "drawn", "suspect"),
    [
        ({"JPEG 75": 60}, {"PNG": 60}, True),
        ({"PNG": 60}, {"JPEG 75": 30, "PNG": 30}, True),
        ({"JPEG 75": 60}, {"array": 60}, True),
        ({"JPEG 90": 60}, {"JPEG 75": 60}, True),
        ({"JPEG 90": 60}, {"JPEG 85": 60}, False),
        ({"PNG": 58, "JPEG 30": 2}, {"PNG": 60}, False),
        ({"PNG": 60}, {"array": 60}, False),
        ({"JPEG 75": 60}, {}, False),
    ],
)
def test_unlike_compression_is_said_and_a_model_has_none(real, drawn, suspect):
    said = told(replace(images(), formats=real), replace(images(seed=1), formats=drawn))
    assert ("Compression leaves marks" in said) is suspect


def test_images_that_had_to_be_enlarged_are_said():
    small = replace(images(seed=1), sizes={"4 x 6": 20, "8 x 8": 40})
    assert "20 generated images were smaller than 8 x 8 (4 x 6) and were enlarged" in told(images(), small)
    assert suspicions(images(), replace(small, sizes={"4 x 6": 6, "8 x 8": 54})) == ()


def test_classes_are_matched_by_their_names():
    real = images(labels=np.arange(60) % 3, class_names=("ape", "bee", "cow"))
    drawn = images(seed=1, labels=np.arange(60) % 3, class_names=("cow", "ape", "bee"))
    matched, said = match_classes(real, drawn)
    assert said == ()
    assert [matched.class_names[label] for label in matched.labels[:4]] == ["cow", "ape", "bee", "cow"]


def test_classes_that_one_side_lacks_are_named():
    real = images(labels=np.arange(60) % 3, class_names=("ape", "bee", "cow"))
    drawn = images(seed=1, labels=np.arange(60) % 2, class_names=("Cow", "ape"))
    matched, said = match_classes(real, drawn)
    assert set(matched.labels[::2]) == {-1}
    assert set(matched.labels[1::2]) == {0}
    text = " ".join(said)
    assert "that no real image has: Cow;" in text
    assert "the same to the letter" in text
    assert "Real classes of which there is no generated image: bee, cow." in text


def test_a_class_without_an_image_counts_as_absent():
    real = images(labels=np.arange(60) % 2, class_names=("ape", "bee", "cow"))
    drawn = images(seed=1, labels=np.zeros(60, int), class_names=("ape", "bee"))
    assert match_classes(real, drawn)[1] == ("Real classes of which there is no generated image: bee.",)


def test_labels_of_one_side_alone_are_dropped():
    drawn = images(seed=1, labels=np.zeros(60, int), class_names=("ape",))
    matched, said = match_classes(images(), drawn)
    assert matched.labels is None
    assert said == ()


def test_gray_images_are_repeated_beside_colour():
    gray, colour = images(), replace(images(seed=1), pixels=np.zeros((60, 8, 8, 3), np.uint8))
    first, second = match_channels([gray, colour])
    np.testing.assert_array_equal(first.pixels, np.repeat(gray.pixels, 3, axis=3))
    assert second is colour
    assert match_channels([gray])[0] is gray
