"""The cluster part of the report: a sheet of each group, at the finest level and at the wider ones of the conditions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imatlas.app.contents import ReportContents
from imatlas.app.sheets import data_uri, mosaic
from imatlas.app.words import plural
from imatlas.conditions import level_columns
from imatlas.recipes import cluster_levels
from imatlas.values import Manifold

__all__ = ["cluster_section"]

_SHOWN = 24
_IMAGES, _IMAGES_OF_WIDER = 24, 12

CLUSTERS = ("cluster", "cluster_middle", "cluster_coarse")
"""Conditions on clusters, as `level_columns` gives their levels."""


def cluster_section(contents: ReportContents) -> dict | None:
    """Give the sheets of all levels, or None without clusters.

    Returns
    -------
    "method", the images in "none", and "levels", the finest first: how its groups are "asked" for on the command line ("" for
    the finest), "cards" of the largest groups, and the "rest" in words.
    """
    manifold = contents.manifold
    if manifold is None or manifold.clusters.n_clusters == 0:
        return None
    clusters, out = manifold.clusters, np.asarray(contents.images.excluded[manifold.rows], dtype=bool)
    shown = np.where(out, -1, clusters.labels)
    finest = _cards(contents, manifold, shown, names=contents.names_of_clusters, most=_IMAGES)
    levels = [finest | {"asked": ""}]
    columns = dict(zip(CLUSTERS, level_columns(clusters), strict=False))
    for condition, labels in cluster_levels(manifold, contents.images).items():
        if condition != "cluster":
            level = condition.removeprefix("cluster_")
            names = [f"{level}:{name}" for name in clusters.grouping(columns[condition]).all_names]
            cards = _cards(contents, manifold, np.where(out, -1, labels), names=names, most=_IMAGES_OF_WIDER)
            levels.append(cards | {"asked": f"--cluster {level}:NUMBER"})
    return {"levels": levels, "none": int((clusters.labels[~out] < 0).sum()), "method": clusters.method.replace("_", " ")}


def _cards(contents: ReportContents, manifold: Manifold, labels: np.ndarray, *, names: Sequence[str], most: int) -> dict:
    """Give one sheet of at most so many images per cluster, the largest clusters first, from heart to edge."""
    sizes = np.bincount(labels[labels >= 0], minlength=len(names))
    order = np.argsort(-sizes, kind="stable")
    order = order[sizes[order] > 0]
    cards = []
    for cluster in order[:_SHOWN]:
        members = np.flatnonzero(labels == cluster)
        rows = manifold.rows[_heart_to_edge(members, manifold.clusters.strengths, most)]
        cards.append(
            {
                "number": int(cluster),
                "name": names[cluster],
                "size": plural(int(sizes[cluster]), "image"),
                "share": f"{100 * sizes[cluster] / len(manifold):.1f} %",
                "mostly": _mostly(contents, manifold.rows[members]),
                "sheet": data_uri(mosaic(contents.images.pixels[rows], 6, tile=104)),
                "span": min(1.0, len(rows) / 6),
            }
        )
    return {"cards": cards, "rest": _rest(order[_SHOWN:], sizes)}


def _rest(clusters: np.ndarray, sizes: np.ndarray) -> str:
    """Word the clusters that have no sheet, each number with its images."""
    if not len(clusters):
        return ""
    count, images = plural(len(clusters), "smaller cluster"), plural(int(sizes[clusters].sum()), "image")
    listed = ", ".join(f"{cluster + 1} ({sizes[cluster]:,})" for cluster in clusters)
    return f"{count} with {images} {'is' if len(clusters) == 1 else 'are'} not shown here: {listed}."


def _heart_to_edge(members: np.ndarray, strengths: np.ndarray, most: int) -> np.ndarray:
    """Choose members of a cluster evenly from the strongest to the weakest."""
    ranked = members[np.argsort(-strengths[members], kind="stable")]
    return ranked[np.unique(np.linspace(0, len(ranked) - 1, min(most, len(ranked))).round().astype(int))]


def _mostly(contents: ReportContents, rows: np.ndarray) -> str:
    """Say which class a cluster mostly holds, when there are labels."""
    images = contents.images
    labels = np.zeros(0, dtype=np.int64) if images.labels is None else images.labels[rows]
    labels = labels[labels >= 0]
    if not len(labels):
        return ""
    counts = np.bincount(labels)
    top = int(counts.argmax())
    if counts[top] < 0.4 * len(labels):
        return "mixed classes"
    return f"{100 * counts[top] / len(labels):.0f}\u00a0% of class {images.class_names[top]}"
