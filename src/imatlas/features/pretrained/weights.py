"""Published weights on disk: where they are looked for, checked to be what was published, read without running code.

A file is believed by its hash alone. Nothing is fetched unless asked for; what is fetched comes from the publisher's own
address and is kept only if its hash is right.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from imatlas.checks import InputError
from imatlas.files import replacing

__all__ = ["FOLDER", "Published", "fetch_weights", "fill", "find_weights", "read_weights"]

FOLDER = "IMATLAS_WEIGHTS"
"""Environment variable with the folder where weights are looked for first."""

_PIECE = 2**20
_UNREADABLE = (OSError, RuntimeError, ValueError, EOFError, KeyError, pickle.UnpicklingError, SafetensorError)


@dataclass(frozen=True)
class Published:
    """A file of weights as its publisher gives it.

    Parameters
    ----------
    file : its name.
    sha256 : of its content, in hexadecimal.
    megabytes : its size.
    url : where the publisher keeps it.
    also : other names that the very same file goes by.
    """

    file: str
    sha256: str
    megabytes: int
    url: str
    also: tuple[str, ...] = ()


def find_weights(published: Published, place: Path | None = None) -> Path:
    """Give the path of a file of weights.

    Parameters
    ----------
    published : what is looked for.
    place : the file itself, of whatever name, or the folder it lies in; None = the folder that IMATLAS_WEIGHTS names, then
        the one where torch.hub keeps what it has downloaded.

    Raises
    ------
    InputError
        If it is not there.
    """
    if place is not None and place.is_file():
        return place
    folders = _folders() if place is None else [place]
    for folder in folders:
        for name in (published.file, *published.also):
            if (folder / name).is_file():
                return folder / name
    looked = ", ".join(str(folder) for folder in folders)
    raise InputError(
        f"There is no {published.file} in {looked}; wanted the published weights ({published.megabytes} MB). Give the file or "
        f"its folder with --weights, name the folder in {FOLDER}, or let it be fetched with --download, from {published.url}"
    )


def fetch_weights(published: Published, folder: Path | None = None) -> Path:
    """Fetch a file of weights from its publisher, unless it is there already, and give its path.

    Parameters
    ----------
    published : what is wanted.
    folder : where it is kept; None = the first of the folders in which it is looked for.

    Raises
    ------
    InputError
        If it cannot be fetched or is not the file that was published; then nothing is kept.
    """
    path = (folder or _folders()[0]) / published.file
    if path.is_file():
        return path
    cure = f"Fetch it in another way, and give the file with --weights: {published.url}"
    found = hashlib.sha256()
    with replacing(path) as stream:
        try:
            with urllib.request.urlopen(published.url) as answer:
                while piece := answer.read(_PIECE):
                    found.update(piece)
                    stream.write(piece)
        except OSError as error:
            raise InputError(f"{published.file} could not be fetched ({error}). {cure}") from error
        if found.hexdigest() != published.sha256:
            raise InputError(
                f"What came from there has the hash {found.hexdigest()}; wanted {published.sha256}. It was not kept. {cure}"
            )
    return path


def read_weights(path: Path, sha256: str) -> dict[str, Tensor]:
    """Read a file of weights if it is the one that is meant.

    Parameters
    ----------
    path : a safetensors file, or a file of torch.save that holds tensors alone.
    sha256 : the hash that its content must have.

    Raises
    ------
    InputError
        If the hash is another one, or the file holds anything but tensors by name.
    """
    try:
        with open(path, "rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != sha256:
            raise InputError(
                f"{path} has the hash {found}; wanted {sha256}, the published file. Fetch it again, or in Python give your own "
                "weights with their hash: sha256=..."
            )
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except _UNREADABLE as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(f"{path} could not be read as weights ({first}). Give the published file with --weights.") from error
    if not isinstance(tensors, Mapping) or not all(isinstance(values, Tensor) for values in tensors.values()):
        raise InputError(f"{path} holds other things than tensors by name. Give the published file with --weights.")
    return dict(tensors)


def fill(network: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Put weights into a network that was built without any (on the device "meta"), name by name, as float32.

    Raises
    ------
    InputError
        If a name is missing, is too many, or has another shape; up to three are named.
    """
    wanted = {name: tuple(values.shape) for name, values in network.state_dict().items()}
    found = {name: tuple(values.shape) for name, values in tensors.items()}
    wrong = [f"{name} is missing" for name in wanted if name not in found]
    wrong += [f"{name} is not wanted" for name in found if name not in wanted]
    wrong += [f"{name} is {found[name]}, not {shape}" for name, shape in wanted.items() if found.get(name, shape) != shape]
    if wrong:
        raise InputError(
            f"The weights in {path} do not fit a {type(network).__name__}: {'; '.join(wrong[:3])} ({len(wrong)} in all). "
            "Give the published file with --weights."
        )
    floats = {name: values.float() if values.is_floating_point() else values for name, values in tensors.items()}
    network.load_state_dict(floats, assign=True)


def _folders() -> list[Path]:
    named = os.environ.get(FOLDER)
    return [*([Path(named).expanduser()] if named else []), Path(torch.hub.get_dir()) / "checkpoints"]
