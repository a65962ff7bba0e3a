"""Pictures that come with a request: looked at before they are unpacked, so that a small file cannot become a huge picture."""

from __future__ import annotations

import base64
import binascii
import io

import numpy as np
from PIL import Image

from imatlas.checks import InputError
from imatlas.images.decode import Unusable, decode, deepest, full_white, parse_ground, peek
from imatlas.pictures import read_png_text

__all__ = ["MOST_PIXELS", "from_base64", "read_drawn", "read_picture"]

MOST_PIXELS = 50_000_000
"""Of a picture that is shown; a decoded one takes 200 MB at most. A camera has 12 to 50 million."""

MOST_DRAWN_SIDE = 512
GROUND = "white"


def from_base64(text: str) -> bytes:
    """Give the bytes that a text stands for.

    Raises
    ------
    InputError
        If it is no base64.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(f"A picture came as a text that is no base64 ({error}). Send the bytes of a picture file.") from error


def read_picture(content: bytes, shape: tuple[int, int, int]) -> np.ndarray:
    """Give the pixels uint8 (H, W, C) of a picture, fitted like the images of the set.

    Parameters
    ----------
    content : of a picture file, in any format that imatlas reads.
    shape : (H, W, C) of the set; H = W.

    Raises
    ------
    InputError
        If it cannot be used, or has too many pixels.
    """
    stream, white = io.BytesIO(content), 65535.0
    try:
        header = peek(stream)
        if header.width * header.height > MOST_PIXELS:
            raise Unusable(
                f"{header.width} x {header.height} pixels is too large; at most {MOST_PIXELS // 10**6} million are read"
            )
        if header.deep:
            stream.seek(0)
            white = full_white(deepest(stream))
        stream.seek(0)
        return decode(stream, resolution=shape[0], channels=shape[2], ground=parse_ground(GROUND), white=white)[0]
    except Unusable as reason:
        raise InputError(f"The picture cannot be used: {reason}. Give another one.") from reason


def read_drawn(content: bytes) -> tuple[np.ndarray, dict]:
    """Give the pixels uint8 (H, W, C) of a picture that was drawn here, and how it was made.

    Raises
    ------
    InputError
        If it is no PNG by imatlas, or far larger than what is drawn.
    """
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            if max(picture.size) > MOST_DRAWN_SIDE or picture.mode not in ("L", "RGB"):
                raise InputError(
                    f"The picture is {picture.width} x {picture.height} in mode {picture.mode}; wanted one that was drawn "
                    f"here, gray or colour, of {MOST_DRAWN_SIDE} pixels a side at most. Send it as it was drawn."
                )
            picture.load()
            pixels = np.asarray(picture)
    except InputError:
        raise
    except Exception as error:  # Pillow's parsers raise nearly any type on broken bytes
        raise InputError(f"The picture cannot be read as PNG ({error}). Send it as it was drawn.") from error
    try:
        how = read_png_text(io.BytesIO(content))
    except InputError as error:
        raise InputError("The picture carries no note of how it was made. Send it as it was drawn here.") from error
    return pixels.reshape(*pixels.shape[:2], -1), how
