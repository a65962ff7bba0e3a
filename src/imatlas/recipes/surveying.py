"""What is told of a finished map: how it hangs together, how far to trust it, and which of its rows stand out.

The command line prints a survey, the report shows it, the atlas of a feature matrix keeps it as JSON; all of it is read from
the neighbor graph in time that grows with n k.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from imatlas.conditions import ClusterCoarseCondition, ClusterCondition, ClusterMiddleCondition
from imatlas.geometry import hubs, near_duplicates, outlier_scores
from imatlas.values import Clusters, Dimension, Embedding, ImageSet, KnnGraph, Manifold

__all__ = ["OUTLYING", "Survey", "cluster_levels", "survey", "survey_manifold"]

MOST_PARTS = 20
NAMED = 12
"""Outliers, groups of near-duplicates and hubs that are told by name."""

OUTLYING = 1.5
"""Outlier score above which a row is told: its neighbors lie half as far again from it as from one another."""

FEWEST_FOR_COPIES = 3


@dataclass(frozen=True)
class Survey:
    """The facts of a map, JSON values only.

    Parameters
    ----------
    rows : rows on the map.
    metric, neighbors, recall : of the neighbor graph; recall 1 = exact.
    parts, n_parts : sizes of the largest connected parts, and how many there are.
    dimension, dimension_interval, dimension_methods : intrinsic dimension, its 95 % interval, and each estimate by name.
    map : name of the embedding.
    trust : name -> score, and "<name>_error" -> half-width of its 95 % interval.
    clustering, clusters, unclustered : its name, the number of clusters, and of rows in none.
    levels : of images, the clusters a generator can be asked for: condition -> number -> images; see `cluster_levels`.
    outliers, outlying : how many rows have an outlier score above `OUTLYING`; the ids and scores of the most outlying.
    copied, copy_groups, copies : rows that have a near-duplicate, the groups they form, and the ids of the first groups.
    hubness, antihubs, hubs : skewness of how often rows are neighbors, rows that are nobody's, the most listed and how often.
    """

    rows: int
    metric: str
    neighbors: int
    recall: float
    parts: list[int]
    n_parts: int
    dimension: float
    dimension_interval: list[float]
    dimension_methods: Mapping[str, float]
    map: str
    trust: Mapping[str, float] = field(default_factory=dict)
    clustering: str = "none"
    clusters: int = 0
    unclustered: int = 0
    levels: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    outliers: int = 0
    outlying: list[list] = field(default_factory=list)
    copied: int = 0
    copy_groups: int = 0
    copies: list[list[str]] = field(default_factory=list)
    hubness: float = 0.0
    antihubs: int = 0
    hubs: list[list] = field(default_factory=list)


def survey(graph: KnnGraph, dimension: Dimension, embedding: Embedding, clusters: Clusters | None, ids: np.ndarray) -> Survey:
    """Sum up a map.

    Parameters
    ----------
    graph, dimension, embedding, clusters : of the same rows; no clusters = None.
    ids : (n,) str, their names.
    """
    sizes = graph.component_sizes.tolist()
    return Survey(
        rows=len(graph),
        metric=graph.metric,
        neighbors=graph.n_neighbors,
        recall=float(graph.recall),
        parts=sizes[:MOST_PARTS],
        n_parts=len(sizes),
        dimension=float(dimension.value),
        dimension_interval=[float(end) for end in dimension.interval],
        dimension_methods={name: float(value) for name, value in dimension.by_method.items()},
        map=embedding.method,
        trust={name: float(value) for name, value in embedding.trust.items()},
        clustering="none" if clusters is None else clusters.method,
        clusters=0 if clusters is None else clusters.n_clusters,
        unclustered=0 if clusters is None else int(np.sum(clusters.labels < 0)),
        **_standing_out(graph, ids),
    )


def survey_manifold(manifold: Manifold, images: ImageSet) -> Survey:
    """Sum up what was learned of a set of images."""
    ids = images.ids[manifold.rows]
    found = survey(manifold.graph, manifold.dimension, manifold.embedding, manifold.clusters, ids)
    sizes = {
        name: np.unique(labels[labels >= 0], return_counts=True) for name, labels in cluster_levels(manifold, images).items()
    }
    listed = {name: {str(number + 1): int(size) for number, size in zip(*both)} for name, both in sizes.items()}
    return replace(found, levels=listed)


def cluster_levels(manifold: Manifold, images: ImageSet) -> dict[str, np.ndarray]:
    """Give the clusters that a generator can be asked for, at each level that the set has.

    Returns
    -------
    Name of the condition -> int64 (n,), a cluster for each training row, -1 = none; the first is asked for as "1". Images of
    a cluster that is too small to learn from count to the one it stands for.
    """
    kinds = (ClusterCondition, ClusterMiddleCondition, ClusterCoarseCondition)
    described = [kind.describe(images, manifold) for kind in kinds]
    return {found.name: found.labels for found in described if found is not None}


def _standing_out(graph: KnnGraph, ids: np.ndarray) -> dict[str, Any]:
    """Find outliers, near-duplicates and hubs, and name the first of each."""
    scores, listed = outlier_scores(graph), hubs(graph)
    outlying = np.argsort(-scores, kind="stable")[: min(NAMED, int((scores > OUTLYING).sum()))]
    most = np.argsort(-listed.counts, kind="stable")[:NAMED]
    found: dict[str, Any] = {
        "outliers": int((scores > OUTLYING).sum()),
        "outlying": [[str(ids[row]), round(float(scores[row]), 2)] for row in outlying],
        "hubness": float(listed.skewness),
        "antihubs": int((listed.counts == 0).sum()),
        "hubs": [[str(ids[row]), int(listed.counts[row])] for row in most],
    }
    if graph.n_neighbors < FEWEST_FOR_COPIES:
        return found
    groups = near_duplicates(graph).groups
    members = [np.flatnonzero(groups == group)[:NAMED] for group in range(min(NAMED, int(groups.max(initial=-1)) + 1))]
    return found | {
        "copied": int((groups >= 0).sum()),
        "copy_groups": int(groups.max(initial=-1)) + 1,
        "copies": [[str(name) for name in ids[rows]] for rows in members],
    }
