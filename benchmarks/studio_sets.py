"""The sets of benchmarks/studio.py: digits in two sizes with a model, and large maps that are made up of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from imatlas.images import digits
from imatlas.recipes import Wishes, map_images, train_atlas
from imatlas.store import create_atlas
from imatlas.values import ImageSet, Manifold

STEPS = 20
JITTER = 0.01  # of the extent of the map


def drawing_atlas(scratch: Path, side: int) -> Path:
    """Give the atlas of the digits at this side, with a model: 28 is gray, 32 is in colour."""
    small = digits(seed=0)
    pixels = np.kron(small.pixels, np.ones((1, side // 8, side // 8, 1), np.uint8))
    edge = side - pixels.shape[1]
    pixels = np.pad(pixels, ((0, 0), (edge // 2, edge - edge // 2), (edge // 2, edge - edge // 2), (0, 0)))
    if side == 32:
        pixels = np.concatenate([pixels, pixels // 2, 255 - pixels], axis=3)
    wishes = Wishes(features="principal_components", steps=STEPS)
    atlas = map_images(replace(small, pixels=pixels), scratch / f"digits-{side}.atlas", wishes)
    train_atlas(atlas, wishes)
    return atlas.folder


def made_up_atlas(scratch: Path, n: int) -> Path:
    """Give an atlas of n images: the digits over and over, each copy's place moved a little at random."""
    folder = scratch / f"made-up-{n}.atlas"
    small = digits(seed=0)
    source = np.arange(n) % len(small)
    images = ImageSet(
        small.pixels[source],
        np.array([f"copy{row // len(small):03d}/digit{row % len(small):04d}.png" for row in range(n)]),
        small.labels[source],
        small.class_names,
        small.held_out[source],
        source="digits, over and over",
    )
    atlas = create_atlas(folder, images, {"made": "up"})
    if atlas.has_manifold:
        return folder
    learned = map_images(small, scratch / "digits.atlas", Wishes(features="principal_components"))
    places = np.asarray(learned.places, np.float32)[source]
    rng = np.random.default_rng(0)
    places += (JITTER * np.ptp(places, axis=0).max() * rng.standard_normal(places.shape)).astype(np.float32)
    atlas.save_manifold(_repeated(learned.manifold, images, places), places)
    return folder


def _repeated(small: Manifold, images: ImageSet, places: np.ndarray) -> Manifold:
    """Give the manifold of copies: each copy's neighbors are those of its own round."""
    rows = np.flatnonzero(~images.held_out)
    n, m = len(rows), len(small)
    own, round_begins = np.arange(n) % m, np.arange(n) // m * m
    graph, clusters = small.graph, small.clusters
    return replace(
        small,
        rows=rows,
        features=replace(small.features, rows=np.asarray(small.features.rows)[own], extract=None),
        graph=replace(
            graph,
            indices=((graph.indices[own] + round_begins[:, None]) % n).astype(graph.indices.dtype),
            distances=graph.distances[own],
        ),
        geodesics=replace(small.geodesics, distances=small.geodesics.distances[:, own]),
        embedding=replace(small.embedding, coordinates=places[rows]),
        clusters=replace(clusters, labels=clusters.labels[own], levels=clusters.levels[own], strengths=clusters.strengths[own]),
        dimension=replace(small.dimension, local=small.dimension.local[own]),
        density=small.density[own],
    )
