"""A fitted estimator or a set of weights as one safetensors file: named arrays, and settings as JSON in its header.

One file is renamed into place at once, so settings and arrays can never be of two different fits; reading it runs no
code. safetensors: github.com/huggingface/safetensors (8 bytes of header length, a JSON header, raw arrays).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from imatlas.checks import InputError
from imatlas.files import write_bytes

__all__ = ["ArrayLike", "read_packed", "write_packed"]

_KINDS = "fiub"  # floats, signed and unsigned integers, booleans


class ArrayLike(Protocol):
    """Anything NumPy can read, such as an array or a torch tensor."""

    def __array__(self) -> np.ndarray:
        """Give the values as an array."""


def write_packed(path: Path, settings: Mapping[str, object], arrays: Mapping[str, np.ndarray | ArrayLike]) -> None:
    """Write settings and arrays as one safetensors file, atomically.

    Parameters
    ----------
    settings : JSON values; NumPy numbers become plain ones.
    arrays : name -> numeric or boolean array of any shape, or a torch tensor on any device.

    Raises
    ------
    TypeError
        If an array holds text or objects, or a setting is no JSON value.
    """
    flat = {name: _plain(name, values) for name, values in arrays.items()}
    text = json.dumps(settings, default=_json_number, ensure_ascii=False)
    write_bytes(path, save(flat, metadata={"settings": text}))


def read_packed(path: Path, *, cure: str = "run the step that makes it again") -> tuple[dict, dict[str, np.ndarray]]:
    """Read what `write_packed` wrote: (settings, arrays).

    Parameters
    ----------
    cure : what to do if it cannot be read and cannot be restored.

    Raises
    ------
    InputError
        If the file is missing, cut short, or is no safetensors file.
    """
    try:
        with safe_open(os.fspath(path), framework="np") as stream:
            settings = json.loads((stream.metadata() or {}).get("settings", "{}"))
            return settings, {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        raise InputError(f"Could not read {path} ({error}). Restore it, or {cure}.") from error


def _plain(name: str, values: np.ndarray | ArrayLike) -> np.ndarray:
    """Give a C-ordered, native-endian copy-free array where possible; tensors come off their device first."""
    for step in ("detach", "cpu"):
        if hasattr(values, step):
            values = getattr(values, step)()
    array = np.asarray(values, order="C")
    if array.dtype.kind not in _KINDS:
        raise TypeError(f"Array {name!r} came as {array.dtype}; wanted numbers or booleans. Put text into the settings.")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _json_number(value: object) -> object:
    """Turn NumPy scalars and arrays into JSON values; refuse the rest."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"A setting came as {type(value).__name__}; wanted JSON values. Put arrays among the arrays.")
