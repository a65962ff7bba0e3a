"""A set of images with labels and a manifold whose every part was chosen, for tests of conditions."""

import numpy as np

from imatlas.values import Clusters, Dimension, Embedding, Features, Geodesics, ImageSet, KnnGraph, Manifold

__all__ = ["JOINED", "SIZES", "SMALL", "N", "some_images", "some_manifold"]

SIZES = (55, 55, 55, 55, 55, 55, 55, 55, 40)
"""Rows in each cluster; 20 rows more belong to none."""

SMALL, JOINED = 8, 2
"""The cluster of fewer than 50 rows, and the one that lies nearest to it."""

N = sum(SIZES) + 20


def some_images() -> ImageSet:
    """Give 60 held-out images beside the training ones; a quarter apples, nearly all others pears, the rest without a label."""
    n_images = N + 60
    labels = np.repeat([0, 1, -1], [n_images // 4, n_images - n_images // 4 - 30, 30])
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, size=(n_images, 8, 8, 1), dtype=np.uint8)
    held_out = np.arange(n_images) >= N
    order = rng.permutation(n_images)
    return ImageSet(pixels, np.arange(n_images).astype(str), labels[order], ("apple", "pear, green"), held_out)


def some_manifold(images: ImageSet) -> Manifold:
    """Give a manifold with three levels of clusters, some rows without one, and a map far from zero."""
    rng = np.random.default_rng(1)
    centers = 5 * rng.normal(size=(len(SIZES), 20))
    centers[SMALL] = centers[JOINED] + 0.1
    labels = np.repeat([*range(len(SIZES)), -1], [*SIZES, 20])
    features = (rng.normal(size=(N, 20)) * np.linspace(2, 0.2, 20) + centers[labels]).astype(np.float32)
    middle = np.where(labels < 0, -1, np.minimum(labels // 2, 3))
    levels = np.stack([middle // 2, middle, labels], axis=1)
    places = (rng.normal(size=(N, 2)) * [3.0, 1.0] + [40.0, -7.0]).astype(np.float32)
    return Manifold(
        rows=images.training_rows,
        features=Features(features, "pixels"),
        graph=KnnGraph((np.arange(N)[:, None] + np.arange(1, 4)) % N, np.tile([1.0, 2.0, 3.0], (N, 1))),
        geodesics=Geodesics(np.array([0]), np.zeros((1, N), np.float32)),
        embedding=Embedding(places, "neighbor_map"),
        clusters=Clusters(labels, levels, np.ones(N, np.float32), centers.astype(np.float32), "test"),
        dimension=Dimension(2.0, (1.5, 2.5), {}, np.full(N, 2.0, np.float32)),
        density=rng.normal(size=N).astype(np.float32) ** 2,
    )
