"""Fréchet distance: how far apart the means and covariances of two feature sets lie.

    FD = |mu_x - mu_y|^2 + tr S_x + tr S_y - 2 T,    T = nuclear norm of A B',
with A, B the centred rows over sqrt(n - 1), or the triangular roots of S_x, S_y when n > d. T is a sum of singular
values: always real, exact for fewer images than dimensions, with no epsilon.

FD of finite sets is too large even for equal distributions. The mean part is corrected exactly by tr S_x/n + tr S_y/m.
The covariance part is corrected to second order: with singular values mu_i of A B' and coordinates z of a row of one
set in the singular basis of the other,
    bias = 1/(2n) sum_ij Var(z_i z_j) / (mu_i mu_j (mu_i + mu_j))
for each set, which for isotropic Gaussians is d(d+1)/4 (1/n + 1/m). This holds for n much larger than d; the metric
therefore looks at no more than n/20 principal components of the real images and says how many.

The error comes from what each row adds, by the derivative of FD: with the same z, a row x of one set adds
    2 (mu_x - mu_y).x + |x|^2 - sum_i z_i^2 / mu_i    (centred);
nothing of it is left where the distributions are equal, and the terms of the bias then say how FD varies.

Sources: Heusel et al., "GANs trained by a two time-scale update rule" (2017, arXiv 1706.08500).
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import linalg
from sklearn.utils.extmath import randomized_svd

from imatlas.checks import InputError
from imatlas.evaluation.accumulating import Moments
from imatlas.evaluation.doors import require_features
from imatlas.evaluation.intervals import Estimate, Traced, row_errors
from imatlas.evaluation.judged import Comparison, compare
from imatlas.values import Score, Trial

__all__ = ["frechet_distance", "frechet_estimate", "frechet_metric", "frechet_of_moments", "trace_frechet"]

ROWS_PER_DIMENSION = 20
LARGEST_SVD = 512
LARGEST_SCATTER = 2048


def frechet_distance(real: np.ndarray, generated: np.ndarray) -> float:
    """Give the plain Fréchet distance of two feature sets, not corrected for their size.

    Parameters
    ----------
    real, generated : (n, d) and (m, d) float, at least 2 rows each; computed in float64.

    Returns
    -------
    float, >= 0, in squared feature units.

    Raises
    ------
    InputError
        If a set has fewer than 2 rows or numbers that are not finite, or the widths differ.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(20, 50))
    >>> round(frechet_distance(rows, rows + 1.0), 6)
    50.0
    """
    require_features(real, generated)
    (left_mean, left), (right_mean, right) = _mean_and_root(real), _mean_and_root(generated)
    return _plain(left_mean - right_mean, left, right)


def frechet_of_moments(real: Moments, generated: Moments) -> float:
    """Give the plain Fréchet distance of two sets whose rows are gone, from moments gathered batch by batch."""
    return _plain(real.mean - generated.mean, _covariance_root(real.covariance), _covariance_root(generated.covariance))


def frechet_estimate(real: np.ndarray, generated: np.ndarray) -> Estimate:
    """Give the Fréchet distance corrected for sample size, with its interval.

    Parameters
    ----------
    real, generated : (n, d) and (m, d) float with n and m above 2d.

    Returns
    -------
    Estimate; the value may be slightly negative, as an unbiased estimate of zero must be.

    Raises
    ------
    InputError
        If a set has no more than 2d rows: no correction is known to hold there.
    """
    require_features(real, generated)
    traced, plain = _trace(real, generated)
    return traced.distance(uncorrected=plain, dimensions=real.shape[1])


def frechet_metric(trial: Trial, space: str) -> Score:
    """Score a trial by the corrected Fréchet distance in one feature space, in squared units of its features."""
    comparison = compare(trial, space)
    (own, plain), (floor, _) = (part.once(_of_comparison) for part in (comparison, comparison.floor))
    unit = comparison.side.scale**2
    estimate = own.scaled(unit).distance()
    details = {
        "dimensions": _n_dims(comparison),
        "features": comparison.real.shape[1],
        "uncorrected": plain * unit,
        "standard_error": own.error * unit,
        "floor_standard_error": floor.error * unit,
    }
    return comparison.score(
        "frechet_distance", estimate, floor=floor.value * unit, better="lower", block="quality", details=details
    )


def trace_frechet(comparison: Comparison) -> Traced:
    """Give the corrected Fréchet distance of a comparison with the parts of its error, in squared units of the features."""
    return comparison.once(_of_comparison)[0].scaled(comparison.side.scale**2)


def _of_comparison(comparison: Comparison) -> tuple[Traced, float]:
    real, generated = comparison.real, comparison.generated
    n_dims = _n_dims(comparison)
    if n_dims < real.shape[1]:
        axes = _principal_axes(np.concatenate([real, comparison.side.stand_ins]), n_dims)
        real, generated = real @ axes, generated @ axes
    return _trace(real, generated)


def _n_dims(comparison: Comparison) -> int:
    fewest = min(len(comparison.real), len(comparison.generated))
    return min(comparison.real.shape[1], max(1, fewest // ROWS_PER_DIMENSION))


def _principal_axes(rows: np.ndarray, n_dims: int) -> np.ndarray:
    """Give the leading principal axes of some rows, float64 (d, n_dims).

    A d x d scatter takes minutes and gigabytes for the pixels of 64 x 64 colour images (d = 12,288): beyond a few
    thousand dimensions the n x n products of the rows, which have the same eigenvalues, or a randomized
    decomposition (Halko et al. 2011, arXiv 0909.4061) give the same axes.
    """
    n, d = rows.shape
    if d <= LARGEST_SCATTER:
        return linalg.eigh(Moments.of(rows).scatter, subset_by_index=(d - n_dims, d - 1))[1]
    centred = rows - np.mean(rows, axis=0, dtype=np.float64)  # (n, d)
    if n <= LARGEST_SCATTER:
        vectors = linalg.eigh(centred @ centred.T, subset_by_index=(n - n_dims, n - 1))[1]
        return linalg.qr(centred.T @ vectors, mode="economic")[0]
    return randomized_svd(centred, n_dims, n_iter=7, random_state=0)[2].T


def _mean_and_root(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the mean and F (min(n, d), d) with F'F = covariance: the centred rows themselves, or a triangular root.

    Fewer rows than dimensions need no d x d table, which takes 1.2 GB for the pixels of 64 x 64 colour images.
    """
    if len(rows) <= rows.shape[1]:
        mean = np.asarray(np.mean(rows, axis=0, dtype=np.float64))
        return mean, (rows - mean) / np.sqrt(len(rows) - 1)
    moments = Moments.of(rows)
    return moments.mean, _covariance_root(moments.covariance)


def _plain(gap: np.ndarray, left: np.ndarray, right: np.ndarray) -> float:
    """Give the distance from the gap between the means and the roots, whose sums of squares are the traces."""
    overlap = _nuclear_norm(left @ right.T)
    return float(max(0.0, np.square(gap).sum() + np.square(left).sum() + np.square(right).sum() - 2 * overlap))


def _covariance_root(covariance: np.ndarray) -> np.ndarray:
    # Torch's own small factorisations: SciPy's threads wait for torch's, ten times as long on a busy machine.
    lower, failed = torch.linalg.cholesky_ex(torch.from_numpy(covariance))
    if not failed:
        return lower.numpy().T
    # Singular: constant or repeated columns. The symmetric root needs no positive definite matrix.
    values, vectors = linalg.eigh(covariance)
    return np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T


def _nuclear_norm(product: np.ndarray) -> float:
    if min(product.shape) <= LARGEST_SVD:
        return float(torch.linalg.svdvals(torch.from_numpy(product)).sum())
    # Several times as fast in many dimensions; singular values below 1e-8 of the largest lose their digits.
    gram = product @ product.T if product.shape[0] <= product.shape[1] else product.T @ product
    return float(torch.linalg.eigvalsh(torch.from_numpy(gram)).clamp_(min=0).sqrt_().sum())


def _trace(real: np.ndarray, generated: np.ndarray) -> tuple[Traced, float]:
    """Give the corrected distance with the parts of its error, and the plain distance."""
    n_dims = real.shape[1]
    fewest = min(len(real), len(generated))
    if fewest <= 2 * n_dims:
        raise InputError(
            f"{fewest} rows in {n_dims} dimensions; a corrected Fréchet distance needs more than {2 * n_dims} rows. "
            "Use fewer principal components, or frechet_distance, which corrects nothing."
        )
    sides = Moments.of(real), Moments.of(generated)
    roots = [_covariance_root(side.covariance) for side in sides]
    u, mu, vt = (part.numpy() for part in torch.linalg.svd(torch.from_numpy(roots[0] @ roots[1].T)))
    gap = sides[0].mean - sides[1].mean
    plain = float(max(0.0, np.square(gap).sum() + sides[0].trace + sides[1].trace - 2 * mu.sum()))
    kept = mu > 1e-7 * mu.max(initial=0.0)
    axes = roots[1].T @ vt[kept].T, roots[0].T @ u[:, kept]
    added = [_row_terms(rows, side, axis, mu[kept]) for rows, side, axis in zip((real, generated), sides, axes, strict=True)]
    row_parts = [
        row_errors(2 * sign * (rows @ gap) + own)
        for sign, rows, (own, _) in zip((1, -1), (real, generated), added, strict=True)
    ]
    bias = [terms for _, terms in added]
    spreads = [side.covariance / side.n for side in sides]
    # A quadratic form e'We of noise e with covariance C varies by 2 tr (WC)^2; of the two sides' sum, by this and a cross term.
    pairs = [
        2 * float(np.square(spread).sum()) + _form_variance(terms, terms) for spread, terms in zip(spreads, bias, strict=True)
    ]
    across = 4 * float((spreads[0] * spreads[1]).sum()) + 2 * _form_variance(*bias)
    traced = Traced(
        value=plain - sum(float(np.trace(spread)) for spread in spreads) - sum(float(terms.sum()) for terms in bias),
        own=float(row_parts[1] @ row_parts[1]),
        shared=row_parts[0],
        own_pairs=pairs[1] + across,
        shared_pairs=pairs[0],
    )
    return traced, plain


def _row_terms(rows: np.ndarray, side: Moments, axes: np.ndarray, mu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give what each row adds through the covariance, (n,), and the bias of the covariance by pairs of axes, (r, r)."""
    centred = rows - side.mean
    squares = np.square(centred @ axes)  # (n, r), z^2
    variances = squares.T @ squares / len(squares) - np.diag(mu**4)
    bias = 0.5 / len(squares) * variances / (np.outer(mu, mu) * np.add.outer(mu, mu))
    return np.square(centred).sum(axis=1) - squares @ (1 / mu), bias


def _form_variance(first: np.ndarray, second: np.ndarray) -> float:
    """Give the (co)variance of sums over products z_i z_j with means (r, r), where (i, j) and (j, i) are one product."""
    products = first * second
    return float(4 * products.sum() - 2 * np.trace(products))
