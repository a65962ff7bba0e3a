"""Reading to judge: one rule of resizing, in float, from all pixels; what files the images were stored as."""

import numpy as np
import pytest
from PIL import Image

from imatlas.checks import InputError
from imatlas.images import read_images


def by_the_rule(pixels: np.ndarray, side: int) -> np.ndarray:
    """Lanczos by Pillow on each channel in float, rounded once."""
    bands = [Image.fromarray(band.astype(np.float32)).resize((side, side), Image.Resampling.LANCZOS) for band in pixels.T]
    return np.rint(np.clip(np.stack([np.asarray(band).T for band in bands], axis=2), 0, 255)).astype(np.uint8)


def test_images_to_judge_are_resized_in_float_from_all_pixels(tmp_path, texture):
    """A JPEG 8 times as large is otherwise decoded at a reduced scale, and rounded between the directions."""
    Image.fromarray(texture(0, 128, 128)).save(tmp_path / "a.jpg", quality=90)
    whole = np.asarray(Image.open(tmp_path / "a.jpg"))
    exact = read_images(tmp_path, resolution=16, exact=True).pixels[0]
    np.testing.assert_array_equal(exact, by_the_rule(whole, 16))
    np.testing.assert_array_equal(read_images(whole[None], resolution=16, exact=True).pixels[0], exact)
    assert (read_images(tmp_path, resolution=16).pixels[0] != exact).any()


def test_exact_reading_turns_repeats_gray_and_leaves_the_native_size_alone(tmp_path, texture):
    gray = texture(1, 24, 24, channels=1)
    turned = Image.fromarray(gray)
    turned.getexif()[0x0112] = 6
    turned.save(tmp_path / "a.png", exif=turned.getexif())
    for channels in (1, 3):
        exact = read_images(tmp_path, channels=channels, exact=True).pixels[0]
        np.testing.assert_array_equal(exact, np.repeat(np.rot90(gray, -1)[:, :, None], channels, axis=2))


def test_images_to_judge_may_be_larger_than_those_to_train_on(tmp_path, texture):
    Image.fromarray(texture(0, 96, 96)).save(tmp_path / "a.png")
    assert read_images(tmp_path, resolution=96, exact=True).shape == (96, 96, 3)
    with pytest.raises(InputError, match="8 to 64"):
        read_images(tmp_path, resolution=96)
    with pytest.raises(InputError, match="8 to 512"):
        read_images(tmp_path, resolution=516, exact=True)


@pytest.mark.parametrize("quality", [30, 50, 75, 90, 95])
def test_formats_sizes_and_the_quality_of_jpeg_are_counted(tmp_path, texture, quality):
    for row in range(3):
        Image.fromarray(texture(row, 24, 32)).save(tmp_path / f"{row}.jpg", quality=quality)
    Image.fromarray(texture(9, 24, 24)).save(tmp_path / "9.png")
    images = read_images(tmp_path)
    assert images.formats == {f"JPEG {quality}": 3, "PNG": 1}
    assert images.sizes == {"24 x 32": 3, "24 x 24": 1}
    assert read_images(images.pixels).formats == {"array": 4}
