"""The one loop that trains every network of imatlas.

The model owns its loss and names its players; the loop owns data order, precision, clipping, averaged weights, budget,
checkpoints and resume. Batch and noise of a step are functions of seed, stage and step alone, so a run that was stopped
and resumed equals one that was not. A step that goes wrong is taken back (`recovery`), with the last good state in every
checkpoint beside the present one, so that a resumed run goes back to where an uninterrupted one would.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch

from imatlas.checks import FailedRun
from imatlas.progress import Progress
from imatlas.training.batches import Batch, Batches
from imatlas.training.checkpoints import checkpoint_path
from imatlas.training.contract import Trainable
from imatlas.training.memory import keep_freed_memory
from imatlas.training.metrics import append_row
from imatlas.training.notes import Notes
from imatlas.training.pace import UNKNOWN_STEPS, Pace, judge_steps
from imatlas.training.plan import Plan
from imatlas.training.precision import autocast, faster_precision, repeatable_precision
from imatlas.training.processes import Part, agree, is_first, joined, share_weights, wait
from imatlas.training.recovery import MOST_RESTARTS, NotFinite, require_finite, watch
from imatlas.training.run import Run
from imatlas.training.state import Counters, Kept, Moving, fill
from imatlas.training.stopping import Interrupted, stop_requests
from imatlas.training.validation import Best, Validate

__all__ = ["train"]

CHECKPOINT_SECONDS = 60.0
LOG_EVERY = 20
SNAPSHOT_SHARE = 1 / 8


def train(
    model: Trainable,
    n_rows: int,
    batch: Batch,
    plan: Plan,
    *,
    folder: Path | None = None,
    validate: Validate | None = None,
) -> Iterator[Progress]:
    """Train a model in place, stage by stage; at the end it holds its averaged weights.

    Parameters
    ----------
    model : owns its losses, players and stages.
    n_rows : number of training rows.
    batch : gives images and codes for row numbers, with a random generator of its own.
    plan : what to do, all stages together.
    folder : where `metrics.jsonl` and the checkpoint go; a checkpoint found there is continued. It stays at the end, until
        the weights are safe and `drop_checkpoint` is called. None = nowhere.
    validate : scores averaged weights, eight times in each stage that is `validated`; such a stage ends with the best of
        them, unless the last are as good up to noise. None = with the last.

    Yields
    ------
    Progress every 20 steps and at the end of each stage, with one loss per player and the learning rate, and with a note
    when something went wrong.

    Raises
    ------
    Interrupted
        On Ctrl-C or SIGTERM, after the step was finished and the state was saved; in the last step of all as well.
    InputError
        If the checkpoint there cannot be continued or was begun by another plan, or fewer than ten steps of a stage fit into
        the budget, or a stop was asked for and the state could not be saved.
    FailedRun
        If a loss or gradient stays NaN or infinite though the learning rate was halved three times, or another process ended.
    """
    keep_freed_memory()
    with joined():
        run = Run(model, n_rows, batch, plan, None if folder is None else checkpoint_path(folder), validate)
        wait()  # for a checkpoint that the first process may still be writing
        found = run.found()
        wait()
        run, parts = replace(run, notes=found.notes, checkpoint=run.checkpoint if is_first() else None), found.parts
        for number in range(parts["now"].counters.stage if parts else 0, len(model.stages())):
            yield from _StageRun(run, number, parts).reports()
            parts = {}
    model.eval()


class _StageRun:
    """One stage of a training run, begun or gone on with."""

    def __init__(self, run: Run, number: int, found: Mapping[str, Kept]) -> None:
        self.run, self.model, self.stage = run, run.model, run.model.stages()[number]
        self.device = self.model.device
        self.plan = run.plan.for_stage(self.stage)
        self.part = Part.own(self.plan.batch_size, divided=self.model.divisible)
        self.batches = Batches(run.n_rows, run.batch, self.plan.batch_size, self.plan.seed, number, self.device, self.part)
        self.noise = torch.Generator()
        self.now = found["now"].counters if found else Counters(number)
        if found:
            fill(self.model, found["now"], "model/")
        if self.now.step == 0:
            self.model.begin(self.stage.name, self.batches.look())
        share_weights(self.model)
        self.state = Moving(self.model, self.stage, self.plan)
        if self.now.step > 0:
            self.state.put_back(found["now"])
        self.now.steps = self.plan.steps or self.now.steps
        self.good = found.get("good") or self.state.keep(self.now)
        self.best = Best(run.validate, found.get("best")) if run.validate and self.stage.validated else None

    def reports(self) -> Iterator[Progress]:
        """Train the stage to its end, or to a stop, and tell of it; the model is left with the weights it is to keep."""
        self.model.train()
        if self.now.precision == "auto":
            self.now.precision = self._choose_precision()
            # Measuring may have moved what a model counts of its losses.
            self.state.put_back(self.good)
            self.good = replace(self.good, counters=copy.deepcopy(self.now))
        self.pace = Pace(self.plan, self.now.step, self.now.seconds)
        saved = time.monotonic()
        self.start = saved - self.now.seconds
        with stop_requests() as asked:
            while not self.is_done:
                try:
                    self._one_step()
                except NotFinite as harm:
                    yield self._go_back(harm)
                    continue
                is_asked, self.now.seconds = agree(len(asked), time.monotonic() - self.start)
                self._correct_steps()
                self._keep_snapshot()
                self._validate()
                if self.is_done or self.now.step % LOG_EVERY == 0:
                    for sentence in watch(self.now, self.stage.name):
                        self.run.notes.add(sentence)
                    yield self._report()
                    self.good = self.state.keep(self.now)
                if self.is_done or is_asked:
                    break
                if self.good.counters.step == self.now.step and time.monotonic() - saved > CHECKPOINT_SECONDS:
                    with self.run.going_on():
                        self._save()
                    saved = time.monotonic()
            if agree(len(asked))[0]:
                self._save()
                raise Interrupted(f"stopped at step {self.now.step} of {self.now.steps} of stage {self.stage.name}")
        self.model.load_state_dict(self.state.average.state_dict())
        if self.best and self.best.kept and self.best.beats(self.now):
            fill(self.model, self.best.kept, "model/")
        self._save_end()

    @property
    def is_done(self) -> bool:
        """Whether all steps that are planned are made."""
        return 0 < self.now.steps <= self.now.step

    def _choose_precision(self) -> str:
        if self.plan.precision != "auto":
            return self.plan.precision
        if self.plan.steps:
            return repeatable_precision(self.device)
        return "bfloat16" if agree(self._measure_precision() == "bfloat16")[0] else "float32"

    def _measure_precision(self) -> str:
        images, codes = self.batches.of(0)

        def work() -> None:
            self.noise.manual_seed(0)
            with self.part.alone(self.noise):
                self.model.loss(self.stage.players[0], images, codes, self.noise).backward()
            self.model.zero_grad(set_to_none=True)

        return faster_precision(work, self.device)

    def _one_step(self) -> None:
        step, steps = self.now.step, self.now.steps or UNKNOWN_STEPS
        images, codes = self.batches.of(step)
        self.noise.manual_seed(self.batches.noise_seed(step))
        for name, optimizer in self.state.players.items():
            for group in optimizer.param_groups:
                group["lr"] = self._rate_at(step, steps) * self.stage.pace_of(name)
            optimizer.zero_grad(set_to_none=True)
            with autocast(self.device, self.now.precision), self.part.alone(self.noise):
                loss = self.model.loss(name, images, codes, self.noise)
            loss.backward()
            parameters = self.model.player_parameters(name)
            value = require_finite(self.part.total(parameters, loss), f"The loss of {name}")
            norm = torch.nn.utils.clip_grad_norm_(parameters, self.plan.clip)
            require_finite(float(norm), f"The gradient of {name}")
            optimizer.step()
            self.now.losses[name] = value
        self.state.move_average(self.plan.average_decay(step, steps))
        self.now.step += 1

    def _rate_at(self, step: int, steps: int) -> float:
        return self.plan.rate_at(step, steps) * 0.5**self.now.restarts

    def _go_back(self, harm: NotFinite) -> Progress:
        """Take over the last good state, at half the learning rate; after the third time give up."""
        failed, seconds, steps, restarts = self.now.step, self.now.seconds, self.now.steps, self.now.restarts
        self.state.put_back(self.good)
        if restarts == MOST_RESTARTS:
            raise FailedRun(
                f"{harm} at step {failed} of stage {self.stage.name}, after the learning rate was halved {restarts} times; "
                "wanted finite numbers. Take another seed, another generator, or in Python a plan with a lower learning rate."
            )
        there = copy.deepcopy(self.good.counters)
        self.now = replace(there, seconds=seconds, steps=steps, restarts=restarts + 1)
        self.good = replace(self.good, counters=copy.deepcopy(self.now))
        self.pace = Pace(self.plan, self.now.step, seconds)
        self.run.notes.add(
            f"{harm} at step {failed} of stage {self.stage.name}: training goes on from step {self.now.step} at half the "
            f"learning rate (time {self.now.restarts} of {MOST_RESTARTS})."
        )
        report = self._report()
        with self.run.going_on():
            self.run.forget(self.now)
            self._save()
        return report

    def _correct_steps(self) -> None:
        known = self.now.steps
        self.now.steps = self.pace.corrected(self.now.step, self.now.seconds, known)
        if self.now.steps and not known:
            few = judge_steps(self.stage.name, self.now.steps, self.plan.seconds)
            if few:
                self.run.notes.add(few)
                self._rehearse()

    def _rehearse(self) -> None:
        """Refuse now what a later stage would: its steps are timed on a copy. Stages differ in cost less than tenfold."""
        before = time.monotonic()
        for number in range(self.now.stage + 1, len(self.model.stages())):
            run = replace(self.run, model=copy.deepcopy(self.model), checkpoint=None, validate=None, notes=Notes())
            later = _StageRun(run, number, {})
            later.now.precision = self.now.precision
            with suppress(NotFinite):  # of a model that is not yet ready for it
                later._one_step()
                start = time.monotonic()
                later._one_step()
                (seconds,) = agree(time.monotonic() - start)
                judge_steps(later.stage.name, max(1, int(later.plan.seconds / max(seconds, 1e-9))), later.plan.seconds)
        self.start += time.monotonic() - before

    def _keep_snapshot(self) -> None:
        """Once in a stage, early, let the model copy what it wants of its averaged weights."""
        if self.now.has_snapshot or self.now.step < SNAPSHOT_SHARE * (self.now.steps or UNKNOWN_STEPS):
            return
        for holder in (self.model, self.state.average):
            holder.keep_snapshot(self.stage.name, self.state.average)
        self.now.has_snapshot = True

    def _validate(self) -> None:
        """Score the averaged weights where it is time to, and say at the end whether earlier ones are better."""
        if self.best is None or not self.best.is_due(self.now):
            return
        warning = self.best.look(self.state.average.eval(), self.now)
        if warning:
            self.run.notes.add(warning)
        if self.best.kept and self.is_done and self.best.beats(self.now):
            best = self.best.kept.counters
            self.run.notes.add(
                f"Stage {self.stage.name} ends with the weights of step {best.step}: their validation score is "
                f"{best.score:.3g}, that of the last ones {self.now.score:.3g}."
            )

    def _report(self) -> Progress:
        now = self.now
        rate = now.step / max(now.seconds, 1e-9)
        values = {f"loss_{name}": loss for name, loss in now.losses.items()}
        if now.validations and math.isfinite(now.score):
            values |= {"validation": now.score, "validation_error": now.error}
        values["learning_rate"] = self._rate_at(max(0, now.step - 1), now.steps or UNKNOWN_STEPS)
        report = Progress(
            stage=self.stage.name,
            done=now.step,
            total=now.steps,
            seconds=now.seconds,
            rate=rate * self.plan.batch_size,
            remaining=(now.steps - now.step) / max(rate, 1e-9),
            values=values,
            note=self.run.notes.take(),
        )
        if self.run.checkpoint is not None:
            with self.run.going_on():
                append_row(self.run.checkpoint.with_name("metrics.jsonl"), report, precision=now.precision)
        return report

    def _save(self) -> None:
        parts = {"now": Kept(self.now, self.state.tensors())}
        if self.good.counters.step != self.now.step:
            parts["good"] = self.good
        if self.best and self.best.kept:
            parts["best"] = self.best.kept
        self.run.write(parts)

    def _save_end(self) -> None:
        """Keep the weights another stage begins with; those of the last stage are the caller's to keep."""
        if self.now.stage + 1 < len(self.model.stages()):
            ended = {name: values for name, values in self.state.tensors().items() if name.startswith("model/")}
            with self.run.going_on():
                self.run.write({"now": Kept(Counters(self.now.stage + 1), ended)})
