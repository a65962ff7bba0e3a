"""The map part of the report: thumbnails at their places, and every image as a point, coloured by class and cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imatlas.app.contents import ReportContents
from imatlas.app.figures import MARKERS, scatter
from imatlas.app.sheets import PALETTE, data_uri, map_frame, thumbnail_map
from imatlas.app.words import plural

__all__ = ["Colouring", "draw_scatters", "map_section"]

_NAMED = 40


@dataclass(frozen=True)
class Colouring:
    """What points are coloured by: its name, the group of each point (-1 = none), and the names of the groups."""

    by: str
    groups: np.ndarray
    names: list[str]


def map_section(contents: ReportContents) -> dict | None:
    """Give the pictures and legends of the map, or None without places.

    Returns
    -------
    "picture" (data address), "drawn" and "total" images, and "scatters": for each colouring its picture, legend
    entries and labels with positions in percent.
    """
    images = contents.images
    rows = np.flatnonzero(~np.asarray(images.excluded, dtype=bool))
    if contents.places is None or not len(rows):
        return None
    later = np.zeros((0, 2)) if contents.added_places is None else contents.added_places
    framed, aspect = map_frame(np.concatenate([contents.places[rows], later]))
    positions, added = framed[: len(rows)], framed[len(rows) :]
    colourings = _colourings(contents, rows)
    colours = [PALETTE[group % len(PALETTE)] if group >= 0 else "" for group in colourings[0].groups]
    picture, drawn = thumbnail_map(images.pixels[rows], positions, aspect, colours=colours)
    return draw_scatters(positions, aspect, colourings, added) | {
        "picture": data_uri(picture),
        "by": colourings[0].by,
        "drawn": drawn,
        "total": len(rows),
        "added": plural(len(added), "image") + " added later" if len(added) else "",
    }


def draw_scatters(positions: np.ndarray, aspect: float, colourings: Sequence[Colouring], added: np.ndarray) -> dict:
    """Draw the points of a map once for each colouring.

    Parameters
    ----------
    positions, aspect : of the n points, from `imatlas.app.sheets.map_frame`.
    colourings : what to colour them by, at least one.
    added : (m, 2) positions of points that were added later, drawn as rings.

    Returns
    -------
    "scatters": for each colouring its picture, legend entries and labels with positions in percent; and "more_names".
    """
    scatters = []
    for colouring in colourings:
        groups = colouring.groups if colouring.names else None
        legend, labels = _legend(colouring.groups, colouring.names, positions, _label_size(aspect, len(colourings)))
        width = 1300 if len(colourings) == 1 else 1000
        drawing = data_uri(scatter(positions, aspect, groups, width=width, added=added))
        gray = bool(legend) and bool((colouring.groups < 0).any())
        scatters.append({"by": colouring.by, "picture": drawing, "legend": legend, "labels": labels, "gray": gray})
    return {"scatters": scatters, "more_names": max(len(colouring.names) for colouring in colourings) > _NAMED}


def _colourings(contents: ReportContents, rows: np.ndarray) -> list[Colouring]:
    """Find what images can be coloured by: classes, clusters, both or nothing."""
    images, manifold = contents.images, contents.manifold
    found = []
    if images.labels is not None:
        found.append(Colouring("class", images.labels[rows], list(images.class_names)))
    if manifold is not None and manifold.clusters.n_clusters:
        groups = np.full(len(images), -1, dtype=np.int64)
        groups[manifold.rows] = manifold.clusters.labels
        found.append(Colouring("cluster", groups[rows], contents.names_of_clusters))
    return found or [Colouring("", np.full(len(rows), -1, dtype=np.int64), [])]


def _label_size(aspect: float, panels: int) -> tuple[float, float]:
    """Estimate the width of a letter and the height of a label, as shares of a picture shown beside others."""
    width = 1080 / min(panels, 2)  # pixels of the page
    return 9 / width, 24 / (width * aspect)


def _legend(
    groups: np.ndarray, names: list[str], positions: np.ndarray, size: tuple[float, float]
) -> tuple[list[dict], list[dict]]:
    """Give legend entries for the largest groups, and a label on each that covers no label of a larger one."""
    sizes = np.bincount(groups[groups >= 0], minlength=len(names))
    chosen = np.argsort(-sizes, kind="stable")[:_NAMED]
    legend: list[dict] = []
    labels: list[dict] = []
    boxes: list[tuple[float, float, float]] = []
    for group in chosen[sizes[chosen] > 0]:
        colour = PALETTE[group % len(PALETTE)]
        marker = MARKERS[group // len(PALETTE) % len(MARKERS)]
        x, y = _middle(positions[groups == group])
        entry = {"name": names[group], "colour": colour, "marker": marker, "size": f"{sizes[group]:,}"}
        legend.append({**entry, "group": int(group)})
        short = names[group].removeprefix("Cluster ")
        half = (len(short) + 1.5) * size[0] / 2
        x = min(max(x, half), 1 - half)
        if all(abs(x - left) > half + other or abs(y - top) > size[1] for left, top, other in boxes):
            boxes.append((x, y, half))
            labels.append({"name": short, "left": f"{100 * x:.1f}", "top": f"{100 * y:.1f}"})
    return sorted(legend, key=lambda entry: entry["group"]), labels


def _middle(points: np.ndarray) -> np.ndarray:
    """Give the member nearest to the coordinate-wise median, so that the label lies on the group itself."""
    from_median = points - np.median(points, axis=0)
    return points[int((from_median**2).sum(axis=1).argmin())]
