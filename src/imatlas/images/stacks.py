"""Images that come as arrays: brought to uint8 (n, H, W, C), then cut and resized like pictures from files.

Whole-number and float arrays are told apart by their range: [0, 1], [-1, 1] and [0, 255] are known; whole numbers above
255 are scaled by the bits they use (12 bits: 4095 becomes 255). What was assumed is written in the notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from imatlas.checks import InputError
from imatlas.images.decode import SMALLEST_SIDE, full_white, parse_ground, shrink, shrink_in_float
from imatlas.images.layouts import encode_labels
from imatlas.images.resolution import choose_resolution
from imatlas.images.storage import allocate_pixels, row_blocks

__all__ = ["Stack", "check_labels", "fit_pixels", "to_pixels"]


@dataclass(frozen=True)
class Stack:
    """Images as they lie in an array file.

    Parameters
    ----------
    pixels : (n, H, W[, C]) or (n, C, H, W), any number type.
    ids : (n,) str, unique.
    labels : int64 (n,) with -1 for "no label", or None.
    class_names : one name per label value.
    held_out : bool (n,), or None when the source has no split.
    notes : what was decided, for people.
    """

    pixels: np.ndarray
    ids: np.ndarray
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    held_out: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)


def check_labels(
    labels: np.ndarray, n: int, where: str, class_names: Sequence[str] | None = None, *, noun: str = "image"
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Bring labels to int64 numbers and names.

    Parameters
    ----------
    labels : (n,) or (n, 1) whole numbers or text; -1 and "" mean no label.
    n : number of images.
    where : what to call the labels in an error.
    class_names : names of the values 0, 1, ...; without them every value is its own name.
    noun : what is labelled, for an error.

    Raises
    ------
    InputError
        If their number, shape or kind does not fit.
    """
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if labels.shape != (n,):
        raise InputError(
            f"{where} have the shape {labels.shape}, but there are {n:,} {noun}s; give one label per {noun}, ({n},)."
        )
    if labels.dtype.kind in "US":
        texts = [str(label.decode() if isinstance(label, bytes) else label) for label in labels.tolist()]
        return _check_texts(texts, where, class_names)
    if labels.dtype.kind not in "iufb" or not np.array_equal(labels, np.round(labels)):
        raise InputError(f"{where} are {labels.dtype} values that are not whole numbers; give class numbers or class names.")
    values, places = np.unique(labels.astype(np.int64), return_inverse=True)
    if values.min(initial=0) < -1:
        raise InputError(f"{where} go down to {values.min()}; wanted 0 and above, or -1 for no label.")
    if class_names is None:
        numbers = np.where(values == -1, -1, np.cumsum(values >= 0) - 1)
        return numbers[places], tuple(str(value) for value in values if value >= 0)
    if values.max(initial=-1) >= len(class_names):
        raise InputError(
            f"{where} go up to {values.max()}, but there are {len(class_names)} class names "
            f"(0 to {len(class_names) - 1}); give a name for every value."
        )
    return labels.astype(np.int64), tuple(str(name) for name in class_names)


def to_pixels(array: np.ndarray, where: str, notes: list[str]) -> np.ndarray:
    """Give uint8 (n, H, W, C) with C = 1, 3 or 4; uint8 arrays are not copied.

    Raises
    ------
    InputError
        If the shape or the values are not those of images.
    """
    if array.dtype.kind not in "uifb":
        raise InputError(f"{where} holds {array.dtype} values; wanted numbers, best uint8 from 0 to 255.")
    shape = array.shape
    if array.ndim == 3:
        array = array[..., None]
    elif array.ndim == 4 and shape[3] not in (1, 3, 4) and shape[1] in (1, 3, 4):
        notes.append(f"{where} was taken as channels first, (n, C, H, W).")
        array = array.transpose(0, 2, 3, 1)
    if array.ndim != 4 or array.shape[3] not in (1, 3, 4):
        raise InputError(
            f"{where} has the shape {shape}; wanted (n, H, W), or (n, H, W, C) with C = 1, 3 or 4. Reshape it first."
        )
    if len(array) == 0:
        raise InputError(f"{where} holds no images (shape {shape}); give at least one.")
    if min(array.shape[1:3]) < SMALLEST_SIDE:
        raise InputError(f"{where} holds images of {shape[1:3]} pixels; the shorter side must be at least {SMALLEST_SIDE}.")
    return array if array.dtype == np.uint8 else _rescale(array, where, notes)


def fit_pixels(
    pixels: np.ndarray, *, resolution: int | None, channels: int, ground: str, notes: list[str], exact: bool = False
) -> np.ndarray:
    """Bring uint8 (n, H, W, C) to squares of one resolution with 1 or 3 channels; no copy where nothing changes."""
    n, height, width, n_channels = pixels.shape
    if resolution is None:
        resolution, note = choose_resolution([(width, height)])
        notes.append(note)
    if n_channels == 4:
        pixels = _lay_on_ground(pixels, ground, notes)
        n_channels = 3
    if (height, width, n_channels) == (resolution, resolution, channels):
        return pixels
    marks: set[str] = set()
    fitted = allocate_pixels((n, resolution, resolution, channels))
    mode = "L" if channels == 1 else "RGB"
    for row in range(n):
        picture = Image.fromarray(np.ascontiguousarray(pixels[row] if n_channels == 3 else pixels[row, :, :, 0]))
        if exact:
            fitted[row] = shrink_in_float(picture, resolution, channels, marks)
            continue
        square = shrink(picture, resolution, marks).convert(mode)
        fitted[row] = np.asarray(square).reshape(resolution, resolution, channels)
    if "cropped" in marks:
        notes.append(f"Images of {width} x {height} pixels: the centre square was kept.")
    if (height, width) != (resolution, resolution):
        way = "enlarged (bicubic)" if "enlarged" in marks else "reduced (Lanczos)"
        notes.append(f"Images of {width} x {height} pixels were {way} to {resolution}.")
    return fitted


def _check_texts(texts: list[str], where: str, class_names: Sequence[str] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    if class_names is None:
        return encode_labels([text or None for text in texts])
    unknown = sorted(set(texts) - set(class_names) - {""})
    if unknown:
        raise InputError(f"{where} hold the class {unknown[0]!r}, which is not among class_names; add it there.")
    numbers = {name: number for number, name in enumerate(class_names)} | {"": -1}
    return np.array([numbers[text] for text in texts], dtype=np.int64), tuple(class_names)


def _rescale(array: np.ndarray, where: str, notes: list[str]) -> np.ndarray:
    """Bring numbers of a known range to uint8, block by block."""
    blocks = row_blocks(array)
    low = min(float(array[block].min()) for block in blocks)
    high = max(float(array[block].max()) for block in blocks)
    factor, offset = _scale(array.dtype, low, high, where)
    if (factor, offset) != (1.0, 0.0):
        notes.append(f"{where}: values from {low:g} to {high:g} were brought to 0 to 255 by x {factor:.6g} + {offset:g}.")
    pixels = allocate_pixels(array.shape)
    for block in blocks:
        pixels[block] = np.rint(array[block].astype(np.float32) * np.float32(factor) + np.float32(offset))
    return pixels


def _scale(dtype: np.dtype, low: float, high: float, where: str) -> tuple[float, float]:
    """Give the factor and offset that bring [low, high] into [0, 255]."""
    if dtype.kind == "b":
        return 255.0, 0.0
    if dtype.kind == "f" and low >= 0 and high <= 1:
        return 255.0, 0.0
    if dtype.kind == "f" and low >= -1 and high <= 1:
        return 127.5, 127.5
    if low >= 0 and high <= 255:
        return 1.0, 0.0
    if dtype.kind in "ui" and low >= 0 and high <= 65535:
        return 255.0 / full_white(high), 0.0
    raise InputError(
        f"{where} holds {dtype} values from {low:g} to {high:g}; wanted 0 to 255, or floats in [0, 1] or [-1, 1], "
        "without NaN. Rescale them first."
    )


def _lay_on_ground(pixels: np.ndarray, ground: str, notes: list[str]) -> np.ndarray:
    """Composite uint8 (n, H, W, 4) on a colour, giving (n, H, W, 3)."""
    colour = np.array(parse_ground(ground), dtype=np.float32)
    flat = allocate_pixels((*pixels.shape[:3], 3))
    for block in row_blocks(pixels):
        alpha = pixels[block][..., 3:].astype(np.float32) / 255
        flat[block] = np.rint(pixels[block][..., :3] * alpha + colour * (1 - alpha))
    notes.append(f"Images with a fourth channel (transparency) were laid on a ground of {ground}.")
    return flat
