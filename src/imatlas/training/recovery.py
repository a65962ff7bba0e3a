"""Training that goes wrong: numbers that are no longer finite, and a loss that climbs and stays up.

A step whose loss or gradient is not finite changes nothing: the run goes back to its last good state and on from there at
half the learning rate, three times in a stage at most. A loss that climbs may be a player that is losing, so it is said and
training goes on: with m the median of the reports before the last five and d their median distance from it, it has
climbed when all of the last five lie above m + 10 d.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from imatlas.training.state import Counters

__all__ = ["MOST_RESTARTS", "NotFinite", "has_climbed", "require_finite", "watch"]

MOST_RESTARTS = 3
RECENT, FEWEST_BEFORE, KEPT_REPORTS = 5, 15, 65
FAR = 10.0
LEAST_DISTANCE = 0.01  # of the median itself: a loss that hardly moves has not climbed far


class NotFinite(ArithmeticError):
    """A loss or gradient became NaN or infinite; its message is the clause that says which and what it became."""


def require_finite(value: float, what: str) -> float:
    """Give a number back if it is finite.

    Raises
    ------
    NotFinite
        If it is not.
    """
    if not math.isfinite(value):
        raise NotFinite(f"{what} became {value}")
    return value


def watch(now: Counters, stage: str) -> list[str]:
    """Remember the losses of a report, and give a sentence for each player whose loss has climbed and was not told of.

    Parameters
    ----------
    now : where the run stands; its history grows.
    stage : name of the stage that is on.
    """
    sentences = []
    for player, loss in now.losses.items():
        history = now.history.setdefault(player, [])
        history.append(loss)
        del history[:-KEPT_REPORTS]
        if player not in now.warned and has_climbed(history):
            now.warned.append(player)
            sentences.append(
                f"The loss of {player} has climbed to {loss:.3g} by step {now.step} of stage {stage} and stays up: this "
                "training may be diverging. If the images are bad, take another seed."
            )
    return sentences


def has_climbed(losses: Sequence[float]) -> bool:
    """Say whether a loss is far above where it used to be, and has been for a while.

    Parameters
    ----------
    losses : one per report, oldest first; nothing is said of fewer than 20.
    """
    before, recent = losses[:-RECENT], losses[-RECENT:]
    if len(before) < FEWEST_BEFORE:
        return False
    middle = median(before)
    distance = max(median(abs(loss - middle) for loss in before), LEAST_DISTANCE * abs(middle))
    return min(recent) > middle + FAR * distance
