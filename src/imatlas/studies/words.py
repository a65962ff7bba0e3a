"""Numbers and names as the sentences of a study write them."""

from __future__ import annotations

__all__ = ["named", "percent", "span"]


def named(measure: str) -> str:
    """Write the name of a measure.

    Examples
    --------
    >>> named("frechet_distance")
    'Fréchet distance'
    """
    return measure.replace("_", " ").replace("frechet", "Fréchet")


def percent(share: float, *, signed: bool = False, digits: int = 0) -> str:
    """Write a share as percent, with a sign if asked for.

    Examples
    --------
    >>> percent(0.123), percent(-0.001, signed=True)
    ('12 %', '+0 %')
    """
    value = round(100 * share, digits) + 0.0  # never minus zero
    return f"{value:{'+' if signed else ''}.{digits}f} %"


def span(low: float, high: float) -> str:
    """Write an interval of shares: -30 % to +2 %."""
    return f"{percent(low, signed=True)} to {percent(high, signed=True)}"
