"""The rows of metrics.jsonl: one JSON object per report, none twice, none from a run that is not this one.

A run that dies between two checkpoints leaves rows of steps that will be made again; they are dropped when it goes on.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path

from imatlas.checks import InputError
from imatlas.files import write_bytes
from imatlas.progress import Progress

__all__ = ["append_row", "keep_rows"]


def append_row(path: Path, progress: Progress, *, precision: str) -> None:
    """Add one report to metrics.jsonl.

    Parameters
    ----------
    path : of metrics.jsonl; made if it is not there.
    progress : written as stage, step, steps, seconds, images_per_second, remaining, its named values, and its note if any.
    precision : of the products, written beside them.

    Raises
    ------
    InputError
        If the file cannot be written; it is then as it was.
    """
    row: dict[str, object] = {"stage": progress.stage, "step": progress.done, "steps": progress.total}
    row |= {"seconds": round(progress.seconds, 3), "images_per_second": round(progress.rate, 1)}
    row |= {"remaining": round(progress.remaining or 0.0, 1), "precision": precision} | dict(progress.values)
    if progress.note:
        row["note"] = progress.note
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        line = (json.dumps(row) + "\n").encode()
        with open(path, "ab", buffering=0) as stream:
            before = stream.tell()
            if stream.write(line) < len(line):
                # A disk that is filling up takes a part of the row.
                stream.truncate(before)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        raise InputError(f"Could not write {path} ({error.strerror or error}). Free some space and train again.") from error


def keep_rows(path: Path, reached: Mapping[str, int]) -> None:
    """Drop the rows of steps that a run starting now will make again.

    Parameters
    ----------
    path : of metrics.jsonl; nothing happens if it is not there.
    reached : stage name -> steps done in the state the run starts from; stages that are not named have none.
    """
    if not path.is_file():
        return
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    kept = [line for line in lines if _is_before(line, reached)]
    if kept != lines:
        write_bytes(path, "".join(line + "\n" for line in kept).encode())


def _is_before(line: str, reached: Mapping[str, int]) -> bool:
    """Say whether a line is a whole row of a step that is done; a crash may cut the last line off."""
    try:
        row = json.loads(line)
        return int(row["step"]) <= reached.get(row["stage"], 0)
    except (json.JSONDecodeError, KeyError, TypeError, ValueError):
        return False
