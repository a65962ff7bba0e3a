"""Training in a process of its own: `imatlas train`, begun, watched and stopped from the page.

It outlives the server. What is told of it is read from the atlas: the lock and the metrics of the model's folder, and beside
the models two files of the studio,

    training.json   process number and start of the training that was begun last, and what was asked
    training.log    what it said; its last line is JSON: the model, or the error

so a killed server, or one started later, tells the same. A training begun on the command line is watched as well.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from imatlas.app.studio.answers import TrainingFacts
from imatlas.app.studio.asks import TrainingAsk
from imatlas.checks import InputError
from imatlas.conditions import CONDITIONS
from imatlas.files import is_held, read_json, write_json
from imatlas.store import Atlas, ModelFolder, open_atlas

__all__ = ["AlreadyTraining", "Training"]

MOST_POINTS = 300
"""Of a curve; more cannot be seen."""

NO_CURVES = frozenset({"stage", "step", "steps", "seconds", "images_per_second", "remaining", "precision", "note"})
STOPPED = "Stopped "


class AlreadyTraining(Exception):
    """A training runs already; its message is a sentence for people."""


class Training:
    """The training of an atlas.

    Parameters
    ----------
    folder : of the atlas.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder).resolve()
        self.record, self.log = self.folder / "training.json", self.folder / "training.log"
        self._begin = threading.Lock()
        self._children: list[subprocess.Popen] = []

    def facts(self) -> TrainingFacts:
        """Tell how the training stands that runs, or that was the last."""
        atlas = open_atlas(self.folder)
        begun, held = self._is_alive(), _held(atlas)
        if begun or held:
            return _running(held)
        said = self._last_said()
        newest = atlas.model(atlas.models[-1]) if atlas.models else None
        if "error" in said and not (newest and self._is_newer(newest)):
            state = "stopped" if said["error"].startswith(STOPPED) else "failed"
            return _told(None if newest is None or newest.is_trained else newest, state, said["error"])
        if newest is None:
            return TrainingFacts(state="none", says="No model was trained yet.")
        if newest.is_trained:
            return _told(newest, "finished", f"{newest.name} is trained.")
        return _told(newest, "stopped", f"{newest.name} is not trained to its end; it can go on where it stopped.")

    def begin(self, ask: TrainingAsk) -> None:
        """Begin a training, or go on with one.

        Raises
        ------
        AlreadyTraining
            If one runs.
        InputError
            If there is no such condition, or the model to go on with cannot be gone on with.
        """
        unknown = [name for name in ask.conditions or () if name not in CONDITIONS]
        if unknown:
            raise InputError(f"There is no condition {unknown[0]!r}; choose some of: {', '.join(CONDITIONS)}.")
        with self._begin:
            atlas = open_atlas(self.folder)
            if self._is_alive() or _held(atlas):
                raise AlreadyTraining("A training runs already. Stop it first, or wait until it ends.")
            options = _options(ask) if ask.resume is None else _options_again(atlas.model(ask.resume))
            command = [sys.executable, "-P", "-m", "imatlas.app.cli", "train", str(self.folder), *options, "--json"]
            with open(self.log, "wb") as log:
                # A session of its own, so that Ctrl-C for the server is none for the training.
                child = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
                )
            self._children = [*(one for one in self._children if one.poll() is None), child]
            write_json(self.record, {"pid": child.pid, "started": _started(child.pid), "asked": ask.model_dump()})

    def stop(self) -> None:
        """Ask the training to stop: it finishes its step and keeps its state.

        Raises
        ------
        InputError
            If none runs, or it was begun elsewhere.
        """
        if self._is_alive():
            os.kill(int(read_json(self.record)["pid"]), signal.SIGTERM)
        elif _held(open_atlas(self.folder)):
            raise InputError("The training that runs was begun elsewhere. Stop it there, with Ctrl-C.")
        else:
            raise InputError("No training runs, so there is none to stop.")

    def _is_alive(self) -> bool:
        """Whether the process that was begun last still runs."""
        for child in self._children:
            child.poll()
        if not self.record.is_file() or os.name == "nt":  # there the lock alone tells
            return False
        record = read_json(self.record)
        try:
            os.kill(int(record["pid"]), 0)
        except (ProcessLookupError, PermissionError):
            return False
        return _started(int(record["pid"])) == record["started"]

    def _last_said(self) -> dict:
        """The JSON at the end of the log; empty for a process that was killed or said nothing."""
        with suppress(OSError, ValueError, IndexError):
            said = json.loads(self.log.read_text("utf-8", "replace").splitlines()[-1])
            return said if isinstance(said, dict) else {}
        return {}

    def _is_newer(self, folder: ModelFolder) -> bool:
        """Whether a model was trained on after the last training that was begun here had ended."""
        metrics = folder.metrics_path
        return metrics.is_file() and metrics.stat().st_mtime > self.log.stat().st_mtime


def _held(atlas: Atlas) -> ModelFolder | None:
    """The newest model that a living process trains."""
    return next((folder for name in reversed(atlas.models) if is_held((folder := atlas.model(name)).folder)), None)


def _running(folder: ModelFolder | None) -> TrainingFacts:
    if folder is None:
        return TrainingFacts(state="running", says="Training begins: the conditions are described and the network is built.")
    rows = _rows(folder)
    if not rows:
        return _told(folder, "running", f"{folder.name} begins.")
    last = rows[-1]
    says = f"{folder.name}, stage {last['stage']}: step {last['step']:,} of {last['steps']:,}."
    note = next((row["note"] for row in reversed(rows) if row.get("note")), "")
    return _told(folder, "running", f"{says} {note}".strip())


def _told(folder: ModelFolder | None, state: str, says: str) -> TrainingFacts:
    if folder is None:
        return TrainingFacts(state=state, says=says)  # type: ignore[arg-type]
    rows = _rows(folder)
    ends = {row["stage"]: row for row in rows}
    seconds = sum(float(row["seconds"]) for row in ends.values())
    last = rows[-1] if rows else {}
    return TrainingFacts(
        state=state,  # type: ignore[arg-type]
        model=folder.name,
        step=last.get("step", 0),
        steps=last.get("steps", 0),
        seconds=seconds,
        remaining=_remaining(folder, last, seconds) if state == "running" else None,
        curves=_curves(rows),
        samples="/api/training/samples.png" if (folder.folder / "state.safetensors").is_file() else None,
        says=says,
    )


def _remaining(folder: ModelFolder, last: dict, seconds: float) -> float | None:
    """Seconds left: of the budget, or of the present stage where steps are counted."""
    plan = folder.config["plan"]
    return last.get("remaining") if plan["steps"] else max(0.0, float(plan["seconds"]) - seconds)


def _rows(folder: ModelFolder) -> list[dict]:
    """All reports, those of the prior first; read again when there are more."""
    rows: list[dict] = []
    for path in (ModelFolder(folder.folder / "prior").metrics_path, folder.metrics_path):
        if path.is_file():
            rows += _read(path, path.stat().st_mtime_ns, path.stat().st_size)
    return rows


@lru_cache(maxsize=8)
def _read(path: Path, changed: int, size: int) -> tuple[dict, ...]:
    """The reports in a file as it stands, those that are whole."""
    rows = ModelFolder(path.parent).metrics
    return tuple(row for row in rows if {"stage", "step", "steps", "seconds", "remaining"} <= row.keys())


def _curves(rows: list[dict]) -> dict[str, list[list[int | float]]]:
    """Give each number of each stage over the steps of all stages so far."""
    curves: dict[str, list[list[int | float]]] = {}
    before, stage, last = 0, "", 0
    for row in rows:
        if row["stage"] != stage:
            before, stage = before + last, row["stage"]
        last = row["step"]
        for name in row.keys() - NO_CURVES:
            if isinstance(row[name], int | float):
                curves.setdefault(f"{stage}: {name.replace('_', ' ')}", []).append([before + last, float(row[name])])
    return {name: points[:: -(-len(points) // MOST_POINTS)] for name, points in sorted(curves.items())}


def _options(ask: TrainingAsk) -> list[str]:
    conditions = "all" if ask.conditions is None else ",".join(ask.conditions) or "none"
    return _worded(ask.generator, ask.budget, conditions, ask.seed)


def _options_again(folder: ModelFolder) -> list[str]:
    """Give the options that a model was begun with, from its own folder."""
    config = folder.config
    plan = config["plan"]
    if folder.is_trained:
        raise InputError(f"{folder.name} is trained to its end. Train a new one, with another seed or budget.")
    if "asked" not in plan:
        raise InputError(f"{folder.name} does not say what was asked for. Give the command that began it once more.")
    if folder.map_key != config["map"]:
        raise InputError(f"The map was made again since {folder.name} was begun, so it cannot go on. Train a new one.")
    if folder.is_edited_since:
        raise InputError(
            f"Images were taken out or in, or clusters merged or split, since {folder.name} was begun, so it cannot go on. "
            "Undo that, or train a new one."
        )
    asked = plan["asked"]
    conditions = "all" if asked["conditions"] is None else ",".join(asked["conditions"]) or "none"
    options = _worded(config["kind"], asked["budget"], conditions, plan["seed"])
    return [*options, "--steps", str(plan["steps"]), "--precision", asked["precision"]]


def _worded(generator: str, budget: float, conditions: str, seed: int) -> list[str]:
    return ["--generator", generator, "--budget", f"{budget!r}s", "--conditions", conditions, "--seed", str(seed)]


def _started(pid: int) -> str:
    """Give when a process began, as the system counts, which tells it from a later one of the same number; empty if unknown.

    A process that has ended and waits to be asked after counts as ended.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "ended" if fields[0] == "Z" else fields[19]
