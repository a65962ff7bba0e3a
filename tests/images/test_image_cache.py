import dataclasses
import errno
import io
import json
import os

import numpy as np
import pytest

from imatlas.checks import InputError
from imatlas.images import digits, read_cache, read_images, write_cache
from imatlas.images.storage import allocate_pixels, keep_rows
from imatlas.values import ImageSet, Rejected


def test_an_image_set_comes_back_whole_as_a_read_only_map(tmp_path):
    images = dataclasses.replace(
        digits(), rejected=(Rejected("a\n写.png", "broken"),), excluded=np.arange(1797) % 7 == 0, source="写真"
    )
    write_cache(images, tmp_path / "images")
    again = read_cache(tmp_path / "images")
    assert isinstance(again.pixels, np.memmap)
    assert not again.pixels.flags.writeable
    for name in ("pixels", "ids", "labels", "held_out", "excluded"):
        assert np.array_equal(getattr(again, name), getattr(images, name))
    for name in ("class_names", "rejected", "source", "notes"):
        assert getattr(again, name) == getattr(images, name)


def test_sets_without_labels_and_of_colour_come_back_too(tmp_path):
    images = ImageSet(np.arange(2 * 8 * 8 * 3, dtype=np.uint8).reshape(2, 8, 8, 3), ids=np.array(["a", "b"]))
    write_cache(images, tmp_path)
    again = read_cache(tmp_path)
    assert again.labels is None
    assert np.array_equal(again.pixels, images.pixels)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.json", "pixels.npy"]


def test_a_map_stays_whole_while_its_cache_is_written_anew(tmp_path):
    write_cache(digits(), tmp_path)
    first = read_cache(tmp_path)
    kept = first.pixels[0].copy()
    write_cache(first.take(np.arange(10, 20)), tmp_path)
    assert np.array_equal(first.pixels[0], kept)
    assert len(read_cache(tmp_path)) == 10


def test_a_missing_torn_or_newer_cache_is_refused_in_words(tmp_path):
    with pytest.raises(InputError, match="Could not read"):
        read_cache(tmp_path)
    write_cache(digits(), tmp_path)
    index = json.loads((tmp_path / "index.json").read_text())
    (tmp_path / "index.json").write_text(json.dumps(index | {"ids": index["ids"][:-1]}))
    with pytest.raises(InputError, match="index describes 1,796 images"):
        read_cache(tmp_path)
    (tmp_path / "index.json").write_text(json.dumps(index | {"format": 99}))
    with pytest.raises(InputError, match="format 99"):
        read_cache(tmp_path)
    (tmp_path / "index.json").write_text(json.dumps(index))
    (tmp_path / "pixels.npy").write_bytes((tmp_path / "pixels.npy").read_bytes()[:-50])
    with pytest.raises(InputError, match="cannot be read"):
        read_cache(tmp_path)


def test_a_full_disk_is_told_in_words_and_leaves_no_rubbish(tmp_path, monkeypatch):
    class FullDisk(io.FileIO):
        def write(self, content):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fdopen", lambda handle, mode: FullDisk(handle, mode))
    with pytest.raises(InputError, match="No space left on device"):
        write_cache(digits(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_large_sets_are_read_into_a_temporary_map_with_the_same_pixels(paint, tmp_path, monkeypatch):
    for seed in range(9):
        paint(f"{seed}.png", seed, channels=1)
    (tmp_path / "4.png").write_bytes((tmp_path / "4.png").read_bytes()[:300])
    in_memory = read_images(tmp_path)
    monkeypatch.setattr("imatlas.images.storage.MEMORY_BYTES", 1000)
    monkeypatch.setattr("imatlas.images.storage.BLOCK_BYTES", 3000)
    mapped = read_images(tmp_path)
    assert isinstance(mapped.pixels, np.memmap)
    assert len(mapped) == 8
    assert np.array_equal(mapped.pixels, in_memory.pixels)


def test_too_little_space_for_the_temporary_map_is_told_in_words():
    with pytest.raises(InputError, match="there is too little space"):
        allocate_pixels((2**44, 64, 64, 3))


def test_kept_rows_move_to_the_front_in_order():
    pixels = np.arange(7, dtype=np.uint8).reshape(7, 1, 1, 1)
    kept = keep_rows(pixels, np.array([False, True, False, True, True, False, True]))
    assert kept.ravel().tolist() == [1, 3, 4, 6]
