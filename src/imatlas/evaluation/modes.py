"""How many kinds of images there are.

Effective number of modes (RKE, order-2 Vendi score) of rows with unit length after centring:
    RKE = 1 / || X'X / n ||_F^2 = n^2 / sum_ij (x_i . x_j)^2 ,
1 when all rows are equal, c for c orthogonal groups of one size; computed from the d x d matrix, with no n x n one.
Vendi(q=1) = exp of the entropy of the eigenvalues of X'X / n. Both grow with n, so the metric is the ratio to real
stand-ins of the same number.
Sources: Jalali et al., RKE (2023, arXiv 2302.04447); Friedman and Dieng, Vendi (2023, arXiv 2210.02410).
"""

from __future__ import annotations

import numpy as np

from imatlas.evaluation.intervals import NORMAL_95, deal_groups, jackknife_error
from imatlas.evaluation.judged import Comparison, compare
from imatlas.values import Score, Trial

__all__ = ["effective_modes", "modes_metric", "vendi_score"]

N_GROUPS = 20


def effective_modes(rows: np.ndarray) -> float:
    """Give RKE, the effective number of modes of rows (n, d), in [1, n]; rows are taken as already centred.

    Examples
    --------
    >>> import numpy as np
    >>> effective_modes(np.eye(8).repeat(5, axis=0))
    8.0
    """
    unit = _unit(rows)
    return float(1 / np.square(unit.T @ unit / len(unit)).sum())


def vendi_score(rows: np.ndarray) -> float:
    """Give the Vendi score of order 1 of rows (n, d), taken as already centred; O(n d^2 + d^3) or O(n^2 d + n^3)."""
    unit = _unit(rows)
    gram = unit.T @ unit if unit.shape[1] <= len(unit) else unit @ unit.T
    shares = np.linalg.eigvalsh(gram / len(unit))
    shares = shares[shares > 1e-15]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def modes_metric(trial: Trial, space: str) -> Score:
    """Score a trial by its effective number of modes over that of as many real images."""
    comparison = compare(trial, space)
    (own, own_error), (real, real_error) = (part.once(_modes) for part in (comparison, comparison.floor))
    ratio = own / real
    reach = NORMAL_95 * ratio * np.hypot(own_error / own, real_error / real)
    return Score(
        name="mode_ratio",
        space=space,
        value=ratio,
        interval=(max(0.0, float(ratio - reach)), float(ratio + reach)),
        floor=1.0,
        better="higher",
        n=len(comparison.generated),
        block="diversity",
        details=comparison.sizes | {"modes_generated": own, "modes_real": real},
    )


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows, dtype=np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


def _modes(comparison: Comparison) -> tuple[float, float]:
    """Give RKE of the generated rows and its jackknife error."""
    unit = _unit(comparison.generated)
    groups = deal_groups(len(unit), N_GROUPS, 0)
    sizes = np.bincount(groups)
    total, without = _squares(unit, groups)
    left_out = np.array([(len(unit) - size) ** 2 / rest for size, rest in zip(sizes, without, strict=True)])
    return float(len(unit) ** 2 / total), float(jackknife_error(left_out))


def _squares(unit: np.ndarray, groups: np.ndarray) -> tuple[float, list[float]]:
    """Give the sum of squared products of all rows, and of those outside each group, on the smaller of n x n and d x d."""
    members = [groups == group for group in range(groups.max() + 1)]
    if unit.shape[1] < len(unit):
        products = [unit[inside].T @ unit[inside] for inside in members]
        whole = np.sum(products, axis=0)
        return float((whole**2).sum()), [float(((whole - part) ** 2).sum()) for part in products]
    squares = (unit @ unit.T) ** 2
    by_row, whole = squares.sum(axis=1), float(squares.sum())
    rests = [whole - 2 * float(by_row[inside].sum()) + float(squares[np.ix_(inside, inside)].sum()) for inside in members]
    return whole, rests
