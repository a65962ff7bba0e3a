"""How many steps fit into the seconds that are left: measured after a few steps, corrected as the run goes on.

Once the learning rate falls the number is corrected downwards only, so that the fall never starts over.
"""

from __future__ import annotations

from imatlas.checks import InputError
from imatlas.training.plan import DECAY_SHARE, Plan

__all__ = ["FEW_STEPS", "UNKNOWN_STEPS", "Pace", "judge_steps"]

CALIBRATION_STEPS = 4
CORRECTED_EVERY = 20
FEWEST_STEPS, FEW_STEPS = 10, 100
UNKNOWN_STEPS = 1_000_000


class Pace:
    """Turns seconds into steps at the rate of late.

    Parameters
    ----------
    plan : of one stage; with steps of its own nothing is measured.
    step, seconds : where the run stands when the pace is first looked at.
    """

    def __init__(self, plan: Plan, step: int, seconds: float) -> None:
        self.plan, self.first = plan, step
        self.marks = [(step, seconds)]

    def corrected(self, step: int, seconds: float, steps: int) -> int:
        """Give the number of steps of the stage.

        Parameters
        ----------
        step, seconds : done and spent so far in this stage.
        steps : planned so far; 0 = not yet known.
        """
        done = step - self.first
        if self.plan.steps or done < CALIBRATION_STEPS or (steps and done % CORRECTED_EVERY):
            return steps
        then, spent = next(mark for mark in self.marks if 2 * (mark[0] - self.first) >= done or mark is self.marks[-1])
        self.marks.append((step, seconds))
        rate = (step - then) / max(seconds - spent, 1e-9)
        fitting = max(step + 1, step + int((self.plan.seconds - seconds) * rate))
        is_falling = steps > 0 and step > (1 - DECAY_SHARE) * steps
        return min(steps, fitting) if is_falling else fitting


def judge_steps(stage: str, steps: int, seconds: float) -> str:
    """Give a sentence for people if few steps fit into the seconds of a stage, an empty one if enough do.

    Parameters
    ----------
    stage : its name.
    steps : that fit, as measured; below 100 images are close to noise.
    seconds : that the stage has.

    Raises
    ------
    InputError
        If fewer than 10 fit: a network is then as random as before.
    """
    longer = f"a budget {-(-FEW_STEPS // steps)} times as long, or smaller images"
    found = f"The budget leaves {seconds:.2g} s for stage {stage}, enough for {steps} steps"
    if steps < FEWEST_STEPS:
        raise InputError(f"{found}; a network learns nothing in fewer than {FEWEST_STEPS}. Give {longer}.")
    return f"{found}: what it draws will be close to noise. For more give {longer}." if steps < FEW_STEPS else ""
