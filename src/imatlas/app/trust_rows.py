"""Scores of trust in a map as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imatlas.app.words import between

__all__ = ["TrustRow", "trust_rows"]

_PLAIN = {
    "trustworthiness": "what is near on the map is near among the features",
    "continuity": "what is near among the features is near on the map",
    "neighbor_recall": "share of the nearest rows that are also the nearest on the map",
    "random_triplet_accuracy": "of two random rows, the map says rightly which one is nearer",
    "geodesic_rank_correlation": "far and near along the data are far and near on the map",
}


@dataclass(frozen=True)
class TrustRow:
    """One score: its name, value and 95 % interval as text, and what it says; `share` is its place from 0 to 1."""

    name: str
    value: str
    interval: str
    plain: str
    share: float


def trust_rows(trust: Mapping[str, float]) -> list[TrustRow]:
    """Word every score of a trust dict, those known to this page explained; "<name>_error" gives the interval.

    An interval ends where the score does: at 1, and at 0 or, for a correlation, -1.
    """
    rows = []
    for name, value in trust.items():
        if name.endswith("_error") and name.removesuffix("_error") in trust:
            continue
        error = trust.get(f"{name}_error")
        lowest = -1.0 if "correlation" in name else 0.0
        interval = ""
        if error is not None:
            interval = "every row counted" if error == 0 else between(max(lowest, value - error), min(1.0, value + error))
        words = name.replace("_", " ")
        rows.append(TrustRow(words, f"{value:.3f}", interval, _PLAIN.get(name, ""), min(1.0, max(0.0, value))))
    return rows
