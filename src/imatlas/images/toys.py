"""Toys whose true manifold is known, to check every later step against.

The swiss roll is a flat sheet (arc length s, height h) rolled up in three dimensions, with
    x = t cos t,  y = h,  z = t sin t,   s(t) = (t sqrt(1 + t^2) + asinh t) / 2,
so distances along the roll are plain distances between the returned (s, h). The moving shape is a letter F, which no
turn maps to itself, drawn from its exact signed distance d (pixels) with coverage clip(1/2 - d, 0, 1): smooth in every
parameter, so the images form a manifold whose coordinates are the parameters.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imatlas.checks import InputError
from imatlas.images.resolution import check_resolution
from imatlas.images.storage import allocate_pixels, row_blocks
from imatlas.values import ImageSet

__all__ = ["moving_shape", "swiss_roll"]

ROLL_START, ROLL_END, ROLL_HEIGHT = 1.5 * np.pi, 4.5 * np.pi, 21.0

MOVES = ("rotate", "shift", "scale")
SHIFT_SHARE = 0.15
SCALES = (0.7, 1.2)

LETTER_BOXES = (((-0.26, 0.0), (0.14, 0.6)), ((0.02, -0.46), (0.42, 0.14)), ((-0.04, 0.0), (0.3, 0.12)))
"""Strokes of the F as (centre, half size) in units of half the image side, y down; they lie in the unit disc."""

LETTER_SIZE = 0.75


def swiss_roll(n: int, seed: int, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Give points spread evenly over a swiss roll.

    Parameters
    ----------
    n : number of points.
    seed : of the draw.
    noise : standard deviation of normal noise added to each coordinate; the roll's layers lie about 6.3 apart.

    Returns
    -------
    rows : float32 (n, 3).
    parameters : float64 (n, 2), arc length (0 to about 89) and height (0 to 21): the roll laid flat, same unit as rows.

    Examples
    --------
    >>> rows, parameters = swiss_roll(100, seed=0)
    >>> rows.shape, parameters.shape
    ((100, 3), (100, 2))
    """
    rng = np.random.default_rng(seed)
    angles = np.linspace(ROLL_START, ROLL_END, 4097)
    lengths = (angles * np.sqrt(1 + angles**2) + np.arcsinh(angles)) / 2
    lengths -= lengths[0]
    length = rng.uniform(0, lengths[-1], n)
    height = rng.uniform(0, ROLL_HEIGHT, n)
    angle = np.interp(length, lengths, angles)
    rows = np.stack([angle * np.cos(angle), height, angle * np.sin(angle)], axis=1)
    rows += noise * rng.standard_normal(rows.shape)
    return rows.astype(np.float32), np.stack([length, height], axis=1)


def moving_shape(n: int, resolution: int = 28, seed: int = 0, moves: Sequence[str] = MOVES) -> tuple[ImageSet, np.ndarray]:
    """Give antialiased images of a white F on black that turns, shifts and grows.

    Parameters
    ----------
    n : number of images.
    resolution : side, pixels, a multiple of 4 from 8 to 64.
    seed : of the parameters.
    moves : which of "rotate", "shift", "scale" vary; fewer moves make a manifold of fewer dimensions.

    Returns
    -------
    images : uint8 (n, R, R, 1), nothing held out.
    parameters : float64 (n, m), columns in this order for the moves asked for: angle in radians in [0, 2 pi) (a circle;
        counter-clockwise as seen), shift right and shift down in pixels (up to 0.15 R each way), scale in [0.7, 1.2].

    Raises
    ------
    InputError
        If a move is unknown or none is given, or the resolution cannot be used.

    Examples
    --------
    >>> images, parameters = moving_shape(5, resolution=16, moves=("rotate",))
    >>> images.shape, parameters.shape
    ((16, 16, 1), (5, 1))
    """
    check_resolution(resolution)
    if not moves or not set(moves) <= set(MOVES):
        raise InputError(f"moves is {tuple(moves)}; wanted one or more of {', '.join(MOVES)}.")
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, n) if "rotate" in moves else np.zeros(n)
    reach = SHIFT_SHARE * resolution
    shift = rng.uniform(-reach, reach, (n, 2)) if "shift" in moves else np.zeros((n, 2))
    scale = rng.uniform(*SCALES, n) if "scale" in moves else np.ones(n)
    pixels = allocate_pixels((n, resolution, resolution, 1))
    for block in row_blocks(np.broadcast_to(np.float64(0), (n, resolution, resolution, 8))):
        pixels[block] = _draw(angle[block], shift[block], scale[block], resolution)[..., None]
    columns = {"rotate": angle[:, None], "shift": shift, "scale": scale[:, None]}
    ids = np.array([f"shape#{row:06d}" for row in range(n)])
    images = ImageSet(pixels, ids=ids, source="moving_shape", notes=("A letter F that moves: " + ", ".join(moves) + ".",))
    return images, np.concatenate([columns[move] for move in MOVES if move in moves], axis=1)


def _draw(angle: np.ndarray, shift: np.ndarray, scale: np.ndarray, resolution: int) -> np.ndarray:
    """Draw b images, uint8 (b, R, R), by moving the pixel grid back into the frame of the letter."""
    centres = np.arange(resolution) + 0.5 - resolution / 2
    right = centres[None, None, :] - shift[:, 0, None, None]  # (b, 1, R)
    down = centres[None, :, None] - shift[:, 1, None, None]  # (b, R, 1)
    unit = LETTER_SIZE * scale * resolution / 2
    cos, sin = np.cos(angle) / unit, np.sin(angle) / unit
    x = cos[:, None, None] * right - sin[:, None, None] * down  # (b, R, R)
    y = sin[:, None, None] * right + cos[:, None, None] * down
    distance = np.full(x.shape, np.inf)
    for (centre_x, centre_y), (half_x, half_y) in LETTER_BOXES:
        away_x, away_y = np.abs(x - centre_x) - half_x, np.abs(y - centre_y) - half_y
        outside = np.hypot(np.maximum(away_x, 0), np.maximum(away_y, 0))
        distance = np.minimum(distance, outside + np.minimum(np.maximum(away_x, away_y), 0))
    coverage = np.clip(0.5 - distance * unit[:, None, None], 0, 1)
    return np.rint(255 * coverage).astype(np.uint8)
