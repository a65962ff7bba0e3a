"""A study as values for machines, and as one page: differences with intervals, plots, sheets side by side, copies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from imatlas import __version__
from imatlas.app.figures import line_panel, point_panel
from imatlas.app.page import time_shares, write_page
from imatlas.app.sheets import PALETTE, data_uri, mosaic
from imatlas.app.words import flat, number, plural
from imatlas.evaluation.copies import PIXEL_SPACE
from imatlas.files import read_json
from imatlas.studies import ARMS, Arm, ArmDifference, Outcome, by_arm, pixels_of
from imatlas.studies.cells import CellResult
from imatlas.studies.judging import COPIES, headline
from imatlas.studies.words import named

__all__ = ["outcome_facts", "write_comparison"]

SHEET, COLUMNS, CLOSEST = 48, 8, 8
KEPT = ("name", "space", "value", "interval", "floor", "better", "n")
SHOWN = {
    "coverage": ("coverage", None),
    "clipped density": ("clipped_density", None),
    "copies": (COPIES, None),
    "copies in pixels": (COPIES, PIXEL_SPACE),
    "images per second": ("images_per_second", ""),
}
"""Columns beside the distance: score, and its space where that is not the one of the table."""
PER_CENT = ("coverage", COPIES)


def outcome_facts(outcome: Outcome) -> dict[str, object]:
    """Give all of a study as JSON values."""
    cells = [
        asdict(one) | {"scores": [{name: getattr(score, name) for name in KEPT} for score in one.scores]}
        for one in outcome.results
    ]
    differences = [
        asdict(one) | {"value": one.value, "relative": one.is_relative, "interval_over": one.over}
        for one in outcome.differences
    ]
    return {
        "verdict": list(outcome.verdict),
        "notes": list(outcome.notes),
        "measure": headline(outcome.images),
        "arms": [{"name": arm.name, "says": arm.says, "against": arm.against, "fit": arm.fit.name} for arm in outcome.arms],
        "differences": differences,
        "checks": dict(outcome.checks),
        "cells": cells,
        "study": read_json(outcome.folder / "study.json"),
    }


def write_comparison(outcome: Outcome, path: Path) -> None:
    """Write the page of a study, one HTML file that needs no network.

    Raises
    ------
    InputError
        If the place cannot be written.
    """
    images, measure = outcome.images, headline(outcome.images)
    spaces = list(dict.fromkeys(score.space for one in outcome.results for score in one.scores if score.name == measure))
    spent = {
        "learning the manifold": sum({one.repeat: one.facts["map_seconds"] for one in outcome.results}.values()),
        "training": sum(
            {(one.repeat, one.length, ARMS[one.arm].fit): one.seconds["trained"] for one in outcome.results}.values()
        ),
        **{name: sum(one.seconds[name] for one in outcome.results) for name in ("drawing", "judging")},
    }
    parts = {
        "version": __version__,
        "pixel_art": max(images.shape[:2]) <= 64,
        "title": f"What helps on {Path(images.source).name or 'these images'}",
        "subtitle": _subtitle(outcome),
        "verdict": list(outcome.verdict),
        "tiles": [],
        "tile_columns": 4,
        "arms": [_arm(outcome, arm) for arm in outcome.arms],
        "tables": [_table(outcome, measure, space) for space in spaces],
        "measure": named(measure),
        "shown": list(SHOWN),
        "lengths": [panel for space in spaces for panel in _lengths(outcome, measure, space)],
        "panels": [panel for space in spaces for panel in _points(outcome, measure, space)],
        "sheets": _sheets(outcome),
        "copies": _planted(outcome),
        "planted": _percent(outcome.checks["planted"]["planted"]),
        "closest": _closest(outcome),
        "times": time_shares({name: seconds for name, seconds in spent.items() if seconds}),
        "settings": flat(read_json(outcome.folder / "study.json")["settings"]),
        "notes": outcome.notes,
        "palette": PALETTE,
    }
    write_page("comparison.html.j2", parts, path)


def _subtitle(outcome: Outcome) -> list[str]:
    images, repeats = outcome.images, len({one.repeat for one in outcome.results})
    height, width, channels = images.shape
    trained, held_out = len(images.training_rows), len(images.held_out_rows)
    return [
        f"{trained:,} images to train on, {held_out:,} held out",
        f"{width} × {height} {'gray' if channels == 1 else 'colour'}",
        plural(len(outcome.arms), "arm"),
        plural(repeats, "training") + " each",
    ]


def _arm(outcome: Outcome, arm: Arm) -> dict[str, str]:
    """Say what an arm is, and how many values each of its conditions has."""
    sizes: Mapping[str, int] = next((one.facts["sizes"] for one in outcome.results if one.arm == arm.name), {})
    known = ", ".join(f"{name.replace('_', ' ')} ({size:,})" for name, size in sizes.items())
    against = "" if arm.against == arm.name else arm.against
    return {"name": arm.name, "says": arm.says, "conditions": known or "none", "against": against}


def _table(outcome: Outcome, measure: str, space: str) -> dict:
    """Lay out one space: a row for each arm with its distance, its difference from the baseline, and the other measures."""
    found = {(one.arm, one.name, one.space): one for one in outcome.differences if one.is_from_baseline}
    rows = []
    for arm, repeats in by_arm(outcome.results).items():
        values = [value for one in repeats.values() if (value := one.value(measure, space)) is not None]
        told = found.get((arm, measure, space))
        against = next(one.against for one in outcome.arms if one.name == arm)
        others = [_mean(repeats.values(), name, space if own is None else own) for name, own in SHOWN.values()]
        seconds = [one.seconds["trained"] for one in repeats.values()]
        rows.append(
            {
                "name": arm,
                "distance": number(float(np.mean(values))) if values else "–",
                "difference": _difference(told) if told else ("baseline" if against == arm else "–"),
                "interval": _interval(told) if told else "",
                "others": others,
                "seconds": f"{np.mean(seconds):.0f} s",
            }
        )
    return {"space": space.replace("_", " "), "rows": rows}


def _mean(results: Iterable[CellResult], name: str, space: str) -> str:
    """Write the mean of a measure over the repeats."""
    values = [value for one in results if (value := one.value(name, space)) is not None]
    if not values:
        return "–"
    mean = float(np.mean(values))
    return _percent(mean) if name in PER_CENT else number(mean)


def _difference(one: ArmDifference) -> str:
    return f"{100 * one.value:+.0f}\u00a0%".replace("-", "−")


def _interval(one: ArmDifference) -> str:
    if one.interval is None:
        return "none"
    text = f"{100 * one.interval[0]:+.0f} to {100 * one.interval[1]:+.0f}\u00a0%".replace("-", "−")
    return text if one.over == "trainings" else f"{text} (drawing alone)"


def _points(outcome: Outcome, measure: str, space: str) -> list[tuple[str, str]]:
    """Draw the distance of every arm against its coverage and its speed."""
    panels = []
    for name, across, logarithmic in (
        ("coverage", "coverage (right is more varied)", False),
        ("images_per_second", "images per second (right is faster)", True),
    ):
        points: dict[str, np.ndarray] = {}
        for arm, repeats in by_arm(outcome.results).items():
            pairs = [(one.value(name, "" if logarithmic else space), one.value(measure, space)) for one in repeats.values()]
            kept = [pair for pair in pairs if None not in pair]
            if kept:
                points[arm] = np.array(kept, dtype=float)
        if points:
            up = f"{named(measure)} (down is nearer)"
            title = f"Quality and {named(name)}, judged in {space.replace('_', ' ')}"
            panels.append((title, point_panel(points, across=across, up=up, logarithmic=logarithmic)))
    return panels


def _lengths(outcome: Outcome, measure: str, space: str) -> list[tuple[str, str]]:
    """Draw the distance of every arm against the time it had, where more than one length was trained."""
    lengths = sorted({one.length for one in outcome.results})
    lines = {}
    for arm in by_arm(outcome.results):
        points = []
        for length in lengths:
            repeats = by_arm(outcome.results, length=length).get(arm, {})
            values = [value for one in repeats.values() if (value := one.value(measure, space)) is not None]
            spent = [one.seconds["charged"] + one.seconds["trained"] for one in repeats.values()]
            points += [(float(np.mean(spent)), float(np.mean(values)))] if values else []
        if len(points) > 1:
            lines[arm] = np.array(points)
    if not lines:
        return []
    title = f"Quality against time, judged in {space.replace('_', ' ')}"
    return [(title, line_panel(lines, across="seconds, what is charged included", up=named(measure)))]


def _sheets(outcome: Outcome) -> list[dict]:
    """Show real held-out images and the first images of each arm, those of the first repeat."""
    rows = np.random.default_rng(0).permutation(outcome.images.held_out_rows)[:SHEET]
    sheets = [_sheet("held-out images", "real ones, drawn by lot", outcome.images.pixels[rows])]
    done = {(one.arm, one.repeat, one.length) for one in outcome.results}
    for cell in outcome.cells:
        if cell.repeat == 1 and cell.length == 1 and (cell.arm.name, 1, 1.0) in done:
            sheets.append(_sheet(cell.arm.name, cell.arm.says, pixels_of(outcome.folder, cell)[:SHEET]))
    return sheets


def _sheet(name: str, says: str, pixels: np.ndarray) -> dict:
    return {"name": name, "says": says, "picture": data_uri(mosaic(np.asarray(pixels), COLUMNS, tile=56))}


def _planted(outcome: Outcome) -> list[tuple[str, str, str]]:
    """List what each copy rate was before and after copies were planted."""
    before, after = (list(outcome.checks["planted"][name]) for name in ("without", "with"))
    return [
        (_rate_name(row), _percent(row["value"]), _percent(other["value"])) for row, other in zip(before, after, strict=True)
    ]


def _closest(outcome: Outcome) -> list[dict]:
    """Show the images of each arm that are closest to a training image, each beside that one."""
    train, shown = outcome.images.training_rows, []
    first = {(one.arm, one.length): one for one in outcome.results if one.repeat == 1}
    for cell in [cell for cell in outcome.cells if (cell.repeat, cell.length) == (1, 1.0) and (cell.arm.name, 1.0) in first]:
        copied = [score for score in first[cell.arm.name, 1.0].scores if score.name == COPIES]
        pairs = [pair for score in copied[:1] for pair in list(score.details["pairs"])[:CLOSEST]]  # type: ignore[call-overload]
        if pairs:
            drawn = pixels_of(outcome.folder, cell)[[pair[0] for pair in pairs]]
            nearest = np.asarray(outcome.images.pixels[train[[pair[1] for pair in pairs]]])
            both = np.stack([drawn, nearest], axis=1).reshape(-1, *drawn.shape[1:])
            shown.append(_sheet(cell.arm.name, f"nearest in {copied[0].space.replace('_', ' ')}", both))
    return shown


def _rate_name(row: Mapping) -> str:
    return f"{named(row['name'])} in {row['space'].replace('_', ' ')}"


def _percent(share: float) -> str:
    return f"{number(100 * share)}\u00a0%"
