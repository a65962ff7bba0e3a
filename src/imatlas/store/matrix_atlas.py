"""The atlas of a feature matrix: its map, clusters and graph as files, and the fitted methods that place new rows.

It is a light atlas: the rows themselves are kept only inside the packed map, which needs them to place new ones.
`summary.json` is written last, so that a folder that has one is whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np

from imatlas.checks import InputError
from imatlas.files import content_hash, read_json
from imatlas.store.header import changed_header, claim_folder, holds_matrix, read_header
from imatlas.store.manifold_files import Packed, open_array, write_all
from imatlas.store.packed import read_packed
from imatlas.values import FeatureMatrix

__all__ = ["MatrixAtlas", "create_matrix_atlas", "open_matrix_atlas"]

_MARK = "summary.json"


class MatrixAtlas:
    """Handle of the atlas of a feature matrix; make one with `create_matrix_atlas` or `open_matrix_atlas`.

    Parameters
    ----------
    folder : path of the atlas folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def __repr__(self) -> str:
        return f"MatrixAtlas({str(self.folder)!r})"

    @property
    def is_whole(self) -> bool:
        """Whether the map was finished."""
        return (self.folder / _MARK).is_file()

    @cached_property
    def summary(self) -> dict:
        """What was found, JSON values.

        Raises
        ------
        InputError
            If the map was not finished.
        """
        if not self.is_whole:
            raise InputError(f"{self.folder} has no finished map. Run: imatlas map MATRIX --out {self.folder}")
        return read_json(self.folder / _MARK)

    @property
    def settings(self) -> dict:
        """Settings this atlas was made with."""
        return read_header(self.folder)["settings"]

    @property
    def map_key(self) -> str:
        """Hash of everything the map was made of."""
        return str(read_header(self.folder)["steps"].get("map", {}).get("key", ""))

    def array(self, name: str) -> np.ndarray:
        """Open one array, such as "map/coordinates"; large ones as memory maps."""
        return open_array(self.folder / f"{name}.npy")

    def load_packed(self, name: str) -> tuple[dict, dict[str, np.ndarray]]:
        """Read a fitted estimator, "map/map" or "clusters/clusters": (settings, arrays)."""
        return read_packed(self.folder / f"{name}.safetensors", cure=f"make it again: imatlas map MATRIX --out {self.folder}")

    def save(
        self, arrays: Mapping[str, np.ndarray], packed: Mapping[str, Packed], summary: Mapping[str, object], key: str
    ) -> None:
        """Keep a finished map, replacing an earlier one: all of it, or nothing where the disk is full.

        Parameters
        ----------
        arrays, packed : name -> what to keep.
        summary : JSON values, with "seconds" of each step.
        key : hash of everything it was made of.
        """
        write_all(self.folder, arrays, packed, mark=_MARK, facts=summary)
        self.__dict__.pop("summary", None)
        with changed_header(self.folder) as header:
            header["steps"]["map"] = {"key": key, "seconds": round(sum(dict(summary["seconds"]).values()), 3)}  # type: ignore[call-overload]


def create_matrix_atlas(folder: Path, matrix: FeatureMatrix, settings: Mapping[str, object]) -> MatrixAtlas:
    """Make the atlas of a feature matrix, or continue the one of the same rows.

    Raises
    ------
    InputError
        If the folder holds something else or an atlas of other rows, or is not writable.
    """
    rows = matrix.rows
    parts = (rows,) if isinstance(rows, np.ndarray) else (rows.data, rows.indices, rows.indptr)
    labels = "no labels" if matrix.labels is None else matrix.labels
    key = content_hash(*parts, list(rows.shape), matrix.ids, labels, list(matrix.class_names))
    claim_folder(Path(folder), matrix.source, {"rows": key}, dict(settings))
    return MatrixAtlas(folder)


def open_matrix_atlas(folder: Path) -> MatrixAtlas:
    """Open the atlas of a feature matrix.

    Raises
    ------
    InputError
        If it is not one, or its format is newer.
    """
    if not holds_matrix(folder):
        raise InputError(f"{folder} is an atlas of images. Open it with open_atlas.")
    return MatrixAtlas(folder)
