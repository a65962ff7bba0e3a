"""The report of a feature matrix: its map by label and by cluster, how far to trust it, and what stands out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imatlas import __version__
from imatlas.app.map_section import Colouring, draw_scatters
from imatlas.app.page import time_shares, write_page
from imatlas.app.sheets import PALETTE, map_frame
from imatlas.app.trust_words import graph_facts, standing_out, trust_rows
from imatlas.app.words import between, flat, number, plural
from imatlas.recipes import Survey
from imatlas.store import MatrixAtlas, list_batches

__all__ = ["write_matrix_report"]

_CLUSTERS_SHOWN = 40
_HEART = 4
_GOLDEN = 0.6180339887498949


def write_matrix_report(atlas: MatrixAtlas, path: Path) -> None:
    """Write the report of a feature matrix's atlas as one HTML file that needs no network.

    Raises
    ------
    InputError
        If the atlas has no finished map or is damaged, or the place cannot be written.
    """
    summary = atlas.summary
    survey = Survey(**summary["survey"])
    tiles = _tiles(survey, int(summary["columns"]))
    parts = {
        "version": __version__,
        "pixel_art": False,
        "title": Path(summary["source"]).stem,
        "subtitle": _subtitle(summary, survey),
        "verdict": [],
        "tiles": tiles,
        "tile_columns": max(4, len(tiles)),
        "map": _map(atlas, summary),
        "trust": {"facts": graph_facts(survey, "row"), "rows": trust_rows(survey.trust)},
        "clusters": _clusters(atlas, summary) if survey.clusters else None,
        "standing_out": standing_out(survey, "row"),
        "times": time_shares(summary["seconds"]),
        "settings": flat(atlas.settings),
        "notes": summary["notes"],
        "palette": PALETTE,
    }
    write_page("matrix.html.j2", parts, path)


def _subtitle(summary: dict, survey: Survey) -> list[str]:
    """Say in a few words what the matrix is."""
    classes = len(summary["classes"])
    return [
        plural(survey.rows, "row"),
        f"{plural(int(summary['columns']), 'number')} each, {'sparse' if summary['sparse'] else 'dense'}",
        plural(classes, "class", "classes") if classes else "no labels",
        f"{survey.map.replace('_', ' ')} by {survey.metric} distance",
    ]


def _tiles(survey: Survey, columns: int) -> list[tuple[str, str, str]]:
    """Choose the few numbers worth a large print."""
    interval = between(survey.dimension_interval[0], survey.dimension_interval[1])
    tiles = [(number(survey.rows), "rows", f"of {plural(columns, 'number')}")]
    tiles.append((number(survey.dimension), "dimensions", f"95\u00a0% interval {interval}"))
    if survey.clusters:
        tiles.append((number(survey.clusters), "clusters found", survey.clustering.replace("_", " ")))
    tiles.append((number(survey.n_parts), "connected part" + "s" * (survey.n_parts != 1), f"largest {survey.parts[0]:,} rows"))
    for row in trust_rows(survey.trust)[:1]:
        tiles.append((row.value, row.name, "of the map; 1 is perfect"))
    return tiles


def _map(atlas: MatrixAtlas, summary: dict) -> dict:
    """Draw the map, by label where there are labels and by cluster where there are clusters, with rings for added rows."""
    coordinates, batches = np.array(atlas.array("map/coordinates")), list_batches(atlas.folder)
    added = [batch.places for batch in batches if batch.map_key == atlas.map_key]
    places = np.concatenate([coordinates, *added])
    how = ""
    if places.shape[1] == 1:
        how = "The map has one coordinate, from left to right; points are spread up and down only so that they can be seen."
        places = np.stack([places[:, 0], _GOLDEN * np.arange(len(places)) % 1 * 0.3 * np.ptp(places[:, 0])], axis=1)
    elif places.shape[1] > 2:
        how = f"The first two of {places.shape[1]} coordinates are drawn."
    framed, aspect = map_frame(places[:, :2])
    n = len(coordinates)
    colourings = []
    if summary["classes"]:
        colourings.append(Colouring("label", np.array(atlas.array("rows/labels")), list(summary["classes"])))
    if summary["survey"]["clusters"]:
        names = [f"Cluster {number + 1}" for number in range(summary["survey"]["clusters"])]
        colourings.append(Colouring("cluster", np.array(atlas.array("clusters/labels")), names))
    colourings = colourings or [Colouring("", np.full(n, -1, dtype=np.int64), [])]
    drawn = draw_scatters(framed[:n], aspect, colourings, framed[n:])
    m = len(framed) - n
    return drawn | {"how": how, "added": plural(m, "row") + " added later" if m else ""}


def _clusters(atlas: MatrixAtlas, summary: dict) -> dict:
    """List the largest clusters with their size, their label and the rows at their heart."""
    labels, strengths = np.array(atlas.array("clusters/labels")), atlas.array("clusters/strengths")
    ids, truth, classes = atlas.array("rows/ids"), np.array(atlas.array("rows/labels")), summary["classes"]
    sizes = np.bincount(labels[labels >= 0], minlength=summary["survey"]["clusters"])
    order = np.argsort(-sizes, kind="stable")
    table = []
    for cluster in order[:_CLUSTERS_SHOWN]:
        rows = np.flatnonzero(labels == cluster)
        heart = rows[np.argsort(-strengths[rows], kind="stable")[:_HEART]]
        table.append(
            {
                "number": int(cluster),
                "name": f"Cluster {cluster + 1}",
                "size": f"{sizes[cluster]:,}",
                "share": f"{100 * sizes[cluster] / len(labels):.1f}\u00a0%",
                "mostly": _mostly(truth[rows], classes),
                "heart": ", ".join(str(name) for name in ids[heart]),
            }
        )
    rest = order[_CLUSTERS_SHOWN:]
    unseen = plural(int(sizes[rest].sum()), "row")
    words = f"{plural(len(rest), 'smaller cluster')} with {unseen} not shown here." if len(rest) else ""
    return {
        "table": table,
        "method": summary["survey"]["clustering"].replace("_", " "),
        "labelled": bool(classes),
        "rest": words,
    }


def _mostly(labels: np.ndarray, classes: list[str]) -> str:
    """Say which label a cluster mostly holds."""
    labels = labels[labels >= 0]
    if not len(labels):
        return ""
    counts = np.bincount(labels)
    top = int(counts.argmax())
    return f"{classes[top]} ({100 * counts[top] / len(labels):.0f}\u00a0%)"
