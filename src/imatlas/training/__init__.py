"""The one training loop: precision, averaged weights, budget, checkpoints, exact resume."""

from imatlas.training.checkpoints import load_weights, save_weights
from imatlas.training.contract import Stage, Trainable
from imatlas.training.loop import Interrupted, train
from imatlas.training.plan import Plan
from imatlas.training.precision import autocast, faster_precision

__all__ = ["Interrupted", "Plan", "Stage", "Trainable", "autocast", "faster_precision", "load_weights", "save_weights", "train"]
