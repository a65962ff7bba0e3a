"""One picture file to one small square of pixels.

The header alone decides whether a picture can be used; the pixels are then brought to 8 bits, laid on the ground where
they are transparent, cut to the centre square and resized once, from the original, with an antialiasing filter:
Lanczos when shrinking, bicubic when enlarging, none at the native size. JPEG files are decoded at a reduced scale that
is still at least twice the wanted size (Pillow's `draft`), which changes little and is several times faster.
"""

from __future__ import annotations

import functools
import threading
from contextlib import nullcontext
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageColor, UnidentifiedImageError

from imatlas.checks import InputError

__all__ = [
    "LARGEST_ASPECT",
    "LARGEST_PIXELS",
    "SMALLEST_SIDE",
    "Header",
    "Unusable",
    "decode",
    "deepest",
    "full_white",
    "parse_ground",
    "peek",
    "shrink_in_float",
]

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "PPM", "JPEG2000", "AVIF")
"""Pillow plugins that may run (a phone's MPO comes through JPEG); the others (EPS runs a program) are never asked."""

SMALLEST_SIDE = 8
"""Pixels; a picture with a shorter side says too little to be enlarged."""

LARGEST_ASPECT = 8.0
"""Longer over shorter side; the centre square of a longer strip is hardly the picture any more."""

LARGEST_PIXELS = 100_000_000
"""Pixels of one picture; a decoded one then takes at most about 400 MB."""

BIG_PIXELS = 16_000_000
"""Pictures above this are decoded one at a time, so that threads do not multiply their memory."""

GRAY_MODES = frozenset({"1", "L", "I", "F", "I;16", "I;16L", "I;16B", "I;16N"})

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_LUMINANCE_SUM = 3688
"""Of the 64 numbers of the luminance table of JPEG's annex K, which encoders scale by a quality from 1 to 100."""

_one_big_picture = threading.Lock()


class Unusable(Exception):
    """A picture that is left out; its message is the reason, for people."""


@dataclass(frozen=True)
class Header:
    """What the first bytes of a picture say.

    Parameters
    ----------
    width, height : pixels, as stored.
    gray : it is surely gray; a colour picture may turn out gray too.
    deep : it holds whole numbers of more than 8 bits.
    kind : format, with the quality to the next 5 where it is JPEG: "PNG", "JPEG 75".
    """

    width: int
    height: int
    gray: bool
    deep: bool
    kind: str = ""

    @property
    def side(self) -> int:
        """The shorter side, pixels."""
        return min(self.width, self.height)


def parse_ground(ground: str) -> tuple[int, int, int]:
    """Give the colour (r, g, b), each 0 to 255, that transparent pictures are laid on.

    Raises
    ------
    InputError
        If the name is not a colour.
    """
    try:
        return ImageColor.getrgb(ground)[:3]
    except (ValueError, AttributeError) as error:
        raise InputError(f'The ground "{ground}" is not a colour; give a name like white or a code like #20a0ff.') from error


def peek(stream: BinaryIO) -> Header:
    """Read the header of a picture and say whether it can be used.

    Raises
    ------
    Unusable
        If it is not an image, or too small, too long or too large; the message says which.
    """
    with _reasons(), _opened(stream) as image:
        width, height = image.size
        gray = image.mode in GRAY_MODES and "transparency" not in image.info
        deep = image.mode.startswith("I")
        kind = _kind(image)
    if min(width, height) < SMALLEST_SIDE:
        raise Unusable(f"{width} x {height} pixels is too small; the shorter side must be at least {SMALLEST_SIDE}")
    if max(width, height) > LARGEST_ASPECT * min(width, height):
        raise Unusable(f"{width} x {height} pixels is too long; at most {LARGEST_ASPECT:g} times as long as wide is read")
    if width * height > LARGEST_PIXELS:
        raise Unusable(f"{width} x {height} pixels is too large; at most {LARGEST_PIXELS // 10**6} million pixels are read")
    return Header(width, height, gray, deep, kind)


def full_white(top: float) -> float:
    """Give the largest value of the fewest bits, 8 to 16, that hold `top`: 4095 for a 12-bit camera."""
    return float(2 ** min(16, max(8, int(top).bit_length())) - 1)


def deepest(stream: BinaryIO) -> float:
    """Give the largest gray value of a deep picture.

    Raises
    ------
    Unusable
        If the file is broken.
    """
    with _reasons(), _opened(stream) as image:
        return float(np.asarray(image).max())


def decode(
    stream: BinaryIO,
    *,
    resolution: int,
    channels: int,
    ground: tuple[int, int, int],
    white: float = 65535.0,
    exact: bool = False,
) -> tuple[np.ndarray, frozenset[str]]:
    """Decode a picture that `peek` has passed.

    Parameters
    ----------
    stream : the open file.
    resolution : side of the result, pixels.
    channels : 1 (gray) or 3 (RGB).
    ground : colour under transparent places.
    white : the value that becomes 255 in pictures of more than 8 bits; higher ones are cut off.
    exact : resize by `RESIZE_RULE`, in float and from all pixels of a JPEG too; slower.

    Returns
    -------
    pixels : uint8 (resolution, resolution, channels).
    marks : what was done to it, among "animated", "transparent", "rotated", "enlarged", "cropped", "deep".

    Raises
    ------
    Unusable
        If the file is broken.
    """
    marks: set[str] = set()
    with _reasons(), _opened(stream) as image:
        big = image.width * image.height > BIG_PIXELS
        with _one_big_picture if big else nullcontext():
            extent = (float(image.width), float(image.height))
            shrinkable = image.format == "JPEG" and not exact
            reduced = image.draft(None, (2 * resolution, 2 * resolution)) if shrinkable else None
            if reduced is not None:
                extent = reduced[1][2:]
            if image.format != "MPO" and getattr(image, "is_animated", False):
                marks.add("animated")
            turn = _TURNS.get(_orientation(image))
            flat = _flatten(image, ground, white, marks)
            if turn is not None:
                marks.add("rotated")
            if exact:
                upright = flat if turn is None else flat.transpose(turn)
                return shrink_in_float(upright, resolution, channels, marks), frozenset(marks)
            square = shrink(flat, resolution, marks, extent)
        return _to_array(square if turn is None else square.transpose(turn), channels), frozenset(marks)


def shrink(image: Image.Image, resolution: int, marks: set[str], extent: tuple[float, float] | None = None) -> Image.Image:
    """Cut an 8-bit or float picture to its centre square and resize it once.

    Parameters
    ----------
    image : mode L, RGB or F.
    resolution : side of the result, pixels.
    marks : what is done is added here.
    extent : width and height the content takes from the left and top; a JPEG decoded at reduced scale fills its last
        column and row only in part. None: all of it.
    """
    width, height = extent or image.size
    side = min(width, height)
    if width != height:
        marks.add("cropped")
    # A box in parts of a pixel keeps the crop centred, so that it may be turned afterwards.
    left, top = (width - side) / 2, (height - side) / 2
    if side == resolution:
        left, top = int(left), int(top)
        return image.crop((left, top, left + resolution, top + resolution))
    if side < resolution:
        marks.add("enlarged")
    kernel = Image.Resampling.BICUBIC if side < resolution else Image.Resampling.LANCZOS
    return image.resize((resolution, resolution), kernel, box=(left, top, left + side, top + side))


def shrink_in_float(image: Image.Image, resolution: int, channels: int, marks: set[str]) -> np.ndarray:
    """As `shrink`, each channel in float and rounded once: uint8 (resolution, resolution, channels)."""
    if image.mode != "F":
        image = image.convert("L" if channels == 1 else "RGB")
    bands = [_to_array(shrink(band.convert("F"), resolution, marks), 1) for band in image.split()]
    return np.broadcast_to(np.concatenate(bands, axis=2), (resolution, resolution, channels))


def _kind(image: Image.Image) -> str:
    """Name the format; the quality of a JPEG is that of the usual luminance table scaled to the sum of its own."""
    tables = getattr(image, "quantization", None)
    if not tables:
        return str(image.format)
    scale = 100 * sum(tables[min(tables)]) / _LUMINANCE_SUM
    quality = (200 - scale) / 2 if scale <= 100 else 5000 / scale
    return f"JPEG {5 * round(min(100.0, max(1.0, quality)) / 5)}"


def _opened(stream: BinaryIO) -> Image.Image:
    return Image.open(stream, formats=_formats())


@functools.cache
def _formats() -> tuple[str, ...]:
    """Give the wanted plugins that this build of Pillow has."""
    Image.init()
    return tuple(kind for kind in FORMATS if kind in Image.OPEN)


def _orientation(image: Image.Image) -> int:
    """Give the EXIF orientation 1 to 8; a damaged EXIF block counts as upright."""
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:
        return 1


def _flatten(image: Image.Image, ground: tuple[int, int, int], white: float, marks: set[str]) -> Image.Image:
    """Bring a picture to mode L, RGB or F (0 to 255), laid on the ground where it is transparent."""
    image.load()
    if image.mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in image.info:
        clear = image.convert("RGBA")
        if clear.getchannel("A").getextrema() != (255, 255):
            marks.add("transparent")
            clear = Image.alpha_composite(Image.new("RGBA", clear.size, (*ground, 255)), clear)
        return clear.convert("RGB")
    if image.mode in ("1", "L"):
        return image.convert("L")
    if image.mode in GRAY_MODES:
        marks.add("deep")
        return _from_deep(np.asarray(image), white)
    return image.convert("RGB")


def _from_deep(values: np.ndarray, white: float) -> Image.Image:
    """Scale whole numbers so that `white` becomes 255; floats are told apart by range: [0, 1], [0, 255], [0, 65535]."""
    top = float(values.max())
    if not np.isfinite(values).all() or values.min() < 0 or top > 65535:
        raise Unusable(f"gray values from {values.min():g} to {top:g}; wanted 16-bit whole numbers or floats from 0 to 1")
    if values.dtype.kind == "f":
        white = 1.0 if top <= 1 else 255.0 if top <= 255 else 65535.0
    return Image.fromarray(np.minimum(values.astype(np.float32) * np.float32(255.0 / white), 255))


def _to_array(square: Image.Image, channels: int) -> np.ndarray:
    if square.mode == "F":
        gray = np.clip(np.rint(np.asarray(square)), 0, 255).astype(np.uint8)
        return np.repeat(gray[:, :, None], channels, axis=2)
    pixels = np.asarray(square.convert("L" if channels == 1 else "RGB"))
    return pixels.reshape(*pixels.shape[:2], channels)


class _reasons:
    """Turn whatever Pillow and zipfile raise on a damaged file into one `Unusable` with a reason in words.

    Their parsers raise nearly any type on broken bytes (OSError, SyntaxError, struct.error, IndexError, ...), so all of
    `Exception` is caught here, at this one door; KeyboardInterrupt passes.
    """

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, Unusable) or not isinstance(error, Exception):
            return
        if isinstance(error, PermissionError):
            raise Unusable("no permission to read it") from error
        if isinstance(error, UnidentifiedImageError):
            raise Unusable("not an image that can be read, whatever its name says") from error
        if isinstance(error, Image.DecompressionBombError):
            raise Unusable(f"too large; at most {LARGEST_PIXELS // 10**6} million pixels are read") from error
        if isinstance(error, MemoryError):
            raise Unusable("decoding it needs more memory than there is") from error
        raise Unusable(f"broken or cut short ({str(error) or type(error).__name__})") from error
