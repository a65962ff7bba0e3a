"""Frames to one moving picture that says how it was made: a GIF in its comment, a WebP in the description of its EXIF."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from imatlas.app.sheets import enlarged
from imatlas.checks import InputError
from imatlas.files import write_bytes
from imatlas.pictures import read_gif_text

__all__ = ["MILLISECONDS", "gif_bytes", "webp_bytes", "write_gif"]

TILE = 224
"""Wished side of the animation in pixels; small images are enlarged by a whole factor."""

MILLISECONDS = 80
"""That a frame is shown."""

_DESCRIPTION = 0x010E  # tag of EXIF


def write_gif(path: Path, frames: np.ndarray, how: Mapping[str, object]) -> None:
    """Write frames uint8 (m, H, W, C) as an animation that begins anew when it ends.

    Parameters
    ----------
    path : of the GIF; an earlier one by imatlas is replaced.
    how : JSON values, kept as the comment.

    Raises
    ------
    InputError
        If there is a file of that name that imatlas did not write.
    """
    if Path(path).exists() and not read_gif_text(path):
        raise InputError(f"{path} is there and is no animation that imatlas made; it was left as it is. Choose another --out.")
    write_bytes(Path(path), gif_bytes(frames, how))


def gif_bytes(frames: np.ndarray, how: Mapping[str, object], *, milliseconds: int = MILLISECONDS) -> bytes:
    """Give frames uint8 (m, H, W, C) as the content of an animated GIF that begins anew when it ends.

    Parameters
    ----------
    how : JSON values, kept as the comment.
    milliseconds : that a frame is shown; a GIF counts in tens of them.
    """
    return _animated(frames, "GIF", milliseconds, comment=_note(how), optimize=False)


def webp_bytes(frames: np.ndarray, how: Mapping[str, object], *, milliseconds: int = MILLISECONDS) -> bytes:
    """Give frames as the content of an animated WebP without loss, in all colours; see `gif_bytes`."""
    exif = Image.Exif()
    exif[_DESCRIPTION] = _note(how).decode()
    return _animated(frames, "WEBP", milliseconds, exif=exif, lossless=True, method=2)


def _animated(frames: np.ndarray, kind: str, milliseconds: int, **settings: object) -> bytes:
    first, *others = (Image.fromarray(np.ascontiguousarray(frame)) for frame in enlarged(frames, TILE))
    buffer = io.BytesIO()
    first.save(buffer, kind, save_all=True, append_images=others, duration=milliseconds, loop=0, **settings)
    return buffer.getvalue()


def _note(how: Mapping[str, object]) -> bytes:
    return json.dumps({"imatlas": dict(how)}).encode()
