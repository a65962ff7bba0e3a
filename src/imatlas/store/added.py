"""What was added to a finished atlas: numbered batches beside it, so that nothing that was there before is touched.

    added/0001/   what was added (an image cache, or rows.safetensors and rows.json) and placed.safetensors
    added/0002/   ...

A batch is written under another name and renamed when it is whole. Its places belong to one map: `placed.safetensors`
says to which, and where the map has been made again since, the batch waits to be placed anew.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import sparse

from imatlas.checks import InputError
from imatlas.files import locked, read_json, reading, write_json
from imatlas.images import read_cache, write_cache
from imatlas.store.packed import read_packed, write_packed
from imatlas.values import FeatureMatrix, ImageSet

__all__ = ["Batch", "add_batch", "list_batches", "place_again"]


@dataclass(frozen=True)
class Batch:
    """Images or rows added at one time, and where they lie on the map.

    Parameters
    ----------
    items : m images or rows.
    places : float32 (m, q), map coordinates.
    clusters : int64 (m,), -1 = none.
    map_key : hash of the map that the places belong to.
    folder : where the batch is kept.
    """

    items: ImageSet | FeatureMatrix
    places: np.ndarray
    clusters: np.ndarray
    map_key: str
    folder: Path = Path()

    def __len__(self) -> int:
        return len(self.items)


def list_batches(folder: Path) -> list[Batch]:
    """Read the batches that were added to an atlas, oldest first.

    Raises
    ------
    InputError
        If a batch is damaged.
    """
    home = Path(folder) / "added"
    names = sorted(entry.name for entry in home.iterdir() if entry.name.isdigit()) if home.is_dir() else []
    cure = "move that folder away and add what was in it again"
    batches = []
    for name in names:
        with reading(f"The addition {home / name}", f"Restore it from a copy, or {cure}."):
            settings, arrays = read_packed(home / name / "placed.safetensors", cure=cure)
            items = read_cache(home / name) if (home / name / "index.json").is_file() else _read_rows(home / name)
            batches.append(Batch(items, arrays["places"], arrays["clusters"], settings["map"], home / name))
    return batches


def add_batch(folder: Path, batch: Batch) -> Batch:
    """Keep a batch as the next one, whole or not at all, and give it back with its folder.

    Raises
    ------
    InputError
        If the disk is full or not writable, or another process is adding to this atlas.
    """
    home = Path(folder) / "added"
    with locked(home):
        staging = home / ".staging"
        try:
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir()
            if isinstance(batch.items, ImageSet):
                write_cache(batch.items, staging)
            else:
                _write_rows(batch.items, staging)
            _write_placed(staging, batch)
            numbers = [int(entry.name) for entry in home.iterdir() if entry.name.isdigit()]
            target = home / f"{max(numbers, default=0) + 1:04d}"
            os.replace(staging, target)
        except OSError as error:
            raise InputError(
                f"Could not write into {home} ({error.strerror or error}). Free some space; the atlas is as it was."
            ) from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return replace(batch, folder=target)


def place_again(folder: Path, map_key: str, place: Callable[[ImageSet | FeatureMatrix], tuple[np.ndarray, np.ndarray]]) -> int:
    """Place the batches that belong to an earlier map on the present one, and give their number.

    Parameters
    ----------
    place : gives places and clusters of images or rows.
    """
    stale = [batch for batch in list_batches(folder) if batch.map_key != map_key]
    for batch in stale:
        places, clusters = place(batch.items)
        _write_placed(batch.folder, replace(batch, places=places, clusters=clusters, map_key=map_key))
    return len(stale)


def _write_placed(folder: Path, batch: Batch) -> None:
    arrays: dict[str, np.ndarray] = {
        "places": np.asarray(batch.places, np.float32),
        "clusters": np.asarray(batch.clusters, np.int64),
    }
    write_packed(folder / "placed.safetensors", {"map": batch.map_key}, arrays)


def _write_rows(matrix: FeatureMatrix, folder: Path) -> None:
    rows = matrix.rows
    arrays: dict[str, np.ndarray]
    if isinstance(rows, np.ndarray):
        arrays = {"rows": rows}
    else:
        arrays = {"data": rows.data, "indices": rows.indices, "indptr": rows.indptr}
    write_packed(folder / "rows.safetensors", {"shape": list(rows.shape)}, arrays)
    labels = None if matrix.labels is None else matrix.labels.tolist()
    facts = {"ids": matrix.ids.tolist(), "labels": labels, "class_names": list(matrix.class_names), "source": matrix.source}
    write_json(folder / "rows.json", facts)


def _read_rows(folder: Path) -> FeatureMatrix:
    settings, arrays = read_packed(folder / "rows.safetensors")
    facts = read_json(folder / "rows.json")
    if "rows" in arrays:
        rows = arrays["rows"]
    else:
        rows = sparse.csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape=settings["shape"])
    labels = None if facts["labels"] is None else np.array(facts["labels"], dtype=np.int64)
    return FeatureMatrix(rows, np.array(facts["ids"], dtype=str), labels, tuple(facts["class_names"]), facts["source"])
