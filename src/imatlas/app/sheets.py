"""Pictures made of pictures: sheets of images side by side, and a map drawn with the images themselves.

Small images are enlarged by whole factors, so that every pixel stays a square; large ones are reduced with a
smoothing filter. Gaps are transparent, so that a sheet fits a light and a dark page.
"""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from imatlas.pictures import side_by_side

__all__ = ["PALETTE", "data_uri", "enlarged", "grid_sheet", "map_frame", "mosaic", "thumbnail_map"]

PALETTE = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
"""Ten colours that stay apart for colour-blind readers, on light and dark grounds (Petroff 2021, arXiv 2107.02270)."""

_GROUND, _FRAME = 236, 96

_LOSSLESS_UP_TO = 160_000  # bytes; above, photographs are kept as lossy WebP


def mosaic(pixels: np.ndarray, columns: int, *, tile: int, gap: int = 6) -> np.ndarray:
    """Lay images side by side, row by row.

    Parameters
    ----------
    pixels : uint8 (m, H, W, C).
    columns : images per row.
    tile : wished size of an image on the sheet, in pixels; small images take the nearest whole multiple.
    gap : transparent pixels between images.

    Returns
    -------
    uint8 (height, width, 4), RGBA.
    """
    tiles = enlarged(pixels, tile)
    opaque = np.full((*tiles.shape[:3], 1), 255, dtype=np.uint8)
    return side_by_side(np.concatenate([tiles, opaque], axis=3), min(columns, len(tiles)), gap=gap, ground=0)


def enlarged(pixels: np.ndarray, tile: int) -> np.ndarray:
    """Bring images near a wished size: uint8 (m, H, W, C) to uint8 (m, h, w, 3), the longer side about `tile`."""
    colour = np.broadcast_to(pixels, (*pixels.shape[:3], 3)) if pixels.shape[3] == 1 else pixels
    longer = max(pixels.shape[1:3])
    if longer <= tile * 1.25:
        factor = max(1, round(tile / longer))
        return np.repeat(np.repeat(colour, factor, axis=1), factor, axis=2)
    height, width = (max(1, round(side * tile / longer)) for side in pixels.shape[1:3])
    small = [Image.fromarray(np.ascontiguousarray(one)).resize((width, height), Image.Resampling.LANCZOS) for one in colour]
    return np.stack([np.asarray(one) for one in small])


def map_frame(places: np.ndarray, *, margin: float = 0.02) -> tuple[np.ndarray, float]:
    """Fit map coordinates into a picture wider than high, stretching one direction by at most 1.35.

    Returns
    -------
    (b, 2) positions in [0, 1], x to the right and y down; and height over width of the picture, from 0.5 to 0.75.
    """
    places = np.asarray(places, dtype=np.float64)
    low, high = places.min(axis=0), places.max(axis=0)
    extent = np.maximum(high - low, 1e-12)
    aspect = float(np.clip(extent[1] / extent[0], 0.5, 0.75))
    fit = np.array([1.0, aspect]) / extent
    scale = (1 - 2 * margin) * np.minimum(fit, 1.35 * fit.min())
    centred = (places - (low + high) / 2) * scale
    return np.stack([0.5 + centred[:, 0], 0.5 - centred[:, 1] / aspect], axis=1), aspect


def thumbnail_map(
    pixels: np.ndarray, positions: np.ndarray, aspect: float, *, colours: list[str], width: int = 1800
) -> tuple[np.ndarray, int]:
    """Draw a map with the images themselves, each near its own place, none over another.

    Parameters
    ----------
    pixels : uint8 (n, H, W, C).
    positions, aspect : from `map_frame`.
    colours : one hexadecimal colour per image for its frame; "" for none.
    width : of the picture in pixels.

    Returns
    -------
    uint8 (height, width, 4) RGBA, and the number of images drawn. In each cell of a grid the image nearest to the
    cell's centre stands for its neighbors, so that none covers another and none is moved by more than half its size.
    """
    longer = max(pixels.shape[1:3])
    wished = float(np.clip(np.sqrt(0.3 * width * width * aspect / max(1, len(pixels))), width / 40, width / 9))
    tile = longer * max(1, round(wished / longer)) if longer <= wished * 1.25 else round(wished)
    frame, gap = max(2, tile // 20), max(2, tile // 16)
    step = tile + 2 * frame + gap
    columns, lines = max(1, width // step), max(1, round(width * aspect) // step)
    rows, cells = _one_per_cell(positions, columns, lines)
    canvas = np.zeros((lines * step - gap, columns * step - gap, 4), dtype=np.uint8)
    for row, (column, line), picture in zip(rows, cells, enlarged(pixels[rows], tile)):
        h, w = picture.shape[:2]
        left, top = column * step, line * step
        if colours[row]:
            canvas[top : top + h + 2 * frame, left : left + w + 2 * frame] = (*_rgb(colours[row]), 255)
        canvas[top + frame : top + frame + h, left + frame : left + frame + w, :3] = picture
        canvas[top + frame : top + frame + h, left + frame : left + frame + w, 3] = 255
    return canvas, len(rows)


def grid_sheet(pixels: np.ndarray, drawn: np.ndarray, *, tile: int = 56) -> np.ndarray:
    """Lay a grid of images within a frame; cells without an image are left to the ground.

    Parameters
    ----------
    pixels : uint8 (lines, columns, H, W, C).
    drawn : bool (lines, columns), which cells have an image.
    tile : wished size of a cell, in pixels.

    Returns
    -------
    uint8 (height, width, 3)
    """
    shown = np.where(drawn[:, :, None, None, None], pixels, np.uint8(_GROUND))
    sheet = side_by_side(enlarged(shown.reshape(-1, *pixels.shape[2:]), tile), drawn.shape[1], gap=2, ground=_GROUND)
    for value in (_GROUND, _FRAME):
        sheet = np.pad(sheet, ((2, 2), (2, 2), (0, 0)), constant_values=value)
    return sheet


def data_uri(picture: np.ndarray) -> str:
    """Encode uint8 (h, w, 3|4) as a data address: lossless WebP when that is small, else lossy WebP."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=True, method=3, exact=False)
    if buffer.tell() > _LOSSLESS_UP_TO:
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=84, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def _one_per_cell(positions: np.ndarray, columns: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Choose for each occupied cell of a grid the row nearest to its centre: (chosen rows, their cells (m, 2))."""
    places = np.clip(positions, 0, 1 - 1e-9) * [columns, rows]
    cells = places.astype(int)
    off = ((places - cells - 0.5) ** 2).sum(axis=1)
    order = np.lexsort((off, cells[:, 0], cells[:, 1]))
    numbers = cells[order, 1] * columns + cells[order, 0]
    first = order[np.r_[True, numbers[1:] != numbers[:-1]]]
    return first, cells[first]


def _rgb(colour: str) -> tuple[int, int, int]:
    """Read a hexadecimal colour."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
