"""The idx format of the MNIST family: a short header, then raw numbers, often inside gzip.

The header promises a shape; it is checked against what the file could possibly hold before room is made for it.
"""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from imatlas.checks import InputError
from imatlas.images.stacks import Stack, check_labels

__all__ = ["find_idx_files", "is_idx", "read_idx", "read_idx_folder", "read_idx_images"]

NUMBER_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

GZIP_RATIO = 1040
"""Deflate never shrinks by more than about 1,032."""

_FILE_NAME = re.compile(r"(train|t10k|test)[-_.](images|labels)[-_.]idx[13][-_.]ubyte(\.gz)?$", re.IGNORECASE)


def is_idx(start: bytes) -> bool:
    """Say whether the first 4 bytes of a file are those of an idx file."""
    return len(start) >= 4 and start[:2] == b"\0\0" and start[2] in NUMBER_TYPES and 1 <= start[3] <= 4


def read_idx(path: Path) -> np.ndarray:
    """Read one idx file, gzip or plain.

    Raises
    ------
    InputError
        If it is not idx, or holds fewer bytes than its header promises.
    """
    try:
        with _opened(path) as stream:
            start = stream.read(4)
            if not is_idx(start):
                raise InputError(f"{path} is not an idx file: it starts with the bytes {start.hex(' ') or '(none)'}.")
            shape = tuple(int(size) for size in np.frombuffer(stream.read(4 * start[3]), dtype=">u4"))
            number_type = np.dtype(NUMBER_TYPES[start[2]])
            promised = int(np.prod(shape, dtype=object)) * number_type.itemsize if len(shape) == start[3] else -1
            if not 0 <= promised <= GZIP_RATIO * path.stat().st_size:
                raise InputError(
                    f"{path} promises the shape {shape}, more than the file can hold. It is broken; fetch it again."
                )
            content = stream.read(promised)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read ({error}). It is broken or cut short; fetch it again.") from error
    if len(content) < promised:
        raise InputError(
            f"{path} promises {promised:,} bytes for the shape {shape} but holds {len(content):,}. "
            "It is cut short; fetch it again."
        )
    return np.frombuffer(content, dtype=number_type).reshape(shape)


def find_idx_files(folder: Path) -> dict[tuple[str, str], Path]:
    """Give the MNIST-named files of a folder by ("train" or "test", "images" or "labels"); plain before gzip."""
    found: dict[tuple[str, str], Path] = {}
    for path in sorted(folder.iterdir()):
        match = _FILE_NAME.search(path.name)
        if match and path.is_file():
            part = "train" if match[1].lower() == "train" else "test"
            found.setdefault((part, match[2].lower()), path)
    return found


def read_idx_folder(files: dict[tuple[str, str], Path]) -> Stack:
    """Read the train and test pairs of an MNIST-like folder; test rows are held out.

    Raises
    ------
    InputError
        If a file is broken, or images and labels do not match.
    """
    notes: list[str] = []
    parts = [part for part in ("train", "test") if (part, "images") in files]
    arrays = [_image_array(files[part, "images"]) for part in parts]
    if len({array.shape[1:] for array in arrays}) > 1:
        raise InputError(
            f"Train and test images differ in size: {[array.shape[1:] for array in arrays]}; give one of them alone."
        )
    sizes = [len(array) for array in arrays]
    ids = np.concatenate([_row_names(files[part, "images"].name, n) for part, n in zip(parts, sizes)])
    held_out = np.repeat([part == "test" for part in parts], sizes) if len(parts) == 2 else None
    if held_out is not None:
        notes.append(f"The source's own split was kept: {sizes[1]:,} test images.")
    labels = [_labels_or_none(files.get((part, "labels")), n, notes, part) for part, n in zip(parts, sizes)]
    pixels = np.concatenate(arrays) if len(arrays) > 1 else arrays[0]
    if all(one is None for one in labels):
        return Stack(pixels, ids, held_out=held_out, notes=notes)
    joined = np.concatenate([np.full(n, -1) if one is None else one for one, n in zip(labels, sizes)])
    numbers, class_names = check_labels(joined, len(pixels), "Labels")
    return Stack(pixels, ids, numbers, class_names, held_out, notes)


def read_idx_images(path: Path) -> Stack:
    """Read one idx file of images, with the labels file that lies beside it, if there is one.

    Raises
    ------
    InputError
        If the file is broken or holds labels, or images and labels do not match.
    """
    notes: list[str] = []
    images = _image_array(path)
    beside = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
    choices = [beside, beside.with_name(beside.name.removesuffix(".gz")), beside.with_name(f"{beside.name}.gz")]
    labels_path = next((choice for choice in choices if choice != path and choice.is_file()), None)
    labels = _labels_or_none(labels_path, len(images), notes, path.name)
    ids = _row_names(path.name, len(images))
    if labels is None:
        return Stack(images, ids, notes=notes)
    numbers, class_names = check_labels(labels, len(images), f"Labels of {labels_path}")
    return Stack(images, ids, numbers, class_names, notes=notes)


def _opened(path: Path) -> BinaryIO:
    with open(path, "rb") as stream:
        zipped = stream.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if zipped else open(path, "rb")  # type: ignore[return-value]


def _image_array(path: Path) -> np.ndarray:
    array = read_idx(path)
    if array.ndim < 3:
        raise InputError(f"{path} holds {array.ndim}-dimensional rows (shape {array.shape}), not images; give the images file.")
    return array


def _labels_or_none(path: Path | None, n: int, notes: list[str], part: str) -> np.ndarray | None:
    if path is None:
        notes.append(f"No labels file lies beside the images of {part}; they have no labels.")
        return None
    labels = read_idx(path)
    if labels.shape != (n,):
        raise InputError(f"{path} has the shape {labels.shape}, but there are {n:,} images. They belong to different sets.")
    return labels


def _row_names(file_name: str, n: int) -> np.ndarray:
    """Give ids such as train-images#00042; the stem is the file name up to "idx"."""
    stem = re.split(r"[-_.]idx|\.", file_name)[0]
    return np.array([f"{stem}#{row:0{len(str(max(1, n - 1)))}d}" for row in range(n)])
