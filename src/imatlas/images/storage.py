"""Room for pixels: in memory while they are few, else in a nameless file that the system pages in and out."""

from __future__ import annotations

import os
import tempfile

import numpy as np

from imatlas.checks import InputError

__all__ = ["BLOCK_BYTES", "allocate_pixels", "keep_rows", "row_blocks"]

MEMORY_BYTES = 2**30
"""Above this many bytes pixels go to a temporary file instead of memory."""

BLOCK_BYTES = 2**24
"""Bytes of pixels worked on at a time."""


def allocate_pixels(shape: tuple[int, int, int, int]) -> np.ndarray:
    """Give writable room for pixels, uint8 of the shape (n, H, W, C); a memory map of a temporary file if large.

    Raises
    ------
    InputError
        If the temporary folder has too little space.
    """
    size = int(np.prod(shape, dtype=np.int64))
    if size <= MEMORY_BYTES:
        return np.empty(shape, dtype=np.uint8)
    with tempfile.TemporaryFile(prefix="imatlas-pixels-") as stream:
        try:
            _reserve(stream.fileno(), size)
        except OSError as error:
            raise InputError(
                f"{shape[0]:,} images need {size:,} bytes in {tempfile.gettempdir()}, and there is too little space "
                f"({error.strerror}). Free some, point TMPDIR elsewhere, or choose a smaller resolution."
            ) from error
        return np.memmap(stream, dtype=np.uint8, mode="r+", shape=shape)


def row_blocks(pixels: np.ndarray) -> list[slice]:
    """Give slices of rows, in order, each holding about `BLOCK_BYTES` bytes."""
    step = max(1, BLOCK_BYTES // max(1, int(np.prod(pixels.shape[1:])) * pixels.itemsize))
    return [slice(start, min(start + step, len(pixels))) for start in range(0, len(pixels), step)]


def keep_rows(pixels: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Move the rows where `keep` (n,) is True to the front, in place, and give the view of them."""
    rows = np.flatnonzero(keep)
    if len(rows) < len(pixels):
        for block in row_blocks(pixels[: len(rows)]):
            pixels[block] = pixels[rows[block]]
    return pixels[: len(rows)]


def _reserve(handle: int, size: int) -> None:
    """Claim disk space now: a full disk must fail here in words, not later as a fault while writing to the map."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)
    else:
        os.truncate(handle, size)
