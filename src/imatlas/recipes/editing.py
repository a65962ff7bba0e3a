"""A person's edits in training: the manifold without the images taken out, and what a model of before calls its clusters.

What a model was trained on is an atlas under the edits of then; they are kept beside it, so that its conditions can be
described again whatever was changed since.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from imatlas.checks import InputError
from imatlas.conditions import ClusterCondition, Condition, level_columns
from imatlas.files import is_atlas
from imatlas.neighbors import search
from imatlas.store import Atlas, ModelFolder, open_atlas
from imatlas.values import Geodesics, ImageSet, KnnGraph, Manifold

__all__ = ["named_now", "trained_on", "without_excluded"]

FEWEST_LEFT = 2


def trained_on(atlas: Atlas, folder: ModelFolder) -> tuple[ImageSet, Manifold]:
    """Give images and manifold as a model of the present map was trained on them, whatever was edited since.

    The training rows of the images are those of the manifold: images that it had no place for count as taken out.
    """
    then = _then(atlas, folder)
    images, manifold = then.images, without_excluded(then.manifold, then.images)
    unseen = ~images.held_out
    unseen[manifold.rows] = False
    return replace(images, excluded=images.excluded | unseen), manifold


def without_excluded(manifold: Manifold, images: ImageSet) -> Manifold:
    """Give the manifold of the images that are left; itself where none was taken out.

    Places, densities and clusters stay as they are. A row that lost neighbors gets the next ones; geodesic distances may still
    lead past images that are gone.

    Raises
    ------
    InputError
        If fewer than two are left.
    """
    out = np.asarray(images.excluded[manifold.rows], dtype=bool)
    if not out.any():
        return manifold
    kept = np.flatnonzero(~out)
    if len(kept) < FEWEST_LEFT:
        raise InputError(f"All but {len(kept)} of {len(out)} training images were taken out. Take some in again.")
    features, clusters = manifold.features, manifold.clusters
    landmarks = np.isin(manifold.geodesics.landmarks, kept)
    return replace(
        manifold,
        rows=manifold.rows[kept],
        features=replace(features, rows=np.asarray(features.rows)[kept]),
        graph=_graph_of(manifold, kept),
        geodesics=Geodesics(
            np.searchsorted(kept, manifold.geodesics.landmarks[landmarks]), manifold.geodesics.distances[landmarks][:, kept]
        ),
        embedding=replace(manifold.embedding, coordinates=manifold.embedding.coordinates[kept]),
        clusters=replace(
            clusters,
            labels=clusters.labels[kept],
            levels=clusters.levels[kept],
            strengths=clusters.strengths[kept],
            groupings=tuple(clusters.grouping(level) for level in range(clusters.levels.shape[1])),
        ),
        dimension=replace(manifold.dimension, local=manifold.dimension.local[kept]),
        density=manifold.density[kept],
        made_from=manifold.key,
    )


def named_now(conditions: tuple[Condition, ...], folder: ModelFolder) -> tuple[Condition, ...]:
    """Give the conditions of a model of the present map with the names that clusters have by now."""
    place = folder.atlas_folder
    if place is None or not is_atlas(place) or not any(isinstance(one, ClusterCondition) for one in conditions):
        return conditions
    atlas = open_atlas(place)
    if not any(atlas.edits.names.values()):
        return tuple(one.renamed({}) if isinstance(one, ClusterCondition) else one for one in conditions)
    names, levels = atlas.cluster_names(folder), level_columns(atlas.found.clusters)
    return tuple(one.renamed(names[levels[one.level]]) if isinstance(one, ClusterCondition) else one for one in conditions)


def _then(atlas: Atlas, folder: ModelFolder) -> Atlas:
    return atlas if folder.edits is None else atlas.under(folder.edits)


def _graph_of(manifold: Manifold, kept: np.ndarray) -> KnnGraph:
    """Give the neighbor graph of some rows (m,), rising: lists that lose a neighbor are searched for again."""
    graph, rows = manifold.graph, manifold.features.rows
    number = np.full(len(graph), -1)
    number[kept] = np.arange(len(kept))
    k = min(graph.n_neighbors, len(kept) - 1)
    indices, distances = number[graph.indices[kept]][:, :k], graph.distances[kept][:, :k].copy()
    short = np.flatnonzero((number[graph.indices[kept]] < 0).any(axis=1))
    if len(short):
        found, lengths = search(rows[kept[short]], rows[kept], k + 1, graph.metric)
        own = found == short[:, None]
        own[~own.any(axis=1), -1] = True  # it may come after others at no distance
        indices[short], distances[short] = found[~own].reshape(-1, k), lengths[~own].reshape(-1, k)
    bridged = (number[graph.bridges] >= 0).all(axis=1)
    return KnnGraph(
        indices, distances, graph.metric, graph.recall, number[graph.bridges[bridged]], graph.bridge_lengths[bridged]
    )
