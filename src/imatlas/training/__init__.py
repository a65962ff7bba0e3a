"""The one training loop: precision, averaged weights, budget, checkpoints, exact resume."""

from imatlas.training.checkpoints import drop_checkpoint
from imatlas.training.contract import Stage, Trainable
from imatlas.training.loop import train
from imatlas.training.plan import Plan
from imatlas.training.precision import autocast, faster_precision
from imatlas.training.stopping import Interrupted
from imatlas.training.validation import Validate, Validation

__all__ = [
    "Interrupted",
    "Plan",
    "Stage",
    "Trainable",
    "Validate",
    "Validation",
    "autocast",
    "drop_checkpoint",
    "faster_precision",
    "train",
]
