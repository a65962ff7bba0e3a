"""The report: one HTML file that opens offline and shows, in this order, what a reader asks.

Is it any good (verdict, real beside generated)? What is in the set (map, clusters)? Can one walk in it (morphs)? Are
the images new (closest pairs)? How good in numbers (scores)? How did it go (training, health, settings)? Sections
without values are left out and named at the end. A content policy inside the page forbids every outside request.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imatlas import __version__
from imatlas.app.cluster_section import cluster_section
from imatlas.app.contents import ClosePair, Morph, ReportContents
from imatlas.app.figures import curve_panels, pareto_panels
from imatlas.app.map_section import map_section
from imatlas.app.page import time_shares, write_page
from imatlas.app.scoreboard import BLOCKS, score_rows, shown
from imatlas.app.sheets import PALETTE, data_uri, mosaic
from imatlas.app.trust_words import graph_facts, trust_rows
from imatlas.app.words import between, flat, number, plural
from imatlas.evaluation import plain_name
from imatlas.recipes import survey_manifold
from imatlas.values import ImageSet

__all__ = ["ClosePair", "Morph", "ReportContents", "write_report"]

_GROUPS_SHOWN = 12
_LISTED = 200


def write_report(contents: ReportContents, path: Path) -> None:
    """Write a report as one HTML file that needs no network.

    Parameters
    ----------
    contents : what to show; sections without values are left out.
    path : the file, replaced atomically.

    Raises
    ------
    InputError
        If the place is not writable or the disk is full.
    """
    parts = {
        "version": __version__,
        "pixel_art": max(contents.images.shape[:2]) <= 32,
        "title": contents.title or _source_name(contents),
        "subtitle": _subtitle(contents),
        "verdict": [sentence.replace(" %", "\u00a0%") for sentence in contents.verdict],
        "tiles": (tiles := _tiles(contents)),
        "tile_columns": max(4, len(tiles) if len(tiles) <= 6 else -(-len(tiles) // 2)),
        "beside": _beside(contents),
        "map": map_section(contents),
        "trust": _trust(contents),
        "clusters": cluster_section(contents),
        "morphs": [_morph(morph) for morph in contents.morphs],
        "pairs": [_pair(pair) for pair in contents.pairs[:24]],
        "score_blocks": score_rows(contents.scores, contents.references),
        "block_titles": BLOCKS,
        "references": list(contents.references),
        "pareto": pareto_panels(contents.rivals),
        "panels": curve_panels(contents.curves),
        "times": time_shares(contents.seconds),
        "health": _health(contents),
        "settings": flat(contents.settings),
        "seeds": flat(contents.seeds),
        "palette": PALETTE,
        "missing": _missing(contents),
    }
    write_page("report.html.j2", parts, path)


def _source_name(contents: ReportContents) -> str:
    """Name the set by the last part of its source."""
    return Path(contents.images.source).name or "An image set"


def _subtitle(contents: ReportContents) -> list[str]:
    """Say in a few words what the set is."""
    images = contents.images
    height, width, channels = images.shape
    facts = [plural(len(images), "image"), f"{width} × {height} {'gray' if channels == 1 else 'colour'}"]
    facts.append(plural(len(images.class_names), "class", "classes") if images.labels is not None else "no labels")
    if contents.manifold is not None:
        made = f"{contents.manifold.embedding.method} on {contents.manifold.features.extractor}"
        facts.append(made.replace("_", " "))
    return facts + ([f"model {contents.model}"] if contents.model else [])


def _tiles(contents: ReportContents) -> list[tuple[str, str, str]]:
    """Choose the few numbers worth a large print: (number, what it is, its range or meaning)."""
    images, manifold = contents.images, contents.manifold
    held_out = len(images.held_out_rows)
    tiles = [(number(len(images)), "images", f"{held_out:,} held out for judging" if held_out else "")]
    if manifold is not None:
        low, high = manifold.dimension.interval
        tiles.append((number(manifold.clusters.n_clusters), "clusters found", manifold.clusters.method.replace("_", " ")))
        tiles.append((number(manifold.dimension.value), "dimensions", f"95\u00a0% interval {between(low, high)}"))
        for name, value in list(manifold.embedding.trust.items())[:1]:
            tiles.append((f"{100 * value:.1f}\u00a0%", name.replace("_", " "), "of the map; 100\u00a0% is perfect"))
    for block in ("quality", "diversity", "novelty", "speed"):
        for score in [score for score in contents.scores if score.block == block][:1]:
            floor = "" if score.floor is None else f"a perfect generator: {shown(score, score.floor)}"
            tiles.append((shown(score), plain_name(score.name), floor))
    return tiles


def _beside(contents: ReportContents) -> dict | None:
    """Lay real images beside generated ones, by class or cluster where samples were asked for by one."""
    samples, images = contents.samples, contents.images
    if samples is None or not len(samples):
        return _real_only(contents)
    chance = np.random.default_rng(0)
    real = _real_groups(contents)
    if contents.asked is None or real is None:
        there = images.held_out_rows if len(images.held_out_rows) >= 96 else np.flatnonzero(~_mask(images.excluded))
        rows = chance.choice(there, min(96, len(samples), len(there)), replace=False)
        both = (images.pixels[rows], samples.pixels[: len(rows)])
        sheets = [data_uri(mosaic(pixels, 12, tile=92)) for pixels in both]
        return {"rows": [], "real": sheets[0], "generated": sheets[1], "share": min(1.0, len(rows) / 12)}
    groups, names = real
    numbers, counts = np.unique(contents.asked[contents.asked >= 0], return_counts=True)
    chosen = numbers[np.argsort(-counts, kind="stable")[:_GROUPS_SHOWN]]
    rows_shown = []
    for group in np.sort(chosen):
        there = np.flatnonzero((groups == group) & ~_mask(images.excluded))
        drawn = np.flatnonzero(contents.asked == group)[:10]
        beside = chance.choice(there, min(len(drawn), len(there)), replace=False)
        if len(beside):
            pictures = [data_uri(mosaic(pixels, 10, tile=92)) for pixels in (images.pixels[beside], samples.pixels[drawn])]
            shares = [min(1.0, len(rows) / 10) for rows in (beside, drawn)]
            rows_shown.append({"name": names[group], "real": pictures[0], "generated": pictures[1], "shares": shares})
    return {"rows": rows_shown, "rest": len(numbers) - len(chosen), "by": contents.asked_by}


def _real_only(contents: ReportContents) -> dict | None:
    """Show some of the images themselves while there are no generated ones to lay beside them."""
    there = np.flatnonzero(~_mask(contents.images.excluded))
    if not len(there):
        return None
    rows = np.sort(np.random.default_rng(0).choice(there, min(80, len(there)), replace=False))
    sheet = data_uri(mosaic(contents.images.pixels[rows], 20, tile=92))
    return {"rows": [], "real": sheet, "generated": "", "share": min(1.0, len(rows) / 20)}


def _real_groups(contents: ReportContents) -> tuple[np.ndarray, list[str]] | None:
    """Give the group of every real image in the terms samples were asked in, and the groups' names."""
    images, manifold = contents.images, contents.manifold
    if contents.asked_by == "class" and images.labels is not None:
        return images.labels, list(images.class_names)
    if contents.asked_by == "cluster" and manifold is not None:
        groups = np.full(len(images), -1, dtype=np.int64)
        groups[manifold.rows] = manifold.clusters.labels
        return groups, contents.names_of_clusters
    return None


def _morph(morph: Morph) -> dict:
    """Lay the two rows of a morph out as strips."""
    scores = [(name.replace("_", " "), number(first), number(second)) for name, (first, second) in morph.scores.items()]
    return {
        "title": morph.title,
        "frames": len(morph.geodesic),
        "geodesic": data_uri(mosaic(morph.geodesic, len(morph.geodesic), tile=112, gap=3)),
        "straight": data_uri(mosaic(morph.straight, len(morph.straight), tile=112, gap=3)),
        "scores": scores,
    }


def _pair(pair: ClosePair) -> dict:
    """Lay a generated image beside its nearest training image."""
    pictures = [data_uri(mosaic(pixels[None], 1, tile=192)) for pixels in (pair.generated, pair.training)]
    return {
        "generated": pictures[0],
        "training": pictures[1],
        "ratio": number(pair.ratio),
        "id": pair.training_id,
        "space": pair.space,
    }


def _trust(contents: ReportContents) -> dict | None:
    """Word how far the map can be trusted and what it was made from."""
    if contents.manifold is None:
        return None
    found = survey_manifold(contents.manifold, contents.images)
    return {
        "facts": graph_facts(found, "image"),
        "rows": trust_rows(found.trust),
        "outliers": _sheet_of(contents.images, [name for name, _ in found.outlying]),
    }


def _sheet_of(images: ImageSet, ids: list[str]) -> dict | None:
    """Lay images with some ids side by side, in that order."""
    if not ids:
        return None
    row_of = {name: row for row, name in enumerate(images.ids.tolist())}
    rows = [row_of[name] for name in ids]
    return {"sheet": data_uri(mosaic(images.pixels[rows], 12, tile=92)), "share": min(1.0, len(rows) / 12)}


def _health(contents: ReportContents) -> dict:
    """Collect what a reader should know about the images themselves."""
    images = contents.images
    row_of = {name: row for row, name in enumerate(images.ids.tolist())} if contents.duplicates else {}
    groups = []
    for group in contents.duplicates[:12]:
        rows = [row_of[name] for name in group if name in row_of][:6]
        sheet = data_uri(mosaic(images.pixels[rows], 6, tile=96)) if rows else ""
        groups.append({"ids": ", ".join(group[:4]) + (", …" if len(group) > 4 else ""), "sheet": sheet, "n": len(rows)})
    return {
        "facts": _health_facts(contents),
        "rejected": images.rejected[:_LISTED],
        "rejected_rest": max(0, len(images.rejected) - _LISTED),
        "duplicates": groups,
        "duplicates_rest": max(0, len(contents.duplicates) - len(groups)),
        "notes": [*images.notes, *contents.notes],
    }


def _health_facts(contents: ReportContents) -> list[tuple[str, str]]:
    """Word the counts of the health section: (what, how much)."""
    images = contents.images
    facts = [
        ("Fitted to", plural(len(images.training_rows), "image")),
        ("Held out for judging", plural(len(images.held_out_rows), "image")),
        ("Could not be used", plural(len(images.rejected), "file")),
        ("Shown more than once", plural(len(contents.duplicates), "group") + " of near-identical images"),
    ]
    excluded = int(_mask(images.excluded).sum())
    if excluded:
        facts.append(("Taken out by a person", plural(excluded, "image")))
    if contents.added_places is not None:
        added = plural(len(contents.added_places), "image")
        facts.append(("Added later", f"{added}, placed on the finished map; nothing was fitted to them"))
    return facts


def _missing(contents: ReportContents) -> list[str]:
    """Name what this report could not show, and the verb that makes it."""
    parts = [
        (contents.places is not None, "a map and clusters (imatlas map)"),
        (contents.samples is not None, "generated images (imatlas train, then imatlas generate)"),
        (len(contents.morphs) > 0, "morphs (imatlas morph)"),
        (len(contents.scores) > 0, "scores (imatlas evaluate)"),
    ]
    return [words for there, words in parts if not there]


def _mask(mask: np.ndarray | None) -> np.ndarray:
    """Read an image set's mask, which is always there once the set is made."""
    return np.asarray(mask, dtype=bool)
