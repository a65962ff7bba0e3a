"""Array files that hold a feature matrix: npy, npz, and sparse npz as SciPy writes it. Nothing is unpickled.

What a file holds is told from its array headers, before any array is read: two axes are a feature matrix, three or more
are images, and so are the keys `images` and `x_train`.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from scipy import sparse

from imatlas.checks import InputError
from imatlas.images.containers import refuse_bomb
from imatlas.images.npz import why_unread

__all__ = ["MATRIX_KEYS", "MatrixFile", "is_matrix_file", "read_matrix_file"]

MATRIX_KEYS = ("X", "features")
LABEL_KEYS = ("labels", "y")
ID_KEYS = ("ids", "names")
BESIDE = (*LABEL_KEYS, *ID_KEYS, "class_names")
IMAGE_KEYS = ("images", "x_train")
SPARSE_KEYS = {"format", "shape", "data"}

_WANTED = "the numbers as one 2-D array (n, d), or with scipy.sparse.save_npz"
_BROKEN = (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error, KeyError, NotImplementedError)


@dataclass(frozen=True)
class MatrixFile:
    """What a file holds, not yet checked.

    Parameters
    ----------
    rows : (n, d), an array (may be a memory map) or a CSR matrix.
    labels, ids, class_names : (n,), (n,) and (c,), or None.
    key : name of the array inside the file, "" where there is but one.
    """

    rows: np.ndarray | sparse.csr_matrix
    labels: np.ndarray | None = None
    ids: np.ndarray | None = None
    class_names: np.ndarray | None = None
    key: str = ""


def is_matrix_file(path: Path) -> bool:
    """Say whether a path leads to a feature matrix rather than to images; False where that cannot be told."""
    try:
        with open(path, "rb") as stream:
            if stream.read(6) == b"\x93NUMPY":
                return len(_header(stream, rewind=True)) <= 2
        if Path(path).suffix.lower() != ".npz":
            return False
        with zipfile.ZipFile(path) as archive:
            shapes = {name.removesuffix(".npy"): name for name in archive.namelist() if name.endswith(".npy")}
            if set(shapes) >= SPARSE_KEYS:
                return True
            key = _matrix_key(list(shapes))
            if not key or any(name in shapes for name in IMAGE_KEYS):
                return False
            with archive.open(shapes[key]) as member:
                return len(_header(member)) <= 2
    except _BROKEN:
        return False


def read_matrix_file(path: Path) -> MatrixFile:
    """Read a feature matrix from an npy or npz file; images are laid out as one row each.

    Raises
    ------
    InputError
        If it is missing, broken, holds Python objects, or no array of it can be a matrix.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no file {path}. Check the name; wanted an npy or npz file with a matrix (n, d).")
    try:
        with open(path, "rb") as stream:
            is_npy = stream.read(6) == b"\x93NUMPY"
        if is_npy:
            return MatrixFile(_flat(np.load(path, mmap_mode="r", allow_pickle=False)))
        with zipfile.ZipFile(path) as archive:
            refuse_bomb(path, sum(member.file_size for member in archive.infolist()))
        with np.load(path, allow_pickle=False) as arrays:
            if set(arrays.files) >= SPARSE_KEYS:
                return MatrixFile(_sparse(arrays, path))
            return _dense(arrays, path)
    except InputError:
        raise
    except _BROKEN as error:
        raise InputError(f"{path} {why_unread(error, _WANTED)}") from error


def _header(stream: IO[bytes], *, rewind: bool = False) -> tuple[int, ...]:
    """Read the shape out of an npy header."""
    if rewind:
        stream.seek(0)
    version = np.lib.format.read_magic(stream)
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return reader(stream)[0]


def _matrix_key(keys: list[str]) -> str:
    """Choose the array that is the matrix: a known name, else the only array that is not labels or ids."""
    for key in (*MATRIX_KEYS, *IMAGE_KEYS):
        if key in keys:
            return key
    others = [key for key in keys if key not in BESIDE]
    return others[0] if len(others) == 1 else ""


def _dense(arrays: np.lib.npyio.NpzFile, path: Path) -> MatrixFile:
    key = _matrix_key(list(arrays.files))
    if not key:
        names = ", ".join(arrays.files) or "(none)"
        raise InputError(
            f"{path} has the keys {names}; wanted one matrix, named {' or '.join(MATRIX_KEYS)}, and if you like labels (or y) "
            "and ids (or names). Rename the arrays."
        )
    given, ids = (next((arrays[name] for name in names if name in arrays.files), None) for names in (LABEL_KEYS, ID_KEYS))
    class_names = arrays["class_names"] if "class_names" in arrays.files else None
    if key != "x_train":
        return MatrixFile(_flat(arrays[key]), given, ids, class_names, key)
    parts = [part for part in ("train", "test") if f"x_{part}" in arrays.files]
    labels = [arrays[f"y_{part}"] for part in parts if f"y_{part}" in arrays.files]
    rows = np.concatenate([_flat(arrays[f"x_{part}"]) for part in parts])
    return MatrixFile(rows, np.concatenate(labels) if len(labels) == len(parts) else None, ids, class_names, key)


def _flat(array: np.ndarray) -> np.ndarray:
    """Lay images out as rows; matrices stay as they are."""
    return array.reshape(len(array), -1) if array.ndim > 2 else array


def _sparse(arrays: np.lib.npyio.NpzFile, path: Path) -> sparse.csr_matrix:
    """Build a CSR matrix from what `scipy.sparse.save_npz` wrote, after checking that its parts fit one another."""
    kind = arrays["format"].item()
    kind = kind.decode("ascii", "replace") if isinstance(kind, bytes) else str(kind)
    if kind not in ("csr", "csc", "coo"):
        raise InputError(f"{path} holds a sparse matrix of format {kind!r}; wanted csr. Save it again as matrix.tocsr().")
    shape = tuple(int(side) for side in arrays["shape"])
    values = arrays["data"]
    if len(shape) != 2 or values.ndim != 1 or values.dtype.kind not in "fiub":
        raise InputError(f"{path} holds sparse {values.dtype} values of shape {shape}; wanted numbers of shape (n, d).")
    if kind == "coo":
        rows, columns = arrays["row"], arrays["col"]
        _refuse_unfit(path, _within(rows, shape[0]) and _within(columns, shape[1]) and len(rows) == len(columns) == len(values))
        return sparse.coo_matrix((values, (rows, columns)), shape=shape).tocsr()
    starts, places = arrays["indptr"], arrays["indices"]
    major, minor = shape if kind == "csr" else shape[::-1]
    fits = (
        starts.shape == (major + 1,)
        and starts.dtype.kind in "iu"
        and len(starts) > 0
        and starts[0] == 0
        and int(starts[-1]) == len(values) == len(places)
        and bool((np.diff(starts.astype(np.int64)) >= 0).all())
        and _within(places, minor)
    )
    _refuse_unfit(path, fits)
    build = sparse.csr_matrix if kind == "csr" else sparse.csc_matrix
    return build((values, places, starts), shape=shape).tocsr()


def _within(places: np.ndarray, side: int) -> bool:
    return places.dtype.kind in "iu" and places.ndim == 1 and (not len(places) or (places.min() >= 0 and places.max() < side))


def _refuse_unfit(path: Path, fits: bool) -> None:
    if not fits:
        raise InputError(f"{path} is a damaged sparse matrix: its indices do not fit its shape. Save it again.")
