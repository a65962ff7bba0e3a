"""Many picture files to one block of pixels: headers first, then pixels, on several threads.

The first pass decides what can be used and at which resolution; the second writes each picture straight into its row.
Pillow lets go of the interpreter while it decodes, so threads are enough.
"""

from __future__ import annotations

import os
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from imatlas.images.containers import Container
from imatlas.images.decode import Header, Unusable, decode, deepest, full_white, parse_ground, peek
from imatlas.images.storage import allocate_pixels, keep_rows, row_blocks
from imatlas.progress import Progress, Report

__all__ = ["Decoded", "decode_all", "drop_equal_channels", "find_white", "peek_all"]

FILES_PER_TASK = 32
DEEP_LOOKS = 64

MARK_NOTES = {
    "cropped": "{} not square: the centre square was kept.",
    "transparent": "{} partly transparent, laid on a ground of {ground}.",
    "rotated": "{} turned upright as the EXIF entry says.",
    "animated": "{} animated or of several pages: the first frame was taken.",
    "deep": "{} of more than 8 bits and scaled to 8; whole numbers so that {white} becomes 255.",
    "enlarged": "{} smaller than the resolution and enlarged (bicubic).",
}


@dataclass(frozen=True)
class Decoded:
    """The result of decoding: pixels of the rows that worked, which those are, and why others failed.

    Parameters
    ----------
    pixels : uint8 (n_kept, R, R, C).
    keep : (n,) bool.
    reasons : row number -> reason, for the others.
    notes : what was done to how many, for people.
    """

    pixels: np.ndarray
    keep: np.ndarray
    reasons: dict[int, str]
    notes: list[str]


def peek_all(container: Container, report: Report) -> list[Header | str]:
    """Read the header of every listed picture.

    Returns
    -------
    One entry per name: the header, or the reason in words why the picture cannot be used.
    """
    headers: list[Header | str] = [""] * len(container.names)

    def look(row: int) -> None:
        try:
            with container.open(container.names[row]) as stream:
                headers[row] = peek(stream)
        except (Unusable, OSError, MemoryError) as error:
            headers[row] = _reason(error)

    _on_threads(look, len(container.names), "looking at files", report)
    return headers


def decode_all(
    container: Container,
    names: Sequence[str],
    *,
    resolution: int,
    channels: int,
    ground: str,
    white: float,
    exact: bool,
    report: Report,
) -> Decoded:
    """Decode pictures whose headers were fine.

    Parameters
    ----------
    container : where the files lie.
    names : files to decode.
    resolution : side of the result, pixels.
    channels : 1 or 3.
    ground : colour under transparent places.
    white : the value that becomes 255 in pictures of more than 8 bits.
    exact : resize by `RESIZE_RULE`.
    report : told about the progress.
    """
    colour = parse_ground(ground)
    pixels = allocate_pixels((len(names), resolution, resolution, channels))
    reasons: dict[int, str] = {}
    marks: list[frozenset[str]] = [frozenset()] * len(names)

    def read(row: int) -> None:
        try:
            with container.open(names[row]) as stream:
                pixels[row], marks[row] = decode(
                    stream, resolution=resolution, channels=channels, ground=colour, white=white, exact=exact
                )
        except (Unusable, OSError, MemoryError) as error:
            reasons[row] = _reason(error)

    _on_threads(read, len(names), "reading images", report)
    keep = np.ones(len(names), dtype=bool)
    keep[list(reasons)] = False
    counts = Counter(mark for of_one in marks for mark in of_one)
    notes = [
        text.format("1 image was" if counts[mark] == 1 else f"{counts[mark]:,} images were", ground=ground, white=f"{white:g}")
        for mark, text in MARK_NOTES.items()
        if counts[mark]
    ]
    return Decoded(keep_rows(pixels, keep), keep, reasons, notes)


def find_white(container: Container, names: Sequence[str]) -> float:
    """Give the value that stands for white in deep pictures, from the largest value in at most 64 of them.

    Cameras of 10, 12 or 14 bits save 16-bit files; taken at face value their images would be nearly black.
    """
    tops = []
    for name in names[:: max(1, len(names) // DEEP_LOOKS)]:
        try:
            with container.open(name) as stream:
                tops.append(deepest(stream))
        except (Unusable, OSError, MemoryError):
            continue
    return full_white(max(tops, default=65535.0))


def drop_equal_channels(pixels: np.ndarray) -> np.ndarray:
    """Give (n, H, W, 1) if red, green and blue are equal everywhere, else the pixels as they are."""
    if pixels.shape[3] == 1:
        return pixels
    for block in row_blocks(pixels):
        first = pixels[block][..., 0]
        if not (np.array_equal(first, pixels[block][..., 1]) and np.array_equal(first, pixels[block][..., 2])):
            return pixels
    gray = allocate_pixels((*pixels.shape[:3], 1))
    for block in row_blocks(pixels):
        gray[block] = pixels[block][..., :1]
    return gray


def _on_threads(work: Callable[[int], None], total: int, stage: str, report: Report) -> None:
    """Run `work(row)` for every row, a few dozen rows per task, reporting as tasks end."""
    started = time.monotonic()
    threads = min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)

    def run(start: int) -> int:
        rows = range(start, min(start + FILES_PER_TASK, total))
        for row in rows:
            work(row)
        return len(rows)

    done = 0
    with warnings.catch_warnings(), ThreadPoolExecutor(threads) as pool:
        # Pillow warns about large pictures and odd chunks; what matters of it is judged in `decode`.
        warnings.filterwarnings("ignore", module="PIL")
        try:
            for n_rows in pool.map(run, range(0, total, FILES_PER_TASK)):
                done += n_rows
                seconds = time.monotonic() - started
                rate = done / max(seconds, 1e-9)
                report(Progress(stage, done, total, seconds, rate, (total - done) / rate))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _reason(error: Exception) -> str:
    if isinstance(error, Unusable):
        return str(error)
    if isinstance(error, PermissionError):
        return "no permission to read it"
    return f"it cannot be opened ({error})"
