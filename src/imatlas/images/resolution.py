"""The working resolution: given, or chosen from the sizes of the pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imatlas.checks import InputError

__all__ = [
    "HIGHEST_RESOLUTION",
    "HIGHEST_TO_JUDGE",
    "LOWEST_RESOLUTION",
    "RESIZE_RULE",
    "check_resolution",
    "choose_resolution",
]

LOWEST_RESOLUTION = 8
HIGHEST_RESOLUTION = 64

HIGHEST_TO_JUDGE = 512
"""Images are generated at 64 at most, but those of other generators are judged as they are."""

RESIZE_RULE = "centre square, Lanczos (bicubic when enlarging), antialiased, in float, once from the original"
"""How images that are judged come to one size: no reduced decoding, and rounded to 8 bits at the very end."""

COMMON_RESOLUTIONS = (64, 56, 48, 40, 32, 28, 24, 20, 16, 12)


def check_resolution(resolution: int, *, highest: int = HIGHEST_RESOLUTION) -> int:
    """Give a resolution back if images can be worked on at it.

    Raises
    ------
    InputError
        Unless it is a multiple of 4 from 8 to `highest`, which is 64.
    """
    whole = isinstance(resolution, int | np.integer) and not isinstance(resolution, bool)
    if not whole or resolution % 4 or not LOWEST_RESOLUTION <= resolution <= highest:
        raise InputError(
            f"The resolution {resolution!r} cannot be used; wanted a multiple of 4 from {LOWEST_RESOLUTION} to "
            f"{highest}, such as 28, 32 or 64. Leave it out to have it chosen from the images."
        )
    return int(resolution)


def choose_resolution(sizes: Sequence[tuple[int, int]]) -> tuple[int, str]:
    """Choose the working resolution.

    Parameters
    ----------
    sizes : (width, height) of every picture, pixels, at least one.

    Returns
    -------
    resolution : the native size if all pictures are squares of one size from 8 to 64 (lowered to a multiple of 4);
        otherwise the largest of 64, 56, 48, 40, 32, 28, 24, 20, 16, 12, 8 not above the median shorter side.
    note : the choice in words.
    """
    width, height = sizes[0]
    native = width == height and LOWEST_RESOLUTION <= width <= HIGHEST_RESOLUTION and len(set(sizes)) == 1
    if native and width % 4 == 0:
        return width, f"Resolution {width}: the images' own size."
    if native:
        return (
            width - width % 4,
            f"Resolution {width - width % 4}: the multiple of 4 below the images' own size, {width}.",
        )
    median = float(np.median([min(size) for size in sizes]))
    resolution = next((side for side in COMMON_RESOLUTIONS if side <= median), LOWEST_RESOLUTION)
    return resolution, f"Resolution {resolution}: chosen from the median shorter side, {median:g} pixels."
