"""One training run as all its stages know it: what it was begun with, and its files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from imatlas.checks import InputError
from imatlas.training.batches import Batch
from imatlas.training.checkpoints import Checkpoint, read_checkpoint, require_same_plan, write_checkpoint
from imatlas.training.contract import Trainable
from imatlas.training.metrics import keep_rows
from imatlas.training.notes import Notes
from imatlas.training.pace import UNKNOWN_STEPS
from imatlas.training.plan import Plan
from imatlas.training.processes import is_first
from imatlas.training.state import Counters, Kept
from imatlas.training.validation import Validate

__all__ = ["Run"]


@dataclass(frozen=True)
class Run:
    """What all stages of a training run have in common.

    Parameters
    ----------
    model, n_rows, batch, plan, validate : as they came to `train`.
    checkpoint : its path, beside which metrics.jsonl lies; None = nothing is written.
    notes : of what happened.
    """

    model: Trainable
    n_rows: int
    batch: Batch
    plan: Plan
    checkpoint: Path | None
    validate: Validate | None
    notes: Notes = field(default_factory=Notes)

    @property
    def begun(self) -> dict[str, object]:
        """What a run is begun with and goes on with, as JSON gives it back."""
        return json.loads(json.dumps(asdict(self.plan) | {"rows": self.n_rows}))

    def found(self) -> Checkpoint:
        """Give the checkpoint to go on from, without parts if there is none, and drop the metrics of steps to be made again."""
        if self.checkpoint is None or not self.checkpoint.exists():
            self.forget(Counters())
            return Checkpoint({}, self.begun, Notes())
        found = read_checkpoint(self.checkpoint)
        counters = found.parts["now"].counters
        n_stages = len(self.model.stages())
        if counters.stage >= n_stages:
            raise InputError(
                f"{self.checkpoint} stopped in stage {counters.stage + 1}; this model has {n_stages}. Delete it and train anew."
            )
        require_same_plan(self.checkpoint, found, self.begun)
        self.forget(counters)
        return found

    def forget(self, counters: Counters) -> None:
        """Drop the metrics of steps after these."""
        if self.checkpoint is not None and is_first():
            stages = self.model.stages()
            reached = {stage.name: UNKNOWN_STEPS for stage in stages[: counters.stage]}
            keep_rows(self.checkpoint.with_name("metrics.jsonl"), reached | {stages[counters.stage].name: counters.step})

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Say what cannot be written, and go on: training outlives a full disk, on which the last checkpoint stays."""
        try:
            yield
        except InputError as error:
            self.notes.add(f"{error} Training goes on.")

    def write(self, parts: Mapping[str, Kept]) -> None:
        """Write a checkpoint, if there is a folder."""
        if self.checkpoint is not None:
            write_checkpoint(self.checkpoint, Checkpoint(parts, self.begun, self.notes))
