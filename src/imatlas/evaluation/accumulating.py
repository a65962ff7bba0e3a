"""Distances from sums that are gathered batch by batch, on one process or many, without keeping the rows.

Fréchet distance: number n, mean mu and scatter M (sum of centred squares) of two parts merge exactly,
    M = M_a + M_b + (mu_b - mu_a)(mu_b - mu_a)' n_a n_b / n ,
and nothing large is subtracted from anything large, as raw second moments would be (they give negative variances).
Kernel distance: the cubic kernel is a scalar product of monomials up to degree three,
    sum_ij (x_i.y_j / d + 1)^3 = n m + 3/d s.t + 3/d^2 <S, T> + 1/d^3 <C, D> ,
with s, S, C the sums of x, xx', xxx' over a set and t, T, D over the other. C has d^3 entries: up to 64 dimensions that
is 2 MB; beyond, project to 64 principal components first, or keep the rows and call `kernel_distance`.

All sums are float64, so how the rows were cut into batches changes no more than the last few digits. What rows add one by one
is not kept, so there are no intervals here: they need the rows. Source: Chan, Golub and LeVeque (1979), merging of moments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imatlas.checks import InputError
from imatlas.evaluation.nearest import row_blocks

__all__ = ["KernelSums", "Moments", "kernel_of_sums"]

MAX_KERNEL_DIMS = 64


@dataclass(frozen=True)
class Moments:
    """Number, mean and scatter (sum of centred squares, d x d) of a set of rows, float64.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(100, 3))
    >>> whole = Moments.of(rows[:30]).merged(Moments.of(rows[30:]))
    >>> bool(np.allclose(whole.covariance, np.cov(rows.T)))
    True
    """

    n: int
    mean: np.ndarray
    scatter: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> Moments:
        """Gather a batch of rows (n, d), n >= 1."""
        mean = np.asarray(np.mean(rows, axis=0, dtype=np.float64))
        scatter = np.zeros((len(mean), len(mean)))
        for block in row_blocks(len(rows), len(mean)):
            centred = rows[block] - mean
            scatter += centred.T @ centred
        return cls(len(rows), mean, scatter)

    @property
    def covariance(self) -> np.ndarray:
        """The covariance, (d, d), over n - 1."""
        return self.scatter / (self.n - 1)

    @property
    def trace(self) -> float:
        """The trace of the covariance."""
        return float(np.trace(self.scatter) / (self.n - 1))

    def merged(self, other: Moments) -> Moments:
        """Give the moments of both sets together."""
        n = self.n + other.n
        gap = other.mean - self.mean
        scatter = self.scatter + other.scatter + np.outer(gap, gap) * (self.n * other.n / n)
        return Moments(n, self.mean + gap * (other.n / n), scatter)


@dataclass(frozen=True)
class KernelSums:
    """Sums of x, xx', xxx' and of k(x, x) over a set of rows, float64; rows should be centred and of unit variance."""

    n: int
    first: np.ndarray
    second: np.ndarray
    third: np.ndarray
    diagonal: float

    @classmethod
    def of(cls, rows: np.ndarray) -> KernelSums:
        """Gather a batch of rows (n, d), d <= 64.

        Raises
        ------
        InputError
            If there are more than 64 dimensions.
        """
        rows = np.asarray(rows, dtype=np.float64)
        n, d = rows.shape
        if d > MAX_KERNEL_DIMS:
            raise InputError(
                f"{d} dimensions; sums for the kernel distance are kept up to {MAX_KERNEL_DIMS}, since they take d^3 numbers. "
                "Project to fewer principal components, or keep the rows and use kernel_distance."
            )
        second, third = np.zeros((d, d)), np.zeros((d, d * d))
        for block in row_blocks(n, d * d):
            products = (rows[block][:, :, None] * rows[block][:, None, :]).reshape(-1, d * d)
            second += products.sum(axis=0).reshape(d, d)
            third += rows[block].T @ products
        diagonal = float(np.power(np.square(rows).sum(axis=1) / d + 1, 3).sum())
        return cls(n, rows.sum(axis=0), second, third, diagonal)

    def merged(self, other: KernelSums) -> KernelSums:
        """Give the sums of both sets together."""
        return KernelSums(
            self.n + other.n,
            self.first + other.first,
            self.second + other.second,
            self.third + other.third,
            self.diagonal + other.diagonal,
        )

    def total(self, other: KernelSums) -> float:
        """Give the sum of the kernel over all pairs of a row of this set and a row of the other."""
        d = len(self.first)
        parts = ((3 / d, "first"), (3 / d**2, "second"), (1 / d**3, "third"))
        return self.n * other.n + sum(f * float(np.vdot(getattr(self, name), getattr(other, name))) for f, name in parts)


def kernel_of_sums(real: KernelSums, generated: KernelSums) -> float:
    """Give the kernel distance of two sets, what `kernel_distance` gives for their rows; at least 2 rows each."""
    within = sum((side.total(side) - side.diagonal) / (side.n * (side.n - 1)) for side in (real, generated))
    return within - 2 * real.total(generated) / (real.n * generated.n)
