"""Door checks: what came, what was wanted, what to do. All error wording has one voice."""

from __future__ import annotations

import numpy as np

__all__ = ["FailedRun", "InputError", "require_matrix", "require_range", "require_rows"]


class InputError(ValueError):
    """A user's input that cannot be used; its message is a whole sentence that says what to do."""


class FailedRun(RuntimeError):
    """Good input, well begun, that could not be brought to an end; its message is a whole sentence that says what to do."""


def require_rows(array: np.ndarray, n: int, name: str) -> np.ndarray:
    """Give the array back if it has n rows.

    Raises
    ------
    ValueError
        If the number of rows differs.
    """
    if len(array) != n:
        raise ValueError(f"{name} has {len(array)} rows, but there are {n} images; give one entry per image.")
    return array


def require_matrix(rows: np.ndarray, name: str) -> np.ndarray:
    """Give a finite float32 matrix (n, d); a float32 memory map stays one.

    Raises
    ------
    ValueError
        If the array is not two-dimensional or holds NaN or infinite values.
    """
    if np.ndim(rows) != 2:
        raise ValueError(f"{name} came with shape {np.shape(rows)}; wanted a matrix (n, d). Reshape each row to one vector.")
    matrix = np.asarray(rows, dtype=np.float32)
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(bad):
        raise ValueError(f"{name} has NaN or infinite values in {len(bad)} rows, first row {bad[0]}; drop or mend them.")
    return matrix


def require_range(value: float, *, low: float, high: float, name: str) -> float:
    """Give the number back if low <= value <= high.

    Raises
    ------
    ValueError
        If it lies outside.
    """
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}; wanted a value from {low} to {high}.")
    return value
