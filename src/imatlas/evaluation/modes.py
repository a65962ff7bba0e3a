"""How many kinds of images there are.

Effective number of modes (RKE, order-2 Vendi score) of rows with unit length after centring:
    RKE = 1 / || X'X / n ||_F^2 = n^2 / sum_ij (x_i . x_j)^2 ,
1 when all rows are equal, c for c orthogonal groups of one size; computed from the d x d matrix, with no n x n one.
Vendi(q=1) = exp of the entropy of the eigenvalues of X'X / n: it also counts rare modes. Both grow with n, so the metrics are
ratios to real stand-ins of the same number. With K = X'X / n, a row x adds to the logarithms
    log RKE: -2 (x'K x / tr K^2 - 1);    log Vendi: -x' log(K) x - entropy ,
nothing where all eigenvalues are equal; the curvature of both then says how they vary.
Sources: Jalali et al., RKE (2023, arXiv 2302.04447); Friedman and Dieng, Vendi (2023, arXiv 2210.02410).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from imatlas.evaluation.doors import require_features
from imatlas.evaluation.intervals import Traced, row_errors
from imatlas.evaluation.judged import Comparison, compare
from imatlas.values import Score, Trial

__all__ = ["effective_modes", "modes_metric", "trace_modes", "trace_vendi", "vendi_metric", "vendi_score"]

LARGEST_SPECTRUM = 2_048

Count = Callable[[Comparison], "_Counted"]


def effective_modes(rows: np.ndarray) -> float:
    """Give RKE, the effective number of modes of rows (n, d), in [1, n]; rows are taken as already centred.

    Examples
    --------
    >>> import numpy as np
    >>> effective_modes(np.eye(8).repeat(5, axis=0))
    8.0
    """
    require_features(rows, at_least=1)
    return float(1 / np.square(_products(_unit(rows))).sum())


def vendi_score(rows: np.ndarray) -> float:
    """Give the Vendi score of order 1 of rows (n, d), taken as already centred; O(n d^2 + d^3) or O(n^2 d + n^3)."""
    require_features(rows, at_least=1)
    shares = np.linalg.eigvalsh(_products(_unit(rows)))
    shares = shares[shares > 1e-15]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def modes_metric(trial: Trial, space: str) -> Score:
    """Score a trial by its effective number of modes over that of as many real images."""
    return _ratio_score(trial, space, "mode_ratio", _effective_modes)


def vendi_metric(trial: Trial, space: str) -> Score:
    """Score a trial by its Vendi score over that of as many real images."""
    return _ratio_score(trial, space, "vendi_ratio", _vendi)


def trace_modes(comparison: Comparison) -> Traced:
    """Give the ratio of effective numbers of modes with the parts of its error."""
    return _trace_ratio(comparison, _effective_modes)


def trace_vendi(comparison: Comparison) -> Traced:
    """Give the ratio of Vendi scores with the parts of its error."""
    return _trace_ratio(comparison, _vendi)


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows, dtype=np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


def _products(unit: np.ndarray) -> np.ndarray:
    """Give the smaller of the d x d and the n x n products of rows over n; both have the same eigenvalues above zero."""
    return (unit.T @ unit if unit.shape[1] <= len(unit) else unit @ unit.T) / len(unit)


@dataclass(frozen=True)
class _Counted:
    """A number of modes, each row's influence on its logarithm (m,), and the variance of that due to pairs of rows."""

    modes: float
    influence: np.ndarray
    pairs: float


@dataclass(frozen=True)
class _Spectrum:
    """Eigenvalues of K, (r,), and the squared coordinates of each row along its eigenvectors, (m, r)."""

    shares: np.ndarray
    squares: np.ndarray

    def pairs(self, curvature: np.ndarray) -> float:
        """Give the variance of sum_ab c_ab e_ab^2 / 2 where e is the error of K and c the curvature, (r, r).

        Products of different coordinates are taken as independent; products (a, b) and (b, a) are one.
        """
        spread = self.squares.T @ self.squares / len(self.squares) - np.diag(np.square(self.shares))
        terms = np.square(curvature * spread / (2 * len(self.squares)))
        return float(4 * terms.sum() - 2 * np.trace(terms))


def _spectrum(comparison: Comparison) -> _Spectrum:
    unit = _unit(comparison.generated[_chosen_rows(comparison)])
    m, d = unit.shape
    shares, vectors = np.linalg.eigh(_products(unit))
    kept = shares > 1e-12
    shares, vectors = shares[kept], vectors[:, kept]
    return _Spectrum(shares, np.square(unit @ vectors) if d <= m else np.square(vectors) * (shares * m))


def _effective_modes(comparison: Comparison) -> _Counted:
    """RKE: log tr K^2 has the curvature 2 / tr K^2 in every entry of K."""
    spectrum = comparison.once(_spectrum)
    total = float(np.square(spectrum.shares).sum())
    influence = -2 * (spectrum.squares @ spectrum.shares / total - 1)
    return _Counted(1 / total, influence, spectrum.pairs(np.array(2 / total)))


def _vendi(comparison: Comparison) -> _Counted:
    """Vendi: the curvature of the entropy is the slope of the logarithm between two eigenvalues."""
    spectrum = comparison.once(_spectrum)
    logs = np.log(spectrum.shares)
    entropy = -float((spectrum.shares * logs).sum())
    gaps, rises = np.subtract.outer(spectrum.shares, spectrum.shares), np.subtract.outer(logs, logs)
    middles = np.add.outer(spectrum.shares, spectrum.shares) / 2
    slopes = np.divide(rises, gaps, out=1 / middles, where=np.abs(gaps) > 1e-6 * middles)
    return _Counted(float(np.exp(entropy)), -(spectrum.squares @ logs) - entropy, spectrum.pairs(slopes))


def _chosen_rows(comparison: Comparison) -> np.ndarray:
    """Choose all rows, or 2,048 where there are more dimensions: eigenvalues of larger matrices take minutes."""
    m, d = comparison.generated.shape
    if min(m, d) <= LARGEST_SPECTRUM:
        return np.arange(m)
    return np.sort(np.random.default_rng(0).choice(m, LARGEST_SPECTRUM, replace=False))


def _trace_ratio(comparison: Comparison, count: Count) -> Traced:
    own, real = (part.once(count) for part in (comparison, comparison.floor))
    errors = row_errors(own.influence)
    relative = Traced(1.0, float(errors @ errors), -row_errors(real.influence), own.pairs, real.pairs)
    return relative.scaled(own.modes / real.modes)


def _ratio_score(trial: Trial, space: str, name: str, count: Count) -> Score:
    comparison = compare(trial, space)
    own, real = (part.once(count) for part in (comparison, comparison.floor))
    found = _trace_ratio(comparison, count).estimate()
    estimate = replace(found, interval=(max(0.0, found.interval[0]), found.interval[1]))
    details = {"modes_generated": own.modes, "modes_real": real.modes, "rows_counted": len(own.influence)}
    return comparison.score(
        name, estimate, floor=1.0, better="higher", block="diversity", details=details | dict(found.details)
    )
