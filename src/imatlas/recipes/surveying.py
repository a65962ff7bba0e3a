"""What is told of a finished map: how it hangs together, how far to trust it, and which of its rows stand out.

The command line prints a survey, the report shows it, the atlas of a feature matrix keeps it as JSON; all of it is read from
the neighbor graph in time that grows with n k.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from imatlas.values import Clusters, Dimension, Embedding, KnnGraph, Manifold

__all__ = ["Survey", "survey", "survey_manifold"]

MOST_PARTS = 20


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


def survey(graph: KnnGraph, dimension: Dimension, embedding: Embedding, clusters: Clusters | None) -> Survey:
    """Sum up a map.

    Parameters
    ----------
    graph, dimension, embedding, clusters : of the same rows; no clusters = None.
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
    )


def survey_manifold(manifold: Manifold) -> Survey:
    """Sum up what was learned of a set of images."""
    return survey(manifold.graph, manifold.dimension, manifold.embedding, manifold.clusters)
