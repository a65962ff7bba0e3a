"""Pictures that say how they were made."""

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from imatlas.app.animation import write_gif
from imatlas.checks import InputError
from imatlas.pictures import read_png_text, samples_to_folder, samples_to_npz, write_png
from imatlas.values import (
    Codes,
    Samples,
    Score,
)

SCORE = Score("frechet_distance", "pixels", 2.5, (2.0, 3.0), 0.1, "lower", 40, "quality", {"shares": [0.5, 0.5]})


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 3)])
def test_a_png_remembers_how_it_was_made(tmp_path, shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    how = {"seed": 7, "condition": {"class": "Schuhe – größer"}, "steps": 30}
    write_png(tmp_path / "x.png", pixels, how)
    assert read_png_text(tmp_path / "x.png") == how
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "x.png")), pixels.squeeze())


def test_png_files_without_a_note_are_refused_in_words(tmp_path):
    Image.new("L", (2, 2)).save(tmp_path / "plain.png")
    with pytest.raises(InputError, match="no note"):
        read_png_text(tmp_path / "plain.png")
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(InputError, match="Could not read"):
        read_png_text(tmp_path / "text.png")
    note = PngImagePlugin.PngInfo()
    note.add_text("imatlas", "not json")
    Image.new("L", (2, 2)).save(tmp_path / "odd.png", pnginfo=note)
    with pytest.raises(InputError, match="Could not read"):
        read_png_text(tmp_path / "odd.png")


def test_pixels_of_the_wrong_kind_are_refused(tmp_path):
    with pytest.raises(ValueError, match="wanted uint8"):
        write_png(tmp_path / "x.png", np.zeros((4, 4)), {})


def test_a_file_that_imatlas_did_not_write_is_never_overwritten(tmp_path):
    """A user's own 00000.png, or a set of images in an npz, would be lost without a way back."""
    Image.new("L", (4, 4), 7).save(tmp_path / "00000.png")
    (tmp_path / "mine.npz").write_bytes(b"mine")
    samples = Samples(np.zeros((1, 4, 4, 1), np.uint8), Codes({}), 0, "toy")
    with pytest.raises(InputError, match=r"00000\.png is there and is not an image that imatlas generated"):
        write_png(tmp_path / "00000.png", samples.pixels[0], {})
    with pytest.raises(InputError, match=r"mine\.npz is there already"):
        samples_to_npz(samples, tmp_path / "mine.npz")
    assert (tmp_path / "mine.npz").read_bytes() == b"mine"
    assert np.asarray(Image.open(tmp_path / "00000.png")).max() == 7


@pytest.mark.parametrize("other", ["9.png", "notes.txt", "shirts"])
def test_pictures_are_never_written_among_files_of_others(tmp_path, other):
    """Generated images among a user's own would be taken for them, and trained on, by the next run over that folder."""
    samples = Samples(np.zeros((2, 4, 4, 1), np.uint8), Codes({}), 0, "toy")
    samples_to_folder(samples, tmp_path)
    write_gif(tmp_path / "way.gif", samples.pixels, {"seed": 1})
    (tmp_path / ".DS_Store").write_bytes(b"")
    samples_to_folder(samples, tmp_path)
    (tmp_path / other).mkdir() if other == "shirts" else Image.new("L", (4, 4)).save(tmp_path / other, "PNG")
    with pytest.raises(InputError, match=f"holds {other}, which is no picture by imatlas; .* Choose another --out"):
        samples_to_folder(samples, tmp_path)


def test_a_folder_is_not_named_like_a_picture(tmp_path):
    samples = Samples(np.zeros((1, 4, 4, 1), np.uint8), Codes({}), 0, "toy")
    with pytest.raises(InputError, match=r"keep\.jpg names a file; pictures go into a folder"):
        samples_to_folder(samples, tmp_path / "keep.jpg")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "shapes.png").mkdir()
    samples_to_folder(samples, tmp_path / "shapes.png")


def test_samples_go_to_one_npz_or_one_png_each(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 1), dtype=np.uint8)
    samples = Samples(pixels, Codes({}), seed=7, source="0001-flow", how=tuple({"seed": s} for s in (0, 4, 6)))
    samples_to_npz(samples, tmp_path / "s.npz")
    with np.load(tmp_path / "s.npz") as stored:
        assert list(stored) == ["images"]
        np.testing.assert_array_equal(stored["images"], pixels[..., 0])
    paths = samples_to_folder(samples, tmp_path / "pngs")
    assert [path.name for path in paths] == ["00000.png", "00004.png", "00006.png"]
    assert read_png_text(paths[1]) == {"model": "0001-flow", "seed": 4}
