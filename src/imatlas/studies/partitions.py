"""Manifolds with other groups than their own, for the arms that something must be compared with.

A cluster condition reads `manifold.clusters`, so that to ask whether clusters of the manifold help it is enough to put others
in their place: groups drawn by lot, which mean nothing; and groups found by the same method, with the same least size, in
plain pixels or in random convolutions, which need no manifold. What else hangs on the manifold, such as the size of the
network and the rows it is validated on, stays the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from imatlas.features import Extractor, Pixels, RandomConvolutions
from imatlas.manifold import BalancedClusters
from imatlas.values import Clusters, ImageSet, Manifold

__all__ = ["Remake", "as_learned", "counted_clusters", "densest", "pixel_clusters", "random_clusters", "surface_clusters"]

Remake = Callable[[ImageSet, Manifold, int], Manifold]
"""Function: images, manifold, seed -> the manifold that a fit is given in its place."""

FILTERS = 7_001
"""Seed of the filters that groups are found with; those that judge have another one."""


def as_learned(images: ImageSet, manifold: Manifold, seed: int) -> Manifold:
    """Give the manifold as it was learned."""
    return manifold


def random_clusters(images: ImageSet, manifold: Manifold, seed: int) -> Manifold:
    """Deal the images into groups by lot, of the same sizes as the clusters of the manifold."""
    own = manifold.clusters
    labels = np.random.default_rng([seed, 5]).permutation(own.labels)
    dealt = Clusters(labels, labels[:, None], np.ones(len(labels), np.float32), own.centroids, "by lot")
    return replace(manifold, clusters=dealt)


def pixel_clusters(images: ImageSet, manifold: Manifold, seed: int) -> Manifold:
    """Find the groups in plain pixels, by the method and with the least size that the manifold's have."""
    return _clustered_by(Pixels(), images, manifold, seed)


def surface_clusters(images: ImageSet, manifold: Manifold, seed: int) -> Manifold:
    """Find the groups in random convolutions, which nobody trained."""
    return _clustered_by(RandomConvolutions(seed=FILTERS), images, manifold, seed)


def counted_clusters(images: ImageSet, manifold: Manifold, seed: int, *, n_clusters: int) -> Manifold:
    """Find another number of clusters in the features of the manifold; those that turn out too small are dissolved."""
    clusterer = BalancedClusters(n_clusters, random_state=seed).fit(manifold.features.rows)
    return replace(manifold, clusters=clusterer.clusters_value())


def densest(images: ImageSet, manifold: Manifold, seed: int, *, share: float) -> Manifold:
    """Let images of the densest share of the manifold stand in the places of the others, so that these are not trained on.

    Only for fits without conditions: the features of a row are then no longer those of its image.
    """
    order = np.argsort(-manifold.density, kind="stable")
    kept, dropped = np.split(order, [round(share * len(order))])
    rows = np.array(manifold.rows)
    rows[dropped] = manifold.rows[np.random.default_rng([seed, 6]).choice(kept, size=len(dropped))]
    return replace(manifold, rows=rows)


def _clustered_by(extractor: Extractor, images: ImageSet, manifold: Manifold, seed: int) -> Manifold:
    train = images.take(manifold.rows)
    rows = extractor.fit(train).transform(train).rows
    return replace(manifold, clusters=BalancedClusters(random_state=seed).fit(rows).clusters_value())
