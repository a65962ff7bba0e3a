"""Two sets made comparable, and what would make a comparison say something else than it seems to: said in sentences.

Classes are matched by their names, not by their numbers, since each set numbers its own. Images of both sides that are equal
pixel for pixel are found by content, whatever their files are called. None of this stops a comparison: the scores are still
right for what was given, but it may not be what was meant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from imatlas.values import ImageSet

__all__ = ["equal_images", "first_rows", "match_channels", "match_classes", "suspicions"]

FEW_TO_JUDGE = 50
SHOWN = 5
LOSSY_SHARE = 0.1
"""Of the images; a difference of less is taken for a few odd files."""
QUALITY_GAP = 10


def match_channels(sets: Sequence[ImageSet]) -> tuple[ImageSet, ...]:
    """Give image sets with as many channels as the richest of them: gray ones are repeated to colour."""
    channels = max(images.shape[2] for images in sets)
    return tuple(
        images
        if images.shape[2] == channels
        else replace(images, pixels=np.repeat(np.asarray(images.pixels), channels, axis=3))
        for images in sets
    )


def match_classes(real: ImageSet, generated: ImageSet) -> tuple[ImageSet, tuple[str, ...]]:
    """Number the classes of the generated images as the real ones do, and say where they differ.

    Returns
    -------
    generated : with labels of the real classes; images of other classes have none.
    warnings : classes that only one side has.
    """
    asked, known = _classes_in(generated), _classes_in(real)
    if generated.labels is None or not asked or not known:
        return replace(generated, labels=None, class_names=()), ()
    numbers = {name: number for number, name in enumerate(real.class_names) if name in known}
    places = np.array([*(numbers.get(name, -1) for name in generated.class_names), -1])  # the last for label -1
    strange, empty = sorted(asked - known), sorted(known - asked)
    warnings = []
    if strange:
        close = [name for name in strange if name.lower() in {one.lower() for one in known}]
        hint = " Names must be the same to the letter." if close else ""
        warnings.append(
            f"Classes of the generated images that no real image has: {_listed(strange)}; these images count as without a "
            f"class. The real classes are {_listed(sorted(known))}.{hint}"
        )
    if empty and len(strange) < len(asked):
        warnings.append(f"Real classes of which there is no generated image: {_listed(empty)}.")
    return replace(generated, labels=places[generated.labels], class_names=real.class_names), tuple(warnings)


def suspicions(real: ImageSet, generated: ImageSet, *, equal: Sequence[tuple[int, int]], n_pictures: int) -> tuple[str, ...]:
    """Say in sentences what is suspect about two sets of one shape.

    Parameters
    ----------
    real, generated : as they were read, with the counts of formats and sizes; images a model drew have none.
    equal : from `equal_images`.
    n_pictures : different pictures among the real images.
    """
    found = [*_few(real, "real"), *_few(generated, "generated"), *_uniform(generated)]
    found += _same_images(real, generated, equal, n_pictures)
    found += [*_rejected(real, "real"), *_rejected(generated, "generated"), *_formats(real.formats, generated.formats)]
    return (*found, *_enlarged(real, "real"), *_enlarged(generated, "generated"))


def first_rows(images: ImageSet) -> dict[bytes, int]:
    """Give the first row of each different picture, a training row where there is one, by the digest of its pixels."""
    rows = np.concatenate([images.training_rows, images.held_out_rows])
    digests = _digests(images)
    return {digests[row]: int(row) for row in rows[::-1]}


def equal_images(first_of: Mapping[bytes, int], generated: ImageSet) -> tuple[tuple[int, int], ...]:
    """Find generated images that are real ones pixel for pixel: (generated row, real row from `first_rows`) of each."""
    return tuple((row, first_of[digest]) for row, digest in enumerate(_digests(generated)) if digest in first_of)


def _classes_in(images: ImageSet) -> set[str]:
    """Names of the classes that some image has."""
    if images.labels is None:
        return set()
    return {images.class_names[label] for label in np.unique(images.labels) if label >= 0}


def _few(images: ImageSet, name: str) -> list[str]:
    if len(images) >= FEW_TO_JUDGE:
        return []
    return [
        f"There are {len(images)} {name} images; with fewer than {FEW_TO_JUDGE} on a side only gross faults can be told. "
        "Give more."
    ]


def _same_images(real: ImageSet, generated: ImageSet, pairs: Sequence[tuple[int, int]], n_pictures: int) -> list[str]:
    if len(pairs) == len(generated) and len({twin for _, twin in pairs}) == n_pictures:
        return [f"Both sides hold the same {len(real):,} images: real and generated are one set, so nothing is judged by this."]
    if not pairs:
        return []
    row, twin = pairs[0]
    return [
        f"{len(pairs):,} of {len(generated):,} generated images ({100 * len(pairs) / len(generated):.3g} %) are real images "
        f"pixel for pixel: the first is {generated.ids[row]}, which is {real.ids[twin]}. Unless the generator copies, real and "
        "generated images were mixed up; see that each side has its own."
    ]


def _digests(images: ImageSet) -> list[bytes]:
    return [hashlib.blake2b(pixels.tobytes(), digest_size=16).digest() for pixels in images.pixels]


def _uniform(generated: ImageSet) -> list[str]:
    first = np.asarray(generated.pixels[0])
    if any((pixels != first).any() for pixels in generated.pixels):
        return []
    return [f"All {len(generated):,} generated images are the same picture."]


def _rejected(images: ImageSet, name: str) -> list[str]:
    if not images.rejected:
        return []
    first = images.rejected[0]
    return [
        f"{len(images.rejected):,} of the {name} files could not be read and are not among the images, the first: {first.path} "
        f"({first.reason.rstrip('.')}). Mend or delete them."
    ]


def _formats(real: Mapping[str, int], generated: Mapping[str, int]) -> list[str]:
    """Compare how the two sides were compressed."""
    if not real or not generated:
        return []
    (share, quality), (own_share, own_quality) = _compression(real), _compression(generated)
    apart = abs(share - own_share) > LOSSY_SHARE
    if not apart and (min(share, own_share) <= LOSSY_SHARE or abs(quality - own_quality) < QUALITY_GAP):
        return []
    return [
        f"Real images were stored as {_counted(real)}, generated ones as {_counted(generated)}. Compression leaves marks that "
        "scores see; store both sides in one way, best without loss."
    ]


def _compression(formats: Mapping[str, int]) -> tuple[float, float]:
    """Share of JPEG among the images, and its mean quality."""
    lossy = {name: count for name, count in formats.items() if name.startswith("JPEG ")}
    n = sum(lossy.values())
    quality = sum(int(name.split()[1]) * count for name, count in lossy.items()) / n if n else 0.0
    return n / sum(formats.values()), quality


def _counted(formats: Mapping[str, int]) -> str:
    most = sorted(formats.items(), key=lambda pair: -pair[1])[:SHOWN]
    return ", ".join(f"{name} ({count:,})" for name, count in most)


def _enlarged(images: ImageSet, name: str) -> list[str]:
    side = images.shape[0]
    small = {size: count for size, count in images.sizes.items() if min(map(int, size.split(" x "))) < side}
    if sum(small.values()) <= LOSSY_SHARE * len(images):
        return []
    return [
        f"{sum(small.values()):,} {name} images were smaller than {side} x {side} ({_listed(sorted(small))}) and were "
        "enlarged, so they lack detail that the others have. Compare at the smaller size with --resolution to leave that out."
    ]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
