"""New images or rows onto a finished map: placed and grouped by what was fitted, while everything that was there stays.

Added images are like held-out ones: nothing is fitted to them, they are nobody's neighbor, and they belong to no training
set, so the atlas's hash, its map and its models stay exactly what they were. They are kept beside it, batch by batch.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from imatlas.checks import InputError
from imatlas.images import read_images
from imatlas.manifold import CLUSTERINGS
from imatlas.progress import Report, silent
from imatlas.recipes.journeys import extractor_of, mapper_of
from imatlas.recipes.matrix_journeys import methods_of
from imatlas.recipes.rows import place_rows
from imatlas.store import Atlas, Batch, MatrixAtlas, add_batch, list_batches, place_again
from imatlas.values import OFF_THE_MAP, FeatureMatrix, ImageSet

__all__ = ["Addition", "add_images", "add_rows", "place_images"]


@dataclass(frozen=True)
class Addition:
    """What became of an addition.

    Parameters
    ----------
    batch : what was added with its places, or None if nothing was new.
    known : how many were there already, or more than once in the addition.
    off_map : how many of those added lie farther from the map's points than 3 times the usual spacing.
    notes : sentences on what reading decided.
    """

    batch: Batch | None
    known: int
    off_map: int = 0
    notes: tuple[str, ...] = ()


def add_images(atlas: Atlas, source: Path | ImageSet, *, ground: str = "white", report: Report = silent) -> Addition:
    """Place more images on the map of an atlas.

    Parameters
    ----------
    source : anything `read_images` takes; read at the atlas's resolution and channels.
    ground : colour under transparent places.

    Raises
    ------
    InputError
        If there is nothing to read, the atlas has no map, or another process is adding.
    """
    if not atlas.has_manifold:
        raise InputError(f"{atlas.folder} has no map yet to place images on. Run: imatlas map DATA --out {atlas.folder}")
    side, _, channels = atlas.images.shape
    more = read_images(source, resolution=side, channels=channels, ground=ground, held_out=0.0, report=report)
    place_again(atlas.folder, atlas.map_key, lambda items: place_images(atlas, items))
    batches = list_batches(atlas.folder)
    fresh = _fresh(_digests(more), _digests(atlas.images), *(_digests(batch.items) for batch in batches))
    if not len(fresh):
        return Addition(None, len(more), notes=more.notes)
    taken = set(atlas.images.ids.tolist()).union(*(batch.items.ids.tolist() for batch in batches))
    new = more.take(fresh)
    new = replace(new, ids=_unused(new.ids, taken), rejected=more.rejected, held_out=np.ones(len(fresh), dtype=bool))
    places, clusters = place_images(atlas, new)
    batch = add_batch(atlas.folder, Batch(new, places, clusters, atlas.map_key))
    off = int((atlas.manifold.embedding.support(places) > OFF_THE_MAP).sum())
    return Addition(batch, len(more) - len(fresh), off, more.notes)


def add_rows(atlas: MatrixAtlas, more: FeatureMatrix) -> Addition:
    """Place more rows on the map of a feature matrix.

    Raises
    ------
    InputError
        If the rows have another width, or another process is adding.
    """
    mapper, clusterer = methods_of(atlas)
    place_again(atlas.folder, atlas.map_key, lambda items: place_rows(mapper, clusterer, items))  # type: ignore[arg-type]
    places, clusters = place_rows(mapper, clusterer, more)
    batches = list_batches(atlas.folder)
    old = FeatureMatrix(mapper.rows_, np.arange(mapper.n_rows_).astype(str))
    fresh = _fresh(_digests(more), _digests(old), *(_digests(batch.items) for batch in batches))
    if not len(fresh):
        return Addition(None, len(more), notes=more.notes)
    taken = set(atlas.array("rows/ids").tolist()).union(*(batch.items.ids.tolist() for batch in batches))
    new = more.take(fresh)
    new = replace(new, ids=_unused(new.ids, taken))
    batch = add_batch(atlas.folder, Batch(new, places[fresh], clusters[fresh], atlas.map_key))
    return Addition(batch, len(more) - len(fresh), notes=more.notes)


def place_images(atlas: Atlas, items: ImageSet | FeatureMatrix) -> tuple[np.ndarray, np.ndarray]:
    """Give the map places float32 (m, 2) and clusters int64 (m,) of images on the map of an atlas."""
    if not isinstance(items, ImageSet):
        raise InputError(f"{atlas.folder} is an atlas of images; rows of numbers cannot be placed on its map. Give images.")
    rows = extractor_of(atlas).transform(items).rows
    settings, arrays = atlas.load_packed("clusters")
    clustering = next(method for method in CLUSTERINGS.values() if method.__name__ == settings["method"])
    return mapper_of(atlas).transform(rows), clustering.unpack(settings, arrays).predict(rows)  # type: ignore[attr-defined]


def _digests(items: ImageSet | FeatureMatrix) -> list[bytes]:
    """Give what tells each image or row from every other, exact copies apart."""
    if isinstance(items, ImageSet):
        rows = [np.ascontiguousarray(pixels).tobytes() for pixels in items.pixels]
    elif isinstance(items.rows, np.ndarray):  # what is not zero and where, so that sparse copies are copies
        rows = [np.flatnonzero(row).astype(np.int64).tobytes() + row[row != 0].tobytes() for row in items.rows]
    else:
        ends = items.rows.indptr
        sorted_rows = items.rows.sorted_indices()
        places, values = sorted_rows.indices.astype(np.int64), sorted_rows.data
        rows = [places[a:b].tobytes() + values[a:b].tobytes() for a, b in pairwise(ends)]
    return [hashlib.blake2b(row, digest_size=16).digest() for row in rows]


def _fresh(new: list[bytes], *known: list[bytes]) -> np.ndarray:
    """Give the rows of an addition that are not there yet, each kind once."""
    seen = set().union(*known)
    fresh = []
    for row, digest in enumerate(new):
        if digest not in seen:
            seen.add(digest)
            fresh.append(row)
    return np.array(fresh, dtype=np.int64)


def _unused(ids: np.ndarray, taken: set[str]) -> np.ndarray:
    """Give ids that nothing in the atlas has: a name that is taken gets a number behind it."""
    names = []
    for name in ids.tolist():
        free, number = name, 2
        while free in taken:
            free, number = f"{name} ({number})", number + 1
        taken.add(free)
        names.append(free)
    return np.array(names, dtype=str)
