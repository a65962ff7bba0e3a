"""Thumbnails on sheets, in the order of a curve over the map, and single images as PNG."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from imatlas.app.studio.answers import Thumbs
from imatlas.app.studio.view import View
from imatlas.pictures import side_by_side

__all__ = ["LARGEST_SHEET", "image_png", "sheet_png", "thumbs_of"]

LARGEST_SHEET = 4096
"""Pixels along a side of a sheet; more is no texture on many machines."""

COLUMNS = 32
LARGEST_THUMB = LARGEST_SHEET // COLUMNS

_FAST = 1  # compression level of a sheet; the higher ones take several times as long for a tenth less


def thumbs_of(view: View) -> Thumbs:
    """Say how thumbnails lie: each of the images' own side, 1,024 to a sheet."""
    per_sheet = COLUMNS * COLUMNS
    return Thumbs(
        side=min(max(view.images.shape[:2]), LARGEST_THUMB),
        columns=COLUMNS,
        per_sheet=per_sheet,
        sheets=-(-len(view.images) // per_sheet),
    )


def sheet_png(view: View, number: int) -> bytes:
    """Give a sheet of thumbnails as PNG; of the last one only as many lines as it has."""
    thumbs = thumbs_of(view)
    rows = view.order[number * thumbs.per_sheet : (number + 1) * thumbs.per_sheet]
    tiles = _reduced(np.asarray(view.images.pixels[rows]), thumbs.side)
    return _png(side_by_side(tiles, thumbs.columns, gap=0, ground=0), _FAST)


def image_png(view: View, row: int) -> bytes:
    """Give an image as PNG, in its own size."""
    return _png(np.asarray(view.images.pixels[row]))


def _reduced(tiles: np.ndarray, side: int) -> np.ndarray:
    """Bring images uint8 (m, H, W, C) that are larger than a side to it; others stay as they are."""
    if max(tiles.shape[1:3]) <= side:
        return tiles
    small = [_picture(tile).resize((side, side), Image.Resampling.LANCZOS) for tile in tiles]
    return np.stack([np.asarray(one).reshape(side, side, -1) for one in small])


def _picture(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels))


def _png(pixels: np.ndarray, level: int = 6) -> bytes:
    buffer = io.BytesIO()
    _picture(pixels).save(buffer, "PNG", compress_level=level)
    return buffer.getvalue()
