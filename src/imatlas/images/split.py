"""The split: some images are kept aside before anything is fitted, and copies stay on one side of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from imatlas.checks import require_range
from imatlas.images.duplicates import find_duplicates
from imatlas.values import ImageSet

__all__ = ["split_images"]


def split_images(images: ImageSet, fraction: float = 0.1, seed: int = 0) -> ImageSet:
    """Hold some images out, whole groups of copies at a time; a split that is there already is kept.

    Parameters
    ----------
    images : n images; if some rows are held out already, they stay the held-out ones.
    fraction : share of the images to hold out, 0 to 0.9; 0 holds none out.
    seed : of the choice.

    Returns
    -------
    The same images with `held_out` set and notes on copies; at least one image is held out when n >= 10, unless that
    would tear copies apart or fraction is 0.

    Raises
    ------
    ValueError
        If the fraction is out of range.

    Examples
    --------
    >>> from imatlas.images.digits import digits
    >>> int(split_images(digits(), fraction=0.1).held_out.sum())
    180
    """
    require_range(fraction, low=0.0, high=0.9, name="held_out, the share of images to hold out,")
    groups = find_duplicates(images)
    sizes = np.bincount(groups, minlength=len(images))
    notes = []
    n_copies = int((sizes[groups] > 1).sum())
    if n_copies:
        notes.append(f"{n_copies:,} images are exact or near copies of one another, in {int((sizes > 1).sum()):,} groups.")
    held_out = np.asarray(images.held_out, dtype=bool)
    if held_out.any():
        leaked = int((~held_out & np.isin(groups, groups[held_out])).sum())
        if leaked:
            notes.append(
                f"{leaked:,} training images are copies of held-out ones in the source's own split, which was kept; "
                "scores against held-out images are that much too kind."
            )
    elif fraction > 0:
        held_out = _choose(groups, sizes, fraction, seed)
        if not held_out.any():
            notes.append(f"None of the {len(images):,} images is held out: there are too few that are not copies.")
    return replace(images, held_out=held_out, notes=images.notes + tuple(notes))


def _choose(groups: np.ndarray, sizes: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Take groups in random order while they fit into the wanted number of rows."""
    n = len(groups)
    wanted = max(round(fraction * n), 1 if n >= 10 else 0)
    order = np.random.default_rng(seed).permutation(np.flatnonzero(sizes))
    order = order[sizes[order] <= wanted]
    taken = order[np.cumsum(sizes[order]) <= wanted]
    if not len(taken) and wanted and len(np.unique(groups)) > 1:
        smallest = np.flatnonzero(sizes)[np.argmin(sizes[sizes > 0])]
        taken = np.array([smallest])
    return np.isin(groups, taken)
