"""Files that are safe to interrupt: atomic writes, locks, content hashes, and what calls itself an atlas or a model.

Nothing half-written is ever found under its final name. What a killed process was writing stays beside it, under a hidden name
that ends in .part; whoever holds the folder next may clear it away.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from imatlas.checks import InputError

__all__ = [
    "ATLAS_KIND",
    "MODEL_FORMAT",
    "clear_parts",
    "content_hash",
    "is_atlas",
    "is_held",
    "is_leftover",
    "is_model",
    "locked",
    "read_json",
    "read_model_config",
    "reading",
    "replacing",
    "write_bytes",
    "write_json",
]

ATLAS_KIND = "imatlas atlas"
"""What atlas.json calls itself; other programs have files of that name too."""

MODEL_FORMAT = 2
"""The format of model folders that this version writes, and the only one it reads; a config.json without a number is of 1."""

_PART = ".part"
_LOOK = 0.05  # seconds
_OF_THE_SYSTEM = {".lock", ".DS_Store", "Thumbs.db", "desktop.ini"}


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Give a stream whose content takes the file's place at the end, so that readers see the old file or the whole new one.

    Raises
    ------
    InputError
        If the disk is full or the place is not writable, in words; what was there before is then untouched.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_PART)
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise InputError(
            f"Could not write {path} ({error.strerror or error}). What was there before is untouched. "
            "Free some space, or see that the place can be written."
        ) from error


def clear_parts(folder: Path) -> None:
    """Remove what killed processes were writing into a folder or below it; only for who holds the folder."""
    for path in Path(folder).rglob(f".*{_PART}"):
        path.unlink(missing_ok=True)


def is_leftover(name: str) -> bool:
    """Say whether a file of this name is nobody's: of the system, a lock, or left by a process that was killed."""
    return name in _OF_THE_SYSTEM or (name.startswith(".") and name.endswith(_PART))


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a file so that readers see the old content or the whole new one, never a part.

    Raises
    ------
    InputError
        If the disk is full or the place is not writable, in words.
    """
    with replacing(path) as stream:
        stream.write(content)


def write_json(path: Path, value: object) -> None:
    """Write a JSON file atomically, keys in the order given."""
    write_bytes(path, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> dict:
    """Read a JSON object.

    Raises
    ------
    InputError
        If the file is missing or is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"Could not read {path} as JSON ({error}). Restore it from a copy.") from error


@contextmanager
def reading(what: str, cure: str) -> Iterator[None]:
    """Say in words that a file can be opened but does not hold what it should.

    Parameters
    ----------
    what : what is being read, such as "The map in photos.atlas".
    cure : what to do, a sentence.

    Raises
    ------
    InputError
        If what is read has missing parts, or parts of a wrong kind or shape.
    """
    try:
        yield
    except InputError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error).strip().split("\n")[0]
        raise InputError(f"{what} is damaged ({reason}). {cure}") from error


def is_atlas(folder: Path) -> bool:
    """Say whether a folder is an atlas, of whatever format."""
    path = Path(folder) / "atlas.json"
    if not path.is_file():
        return False
    try:
        header = read_json(path)
    except InputError:
        return False
    return isinstance(header, dict) and header.get("kind") == ATLAS_KIND


def is_model(folder: Path) -> bool:
    """Say whether a folder is a model folder, whole or not: it has a config.json and is no atlas."""
    return (Path(folder) / "config.json").is_file() and not is_atlas(folder)


def read_model_config(folder: Path) -> dict:
    """Read the config.json of a model folder.

    Raises
    ------
    InputError
        If there is none, it was not written by imatlas, or its format is an earlier or a later one.
    """
    path = Path(folder) / "config.json"
    if not path.is_file():
        raise InputError(f"{folder} is no model: it has no config.json. Name a folder that imatlas export made.")
    config = read_json(path)
    version = config.get("format", 1) if isinstance(config, dict) and "kind" in config else None
    if not isinstance(version, int) or isinstance(version, bool):
        raise InputError(f"{path} was not written by imatlas. Name a folder that imatlas export made.")
    if version > MODEL_FORMAT:
        raise InputError(
            f"{path} has format {version}, made by {config.get('made_by', 'a newer imatlas')}; this version reads "
            f"format {MODEL_FORMAT}. Update imatlas."
        )
    if version < MODEL_FORMAT:
        raise InputError(
            f"{path} has format {version}, made by {config.get('made_by', 'an earlier imatlas')}; this version reads format "
            f"{MODEL_FORMAT} alone, since networks and conditions are built otherwise now. Train a new one beside it: imatlas "
            "train ATLAS; and export that if this one was exported. The version that made it still draws from it."
        )
    return config


def content_hash(*parts: object) -> str:
    """Give 16 hexadecimal digits that change when any array, text or JSON value does."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype.str}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).view(np.uint8).data)
        else:
            digest.update(json.dumps(part, sort_keys=True, default=str).encode())
    return digest.hexdigest()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for one process; a dead process holds nothing.

    Raises
    ------
    InputError
        If a living process holds it.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "a+b") as stream:
        if not _try_lock(stream):
            time.sleep(_LOOK)  # who only looks whether it is held lets go at once
            if not _try_lock(stream):
                raise InputError(f"{folder} is in use by another imatlas process. Wait until it ends, or stop it.")
        yield


def is_held(folder: Path) -> bool:
    """Say whether a living process holds a folder; for the moment of looking it is held by this one."""
    path = Path(folder) / ".lock"
    if not path.is_file():
        return False
    with open(path, "a+b") as stream:
        return not _try_lock(stream)


def _try_lock(stream: io.BufferedRandom) -> bool:
    """Take the operating system's own lock on an open file: it dies with the process."""
    try:
        if os.name == "nt":
            import msvcrt

            stream.seek(0)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
