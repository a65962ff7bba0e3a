"""Numbers and durations as people read them."""

from __future__ import annotations

import math
from collections.abc import Mapping

__all__ = ["between", "duration", "flat", "number", "plural"]


def number(value: float) -> str:
    """Write a number with three figures and a separator for thousands: 0.0471, 24.4, 1,797."""
    if value is None or not math.isfinite(value):
        return "–" if value is None or math.isnan(value) else ("∞" if value > 0 else "−∞")
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}".replace("-", "−")
    if abs(value) < 1e-4:
        return f"{value:.1e}".replace("-", "−")
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{digits}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")


def between(low: float, high: float) -> str:
    """Write an interval, both ends to the same decimal: 2.10 to 2.52."""
    largest = max(abs(low), abs(high))
    if not math.isfinite(largest) or largest < 1e-4 or largest >= 100:
        return f"{number(low)} to {number(high)}"
    digits = max(0, 2 - math.floor(math.log10(largest)))
    return f"{low:.{digits}f} to {high:.{digits}f}".replace("-", "−")


def duration(seconds: float) -> str:
    """Write seconds as people say them: 0.4 s, 35 s, 9 min 5 s, 2 h 10 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def plural(count: int, one: str, many: str = "") -> str:
    """Write a count with its noun: 1 image, 1,797 images."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def flat(settings: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    """List nested settings as (dotted name, text) rows."""
    rows: list[tuple[str, str]] = []
    for name, value in settings.items():
        label = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            rows += flat(value, f"{label}.")
        elif isinstance(value, list | tuple):
            rows.append((label, ", ".join(map(str, value)) or "none"))
        else:
            rows.append((label, str(value)))
    return rows
