"""What a long step reports: how much is done, how fast it goes, how long it will take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

__all__ = ["Progress", "Report", "silent"]


@dataclass(frozen=True)
class Progress:
    """One row of a progress report.

    Parameters
    ----------
    stage : what is being done, a short noun phrase.
    done, total : units of work; total 0 = unknown.
    seconds : since the stage began.
    rate : units (or images) per second.
    remaining : estimated seconds left, or None when unknown.
    values : named numbers of this moment, such as losses.
    note : what happened that a person should know, in sentences; mostly empty.
    """

    stage: str
    done: int
    total: int
    seconds: float
    rate: float = 0.0
    remaining: float | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


Report = Callable[[Progress], None]
"""What a long step calls with its progress; the front draws it, a test may keep it."""


def silent(progress: Progress) -> None:
    """Report nothing."""
