"""How the interval of each score was made, in a few words."""

from __future__ import annotations

from imatlas.evaluation import COSTS
from imatlas.values import Score

__all__ = ["INTERVALS", "interval_words"]

_TRACED = "standard error traced to every real and generated row, 1.96 of it on each side"
_UNSEEN = "; the ends allow for what chance alone left unseen"
_ROWS = "standard error over images, 1.96 of it on each side"

INTERVALS = {
    "kernel_distance": "delete-one jackknife from row sums, the variance of pairs counted once",
    "frechet_distance": _TRACED,
    "sliced_distance": _TRACED,
    "clipped_density": _TRACED,
    "precision": _TRACED + _UNSEEN,
    "density": _TRACED,
    "coverage": _TRACED + "; the high end allows for kinds that chance alone left unseen",
    "recall": _TRACED + _UNSEEN,
    "mode_ratio": _TRACED,
    "vendi_ratio": _TRACED,
    "spacing": "standard error of the mean logarithm, for neighbors that are shared",
    "mode_share": "normal approximation of multinomial counts",
    "class_share": "normal approximation of multinomial counts",
    "cluster_share": "normal approximation of multinomial counts",
    "copy_rate": "draws of the share (Jeffreys) and of the threshold's own level (Beta), 2.5 % cut off on each side",
    "duplicate_rate": "draws of the share (Jeffreys) and of the threshold's own level (Beta), 2.5 % cut off on each side",
    "dimension": "maximum likelihood, for neighbors that are shared",
    "off_manifold": _ROWS + ", of generated and real images",
    "adherence": "Wilson",
    "cluster_adherence": "Wilson",
    "map_place_adherence": _ROWS,
    "neighborhood_adherence": _ROWS,
}
"""Name of a score -> how its 95 % interval was made."""

_COST = "order statistics of the repeats"


def interval_words(score: Score) -> str:
    """Say how the interval of a score was made, "" where it has none."""
    if score.interval is None:
        return ""
    return _COST if score.name in COSTS else INTERVALS[score.name]
