"""The one loop that trains every network of imatlas.

The model owns its loss and names its players; the loop owns data order, precision, clipping, averaged weights, budget,
checkpoints and resume. Batch and noise of step s are functions of (seed, s) alone, so a run that was stopped and
resumed equals one that was not. A time budget becomes a number of steps: measured after a few steps, corrected until
the learning rate begins to fall, fixed from then on.
"""

from __future__ import annotations

import copy
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from imatlas.progress import Progress
from imatlas.training.checkpoints import load_model, load_state, read_counters, save_state
from imatlas.training.contract import Trainable
from imatlas.training.plan import DECAY_SHARE, Plan
from imatlas.training.precision import autocast, faster_precision
from imatlas.values import Codes

__all__ = ["Batch", "Interrupted", "train"]

CALIBRATION_STEPS = 4
CHECKPOINT_SECONDS = 60.0
LOOKED_AT = 4096
UNKNOWN_STEPS = 1_000_000
LOG_EVERY = 20

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
    RuntimeError
        If a loss is no longer finite.
    """
    checkpoint = None if folder is None else Path(folder) / "state.safetensors"
    reached = read_counters(checkpoint)["stage"] if checkpoint is not None and checkpoint.exists() else 0
    for number in range(len(model.stages())):
        if number >= reached:
            yield from _StageRun(model, n_rows, batch, plan, number, checkpoint).progress()
    model.eval()


class _StageRun:
    """The state of one stage of a training run."""

    def __init__(self, model: Trainable, n_rows: int, batch: Batch, plan: Plan, number: int, checkpoint: Path | None) -> None:
        stage = model.stages()[number]
        self.model, self.n_rows, self.batch, self.number, self.stage = model, n_rows, batch, number, stage
        self.checkpoint = checkpoint
        self.device = next(model.parameters()).device
        self.plan = plan.for_stage(stage)
        self.step, self.spent, self.steps = 0, 0.0, self.plan.steps
        self.noise = torch.Generator()
        self.resumed = False
        if checkpoint is not None and checkpoint.exists():
            counters = load_model(checkpoint, model)
            self.resumed = counters["step"] > 0
        if not self.resumed:
            rows = np.random.default_rng(self.plan.seed).permutation(n_rows)[:LOOKED_AT]
            model.begin(stage.name, batch(rows, np.random.default_rng(0))[0].to(self.device))
        self.average = copy.deepcopy(model).requires_grad_(False)
        self.players = {name: self._optimizer(model.player_parameters(name)) for name in stage.players}
        self.losses = dict.fromkeys(stage.players, 0.0)
        if self.resumed and checkpoint is not None:
            load_state(checkpoint, self.average, self.players)
            self.step, self.spent = counters["step"], counters["seconds"]
            self.plan = replace(self.plan, precision=counters["precision"])
            self.steps = self.plan.steps or counters["steps"]

    def _optimizer(self, parameters: list[torch.nn.Parameter]) -> torch.optim.AdamW:
        plan = self.plan
        return torch.optim.AdamW(parameters, plan.learning_rate, betas=plan.betas, weight_decay=plan.weight_decay, fused=True)

    def progress(self) -> Iterator[Progress]:
        self.model.train()
        if self.plan.precision == "auto":
            self.plan = replace(self.plan, precision=self._measure_precision())
        start, saved, first = time.monotonic() - self.spent, time.monotonic(), self.step
        with _stop_requests() as asked:
            while self.steps == 0 or self.step < self.steps:
                self._one_step()
                self.spent = time.monotonic() - start
                self._replan(first)
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
        for epoch in np.unique(places // self.n_rows):
            order = np.random.default_rng([self.plan.seed, 1, int(epoch)]).permutation(self.n_rows)
            here = places // self.n_rows == epoch
            rows[here] = order[places[here] % self.n_rows]
        images, codes = self.batch(rows, np.random.default_rng([self.plan.seed, 2, step]))
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
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.player_parameters(name), self.plan.clip)
            optimizer.step()
            self.losses[name] = float(loss.detach())
            if not np.isfinite(self.losses[name]):
                raise RuntimeError(
                    f"The loss of {name} became {self.losses[name]} at step {self.step}; wanted a finite number. "
                    "Lower the learning rate, or set the precision to float32."
                )
        self._average_weights(self.plan.average_decay(self.step, steps))
        self.step += 1

    @torch.no_grad()
    def _average_weights(self, kept: float) -> None:
        for name in self.stage.players:
            means: list[Tensor] = list(self.average.player_parameters(name))
            now: list[Tensor] = list(self.model.player_parameters(name))
            torch._foreach_lerp_(means, now, 1 - kept)
        for mean, value in zip(self.average.buffers(), self.model.buffers(), strict=True):
            mean.copy_(value)

    def _replan(self, first: int) -> None:
        """Turn what is left of the seconds into steps, until the learning rate begins to fall."""
        done = self.step - first
        if self.plan.steps or done < CALIBRATION_STEPS or (self.steps and done % LOG_EVERY):
            return
        if self.steps and self.step > (1 - DECAY_SHARE) * self.steps:
            return
        self.steps = max(self.step + 1, int(self.step * self.plan.seconds / max(self.spent, 1e-9)))

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
            row: dict[str, object] = {"stage": report.stage, "step": report.done, "steps": report.total}
            row["seconds"] = round(self.spent, 3)
            row |= {"images_per_second": round(report.rate, 1), "remaining": round(report.remaining or 0.0, 1)} | values
            with open(self.checkpoint.with_name("metrics.jsonl"), "a", encoding="utf-8") as stream:
                stream.write(json.dumps(row) + "\n")
        return report

    def _save(self) -> None:
        if self.checkpoint is not None:
            counters: dict[str, object] = {"stage": self.number, "step": self.step, "steps": self.steps, "seconds": self.spent}
            counters["precision"] = self.plan.precision
            save_state(self.checkpoint, self.model, self.average, self.players, counters)

    def _save_end(self) -> None:
        """After the last stage drop the checkpoint; after another one keep the weights it ended with."""
        if self.checkpoint is None:
            return
        if self.number + 1 == len(self.model.stages()):
            self.checkpoint.unlink(missing_ok=True)
            return
        counters = {"stage": self.number + 1, "step": 0, "steps": 0, "seconds": 0.0}
        save_state(self.checkpoint, self.model, self.average, {}, counters)
