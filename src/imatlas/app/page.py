"""One HTML page from a template and its parts, with everything inside it and no need of a network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from imatlas.app.words import duration, number
from imatlas.files import write_bytes

__all__ = ["time_shares", "write_page"]


def write_page(template: str, parts: Mapping[str, object], path: Path) -> None:
    """Fill a template and write the page, replacing the file atomically.

    Raises
    ------
    InputError
        If the place is not writable or the disk is full.
    """
    page = Environment(
        loader=PackageLoader("imatlas.app", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page.filters.update(number=number, duration=duration)
    write_bytes(Path(path), page.get_template(template).render(parts).encode())


def time_shares(seconds: Mapping[str, float]) -> list[dict]:
    """Give each step its share of all the time."""
    total = sum(seconds.values()) or 1.0
    return [{"name": name.replace("_", " "), "seconds": spent, "share": 100 * spent / total} for name, spent in seconds.items()]
