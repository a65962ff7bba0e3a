"""Frames to one moving picture, an animated GIF that says in its comment how it was made."""

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

__all__ = ["write_gif"]

TILE = 224
"""Wished side of the animation in pixels; small images are enlarged by a whole factor."""

MILLISECONDS = 80


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
    pictures = [Image.fromarray(np.ascontiguousarray(frame)) for frame in enlarged(frames, TILE)]
    buffer = io.BytesIO()
    note = json.dumps({"imatlas": dict(how)}).encode()
    pictures[0].save(
        buffer, "GIF", save_all=True, append_images=pictures[1:], duration=MILLISECONDS, loop=0, comment=note, optimize=False
    )
    write_bytes(Path(path), buffer.getvalue())
