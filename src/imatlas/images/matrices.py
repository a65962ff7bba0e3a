"""Any feature matrix to one `FeatureMatrix`: files, arrays and sparse matrices, checked once and told in words.

Rows become float32 (sparse ones CSR). A row that is not finite is refused and named, since no distance to it exists;
what changes no result (constant columns, rows of zeros) is noted.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import sparse

from imatlas.checks import InputError, require_resolved
from imatlas.images.matrix_files import MatrixFile, read_matrix_file
from imatlas.images.npz import row_names
from imatlas.images.stacks import check_labels
from imatlas.images.storage import row_blocks
from imatlas.values import FeatureMatrix

__all__ = ["read_matrix"]

FIRST_ROWS = 5
A_FEW = 3
"""Rows that are too few for a map, and may be much alike when they are added to one."""

SAMPLE = 2000
EXACT_WHOLE = 2**24
"""Whole numbers above this are rounded in float32."""


def read_matrix(
    source: str | Path | np.ndarray | sparse.spmatrix | FeatureMatrix,
    *,
    labels: np.ndarray | None = None,
    ids: np.ndarray | None = None,
) -> FeatureMatrix:
    """Read a feature matrix.

    Parameters
    ----------
    source : npy file with a 2-D array; npz file with one 2-D array, or one named X or features (and labels or y, ids or
        names, class_names beside it), or as `scipy.sparse.save_npz` writes it; an array or sparse matrix (n, d).
    labels : (n,) class numbers or names, -1 or "" for none; those of the file when None.
    ids : (n,) a name for each row; those of the file, or numbers, when None.

    Returns
    -------
    FeatureMatrix of float32 rows; float32 arrays in C order are not copied, memory maps stay memory maps.

    Raises
    ------
    InputError
        If there is no finite matrix of numbers with a row and a column; the message says what to do.

    Examples
    --------
    >>> read_matrix(np.array([[0, 1], [2, 3]]), labels=np.array(["a", "b"])).class_names
    ('a', 'b')
    """
    if isinstance(source, FeatureMatrix):
        return source
    if isinstance(source, str | Path):
        stored, name = read_matrix_file(Path(source).expanduser()), str(source)
        stem = Path(source).stem
    else:
        rows = source if sparse.issparse(source) else np.asarray(source)
        stored, name, stem = MatrixFile(rows), "the matrix", "row"
    where = f"{stored.key} in {name}" if stored.key else name
    notes: list[str] = []
    rows = _numbers(stored.rows, where, notes)
    n = rows.shape[0]
    given = stored.labels if labels is None else np.asarray(labels)
    numbers, class_names = _labels(given, n, where, stored.class_names, notes)
    given_ids = stored.ids if ids is None else np.asarray(ids)
    matrix = FeatureMatrix(rows, _ids(given_ids, n, stem, where, notes), numbers, class_names, name)
    return replace(matrix, notes=(*notes, *_describe(rows)))


def _numbers(rows: np.ndarray | sparse.spmatrix, where: str, notes: list[str]) -> np.ndarray | sparse.csr_matrix:
    """Give finite float32 rows, dense in C order or CSR."""
    if rows.dtype.kind not in "fiub":
        raise InputError(f"{where} holds {rows.dtype} values; wanted real numbers. Give each thing a row of numbers first.")
    if rows.ndim != 2:
        raise InputError(f"{where} has the shape {rows.shape}; wanted a matrix (n, d), one row per thing. Reshape it.")
    n, d = rows.shape
    if not n or not d:
        raise InputError(f"{where} has the shape {rows.shape}: there is nothing in it. Give rows and columns.")
    if sparse.issparse(rows):
        return _sparse_numbers(sparse.csr_matrix(rows), where)
    keep = rows.dtype == np.float32 and rows.flags.c_contiguous and rows.dtype.isnative
    clean = rows if keep else np.empty((n, d), dtype=np.float32)
    bad: list[np.ndarray] = []
    beyond = 0
    largest = 0
    for block in row_blocks(rows):
        part = rows[block]
        if not keep:
            with np.errstate(over="ignore"):
                clean[block] = part
            beyond += int((~np.isfinite(clean[block]) & np.isfinite(part)).any(axis=1).sum())
        if rows.dtype.kind in "iu":
            largest = max(largest, int(part.max()), -int(part.min()))
        bad.append(block.start + np.flatnonzero(~np.isfinite(clean[block]).all(axis=1)))
    _refuse_bad(np.concatenate(bad), beyond, n, where)
    if n > A_FEW:
        require_resolved(rows[:: max(1, n // SAMPLE)], where)
    if largest > EXACT_WHOLE:
        notes.append(f"Whole numbers up to {largest:,} are rounded to 24 bits (float32); are they numbers, or names of things?")
    return clean


def _sparse_numbers(rows: sparse.csr_matrix, where: str) -> sparse.csr_matrix:
    with np.errstate(over="ignore"):
        clean = rows.astype(np.float32)
    if clean is rows:
        clean = rows.copy()
    clean.sum_duplicates()
    wrong = np.flatnonzero(~np.isfinite(clean.data))
    bad = np.unique(np.searchsorted(clean.indptr, wrong, side="right") - 1)
    _refuse_bad(bad, 0 if not np.isfinite(rows.data).all() else len(bad), rows.shape[0], where)
    clean.eliminate_zeros()
    return clean


def _refuse_bad(bad: np.ndarray, beyond: int, n: int, where: str) -> None:
    """Refuse rows that are not finite, with their number and the first of them."""
    if not len(bad):
        return
    shown = ", ".join(str(row) for row in bad[:FIRST_ROWS]) + (", ..." if len(bad) > FIRST_ROWS else "")
    what = "values beyond 3.4e38" if beyond == len(bad) else "NaN or infinite values"
    cure = "Rescale them." if beyond == len(bad) else "Drop those rows, or fill the gaps, for example with the column's median."
    raise InputError(f"{where} has {what} in {len(bad):,} of {n:,} rows (row {shown}, counted from 0). {cure}")


def _labels(
    labels: np.ndarray | None, n: int, where: str, class_names: np.ndarray | None, notes: list[str]
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Bring labels to numbers and names; a real-valued target is no class and is passed over with a note."""
    if labels is None:
        return None, ()
    if labels.dtype.kind == "f" and labels.shape == (n,) and not np.array_equal(labels, np.round(labels)):
        notes.append("The labels are not whole numbers, so they are no classes; they were not used.")
        return None, ()
    names = None if class_names is None else [str(name) for name in class_names.tolist()]
    return check_labels(labels, n, f"The labels of {where}", names, noun="row")


def _ids(ids: np.ndarray | None, n: int, stem: str, where: str, notes: list[str]) -> np.ndarray:
    """Give a unique name per row."""
    if ids is None:
        return row_names(stem, n)
    if ids.shape != (n,):
        raise InputError(f"The ids of {where} have the shape {ids.shape}, but there are {n:,} rows; give one per row.")
    names = np.array([one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in ids.tolist()])
    _, first, counts = np.unique(names, return_index=True, return_counts=True)
    if len(first) < n:
        repeated = names[first[np.argmax(counts)]]
        notes.append(f"{n - len(first):,} ids are there more than once ({repeated!r}); rows are named by id and number.")
        names = np.array([f"{name}#{row}" for row, name in enumerate(names)])
    return names


def _describe(rows: np.ndarray | sparse.csr_matrix) -> list[str]:
    """Say what of the matrix changes no result."""
    n, d = rows.shape
    if not isinstance(rows, np.ndarray):
        filled = rows.nnz / (n * d)
        used = len(np.unique(rows.indices))
        empty = int((np.diff(rows.indptr) == 0).sum())
        notes = [f"Sparse: {100 * filled:.2g} % of the entries are not zero."]
        notes += [f"{d - used:,} of {d:,} columns are empty; they change no distance."] if used < d else []
        return notes + _all_zeros(empty)
    low, high = rows[0].copy(), rows[0].copy()
    zeros = 0
    for block in row_blocks(rows):
        low, high = np.minimum(low, rows[block].min(axis=0)), np.maximum(high, rows[block].max(axis=0))
        zeros += int((~rows[block].any(axis=1)).sum())
    constant = int((low == high).sum())
    notes = [f"{constant:,} of {d:,} columns are constant; they change no Euclidean distance."] if constant else []
    return notes + _all_zeros(zeros)


def _all_zeros(n_rows: int) -> list[str]:
    return [f"{n_rows:,} row{'s are' if n_rows > 1 else ' is'} all zeros."] if n_rows else []
