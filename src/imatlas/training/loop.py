"""The one loop that trains every network of imatlas.

The model owns its loss and names its players; the loop owns data order, precision, clipping, averaged weights, budget,
checkpoints and resume. Batch and noise of step s are functions of (seed, s) alone, so a run that was stopped and
resumed equals one that was not. A time budget becomes a number of steps: measured after a few steps, corrected as
the run goes on, and only downwards once the learning rate falls.
"""

from __future__ import annotations

import copy
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from imatlas.checks import FailedRun, InputError
from imatlas.progress import Progress
from imatlas.training.checkpoints import load_model, load_state, read_counters, save_state
from imatlas.training.contract import Trainable
from imatlas.training.metrics import append_row, keep_rows
from imatlas.training.plan import DECAY_SHARE, Plan
from imatlas.training.precision import autocast, faster_precision, repeatable_precision
from imatlas.values import Codes

__all__ = ["Batch", "Interrupted", "train"]

CALIBRATION_STEPS = 4
CHECKPOINT_SECONDS = 60.0
LOOKED_AT = 4096
UNKNOWN_STEPS = 1_000_000
LOG_EVERY = 20
SNAPSHOT_SHARE = 1 / 8

Batch = Callable[[np.ndarray, np.random.Generator], tuple[Tensor, Codes]]
"""Gives images (b, C, H, W) in [-1, 1] and codes for some of the training rows 0 ... n - 1."""


class Interrupted(KeyboardInterrupt):
    """Training was stopped by the user, between two steps, after its state was saved."""


@contextmanager
def _stop_requests() -> Iterator[list[int]]:
    """Collect Ctrl-C and SIGTERM in a list, so that a step is never left half done; outside the main thread, none."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {
        number: signal.signal(number, lambda received, _: asked.append(received)) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield asked
    finally:
        for number, action in before.items():
            signal.signal(number, action)


def train(
    model: Trainable,
    n_rows: int,
    batch: Batch,
    plan: Plan,
    *,
    folder: Path | None = None,
) -> Iterator[Progress]:
    """Train a model in place, stage by stage; at the end it holds its averaged weights.

    Parameters
    ----------
    model : owns its losses, players and stages.
    n_rows : number of training rows.
    batch : gives images and codes for row numbers, with a random generator of its own.
    plan : what to do, all stages together.
    folder : where `metrics.jsonl` and the checkpoint go; a checkpoint found there is continued. None = nowhere.

    Yields
    ------
    Progress every 20 steps and at the end of each stage, with one loss per player and the learning rate.

    Raises
    ------
    Interrupted
        On Ctrl-C or SIGTERM, after the step was finished and the state was saved.
    FailedRun
        If a loss is no longer finite.
    """
    run = _Run(model, n_rows, batch, plan, None if folder is None else Path(folder) / "state.safetensors")
    for number in range(run.start(), len(model.stages())):
        yield from _StageRun(run, number).progress()
    model.eval()


@dataclass(frozen=True)
class _Run:
    """What all stages of a training run have in common."""

    model: Trainable
    n_rows: int
    batch: Batch
    plan: Plan
    checkpoint: Path | None

    @property
    def is_resumable(self) -> bool:
        """Whether a checkpoint is there."""
        return self.checkpoint is not None and self.checkpoint.exists()

    def start(self) -> int:
        """Give the number of the stage to begin or go on with, and drop the metrics of steps that will be made again."""
        if self.checkpoint is None:
            return 0
        stages = self.model.stages()
        counters = read_counters(self.checkpoint) if self.is_resumable else {"stage": 0, "step": 0}
        number = int(counters["stage"])
        if number >= len(stages):
            raise InputError(
                f"{self.checkpoint} stopped in stage {number + 1}; this model has {len(stages)}. Delete it and train anew."
            )
        reached = {stage.name: UNKNOWN_STEPS for stage in stages[:number]} | {stages[number].name: int(counters["step"])}
        keep_rows(self.checkpoint.with_name("metrics.jsonl"), reached)
        return number


class _StageRun:
    """The state of one stage of a training run."""

    def __init__(self, run: _Run, number: int) -> None:
        self.run, self.number, self.stage = run, number, run.model.stages()[number]
        self.model, self.checkpoint = run.model, run.checkpoint
        self.device = next(self.model.parameters()).device
        self.plan = run.plan.for_stage(self.stage)
        self.step, self.spent, self.steps = 0, 0.0, self.plan.steps
        self.has_snapshot = False
        self.noise = torch.Generator()
        counters: dict = {"step": 0}
        if self.checkpoint is not None and run.is_resumable:
            counters = load_model(self.checkpoint, self.model)
        resumed = counters["step"] > 0
        if not resumed:
            rows = np.random.default_rng(self.plan.seed).permutation(run.n_rows)[:LOOKED_AT]
            self.model.begin(self.stage.name, run.batch(rows, np.random.default_rng(0))[0].to(self.device))
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        self.players = {name: self._optimizer(self.model.player_parameters(name)) for name in self.stage.players}
        self.losses = dict.fromkeys(self.stage.players, 0.0)
        if resumed and self.checkpoint is not None:
            load_state(self.checkpoint, self.average, self.players)
            self.step, self.spent = counters["step"], counters["seconds"]
            self.plan = replace(self.plan, precision=counters["precision"])
            self.steps = self.plan.steps or counters["steps"]
            self.has_snapshot = counters["snapshot"]

    def _optimizer(self, parameters: list[torch.nn.Parameter]) -> torch.optim.AdamW:
        plan = self.plan
        return torch.optim.AdamW(parameters, plan.learning_rate, betas=plan.betas, weight_decay=plan.weight_decay, fused=True)

    def progress(self) -> Iterator[Progress]:
        self.model.train()
        if self.plan.precision == "auto":
            chosen = repeatable_precision(self.device) if self.plan.steps else self._measure_precision()
            self.plan = replace(self.plan, precision=chosen)
        start, saved, first = time.monotonic() - self.spent, time.monotonic(), self.step
        self.marks = [(self.step, self.spent)]
        with _stop_requests() as asked:
            while self.steps == 0 or self.step < self.steps:
                self._one_step()
                self.spent = time.monotonic() - start
                self._replan(first)
                self._keep_snapshot()
                done = self.step == self.steps
                if done or self.step % LOG_EVERY == 0:
                    yield self._report()
                if not done and (asked or time.monotonic() - saved > CHECKPOINT_SECONDS):
                    self._save()
                    saved = time.monotonic()
                if asked and not done:
                    raise Interrupted(f"stopped at step {self.step} of {self.steps} of stage {self.stage.name}")
        self.model.load_state_dict(self.average.state_dict())
        self._save_end()
        if asked and not self.is_last:
            raise Interrupted(f"stopped after stage {self.stage.name}, {self.step} steps")

    @property
    def is_last(self) -> bool:
        """Whether no stage follows."""
        return self.number + 1 == len(self.model.stages())

    def _measure_precision(self) -> str:
        images, codes = self._batch_of(0)

        def work() -> None:
            self.noise.manual_seed(0)
            self.model.loss(self.stage.players[0], images, codes, self.noise).backward()
            self.model.zero_grad(set_to_none=True)

        return faster_precision(work, self.device)

    def _batch_of(self, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Rows of a step: every row once before any row twice, reshuffled each epoch."""
        size = self.plan.batch_size
        places = np.arange(step * size, (step + 1) * size)
        rows = np.empty(size, dtype=np.int64)
        for epoch in np.unique(places // self.run.n_rows):
            order = np.random.default_rng([self.plan.seed, 1, int(epoch)]).permutation(self.run.n_rows)
            here = places // self.run.n_rows == epoch
            rows[here] = order[places[here] % self.run.n_rows]
        images, codes = self.run.batch(rows, np.random.default_rng([self.plan.seed, 2, step]))
        fields = {name: torch.from_numpy(values).to(self.device) for name, values in codes.fields.items()}
        return images.to(self.device), fields

    def _one_step(self) -> None:
        images, codes = self._batch_of(self.step)
        steps = self.steps or UNKNOWN_STEPS
        self.noise.manual_seed(int(np.random.SeedSequence([self.plan.seed, 3, self.step]).generate_state(1)[0]))
        for name, optimizer in self.players.items():
            for group in optimizer.param_groups:
                group["lr"] = self.plan.rate_at(self.step, steps)
            optimizer.zero_grad(set_to_none=True)
            with autocast(self.device, self.plan.precision):
                loss = self.model.loss(name, images, codes, self.noise)
            self.losses[name] = self._finite(name, float(loss.detach()))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.player_parameters(name), self.plan.clip)
            optimizer.step()
        self._average_weights(self.plan.average_decay(self.step, steps))
        self.step += 1

    def _finite(self, player: str, loss: float) -> float:
        if not np.isfinite(loss):
            raise FailedRun(
                f"The loss of {player} became {loss} at step {self.step}; wanted a finite number. "
                "Take another seed, another generator, or in Python a plan with a lower learning rate."
            )
        return loss

    @torch.no_grad()
    def _average_weights(self, kept: float) -> None:
        for name in self.stage.players:
            means: list[Tensor] = list(self.average.player_parameters(name))
            now: list[Tensor] = list(self.model.player_parameters(name))
            torch._foreach_lerp_(means, now, 1 - kept)
        for mean, value in zip(self.average.buffers(), self.model.buffers(), strict=True):
            mean.copy_(value)

    def _replan(self, first: int) -> None:
        """Turn what is left of the seconds into steps at the rate of late; once the learning rate falls, only into fewer."""
        done = self.step - first
        if self.plan.steps or done < CALIBRATION_STEPS or (self.steps and done % LOG_EVERY):
            return
        then, spent = next(mark for mark in self.marks if 2 * (mark[0] - first) >= done or mark is self.marks[-1])
        self.marks.append((self.step, self.spent))
        rate = (self.step - then) / max(self.spent - spent, 1e-9)
        fitting = max(self.step + 1, self.step + int((self.plan.seconds - self.spent) * rate))
        falling = self.steps > 0 and self.step > (1 - DECAY_SHARE) * self.steps
        self.steps = min(self.steps, fitting) if falling else fitting

    def _keep_snapshot(self) -> None:
        """Once in a stage, early, let the model copy what it wants of its averaged weights."""
        if self.has_snapshot or self.step < SNAPSHOT_SHARE * (self.steps or UNKNOWN_STEPS):
            return
        for holder in (self.model, self.average):
            holder.keep_snapshot(self.stage.name, self.average)
        self.has_snapshot = True

    def _report(self) -> Progress:
        rate = self.step / max(self.spent, 1e-9)
        values = {f"loss_{name}": loss for name, loss in self.losses.items()}
        values["learning_rate"] = self.plan.rate_at(self.step - 1, self.steps)
        report = Progress(
            stage=self.stage.name,
            done=self.step,
            total=self.steps,
            seconds=self.spent,
            rate=rate * self.plan.batch_size,
            remaining=(self.steps - self.step) / max(rate, 1e-9),
            values=values,
        )
        if self.checkpoint is not None:
            append_row(self.checkpoint.with_name("metrics.jsonl"), report)
        return report

    def _save(self) -> None:
        if self.checkpoint is not None:
            counters: dict[str, object] = {"stage": self.number, "step": self.step, "steps": self.steps, "seconds": self.spent}
            counters |= {"precision": self.plan.precision, "snapshot": self.has_snapshot}
            save_state(self.checkpoint, self.model, self.average, self.players, counters)

    def _save_end(self) -> None:
        """After the last stage drop the checkpoint; after another one keep the weights it ended with."""
        if self.checkpoint is None:
            return
        if self.is_last:
            self.checkpoint.unlink(missing_ok=True)
            return
        counters = {"stage": self.number + 1, "step": 0, "steps": 0, "seconds": 0.0, "precision": self.plan.precision}
        counters["snapshot"] = False
        save_state(self.checkpoint, self.model, self.average, {}, counters)
