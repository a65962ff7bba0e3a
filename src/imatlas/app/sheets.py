"""Pictures made of pictures: sheets of images side by side, and a map drawn with the images themselves.

Small images are enlarged by whole factors, so that every pixel stays a square; large ones are reduced with a
smoothing filter. Gaps are transparent, so that a sheet fits a light and a dark page.
"""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

__all__ = ["PALETTE", "data_uri", "enlarged", "map_frame", "mosaic", "thumbnail_map"]

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

_LOSSLESS_UP_TO = 160_000  # bytes; above, photographs are kept as lossy WebP


def mosaic(pixels: np.ndarray, columns: int, *, tile: int, gap: int = 4) -> np.ndarray:
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
    m, height, width, _ = tiles.shape
    columns = max(1, min(columns, m))
    rows = max(1, -(-m // columns))
    sheet = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, 4), dtype=np.uint8)
    for place, picture in enumerate(tiles):
        top, left = (place // columns) * (height + gap), (place % columns) * (width + gap)
        sheet[top : top + height, left : left + width, :3] = picture
        sheet[top : top + height, left : left + width, 3] = 255
    return sheet


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


def map_frame(places: np.ndarray, *, margin: float = 0.03) -> tuple[np.ndarray, float]:
    """Fit map coordinates into a picture, keeping their proportions.

    Returns
    -------
    (b, 2) positions in [0, 1], x to the right and y down; and height over width of the picture, from 0.5 to 1.
    """
    places = np.asarray(places, dtype=np.float64)
    low, high = places.min(axis=0), places.max(axis=0)
    extent = np.maximum(high - low, 1e-12)
    aspect = float(np.clip(extent[1] / extent[0], 0.5, 1.0))
    scale = (1 - 2 * margin) * min(1 / extent[0], aspect / extent[1])
    centred = (places - (low + high) / 2) * scale
    return np.stack([0.5 + centred[:, 0], 0.5 - centred[:, 1] / aspect], axis=1), aspect


def thumbnail_map(
    pixels: np.ndarray, positions: np.ndarray, aspect: float, *, colours: list[str], width: int = 1800
) -> tuple[np.ndarray, int]:
    """Draw a map with the images themselves, each at its own place, none over another.

    Parameters
    ----------
    pixels : uint8 (n, H, W, C).
    positions, aspect : from `map_frame`.
    colours : one hexadecimal colour per image for its frame; "" for none.
    width : of the picture in pixels.

    Returns
    -------
    uint8 (height, width, 4) RGBA, and the number of images drawn. Where images crowd, one stands for its neighbors.
    """
    height = round(width * aspect)
    longer = max(pixels.shape[1:3])
    wished = float(np.clip(np.sqrt(0.3 * width * height / max(1, len(pixels))), width / 42, width / 9))
    tile = longer * max(1, round(wished / longer)) if longer <= wished * 1.25 else round(wished)
    frame = max(2, tile // 20)
    size = tile + 2 * frame
    corners = np.rint(positions * [width - size, height - size]).astype(int)
    rows = _apart(corners, size + max(2, tile // 16))
    canvas = np.zeros((height, width, 4), dtype=np.uint8)
    for row, picture in zip(rows, enlarged(pixels[np.sort(rows)], tile)[np.argsort(np.argsort(rows))]):
        left, top = corners[row]
        h, w = picture.shape[:2]
        if colours[row]:
            canvas[top : top + h + 2 * frame, left : left + w + 2 * frame] = (*_rgb(colours[row]), 255)
        canvas[top + frame : top + frame + h, left + frame : left + frame + w, :3] = picture
        canvas[top + frame : top + frame + h, left + frame : left + frame + w, 3] = 255
    return canvas, len(rows)


def data_uri(picture: np.ndarray) -> str:
    """Encode uint8 (h, w, 3|4) as a data address: lossless WebP when that is small, else lossy WebP."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=True, method=3, exact=False)
    if buffer.tell() > _LOSSLESS_UP_TO:
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=84, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def _apart(corners: np.ndarray, step: int) -> np.ndarray:
    """Choose rows whose squares of side `step` do not overlap, spread over the whole map.

    One candidate per cell of a third of the side bounds the work at any number of images; then each candidate is kept
    if nothing kept before it is in the way, in a fixed shuffled order.
    """
    cells = corners // max(1, step // 3)
    _, candidates = np.unique(cells[:, 0] * 100_000 + cells[:, 1], return_index=True)
    taken: dict[tuple[int, int], list[np.ndarray]] = {}
    kept = []
    for row in np.random.default_rng(0).permutation(candidates):
        x, y = corners[row]
        near = [other for i in (-1, 0, 1) for j in (-1, 0, 1) for other in taken.get((x // step + i, y // step + j), [])]
        if all(max(abs(x - other[0]), abs(y - other[1])) >= step for other in near):
            taken.setdefault((x // step, y // step), []).append(corners[row])
            kept.append(row)
    return np.asarray(kept, dtype=int)


def _rgb(colour: str) -> tuple[int, int, int]:
    """Read a hexadecimal colour."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
