"""Training states on disk, in safetensors: nothing is ever unpickled.

A checkpoint is one file, written atomically: the state a run stands at ("now"), the last good one it would go back to if
it is another ("good"), and the best weights so far where they are looked for ("best"). Tensors are named part/tensor; the
counters of each part are JSON in the header, with what the run was begun with, its notes, and the number of the format.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError, safe_open

from imatlas.checks import InputError
from imatlas.files import write_bytes
from imatlas.training.notes import Notes
from imatlas.training.state import Counters, Kept, under

__all__ = ["Checkpoint", "checkpoint_path", "drop_checkpoint", "read_checkpoint", "require_same_plan", "write_checkpoint"]

FORMAT = 3
"""1 had one part and no number, 2 neither plan nor notes."""


@dataclass(frozen=True)
class Checkpoint:
    """What a run goes on from.

    Parameters
    ----------
    parts : name -> state; none = it has not begun.
    plan : what the run was begun with, name -> JSON value.
    notes : said, or waiting to be.
    """

    parts: Mapping[str, Kept]
    plan: Mapping[str, object]
    notes: Notes


def checkpoint_path(folder: Path) -> Path:
    """Give the place of the checkpoint in the folder of a run."""
    return Path(folder) / "state.safetensors"


def drop_checkpoint(folder: Path) -> None:
    """Remove the checkpoint of a run, once what it led to is safe."""
    checkpoint_path(folder).unlink(missing_ok=True)


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint as one file; one that is there already stays if this fails.

    Raises
    ------
    InputError
        If the disk is full or the place is not writable, in words.
    """
    tensors = {f"{part}/{name}": values for part, kept in checkpoint.parts.items() for name, values in kept.tensors.items()}
    held = {name: values.detach().cpu().contiguous().clone() for name, values in tensors.items()}
    counters = {part: asdict(kept.counters) for part, kept in checkpoint.parts.items()}
    written = {"counters": counters, "plan": checkpoint.plan, "notes": asdict(checkpoint.notes)}
    header = {"format": str(FORMAT)} | {name: json.dumps(values) for name, values in written.items()}
    write_bytes(Path(path), safetensors.torch.save(held, metadata=header))


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises
    ------
    InputError
        If the file is cut short, damaged, no checkpoint, or one of another version.
    """
    try:
        with safe_open(str(path), framework="pt") as stored:
            header = dict(stored.metadata() or {})
            _require_format(path, header)
            plan, notes = json.loads(header["plan"]), Notes(**json.loads(header["notes"]))
            counters = {part: Counters(**values) for part, values in json.loads(header["counters"]).items()}
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"Could not resume from {path}: {error}. Delete it and train anew.") from error
    parts = {part: Kept(held, under(tensors, f"{part}/"), str(path)) for part, held in counters.items()}
    return Checkpoint(parts, plan, notes)


def require_same_plan(path: Path, checkpoint: Checkpoint, plan: Mapping[str, object]) -> None:
    """Refuse to go on with a run by another plan than it was begun with.

    Raises
    ------
    InputError
        If anything of the plan differs.
    """
    began = checkpoint.plan
    others = [f"{name} {began.get(name)}, now {value}" for name, value in plan.items() if began.get(name) != value]
    if others:
        raise InputError(
            f"{path} was begun with {'; '.join(others)}. A run goes on as it was begun, or it is a mixture. "
            "Give what it was begun with, or delete it and train anew."
        )


def _require_format(path: Path, header: Mapping[str, str]) -> None:
    if "counters" not in header:
        raise InputError(f"{path} is no training checkpoint: it has no counters. Delete it and train anew.")
    came = header.get("format", "1")
    if came != str(FORMAT):
        raise InputError(
            f"{path} is a checkpoint of format {came}; this version reads {FORMAT}. "
            "Go on with the version of imatlas that wrote it, or delete it and train anew."
        )
