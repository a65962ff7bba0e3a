"""The uint8 cache: pixels as one npy memory map and an index beside it, so that images are decoded once.

The index is taken away before new pixels are written and comes back last; a cache without an index is unfinished.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from imatlas.checks import InputError
from imatlas.files import read_json, reading, replacing, write_bytes
from imatlas.images.storage import row_blocks
from imatlas.values import ImageSet, Rejected

__all__ = ["CACHE_FORMAT", "read_cache", "write_cache"]

CACHE_FORMAT = 1


def write_cache(images: ImageSet, folder: str | Path) -> None:
    """Write an image set to a folder as `pixels.npy` and `index.json`, atomically.

    Parameters
    ----------
    images : any image set; its pixels may be a memory map larger than memory.
    folder : made if it is not there.

    Raises
    ------
    InputError
        If the folder cannot be written or the disk is full.
    """
    folder = Path(folder)
    index = {
        "format": CACHE_FORMAT,
        "shape": list(images.pixels.shape),
        "source": images.source,
        "class_names": list(images.class_names),
        "notes": list(images.notes),
        "rejected": [[one.path, one.reason] for one in images.rejected],
        "held_out": np.flatnonzero(np.asarray(images.held_out)).tolist(),
        "excluded": np.flatnonzero(np.asarray(images.excluded)).tolist(),
        "labels": None if images.labels is None else images.labels.tolist(),
        "ids": images.ids.tolist(),
    }
    _write_pixels(images.pixels, folder)
    write_bytes(folder / "index.json", json.dumps(index, ensure_ascii=False).encode())


def read_cache(folder: str | Path) -> ImageSet:
    """Read back what `write_cache` wrote; pixels are a read-only memory map.

    Raises
    ------
    InputError
        If the cache is missing, unfinished, of a newer format, or its parts do not fit.
    """
    folder = Path(folder)
    with reading(f"The image cache {folder}", "Read the images anew with imatlas map or run."):
        return _images_of(folder, read_json(folder / "index.json"))


def _images_of(folder: Path, index: dict) -> ImageSet:
    """Join the index and the pixels."""
    if index.get("format") != CACHE_FORMAT:
        raise InputError(
            f"{folder} is an image cache of format {index.get('format')}; this version reads {CACHE_FORMAT}. "
            "Use the version that wrote it, or read the images anew."
        )
    try:
        pixels = np.load(folder / "pixels.npy", mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            f"{folder / 'pixels.npy'} cannot be read ({error}). Read the images anew with imatlas map or run."
        ) from error
    n = len(index["ids"])
    if list(pixels.shape) != index["shape"] or len(pixels) != n:
        raise InputError(
            f"{folder} has pixels of shape {pixels.shape}, but its index describes {n:,} images of shape "
            f"{tuple(index['shape'])}. Read the images anew with imatlas map or run."
        )
    return ImageSet(
        pixels,
        ids=np.array(index["ids"], dtype=str),
        labels=None if index["labels"] is None else np.array(index["labels"], dtype=np.int64),
        class_names=tuple(index["class_names"]),
        held_out=_mask(index["held_out"], n),
        excluded=_mask(index["excluded"], n),
        rejected=tuple(Rejected(path, reason) for path, reason in index["rejected"]),
        source=index["source"],
        notes=tuple(index["notes"]),
    )


def _write_pixels(pixels: np.ndarray, folder: Path) -> None:
    """Stream the pixels into their file: no second copy in memory, no half-written file."""
    try:
        (folder / "index.json").unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"Could not write in {folder} ({error.strerror or error}). Choose another --out.") from error
    with replacing(folder / "pixels.npy") as stream:
        header = {"descr": "|u1", "fortran_order": False, "shape": pixels.shape}
        np.lib.format.write_array_header_1_0(stream, header)
        for block in row_blocks(pixels):
            stream.write(np.ascontiguousarray(pixels[block]).data)


def _mask(rows: list[int], n: int) -> np.ndarray:
    mask = np.zeros(n, dtype=bool)
    mask[rows] = True
    return mask
