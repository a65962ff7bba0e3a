import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from imatlas.checks import InputError
from imatlas.images import read_image, read_images
from imatlas.images.containers import Folder
from imatlas.images.decode import LARGEST_PIXELS


def reasons_of(images):
    return {one.path: one.reason for one in images.rejected}


def test_square_images_of_one_native_size_come_back_untouched(paint, tmp_path, texture):
    for seed in range(3):
        paint(f"{seed}.png", seed, 28, 28)
    images = read_images(tmp_path)
    assert np.array_equal(images.pixels, [texture(seed, 28, 28) for seed in range(3)])
    assert "Resolution 28: the images' own size." in images.notes


@pytest.mark.parametrize(
    ("sizes", "resolution"),
    [
        ([(28, 28)] * 3, 28),
        ([(30, 30)] * 3, 28),
        ([(8, 8)] * 3, 8),
        ([(72, 72)] * 3, 64),
        ([(500, 400), (60, 90), (50, 50)], 56),
        ([(29, 32), (30, 30)], 28),
        ([(40, 40), (40, 41)], 40),
        ([(17, 20)], 16),
        ([(9, 12)], 8),
    ],
)
def test_the_resolution_is_chosen_by_the_stated_rule(paint, tmp_path, sizes, resolution):
    for seed, (width, height) in enumerate(sizes):
        paint(f"{seed}.png", seed, width, height)
    images = read_images(tmp_path)
    assert images.shape == (resolution, resolution, 3)
    assert any(note.startswith(f"Resolution {resolution}:") for note in images.notes)


@pytest.mark.parametrize("wrong", [4, 30, 68, 28.0, True, "32"])
def test_a_wrong_resolution_is_refused_in_words(paint, tmp_path, wrong):
    paint("a.png", 0)
    with pytest.raises(InputError, match="multiple of 4 from 8 to 64"):
        read_images(tmp_path, resolution=wrong)


def test_gray_sets_have_one_channel_even_when_saved_as_colour(tmp_path, texture):
    gray = texture(0, channels=1)
    Image.fromarray(gray).convert("RGB").save(tmp_path / "a.png")
    Image.fromarray(gray.T.copy()).save(tmp_path / "b.png")
    assert read_images(tmp_path).shape == (32, 32, 1)
    assert read_images(tmp_path, channels=3).shape == (32, 32, 3)


def test_one_colour_image_makes_the_set_colour_and_can_be_forced_gray(paint, tmp_path):
    paint("gray.png", 0, channels=1)
    paint("colour.png", 1)
    images = read_images(tmp_path)
    assert images.shape == (32, 32, 3)
    assert np.ptp(images.pixels[1].astype(int), axis=2).max() == 0
    assert read_images(tmp_path, channels=1).shape == (32, 32, 1)


def test_transparent_places_show_the_ground(tmp_path):
    picture = np.zeros((32, 32, 4), dtype=np.uint8)
    picture[:, 16:] = (200, 100, 50, 255)
    picture[:16, :16] = (9, 9, 9, 128)
    Image.fromarray(picture).save(tmp_path / "a.png")
    left = read_images(tmp_path, ground="#1020ff").pixels[0]
    assert left[31, 0].tolist() == [0x10, 0x20, 0xFF]
    assert left[0, 31].tolist() == [200, 100, 50]
    assert np.abs(left[0, 0].astype(int) - np.rint((np.array([9, 9, 9]) + [0x10, 0x20, 0xFF]) / 2)).max() <= 1
    assert read_images(tmp_path).pixels[0, 31, 0].tolist() == [255, 255, 255]


def test_an_unknown_ground_is_refused_in_words(paint, tmp_path):
    paint("a.png", 0)
    with pytest.raises(InputError, match='ground "whitish" is not a colour'):
        read_images(tmp_path, ground="whitish")


def test_a_palette_keeps_its_colours_and_its_transparency(tmp_path):
    picture = Image.new("P", (32, 32), 1)
    picture.putpalette([0, 0, 0, 250, 10, 20] + [0] * 750)
    picture.paste(0, (0, 0, 16, 32))
    picture.save(tmp_path / "solid.png")
    picture.save(tmp_path / "with hole.png", transparency=0)
    images = read_images(tmp_path)
    assert images.pixels[0, 5, 20].tolist() == [250, 10, 20]
    assert images.pixels[0, 5, 5].tolist() == [0, 0, 0]
    assert images.pixels[1, 5, 5].tolist() == [255, 255, 255]


def test_16_bit_gray_is_scaled_and_12_bits_in_16_too(tmp_path):
    ramp = np.tile(np.linspace(0, 65535, 32), (32, 1))
    for name, values in (("full", ramp), ("camera", ramp / 65535 * 4095)):
        (tmp_path / name).mkdir()
        Image.fromarray(np.rint(values).astype(np.uint16)).save(tmp_path / name / "a.png")
    wanted = np.linspace(0, 255, 32)
    for name in ("full", "camera"):
        images = read_images(tmp_path / name)
        assert images.shape == (32, 32, 1)
        assert np.abs(images.pixels[0, :, :, 0] - wanted).max() <= 0.51
        assert any("more than 8 bits" in note for note in images.notes)
        assert np.array_equal(read_image(tmp_path / name / "a.png", 32, 1), images.pixels[0])


def test_float_tiff_from_0_to_1_is_read(tmp_path):
    ramp = np.tile(np.linspace(0, 1, 32, dtype=np.float32), (32, 1))
    Image.fromarray(ramp).save(tmp_path / "a.tif")
    assert np.abs(read_images(tmp_path).pixels[0, :, :, 0] - 255 * ramp).max() <= 0.51


def test_cmyk_comes_out_in_the_right_colours(tmp_path):
    Image.new("CMYK", (32, 32), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    red = read_images(tmp_path).pixels[0, 16, 16]
    assert red[0] > 200
    assert red[1:].max() < 60


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_turn_gives_the_upright_picture(tmp_path, texture, orientation):
    """The stored picture is made by undoing the turn, so every file must read like the upright one.

    Two gray levels are allowed, one for each rounding of Pillow's two passes, whose order the turn swaps.
    """
    upright = Image.fromarray(texture(3, 96, 64))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.png", exif=exif)
    upright.save(tmp_path / "b.png")
    images = read_images(tmp_path, resolution=32)
    assert np.abs(images.pixels[0].astype(int) - images.pixels[1]).max() <= 2
    assert any("turned upright" in note for note in images.notes) == (orientation > 1)


def test_the_first_frame_of_an_animation_is_taken_and_noted(tmp_path):
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue", "green")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    images = read_images(tmp_path)
    assert images.pixels[0, 0, 0].tolist() == [255, 0, 0]
    assert any("animated" in note for note in images.notes)


def test_the_centre_square_is_cut_and_shrunk_without_aliasing(tmp_path):
    """One-pixel stripes lie above the wanted resolution's limit; antialiasing must turn them into plain gray."""
    stripes = np.zeros((256, 512), dtype=np.uint8)
    stripes[:, ::2] = 255
    stripes[:, :128] = stripes[:, 384:] = 0
    Image.fromarray(stripes).save(tmp_path / "a.png")
    images = read_images(tmp_path, resolution=32)
    inside = images.pixels[0, 4:-4, 4:-4].astype(int)
    assert np.abs(inside - 127).max() <= 3
    assert any("not square" in note for note in images.notes)


def test_small_images_are_enlarged_and_it_is_noted(paint, tmp_path):
    paint("a.png", 0, 12, 12)
    images = read_images(tmp_path, resolution=64)
    assert images.shape == (64, 64, 3)
    assert any("enlarged (bicubic)" in note for note in images.notes)


def test_jpeg_decoded_at_reduced_scale_looks_like_the_whole_one(tmp_path, texture):
    Image.fromarray(texture(5, 900, 700)).save(tmp_path / "a.jpg", quality=95)
    Image.open(tmp_path / "a.jpg").save(tmp_path / "b.png")
    images = read_images(tmp_path, resolution=32)
    assert np.abs(images.pixels[0].astype(int) - images.pixels[1]).mean() < 0.8


def huge_png(width: int, height: int) -> bytes:
    """Give a small PNG file whose header promises a large picture."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


def test_broken_and_odd_files_are_skipped_and_listed_with_reasons(paint, tmp_path, texture, encoded):
    for seed in range(4):
        paint(f"good {seed}.png", seed)
    photo = encoded(texture(9, 300, 300), "jpeg")
    (tmp_path / "cut.jpg").write_bytes(photo[: len(photo) // 2])
    (tmp_path / "cut.png").write_bytes(encoded(texture(9, 300, 300))[:-3000])
    (tmp_path / "zero.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("this is no picture")
    (tmp_path / "drawing.ps.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 32\n")
    (tmp_path / "bomb.png").write_bytes(huge_png(12000, 12000))
    (tmp_path / "bigger bomb.png").write_bytes(huge_png(60000, 60000))
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    Image.new("RGB", (10000, 10)).save(tmp_path / "line.png")
    os.mkfifo(tmp_path / "pipe.png")
    os.symlink(tmp_path / "nowhere", tmp_path / "lost.png")
    os.symlink("loop.png", tmp_path / "loop.png")
    images = read_images(tmp_path)
    assert len(images) == 4
    reasons = reasons_of(images)
    assert set(reasons) == {
        *("cut.jpg", "cut.png", "zero.png", "text.png", "drawing.ps.png", "bomb.png", "bigger bomb.png"),
        *("dot.png", "line.png", "pipe.png", "lost.png", "loop.png"),
    }
    assert "cut short" in reasons["cut.jpg"]
    assert "cut short" in reasons["cut.png"]
    assert "empty" in reasons["zero.png"]
    assert "not an image" in reasons["text.png"]
    assert "not an image" in reasons["drawing.ps.png"]
    assert str(LARGEST_PIXELS // 10**6) in reasons["bomb.png"]
    assert "too large" in reasons["bigger bomb.png"]
    assert "too small" in reasons["dot.png"]
    assert "too long" in reasons["line.png"]
    assert "pipe" in reasons["pipe.png"]
    assert any("12 files or entries could not be used" in note for note in images.notes)


def test_folders_linked_in_a_circle_are_read_once(paint, tmp_path):
    paint("set/a/1.png", 0)
    paint("set/b/2.png", 1)
    os.symlink(tmp_path / "set", tmp_path / "set" / "a" / "back")
    images = read_images(tmp_path / "set")
    assert images.ids.tolist() == ["a/1.png", "b/2.png"]
    assert [one.path for one in images.rejected] == ["a/back"]


def test_a_file_that_may_not_be_opened_is_listed(paint, tmp_path, monkeypatch):
    """Raised by hand, since a test run by root may open everything."""
    paint("a.png", 0)
    paint("secret.png", 1)
    opening = Folder.open

    def refuse(self: Folder, name: str) -> io.BufferedReader:
        if name == "secret.png":
            raise PermissionError(13, "Permission denied")
        return opening(self, name)

    monkeypatch.setattr(Folder, "open", refuse)
    assert reasons_of(read_images(tmp_path)) == {"secret.png": "no permission to read it"}


def test_other_files_and_hidden_ones_are_ignored_without_a_word(paint, tmp_path):
    paint("a.png", 0)
    paint(".trash/b.png", 1)
    for name in ("README.md", ".DS_Store", "._a.png", "notes.json", "Thumbs.db"):
        (tmp_path / name).write_text("x")
    images = read_images(tmp_path)
    assert images.ids.tolist() == ["a.png"]
    assert images.rejected == ()


def test_an_empty_folder_a_missing_one_and_one_of_broken_files_say_so(tmp_path):
    with pytest.raises(InputError, match="0 files were seen"):
        read_images(tmp_path)
    with pytest.raises(InputError, match="There is no file or folder"):
        read_images(tmp_path / "missing")
    (tmp_path / "readme.txt").write_text("x")
    with pytest.raises(InputError, match=r"holds no image files: 1 files"):
        read_images(tmp_path)
    (tmp_path / "a.png").write_text("x")
    with pytest.raises(InputError, match=r"2 files were seen and 1 were left out\. a\.png: not an image"):
        read_images(tmp_path)
    with pytest.raises(InputError, match="not a kind of source"):
        read_images(tmp_path / "readme.txt")
    with pytest.raises(TypeError, match="The source is a int"):
        read_images(3)


def test_a_folder_around_an_archive_points_to_the_archive(tmp_path):
    np.savez(tmp_path / "set.npz", images=np.zeros((3, 8, 8), dtype=np.uint8))
    with pytest.raises(InputError, match=r"there is set\.npz in it"):
        read_images(tmp_path)


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_images_read_fine(paint, tmp_path, n):
    for seed in range(n):
        paint(f"{seed}.png", seed)
    images = read_images(tmp_path)
    assert len(images) == n
    assert not images.held_out.any()


def test_identical_images_read_fine_and_none_is_held_out(paint, tmp_path):
    for number in range(12):
        paint(f"{number}.png", 0)
    images = read_images(tmp_path)
    assert len(images) == 12
    assert not images.held_out.any()
    assert any("12 images are exact or near copies" in note for note in images.notes)


def test_progress_is_reported_to_the_end(paint, tmp_path):
    for seed in range(3):
        paint(f"{seed}.png", seed)
    seen = []
    read_images(tmp_path, report=seen.append)
    assert {(one.stage, one.done, one.total) for one in seen} == {("looking at files", 3, 3), ("reading images", 3, 3)}


def test_one_picture_reads_as_the_set_would_read_it(paint, tmp_path):
    path = paint("a.png", 0, 50, 40)
    whole = read_images(tmp_path, resolution=16)
    assert np.array_equal(read_image(path, 16, 3), whole.pixels[0])
    assert np.array_equal(read_images(path, resolution=16).pixels, whole.pixels)


def test_one_picture_that_cannot_be_used_is_refused_in_words(tmp_path):
    (tmp_path / "a.png").write_text("x")
    with pytest.raises(InputError, match=r"a\.png cannot be used: not an image"):
        read_image(tmp_path / "a.png", 16, 3)
    with pytest.raises(InputError, match="cannot be opened"):
        read_image(tmp_path / "b.png", 16, 3)
