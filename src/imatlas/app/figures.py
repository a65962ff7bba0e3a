"""Drawn figures: the scatter of a map, training curves, models compared, with matplotlib and without its global state.

Figures carry no ground, and curves take the page's own text colour, so that they fit light and dark pages alike.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from imatlas.app.sheets import PALETTE
from imatlas.values import Score

__all__ = ["MARKERS", "curve_panels", "line_panel", "pareto_panels", "point_panel", "scatter"]

MARKERS = ("o", "^", "s", "D", "v")
"""After ten groups the colours begin again with the next marker."""

_INK = "#010203"  # stands for the page's text colour and is replaced by it in the finished SVG
_NOT_CURVES = {"step", "steps", "seconds", "remaining", "total", "done", "rate", "images_per_second", "validation_error"}
_STYLE: dict = {"svg.fonttype": "none", "svg.hashsalt": "imatlas", "font.size": 9.5, "font.family": "sans-serif"}


def scatter(
    positions: np.ndarray, aspect: float, groups: np.ndarray | None, *, width: int = 1300, added: np.ndarray | None = None
) -> np.ndarray:
    """Draw every image as a point of a map, coloured by group.

    Parameters
    ----------
    positions, aspect : from `imatlas.app.sheets.map_frame`.
    groups : int64 (n,), -1 = none (gray); None for no groups at all.
    width : of the picture in pixels.
    added : (m, 2) positions of points that were added later, drawn as rings over the others.

    Returns
    -------
    uint8 (height, width, 4), RGBA on a transparent ground.
    """
    figure = Figure(figsize=(width / 100, width * aspect / 100), dpi=100)
    canvas = FigureCanvasAgg(figure)
    figure.patch.set_alpha(0)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 1), ylim=(1, 0))
    axes.axis("off")
    n = len(positions)
    area = float(np.clip(80_000 / max(n, 1), 12, 160))
    numbers = np.zeros(n, dtype=np.int64) if groups is None else groups
    none = numbers < 0
    axes.scatter(positions[none, 0], positions[none, 1], s=area * 0.4, c="#8d8d8d", alpha=0.4, linewidths=0)
    for round_, marker in enumerate(MARKERS):
        rows = np.flatnonzero(~none & ((numbers // len(PALETTE)) % len(MARKERS) == round_))
        rows = np.random.default_rng(0).permutation(rows)  # so that no group lies on top of all others
        colours = np.asarray(PALETTE)[numbers[rows] % len(PALETTE)]
        axes.scatter(
            positions[rows, 0],
            positions[rows, 1],
            s=area,
            c=colours,
            marker=marker,
            alpha=0.85 if n < 3000 else 0.7,
            linewidths=0,
        )
    if added is not None and len(added):
        size = float(np.clip(120_000 / len(added), 14, 70))
        for colour, thick in (("#ffffff", 3.2), ("#1d1c1a", 1.5)):  # light under dark: seen on any ground
            axes.scatter(added[:, 0], added[:, 1], s=size, facecolors="none", edgecolors=colour, linewidths=thick)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba()).copy()


def curve_panels(rows: Sequence[Mapping[str, object]]) -> list[tuple[str, str]]:
    """Draw training curves over time: the losses together, then every other number on its own.

    Parameters
    ----------
    rows : rows of metrics.jsonl; numbers inside a nested "values" count too.

    Returns
    -------
    At most four (title, SVG text) pairs; empty with fewer than two rows.
    """
    flat = [{**row, **values} if isinstance(values := row.get("values"), Mapping) else dict(row) for row in rows]
    names = [name for name in dict.fromkeys(name for row in flat for name in row) if name not in _NOT_CURVES]
    names = [name for name in names if _series(flat, name)[0].size >= 2]
    losses = [name for name in names if "loss" in name][:6]
    panels = ([("Loss", losses)] if losses else []) + [
        (name.replace("_", " ").capitalize(), [name]) for name in names if "loss" not in name
    ]
    return [(title, _panel(flat, members)) for title, members in panels[:4]]


def pareto_panels(scores: Mapping[str, Sequence[Score]]) -> list[tuple[str, str]]:
    """Draw models by the distance of their images from real ones and by their speed, both with intervals; top right is best.

    A line joins the front: the models that no other one beats in both.

    Parameters
    ----------
    scores : name of a model -> its scores. Without a speed, or without a kernel distance in a space, it is left out there.

    Returns
    -------
    One (title, SVG text) pair for each space in which at least two models were judged; empty if there is none.
    """
    rates = {name: score for name, group in scores.items() for score in group if score.name == "images_per_second"}
    judged = {name: [score for score in scores[name] if score.name == "kernel_distance"] for name in rates}
    panels = []
    for space in dict.fromkeys(score.space for group in judged.values() for score in group):
        points = {name: score for name, group in judged.items() for score in group if score.space == space}
        if len(points) >= 2:
            panels.append((f"Likeness and speed, judged in {space.replace('_', ' ')}", _pareto(points, rates)))
    return panels


def point_panel(points: Mapping[str, np.ndarray], *, across: str, up: str, logarithmic: bool = False) -> str:
    """Draw named groups of points: a small dot for each, and their mean, large and with its name.

    Parameters
    ----------
    points : name -> (r, 2), one row for each repeat.
    across, up : labels of the axes; the first one can be logarithmic.

    Returns
    -------
    SVG text.
    """
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(5.6, 3.9))
        canvas = FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        order = sorted(points, key=lambda name: points[name][:, 1].mean())
        for place, name in enumerate(points):
            colour, marker = PALETTE[place % len(PALETTE)], MARKERS[place // len(PALETTE) % len(MARKERS)]
            middle = points[name].mean(axis=0)
            axes.plot(*points[name].T, marker, color=colour, alpha=0.4, markersize=3.5)
            axes.plot(*middle, marker, color=colour, markersize=8)
            beside = (7, 7 if order.index(name) % 2 == 0 else -7)
            axes.annotate(name, middle, beside, textcoords="offset points", va="center", color=_INK, fontsize=8)
        _quiet(axes)
        if logarithmic:
            axes.set_xscale("log")
        axes.margins(x=0.25, y=0.12)
        axes.set(xlabel=across, ylabel=up)
        return _svg(figure, canvas)


def line_panel(lines: Mapping[str, np.ndarray], *, across: str, up: str) -> str:
    """Draw named lines through (m, 2) points each, on logarithmic axes; give SVG text."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(6.4, 3.9))
        canvas = FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        for place, (name, points) in enumerate(lines.items()):
            colour, marker = PALETTE[place % len(PALETTE)], MARKERS[place // len(PALETTE) % len(MARKERS)]
            axes.plot(*points.T, marker=marker, color=colour, linewidth=1.8, markersize=5, label=name)
        _quiet(axes)
        axes.set_xscale("log")
        if min(float(points[:, 1].min()) for points in lines.values()) > 0:
            axes.set_yscale("log")
        axes.set(xlabel=across, ylabel=up)
        axes.legend(frameon=False, labelcolor=_INK, fontsize=8)
        return _svg(figure, canvas)


def _pareto(distances: Mapping[str, Score], rates: Mapping[str, Score]) -> str:
    """Draw one panel: a point with two error bars for each model, its name beside it."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(6.4, 4.2))
        canvas = FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        order = sorted(distances, key=lambda name: rates[name].value)
        middle = np.sqrt(rates[order[0]].value * rates[order[-1]].value)
        for place, name in enumerate(order):
            at = (rates[name].value, distances[name].value)
            wide, high = _reach(rates[name]), _reach(distances[name])
            colour = PALETTE[list(distances).index(name) % len(PALETTE)]
            axes.errorbar(*at, xerr=wide, yerr=high, fmt="o", color=colour, elinewidth=1.4, capsize=3)
            # Names of fast models stand to the left, and those of neighbors in speed above and below by turns.
            side, sign = ("left", 1) if at[0] < middle else ("right", -1)
            beside = (7 * sign, 9 if place % 2 == 0 else -9)
            axes.annotate(name, at, beside, textcoords="offset points", ha=side, va="center", color=_INK)
        front = [name for place, name in enumerate(order) if _is_front(name, order[place + 1 :], distances)]
        line = [(rates[name].value, distances[name].value) for name in front]
        axes.plot(*zip(*line), color=_INK, alpha=0.35, linewidth=1, linestyle="--", zorder=0)
        _quiet(axes)
        axes.set_xscale("log")
        axes.margins(x=0.2, y=0.15)
        axes.invert_yaxis()
        floors = [score.floor for score in distances.values() if score.floor is not None]
        if floors:
            floor = float(np.mean(floors))
            axes.axhline(floor, color=_INK, alpha=0.5, linewidth=1, linestyle=":")
            left = axes.get_yaxis_transform()  # across the axes, along the values
            axes.annotate("real images", (0, floor), (4, 5), left, "offset points", color=_INK, alpha=0.7)
        axes.xaxis.set_major_formatter("{x:,g}")
        axes.set(xlabel="images per second (right is faster)", ylabel="kernel distance (top is nearer)")
        return _svg(figure, canvas)


def _reach(score: Score) -> np.ndarray | None:
    """How far the interval of a score reaches below and above it (2, 1); None where there is none."""
    return None if score.interval is None else np.abs(np.array(score.interval) - score.value)[:, None]


def _is_front(name: str, faster: Sequence[str], distances: Mapping[str, Score]) -> bool:
    return all(distances[other].value > distances[name].value for other in faster)


def _series(rows: Sequence[Mapping[str, object]], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Give time (minutes, or steps without a clock) and the finite values of one number."""
    clock = "seconds" if any("seconds" in row for row in rows) else "step"
    points = [
        (float(row.get(clock, place)), float(row[name]))  # type: ignore[arg-type]
        for place, row in enumerate(rows)
        if isinstance(row.get(name), int | float) and np.isfinite(row[name])  # type: ignore[call-overload]
    ]
    times, values = np.array(points, dtype=float).reshape(-1, 2).T
    return (times / 60 if clock == "seconds" else times), values


def _panel(rows: Sequence[Mapping[str, object]], names: Sequence[str]) -> str:
    """Draw one panel as SVG: thin measured lines, a thick running median over them."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(5.2, 2.9))
        canvas = FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        for place, name in enumerate(names):
            times, values = _series(rows, name)
            colour = PALETTE[place % len(PALETTE)]
            smooth = _running_median(values)
            axes.plot(times, values, color=colour, alpha=0.35, linewidth=0.9)
            axes.plot(times, smooth, color=colour, linewidth=2, label=name.replace("_", " "))
        _dress(axes, [_series(rows, name)[1] for name in names])
        axes.set_xlabel("minutes" if any("seconds" in row for row in rows) else "steps")
        if len(names) > 1:
            axes.legend(frameon=False, labelcolor=_INK)
        return _svg(figure, canvas)


def _svg(figure: Figure, canvas: FigureCanvasSVG) -> str:
    """Write a figure as SVG text for a page, as wide as there is room and in the page's text colour."""
    figure.tight_layout(pad=0.4)
    buffer = io.BytesIO()
    canvas.print_svg(buffer, metadata={"Date": None})
    svg = buffer.getvalue().decode()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1), count=1)
    return svg.replace(_INK, "currentColor")


def _dress(axes: Axes, lines: Sequence[np.ndarray]) -> None:
    """Give quiet axes and a range that one early spike cannot spoil."""
    values = np.concatenate(lines)
    low, high = np.quantile(values, [0, 0.99]) if values.size > 50 else (values.min(), values.max())
    if low > 0 and high / low > 20:
        axes.set_yscale("log")
        axes.set_ylim(low / 1.2, high * 1.2)
    elif high > low:
        axes.set_ylim(low - 0.06 * (high - low), high + 0.08 * (high - low))
    _quiet(axes)


def _quiet(axes: Axes) -> None:
    """Give quiet axes on no ground."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set(color=_INK, alpha=0.35)
    axes.tick_params(colors=_INK, labelcolor=_INK, which="both", width=0.5)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set_color(_INK)
    axes.grid(True, axis="y", color=_INK, alpha=0.12, linewidth=0.7)
    axes.patch.set_alpha(0)
    axes.figure.patch.set_alpha(0)


def _running_median(values: np.ndarray) -> np.ndarray:
    """Smooth by the median over about a twentieth of the row, at least one value."""
    half = max(0, len(values) // 40)
    return np.array([np.median(values[max(0, at - half) : at + half + 1]) for at in range(len(values))])
