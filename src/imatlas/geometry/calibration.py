"""What dimension a raw reading stands for, among finitely many rows.

Balls that reach k of n rows are not small in many dimensions: they reach over the edge of the set and count too few rows, so
raw estimates m fall behind the true d. When d grows, log(T_k / T_j) falls as 1 / sqrt(d) and its scale as
sqrt(log(n / k)), so that d = m (1 + constant m / log(n / k)) in the end. Between that and no correction at m = 1,

    d = m (1 + a (m - 1)^b / log(e + n / k)^c)

was fitted to sets of known dimension, once to Gaussians (no edge, uneven density) and once to cubes (even density, edges
all round), d = 1 to 45, n = 50 to 200,000, k = 2 to 60; `scripts/proofs/dimension_calibration.py` repeats it. Nobody knows
which of the two a set of images is like. The geometric mean of both readings is taken, and their distance (up to 8 % either
way) is part of every interval: no number of rows removes it.
"""

from __future__ import annotations

import numpy as np

__all__ = ["calibrate"]

_GAUSSIAN = (0.0404, 1.6814, 1.6539, 0.6683)  # a, b, c, e
_CUBE = (0.1473, 0.9553, 0.9659, 0.4363)
_FIT_ERROR = 0.03  # of the formula itself, on the sets it was fitted to
_LEAST_ROWS = 3  # times k: below, nothing was fitted


def calibrate(raw: np.ndarray, n_rows: np.ndarray, n_neighbors: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Turn raw estimates into dimensions.

    Parameters
    ----------
    raw : (...) readings, inverse mean logarithms of T_k / T_j.
    n_rows : (...) rows of the connected set each reading comes from.
    n_neighbors : k, the neighbors it was read from; 2 for the first two.

    Returns
    -------
    The dimension, and what it could be if the set were like the one or the other family, the error of the fit included:
    low and high.
    """
    readings = [_read(raw, n_rows, n_neighbors, constants) for constants in (_GAUSSIAN, _CUBE)]
    slack = 1 + _FIT_ERROR * (1 - 1 / np.maximum(raw, 1))
    return np.sqrt(readings[0] * readings[1]), np.minimum(*readings) / slack, np.maximum(*readings) * slack


def _read(raw: np.ndarray, n_rows: np.ndarray, k: int, constants: tuple[float, ...]) -> np.ndarray:
    a, b, c, e = constants
    crowd = np.log(e + np.maximum(n_rows / k, _LEAST_ROWS))
    return raw * (1 + a * np.maximum(np.subtract(raw, 1), 0) ** b / crowd**c)
