"""How many steps fit into the seconds that are left: measured after a few steps, corrected as the run goes on.

Once the learning rate falls the number is corrected downwards only, so that the fall never starts over.
"""

from __future__ import annotations

from imatlas.training.plan import DECAY_SHARE, Plan

__all__ = ["Pace"]

CALIBRATION_STEPS = 4
CORRECTED_EVERY = 20


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
