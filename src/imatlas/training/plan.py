"""What one training run is asked to do, in numbers; kept beside the weights it leads to."""

from __future__ import annotations

from dataclasses import dataclass, replace

from imatlas.checks import require_range
from imatlas.training.contract import Stage

__all__ = ["Plan"]

WARM_UP_STEPS = 100
DECAY_SHARE = 0.35
AVERAGE_SHARE = 0.03


@dataclass(frozen=True)
class Plan:
    """Settings of one training run.

    Parameters
    ----------
    steps : optimisation steps; 0 = as many as fit into `seconds`.
    seconds : time budget of the loop, used when `steps` is 0.
    batch_size : images per step; 0 = what each stage of the model asks for.
    learning_rate : peak rate; 0 = the stage's own. Reached after 100 steps, lowered linearly to zero over the last 35 %.
    betas : decay rates of Adam's first and second moments.
    clip : largest gradient norm of one player's step.
    seed : source of the data order and of all noise; equal seeds and steps give equal weights on one machine.
    precision : "float32" or "bfloat16" products; "auto" measures both on the first batch of a run with a time budget and
        keeps the faster; a run with `steps` is to be repeatable, so there it is bfloat16 on a GPU and float32 elsewhere.
    """

    steps: int = 0
    seconds: float = 0.0
    batch_size: int = 0
    learning_rate: float = 0.0
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = 1.0
    seed: int = 0
    precision: str = "auto"

    def __post_init__(self) -> None:
        if self.steps <= 0 and self.seconds <= 0:
            raise ValueError("A training plan wants steps or seconds above 0; got neither. Give --steps or --budget.")
        for name in ("steps", "seconds", "learning_rate", "clip"):
            require_range(getattr(self, name), low=0, high=float("inf"), name=name)
        require_range(self.batch_size, low=0, high=65536, name="batch_size")
        if self.precision not in ("auto", "float32", "bfloat16"):
            raise ValueError(f"precision is {self.precision!r}; wanted auto, float32 or bfloat16.")

    def for_stage(self, stage: Stage) -> Plan:
        """Give the plan of one stage: its share of the budget, its batch size and rate where none were set."""
        return replace(
            self,
            steps=max(1, round(self.steps * stage.share)) if self.steps else 0,
            seconds=self.seconds * stage.share,
            batch_size=self.batch_size or stage.batch_size,
            learning_rate=self.learning_rate or stage.learning_rate,
            betas=stage.betas or self.betas,
            clip=stage.clip or self.clip,
        )

    def rate_at(self, step: int, steps: int) -> float:
        """Learning rate of a step (0-based) in a run of so many steps."""
        warm = min(1.0, (step + 1) / min(WARM_UP_STEPS, max(1, steps // 5)))
        return self.learning_rate * warm * min(1.0, (steps - step) / max(1.0, DECAY_SHARE * steps))

    def average_decay(self, step: int, steps: int) -> float:
        """Share of the averaged weights kept at a step: a half-life of 3 % of the run, shorter at its beginning."""
        half_life = AVERAGE_SHARE * min(step + 1, steps)
        return 0.5 ** (1 / max(half_life, 1e-3))
