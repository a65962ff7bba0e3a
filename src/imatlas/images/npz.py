"""Array files: npz with known keys, and a bare npy of images. Nothing is unpickled, ever."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from imatlas.checks import InputError
from imatlas.images.containers import refuse_bomb
from imatlas.images.stacks import Stack, check_labels

__all__ = ["read_npy", "read_npz", "row_names", "why_unread"]

KNOWN_KEYS = "images and labels (or arr_0 and arr_1), or x_train, y_train, x_test, y_test (and class_names)"

UNNAMED = {"arr_0": "images", "arr_1": "labels"}


def read_npy(path: Path) -> Stack:
    """Read a bare npy file of images as a memory map.

    Raises
    ------
    InputError
        If it is broken or holds Python objects.
    """
    try:
        pixels = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path} {why_unread(error)}") from error
    return Stack(_images(pixels, "The array", path), row_names(path.stem, len(pixels)))


def read_npz(path: Path) -> Stack:
    """Read an npz with the keys `images[, labels]` or `x_train[, y_train, x_test, y_test]`, both with `class_names`.

    Arrays that were saved without names, `arr_0[, arr_1]`, as many samplers leave them, are images and labels.

    Raises
    ------
    InputError
        If keys are missing or arrays do not match, the file is broken, unpacks to far more than it holds, or holds
        Python objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            refuse_bomb(path, sum(member.file_size for member in archive.infolist()))
        with np.load(path, allow_pickle=False) as arrays:
            wanted = ("images", "labels", "x_train", "y_train", "x_test", "y_test", "class_names")
            found = {key: arrays[key] for key in wanted if key in arrays.files}
            keys = list(arrays.files)
            if not {"images", "x_train"} & set(keys):
                found |= {name: arrays[key] for key, name in UNNAMED.items() if key in keys}
    except InputError:
        raise
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path} {why_unread(error)}") from error
    class_names = _class_names(found.get("class_names"), path)
    if "images" in found:
        return _one_part(found, class_names, path)
    if "x_train" in found:
        return _two_parts(found, class_names, path)
    raise InputError(f"{path} has the keys {', '.join(keys) or '(none)'}; wanted {KNOWN_KEYS}. Rename the arrays.")


def row_names(stem: str, n: int) -> np.ndarray:
    """Give n unique ids such as images#00042."""
    return np.array([f"{stem}#{row:0{len(str(max(1, n - 1)))}d}" for row in range(n)])


def _one_part(found: dict[str, np.ndarray], class_names: tuple[str, ...] | None, path: Path) -> Stack:
    images = _images(found["images"], "images", path)
    ids = row_names("images", len(images))
    if "labels" not in found:
        return Stack(images, ids)
    labels, names = check_labels(found["labels"], len(images), f"labels in {path}", class_names)
    return Stack(images, ids, labels, names)


def _two_parts(found: dict[str, np.ndarray], class_names: tuple[str, ...] | None, path: Path) -> Stack:
    notes: list[str] = []
    parts = [part for part in ("train", "test") if f"x_{part}" in found]
    arrays = [_images(found[f"x_{part}"], f"x_{part}", path) for part in parts]
    shapes = [array.shape[1:] for array in arrays]
    if len(set(shapes)) > 1:
        raise InputError(f"x_train and x_test of {path} hold images of different shapes, {shapes[0]} and {shapes[1]}.")
    sizes = [len(array) for array in arrays]
    held_out = None
    if len(parts) == 2:
        held_out = np.repeat([False, True], sizes)
        notes.append(f"The source's own split was kept: {sizes[1]:,} test images.")
    ids = np.concatenate([row_names(part, n) for part, n in zip(parts, sizes)])
    pixels = np.concatenate(arrays)
    given = [found.get(f"y_{part}") for part in parts]
    if all(labels is None for labels in given):
        return Stack(pixels, ids, held_out=held_out, notes=notes)
    checked = []
    for part, labels, n in zip(parts, given, sizes):
        if labels is None:
            notes.append(f"There is no y_{part}, so the images of x_{part} have no label.")
            labels = np.full(n, "" if _is_text(given) else -1)
        checked.append(labels.reshape(n) if labels.size == n else labels)
        check_labels(labels, n, f"y_{part} in {path}", class_names)
    numbers, names = check_labels(np.concatenate(checked), len(pixels), f"labels in {path}", class_names)
    return Stack(pixels, ids, numbers, names, held_out, notes)


def _is_text(given: list[np.ndarray | None]) -> bool:
    return any(labels is not None and labels.dtype.kind in "US" for labels in given)


def _images(array: np.ndarray, key: str, path: Path) -> np.ndarray:
    if array.ndim < 3:
        raise InputError(f"{key} in {path} has the shape {array.shape}; wanted images, (n, H, W) or (n, H, W, C). Reshape it.")
    return array


def _class_names(names: np.ndarray | None, path: Path) -> tuple[str, ...] | None:
    if names is None:
        return None
    if names.ndim != 1 or names.dtype.kind not in "USiu":
        raise InputError(f"class_names in {path} are {names.dtype} {names.shape}; wanted a list of texts, one per class.")
    return tuple(name.decode() if isinstance(name, bytes) else str(name) for name in names.tolist())


def why_unread(error: Exception, wanted: str = "the images as one uint8 array (n, H, W, C)") -> str:
    """Say in words why an array file was not read, and what to save instead."""
    if any(word in str(error).lower() for word in ("pickle", "object array", "python objects")):
        return f"holds Python objects, which are never unpickled because that could run a program. Save {wanted}."
    return f"cannot be read as an array file ({error}). It is broken or cut short; save it again."
