"""Door checks: what came, what was wanted, what to do. All error wording has one voice."""

from __future__ import annotations

import numpy as np

__all__ = ["FailedRun", "InputError", "require_matrix", "require_range", "require_resolved", "require_rows"]

_SAMPLE = 2000
_LOST = 0.01  # of the spread of all rows; the near ones differ by less than that


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
        If the array is not two-dimensional, is complex, or holds NaN or infinite values.
    """
    if np.ndim(rows) != 2:
        raise ValueError(f"{name} came with shape {np.shape(rows)}; wanted a matrix (n, d). Reshape each row to one vector.")
    if np.iscomplexobj(rows):
        raise ValueError(
            f"{name} holds complex numbers; wanted real ones. Give real and imaginary parts as columns of their own."
        )
    matrix = np.asarray(rows, dtype=np.float32)
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(bad):
        raise ValueError(f"{name} has NaN or infinite values in {len(bad)} rows, first row {bad[0]}; drop or mend them.")
    return matrix


def require_resolved(rows: np.ndarray, name: str) -> np.ndarray:
    """Give a set of rows (n, d) that is to be learned from as float32, if its differences are not lost in that.

    About 2,000 rows are looked at. New rows need no such check: each is rounded as the rows it is compared with.

    Raises
    ------
    InputError
        If rounding takes more than a hundredth of the spread.
    ValueError
        As `require_matrix`.
    """
    matrix = require_matrix(rows, name)
    if matrix is rows or not matrix.size:
        return matrix
    step = max(1, len(matrix) // _SAMPLE)
    exact = np.asarray(rows[::step], dtype=np.float64)
    size, spread = np.square(exact).mean(), np.square(exact - exact.mean(axis=0)).mean()
    lost = np.square(exact - matrix[::step]).mean()
    # Rows equal up to the rounding of float64 are equal.
    if lost > _LOST**2 * spread and spread > 1e-26 * size:
        raise InputError(
            f"{name} varies by {np.sqrt(spread):.2g} around numbers of {np.sqrt(size):.2g}, finer than float32 can hold. "
            "Subtract each column's mean, or rescale the columns, first."
        )
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
