"""Training states on disk, in safetensors: nothing is ever unpickled.

A checkpoint is one file, written atomically: the state a run stands at ("now"), the last good one it would go back to if
it is another ("good"), and the best weights so far where they are looked for ("best"). Tensors are named part/tensor; the
counters of each part are JSON in the header, with the number of the format.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError, safe_open

from imatlas.checks import InputError
from imatlas.files import write_bytes
from imatlas.training.state import Counters, Kept, under

__all__ = ["checkpoint_path", "drop_checkpoint", "read_checkpoint", "write_checkpoint"]

FORMAT = 2
"""1 had one part and no number."""


def checkpoint_path(folder: Path) -> Path:
    """Give the place of the checkpoint in the folder of a run."""
    return Path(folder) / "state.safetensors"


def drop_checkpoint(folder: Path) -> None:
    """Remove the checkpoint of a run, once what it led to is safe."""
    checkpoint_path(folder).unlink(missing_ok=True)


def write_checkpoint(path: Path, parts: Mapping[str, Kept]) -> None:
    """Write the parts of a checkpoint as one file; one that is there already stays if this fails.

    Raises
    ------
    InputError
        If the disk is full or the place is not writable, in words.
    """
    tensors = {f"{part}/{name}": values for part, kept in parts.items() for name, values in kept.tensors.items()}
    held = {name: values.detach().cpu().contiguous().clone() for name, values in tensors.items()}
    counters = {part: asdict(kept.counters) for part, kept in parts.items()}
    header = {"format": str(FORMAT), "counters": json.dumps(counters)}
    write_bytes(Path(path), safetensors.torch.save(held, metadata=header))


def read_checkpoint(path: Path) -> dict[str, Kept]:
    """Read the parts of a checkpoint.

    Raises
    ------
    InputError
        If the file is cut short, damaged, no checkpoint, or one of another version.
    """
    try:
        with safe_open(str(path), framework="pt") as stored:
            header = dict(stored.metadata() or {})
            _require_format(path, header)
            counters = {part: Counters(**values) for part, values in json.loads(header["counters"]).items()}
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"Could not resume from {path}: {error}. Delete it and train anew.") from error
    return {part: Kept(held, under(tensors, f"{part}/"), str(path)) for part, held in counters.items()}


def _require_format(path: Path, header: Mapping[str, str]) -> None:
    if "counters" not in header:
        raise InputError(f"{path} is no training checkpoint: it has no counters. Delete it and train anew.")
    came = header.get("format", "1")
    if came != str(FORMAT):
        raise InputError(
            f"{path} is a checkpoint of format {came}; this version reads {FORMAT}. "
            "Go on with the version of imatlas that wrote it, or delete it and train anew."
        )
