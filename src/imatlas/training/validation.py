"""The best averaged weights of a stage by a validation score, for stages that may get worse late.

Eight times in a stage the averaged weights are scored on what the fit has not seen. The stage ends with the best of them,
unless the last are no worse than one standard error of the best: a difference of that size is noise, and the last have
seen most (the one-standard-error rule of Breiman et al. 1984, "Classification and regression trees").
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

from imatlas.training.contract import Trainable
from imatlas.training.processes import agree, is_first
from imatlas.training.state import Counters, Kept

__all__ = ["Best", "Validate", "Validation"]

N_VALIDATIONS = 8


@dataclass(frozen=True)
class Validation:
    """How good averaged weights are.

    Parameters
    ----------
    score : lower is better; NaN counts as the worst.
    error : its standard error.
    warning : a sentence on what is wrong with what they draw, or empty.
    """

    score: float
    error: float = 0.0
    warning: str = ""


Validate = Callable[[Trainable], Validation]
"""Scores a model that holds averaged weights, without changing it."""


class Best:
    """The best averaged weights so far.

    Parameters
    ----------
    validate : gives the score.
    kept : what a checkpoint held of them, if anything.
    """

    def __init__(self, validate: Validate, kept: Kept | None) -> None:
        self.validate, self.kept = validate, kept

    def is_due(self, now: Counters) -> bool:
        """Say whether the next eighth of the stage is reached; at its end it is."""
        return now.steps > 0 and _looks(now) > now.validations

    def look(self, average: Trainable, now: Counters) -> str:
        """Score the averaged weights, keep them if they are the best, and give the warning that came with the score.

        Parameters
        ----------
        average : holds the averaged weights.
        now : takes the score.
        """
        found = self.validate(average) if is_first() else Validation(-math.inf, 0.0)
        now.validations = _looks(now)
        now.score, now.error = agree(math.inf if math.isnan(found.score) else float(found.score), float(found.error))
        if self.kept is None or now.score < self.kept.counters.score:
            tensors = {f"model/{name}": values.detach().clone() for name, values in average.state_dict().items()}
            self.kept = Kept(copy.deepcopy(now), tensors)
        return found.warning

    def beats(self, now: Counters) -> bool:
        """Say whether the best weights are better than the last ones by more than noise."""
        return self.kept is not None and self.kept.counters.score + self.kept.counters.error < now.score


def _looks(now: Counters) -> int:
    return N_VALIDATIONS * now.step // now.steps
