"""Image files that say how they were made: PNG with a text chunk, GIF with a comment; and one npz of many.

The chunk is an iTXt entry (PNG specification, section 11.3.4.5) named "imatlas" that holds JSON; any image program
keeps or ignores it, and reading it runs no code.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from imatlas.checks import InputError
from imatlas.files import is_leftover, write_bytes
from imatlas.values import Samples

__all__ = [
    "contact_sheet",
    "png_bytes",
    "read_gif_text",
    "read_png_text",
    "refuse_others",
    "refuse_taken",
    "remove_pictures",
    "samples_to_folder",
    "samples_to_npz",
    "side_by_side",
    "write_png",
]

_KEY = "imatlas"


def write_png(path: Path, pixels: np.ndarray, how: Mapping[str, object]) -> None:
    """Write one image as PNG with a note of how it was made; a file that imatlas did not write is never overwritten.

    Parameters
    ----------
    path : of the PNG; an earlier one by imatlas is replaced.
    pixels : uint8 (H, W), (H, W, 1) or (H, W, 3) in [0, 255].
    how : JSON values, such as model, seed and condition.

    Raises
    ------
    InputError
        If there is a file of that name that imatlas did not write.
    ValueError
        If the pixels have another kind or shape.
    """
    if Path(path).exists():
        try:
            read_png_text(path)
        except InputError as error:
            raise InputError(
                f"{path} is there and is not an image that imatlas generated; it was left as it is. Choose another --out."
            ) from error
    write_bytes(Path(path), png_bytes(pixels, how))


def png_bytes(pixels: np.ndarray, how: Mapping[str, object]) -> bytes:
    """Give one image as the content of a PNG file, with a note of how it was made; see `write_png`."""
    note = PngImagePlugin.PngInfo()
    note.add_itxt(_KEY, json.dumps(dict(how), ensure_ascii=False))
    buffer = io.BytesIO()
    _picture(pixels).save(buffer, "PNG", pnginfo=note)
    return buffer.getvalue()


def read_png_text(path: Path | BinaryIO) -> dict:
    """Read how an image was made.

    Raises
    ------
    InputError
        If the file is no PNG, or carries no note of imatlas.
    """
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            picture.load()
            text = picture.text.get(_KEY)  # type: ignore[attr-defined]
        how = None if text is None else json.loads(text)
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError) as error:
        raise InputError(f"Could not read {path} as PNG ({error}). Name a PNG that imatlas generated.") from error
    if not isinstance(how, dict):
        raise InputError(
            f"{path} carries no note of how it was made; imatlas writes one into every PNG it generates, "
            "and some programs drop it. Name the original file."
        )
    return how


def read_gif_text(path: Path) -> dict:
    """Read how an animation was made; empty if imatlas did not make it."""
    try:
        with Image.open(path, formats=["GIF"]) as picture:
            told = json.loads(picture.info.get("comment", b"{}"))
    except (OSError, UnidentifiedImageError, ValueError):
        return {}
    return dict(told.get(_KEY, {})) if isinstance(told, dict) else {}


def refuse_others(folder: Path) -> None:
    """Refuse to write pictures among files of others: their folder is new, empty, or holds pictures by imatlas alone.

    Raises
    ------
    InputError
        If it holds anything else, is a file, or is not there and named like a picture.
    """
    folder = Path(folder)
    if folder.is_file() or (not folder.exists() and folder.suffix.lower() in Image.registered_extensions()):
        raise InputError(f"{folder} names a file; pictures go into a folder, one file each. Name a folder, such as --out new.")
    there = sorted(folder.iterdir()) if folder.exists() else []
    other = next((path.name for path in there if not is_leftover(path.name) and not _is_own(path)), None)
    if other is not None:
        raise InputError(
            f"{folder} holds {other}, which is no picture by imatlas; wanted a new or empty folder, or one of such "
            "pictures alone. Choose another --out; nothing there was touched."
        )


def samples_to_folder(samples: Samples, folder: Path) -> list[Path]:
    """Write each generated image as a PNG with its note; give the paths, `00000.png` on.

    The number is the sample's `seed` in its note when every note has one, else its place in the batch.

    Raises
    ------
    InputError
        If the folder holds anything that imatlas did not write.
    """
    refuse_others(folder)
    seeds = [how.get("seed") for how in samples.how]
    own = len(seeds) == len(samples) and all(isinstance(seed, int) for seed in seeds) and len(set(seeds)) == len(seeds)
    paths = []
    for row, pixels in enumerate(samples.pixels):
        how = samples.how[row] if row < len(samples.how) else {"seed": samples.seed, "row": row}
        path = Path(folder) / f"{seeds[row] if own else row:05d}.png"
        write_png(path, pixels, {"model": samples.source, **how})
        paths.append(path)
    return paths


def contact_sheet(pixels: np.ndarray, columns: int, *, side: int = 64) -> np.ndarray:
    """Lay images side by side on white, row by row.

    Parameters
    ----------
    pixels : uint8 (m, H, W, C).
    columns : images per row.
    side : wished size of an image on the sheet, in pixels; small images take the nearest whole multiple.

    Returns
    -------
    uint8 (height, width, C)
    """
    factor, gap = max(1, round(side / max(pixels.shape[1:3]))), 4
    tiles = np.repeat(np.repeat(pixels, factor, axis=1), factor, axis=2)
    return np.pad(side_by_side(tiles, columns, gap=gap, ground=255), ((gap, gap), (gap, gap), (0, 0)), constant_values=255)


def side_by_side(tiles: np.ndarray, columns: int, *, gap: int, ground: int) -> np.ndarray:
    """Lay pictures uint8 (m, h, w, C) side by side, row by row, with gaps between; give uint8 (height, width, C).

    Parameters
    ----------
    gap : pixels between two pictures.
    ground : value of the gaps, and of the places that are left in the last row.
    """
    m, height, width, channels = tiles.shape
    rows = -(-m // columns)
    cells = np.full((rows * columns, height + gap, width + gap, channels), ground, dtype=np.uint8)
    cells[:m, :height, :width] = tiles
    laid = cells.reshape(rows, columns, *cells.shape[1:]).swapaxes(1, 2)  # (rows, h, columns, w, C)
    sheet = laid.reshape(rows * (height + gap), columns * (width + gap), channels)
    return sheet[: len(sheet) - gap, : sheet.shape[1] - gap]


def remove_pictures(folder: Path, named: str) -> None:
    """Remove the PNGs in a folder whose whole name fits a pattern, if imatlas generated them; all others stay."""
    for path in Path(folder).glob("*.png"):
        if re.fullmatch(named, path.name):
            with suppress(InputError):
                read_png_text(path)
                path.unlink()


def refuse_taken(path: Path) -> None:
    """Refuse to write an array file where there is one: whether it holds someone's images cannot be seen.

    Raises
    ------
    InputError
        If the file is there already.
    """
    if Path(path).exists():
        raise InputError(f"{path} is there already; it was left as it is. Choose another --out, or remove it.")


def samples_to_npz(samples: Samples, path: Path) -> None:
    """Write generated images as one array `images`, uint8 (n, H, W) for gray or (n, H, W, 3) for colour.

    Raises
    ------
    InputError
        If the file is there already.
    """
    refuse_taken(path)
    pixels = samples.pixels[..., 0] if samples.pixels.shape[-1] == 1 else samples.pixels
    buffer = io.BytesIO()
    np.savez_compressed(buffer, images=pixels)
    write_bytes(Path(path), buffer.getvalue())


def _is_own(path: Path) -> bool:
    """Whether a file is a picture or an animation by imatlas."""
    try:
        read_png_text(path)
    except InputError:
        return bool(read_gif_text(path))
    return True


def _picture(pixels: np.ndarray) -> Image.Image:
    """Give a Pillow image of uint8 pixels, gray or colour."""
    array = np.asarray(pixels)
    gray = array[..., 0] if array.ndim == 3 and array.shape[-1] == 1 else array
    if gray.dtype != np.uint8 or not (gray.ndim == 2 or (gray.ndim == 3 and gray.shape[-1] == 3)):
        raise ValueError(
            f"Pixels came as {array.dtype} {array.shape}; wanted uint8 (H, W), (H, W, 1) or (H, W, 3). Scale to 0-255 first."
        )
    return Image.fromarray(np.ascontiguousarray(gray))
