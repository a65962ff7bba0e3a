"""Weights and training state on disk, in safetensors: nothing is ever unpickled.

A checkpoint is one file, written atomically: weights, averaged weights, the optimiser's moments, and the counters as
JSON in its header. The order of the images and all noise are functions of (seed, step), so no random state is needed
to go on exactly where a run stopped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from imatlas.checks import InputError
from imatlas.files import write_bytes

__all__ = ["load_model", "load_state", "load_weights", "read_counters", "save_state", "save_weights"]

COUNTERS = ("stage", "step", "steps", "seconds", "precision", "snapshot")


def save_weights(path: Path, model: nn.Module) -> None:
    """Write a module's state as safetensors."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    write_bytes(Path(path), safetensors.torch.save(state))


def load_weights(path: Path, model: nn.Module) -> None:
    """Load a module's state from safetensors.

    Raises
    ------
    InputError
        If the file is missing, damaged, or belongs to another network.
    """
    try:
        model.load_state_dict(safetensors.torch.load_file(str(path)))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise InputError(f"Could not load the weights in {path}: {error}. Train the model anew.") from error


def save_state(
    path: Path, model: nn.Module, average: nn.Module, optimizers: Mapping[str, torch.optim.Optimizer], counters: dict
) -> None:
    """Write all that an exact resume needs as one file."""
    tensors: dict[str, Tensor] = {}
    for prefix, module in (("model", model), ("average", average)):
        tensors |= {f"{prefix}/{name}": value for name, value in module.state_dict().items()}
    for player, optimizer in optimizers.items():
        for number, moments in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{player}/{number}/{name}": value for name, value in moments.items()}
    held = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    write_bytes(Path(path), safetensors.torch.save(held, metadata={"counters": json.dumps(counters)}))


def read_counters(path: Path) -> dict:
    """Give the counters of a checkpoint.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    return _read(path)[0]


def load_model(path: Path, model: nn.Module) -> dict:
    """Put the weights of a checkpoint into a model and give the counters.

    Raises
    ------
    InputError
        If the file is damaged or belongs to another network.
    """
    counters, tensors = _read(path)
    _fill(path, model, _under(tensors, "model/"))
    return counters


def load_state(path: Path, average: nn.Module, optimizers: Mapping[str, torch.optim.Optimizer]) -> None:
    """Put averaged weights and the optimisers' moments back.

    Raises
    ------
    InputError
        If the file is damaged or belongs to another network.
    """
    _, tensors = _read(path)
    _fill(path, average, _under(tensors, "average/"))
    for player, optimizer in optimizers.items():
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in _under(tensors, f"optimizer/{player}/").items():
            number, key = name.split("/")
            moments.setdefault(int(number), {})[key] = value
        optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})


def _read(path: Path) -> tuple[dict, dict[str, Tensor]]:
    try:
        with safe_open(str(path), framework="pt") as stored:
            counters = json.loads((stored.metadata() or {}).get("counters", "{}"))
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        raise InputError(f"Could not resume from {path}: {error}. Delete it and train anew.") from error
    missing = [name for name in COUNTERS if name not in counters]
    if missing:
        raise InputError(f"{path} is no training checkpoint: it lacks {', '.join(missing)}. Delete it and train anew.")
    return counters, tensors


def _fill(path: Path, module: nn.Module, state: Mapping[str, Tensor]) -> None:
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise InputError(f"{path} holds another network ({error}). Delete it and train anew.") from error


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
