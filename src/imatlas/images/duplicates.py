"""Copies in a set: exact ones by content, near-exact ones by a tiny distance between blurred thumbnails and pixels.

Two images i, j count as one when the root mean square difference of their 8 x 8 block means is at most 2 gray levels
(of 255) and that of their pixels is at most 0.15 of the contrast (standard deviation) of each. On Fashion-MNIST's
60,000 training images that joins 21 pairs, all below 0.05, and on MNIST, where such pairs begin at 0.2, none; a photo
saved again as JPEG or halved in size is joined.

Candidates come from a k-d tree over 8 principal axes of the thumbnails, where distances are never larger than the
thumbnails' own. Groups grow as stars around their first row, not as chains from member to member, so a slow film does
not become one group; where copies crowd, stars whose first rows are copies are merged again.
"""

from __future__ import annotations

import hashlib

import numpy as np
from scipy.spatial import cKDTree

from imatlas.images.storage import row_blocks
from imatlas.values import ImageSet

__all__ = ["PIXEL_TOLERANCE", "THUMBNAIL_TOLERANCE", "find_duplicates"]

THUMBNAIL_TOLERANCE = 2.0
"""Gray levels of 255, root mean square over the thumbnail."""

PIXEL_TOLERANCE = 0.15
"""Root mean square pixel difference over the smaller contrast of the two images."""

THUMBNAIL_SIDE = 8
N_AXES = 8
N_SAMPLE = 4096
N_CANDIDATES = 8
PAIR_BLOCK = 1024


def find_duplicates(images: ImageSet) -> np.ndarray:
    """Give every image the number of its group of copies.

    Parameters
    ----------
    images : n images.

    Returns
    -------
    int64 (n,), the smallest row of the group; an image without a copy has its own row number.

    Examples
    --------
    >>> import numpy as np
    >>> from imatlas.values import ImageSet
    >>> pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), dtype=np.uint8)
    >>> pixels[3] = pixels[1]
    >>> find_duplicates(ImageSet(pixels, ids=np.arange(4)))
    array([0, 1, 2, 1])
    """
    groups = _exact_groups(images.pixels)
    leaders = np.flatnonzero(groups == np.arange(len(groups)))
    places, contrasts = _project(images.pixels, leaders)
    while len(leaders) > 1:
        joins = _join_near(images.pixels, leaders, places, contrasts)
        if (joins == np.arange(len(leaders))).all():
            break
        moved = np.arange(len(groups))
        moved[leaders] = leaders[joins]
        groups = moved[groups]
        kept = joins == np.arange(len(leaders))
        leaders, places, contrasts = leaders[kept], places[kept], contrasts[kept]
    return groups


def _exact_groups(pixels: np.ndarray) -> np.ndarray:
    """Give each row the first row with the same bytes."""
    first: dict[bytes, int] = {}
    groups = np.empty(len(pixels), dtype=np.int64)
    for block in row_blocks(pixels):
        rows = np.ascontiguousarray(pixels[block]).reshape(block.stop - block.start, -1)
        for row, content in enumerate(rows, start=block.start):
            groups[row] = first.setdefault(hashlib.blake2b(content.data, digest_size=16).digest(), row)
    return groups


def _project(pixels: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give thumbnails on their principal axes and contrasts, in root-mean-square gray levels.

    Returns
    -------
    places : float32 (len(rows), axes).
    contrasts : float32 (len(rows),).
    """
    blur = _blur_matrix(*pixels.shape[1:])
    sample = rows[:: max(1, len(rows) // N_SAMPLE)]
    thumbnails = _flat(pixels[sample]) @ blur
    covariance = np.cov(thumbnails.T.astype(np.float64)) if len(sample) > 1 else np.eye(blur.shape[1])
    _, axes = np.linalg.eigh(covariance)
    projection = blur @ axes[:, -N_AXES:].astype(np.float32)
    places = np.empty((len(rows), projection.shape[1]), dtype=np.float32)
    contrasts = np.empty(len(rows), dtype=np.float32)
    for block in row_blocks(np.broadcast_to(pixels[:1], (len(rows), *pixels.shape[1:]))):
        flat = _flat(pixels[rows[block]])
        places[block] = flat @ projection
        contrasts[block] = flat.std(axis=1)
    return places, contrasts


def _blur_matrix(height: int, width: int, channels: int) -> np.ndarray:
    """Give the matrix (H W C, 64 C) of block means, scaled so that distances are root mean squares."""
    means = np.kron(_block_means(height), _block_means(width))  # (64, H W)
    matrix = np.kron(means.T, np.eye(channels, dtype=np.float32))
    return (matrix / np.sqrt(matrix.shape[1])).astype(np.float32)


def _block_means(side: int) -> np.ndarray:
    """Give the (8, side) matrix whose rows average equal stretches of a line of pixels."""
    edges = np.linspace(0, side, THUMBNAIL_SIDE + 1)
    starts = np.arange(side)
    overlap = np.minimum(edges[1:, None], starts + 1) - np.maximum(edges[:-1, None], starts)
    overlap = np.clip(overlap, 0, None)
    return (overlap / overlap.sum(axis=1, keepdims=True)).astype(np.float32)


def _flat(pixels: np.ndarray) -> np.ndarray:
    return pixels.reshape(len(pixels), -1).astype(np.float32)


def _join_near(pixels: np.ndarray, leaders: np.ndarray, places: np.ndarray, contrasts: np.ndarray) -> np.ndarray:
    """Give each leader the position of the first leader it is a copy of, or its own.

    At most `N_CANDIDATES` candidates are kept per row, so memory stays linear; a denser crowd of copies is merged over
    several rounds of the caller's loop.
    """
    n = len(leaders)
    reach = THUMBNAIL_TOLERANCE * (1 + 1e-4)
    apart, near = cKDTree(places).query(places, k=min(N_CANDIDATES, n), distance_upper_bound=reach, workers=-1)
    one = np.repeat(np.arange(n), near.shape[1])
    other, apart = near.ravel(), apart.ravel()
    ahead = (other < n) & (other != one)
    one, other, apart = one[ahead], other[ahead], apart[ahead]
    # Block means never lie further apart than the pixels, so most false candidates fall here, before pixels are read.
    limits = PIXEL_TOLERANCE * np.minimum(contrasts[one], contrasts[other])
    close = apart <= limits * (1 + 1e-4) + 1e-4
    keys = np.unique(np.minimum(one, other)[close] * n + np.maximum(one, other)[close])
    pairs = np.stack([keys // n, keys % n], axis=1)  # (p, 2)
    pairs = pairs[_are_copies(pixels, leaders[pairs], contrasts[pairs].min(axis=1))]
    joins = np.arange(n)
    for first, second in pairs.tolist():
        if joins[first] == first and joins[second] == second:
            joins[second] = first
    return joins


def _are_copies(pixels: np.ndarray, pairs: np.ndarray, contrasts: np.ndarray) -> np.ndarray:
    """Say for each pair of rows (p, 2), with the smaller contrast of each (p,), whether both tolerances hold."""
    copies = np.zeros(len(pairs), dtype=bool)
    blur = _blur_matrix(*pixels.shape[1:])
    for start in range(0, len(pairs), PAIR_BLOCK):
        block = slice(start, start + PAIR_BLOCK)
        difference = _flat(pixels[pairs[block, 0]]) - _flat(pixels[pairs[block, 1]])
        apart = np.sqrt(np.einsum("pd,pd->p", difference, difference) / difference.shape[1])
        thumbnails_apart = np.linalg.norm(difference @ blur, axis=1)
        copies[block] = (thumbnails_apart <= THUMBNAIL_TOLERANCE) & (apart <= PIXEL_TOLERANCE * contrasts[block])
    return copies
