"""One metric on plain feature rows, with its interval and floor: for features that come from elsewhere.

The rows are made a trial of one space. It has no pixels and no labels, so metrics that look at those refuse.
"""

from __future__ import annotations

import numpy as np

from imatlas.checks import InputError
from imatlas.evaluation.doors import require_features
from imatlas.evaluation.scoring import METRICS, SPACELESS
from imatlas.values import Features, ImageSet, Score, Trial

__all__ = ["SPACE", "score_rows", "trial_of_rows"]

SPACE = "features"


def score_rows(name: str, real: np.ndarray, generated: np.ndarray, *, held_out: np.ndarray | None = None) -> Score:
    """Score generated feature rows beside real ones by one metric.

    Parameters
    ----------
    name : from `METRICS`, such as "precision"; not one that looks at pixels or labels.
    real : (n, d) float, what the generator was trained on.
    generated : (m, d) float, from the same extractor.
    held_out : (h, d) float, real rows the generator never saw; the copy rate needs 10 at least.

    Raises
    ------
    InputError
        If there is no such metric, it needs more than features, or the rows cannot be compared.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(400, 8))
    >>> score = score_rows("coverage", rows[:200], rows[200:])
    >>> score.interval[0] < 1 < score.interval[1]
    True
    """
    if name not in METRICS or name in SPACELESS:
        known = ", ".join(one for one in METRICS if one not in SPACELESS)
        raise InputError(f"There is no metric {name!r} of feature rows; choose from: {known}.")
    return METRICS[name](trial_of_rows(real, real[:0] if held_out is None else held_out, generated), SPACE)


def trial_of_rows(train: np.ndarray, held_out: np.ndarray, generated: np.ndarray) -> Trial:
    """Make a trial of the space "features" from the rows of its three parts, images left out.

    Raises
    ------
    InputError
        If the rows cannot be compared.
    """
    parts = {"train": train, "held_out": held_out, "generated": generated}
    require_features(*(rows for rows in parts.values() if len(rows)))
    known, unseen, drawn = (_without_pixels(part, len(rows)) for part, rows in parts.items())
    return Trial(known, unseen, drawn, {SPACE: {part: Features(rows, SPACE) for part, rows in parts.items()}})


def _without_pixels(part: str, n: int) -> ImageSet:
    """Give n images that are names alone."""
    return ImageSet(np.broadcast_to(np.uint8(0), (n, 1, 1, 1)), np.array([f"{part}-{row}" for row in range(n)], dtype=str))
