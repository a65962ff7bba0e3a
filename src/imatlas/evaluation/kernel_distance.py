"""Kernel distance (KID): squared maximum mean discrepancy of two feature sets under a cubic kernel.

    k(x, y) = (x.y / d + 1)^3
    KD = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean k(x_i, y_j)
over all pairs, not over subsets: an unbiased estimate, so it may be slightly negative and is never clipped. The block
pass keeps row sums, which give the delete-one jackknife error at no cost; sums of squares, since the jackknife counts
the variance of pairs twice, and that is all there is where the distributions are equal; and sums of blocks, whose
labels can be permuted for a p-value. Time O((n + m)^2 d), memory O(block^2).

The metric first centres the features and brings them to unit mean variance (of the real images), since the kernel
depends on both. Sources: Bińkowski et al., "Demystifying MMD GANs" (2018, arXiv 1801.01401); Gretton et al. (2012).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from imatlas.evaluation.doors import require_features
from imatlas.evaluation.intervals import Estimate, Traced
from imatlas.evaluation.judged import Comparison, compare
from imatlas.values import Score, Trial

__all__ = ["kernel_distance", "kernel_metric", "trace_kernel"]

N_BLOCKS = 50
N_PERMUTATIONS = 999
EXACT_ROWS = 4_000


def kernel_distance(real: np.ndarray, generated: np.ndarray, *, seed: int = 0) -> Estimate:
    """Give the kernel distance of two feature sets, its jackknife interval and a permutation p-value.

    Parameters
    ----------
    real, generated : (n, d) and (m, d) float, at least 3 rows each, used as they are.
    seed : which rows form blocks, and the permutations.

    Returns
    -------
    Estimate with details "standard_error" and "p_value" (of equal distributions; at least 1/1000).

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(400, 8))
    >>> kernel_distance(rows[:200], rows[200:] + 1.0).value > 1.0
    True
    """
    require_features(real, generated, at_least=3)
    return _judged(real, generated, seed)[1]


def trace_kernel(comparison: Comparison) -> Traced:
    """Give the kernel distance of a comparison with the parts of its error, real rows in an order that their number sets."""
    return comparison.once(_of_comparison)[0]


def kernel_metric(trial: Trial, space: str) -> Score:
    """Score a trial by the kernel distance in one feature space."""
    comparison = compare(trial, space)
    estimate, floor = (part.once(_of_comparison)[1] for part in (comparison, comparison.floor))
    details = dict(estimate.details) | {"floor_standard_error": floor.details["standard_error"]}
    return comparison.score("kernel_distance", estimate, floor=floor.value, better="lower", block="quality", details=details)


def _of_comparison(comparison: Comparison) -> tuple[Traced, Estimate]:
    return _judged(comparison.real, comparison.generated, 0)


def _judged(real: np.ndarray, generated: np.ndarray, seed: int) -> tuple[Traced, Estimate]:
    """Give the distance with the parts of its error, and with its interval and p-value, from one pass over all pairs."""
    rng = np.random.default_rng(seed)
    sums = _kernel_sums(real[rng.permutation(len(real))], generated[rng.permutation(len(generated))])
    traced = _traced(sums)
    return traced, traced.distance(p_value=_p_value(sums, traced.value, rng))


@dataclass(frozen=True)
class _KernelSums:
    """Sums of the kernel without its diagonal.

    blocks (B, B); is_real (1, B) and sizes (B,) of the blocks; within (n + m,) and across (n + m,): sums of each row
    over the other rows of its own set and over the other set; squares (3,): sums of k^2 within the real rows, within
    the others, and across; n_real.
    """

    blocks: np.ndarray
    is_real: np.ndarray
    sizes: np.ndarray
    within: np.ndarray
    across: np.ndarray
    squares: np.ndarray
    n_real: int


def _kernel_sums(real: np.ndarray, generated: np.ndarray) -> _KernelSums:
    n, m, d = len(real), len(generated), real.shape[1]
    kind = torch.float64 if n + m <= EXACT_ROWS else torch.float32
    rows = torch.from_numpy(np.concatenate([real, generated])).to(kind)
    step = -(-(n + m) // N_BLOCKS)
    starts = np.concatenate([np.arange(0, n, step), np.arange(n, n + m, step)])
    stops = np.append(starts[1:], n + m)
    in_real = starts < n
    blocks = np.zeros((len(starts), len(starts)))
    sums = torch.zeros(2, n + m, dtype=torch.float64)  # over own set, over the other
    squares = np.zeros(3)
    for i, (start, stop) in enumerate(zip(starts, stops)):
        kernel = torch.mm(rows[start:stop], rows[start:].T).div_(d).add_(1.0).pow_(3)  # (b, rest)
        kernel[:, : stop - start].fill_diagonal_(0.0)
        columns = kernel.sum(dim=0).double()
        blocks[i, i:] = blocks[i:, i] = np.add.reduceat(columns.numpy(), starts[i:] - start)
        end = n if in_real[i] else n + m  # of this block's own set
        sums[0, start:stop] += kernel[:, : end - start].sum(dim=1).double()
        sums[1, start:stop] += kernel[:, end - start :].sum(dim=1).double()
        sums[0, stop:end] += columns[stop - start : end - start]
        sums[1, end:] += columns[end - start :]
        own, rest = kernel[:, : end - start], kernel[:, end - start :]
        diagonal_block = _square_sum(own[:, : stop - start])
        squares[0 if in_real[i] else 1] += 2 * _square_sum(own[:, stop - start :]) + diagonal_block
        squares[2] += _square_sum(rest)
    return _KernelSums(blocks, in_real[None].astype(float), stops - starts, sums[0].numpy(), sums[1].numpy(), squares, n)


def _square_sum(entries: torch.Tensor) -> float:
    return float(torch.linalg.vector_norm(entries)) ** 2 if entries.numel() else 0.0


def _unbiased(blocks: np.ndarray, is_real: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Give the distance (p,) for each labelling (p, B) of the blocks as real (1) or generated (0)."""
    other = 1 - is_real
    n, m = is_real @ sizes, other @ sizes
    real_sums = is_real @ blocks
    within_real = (real_sums * is_real).sum(axis=1) / (n * (n - 1))
    within_other = (other @ blocks * other).sum(axis=1) / (m * (m - 1))
    return within_real + within_other - 2 * (real_sums * other).sum(axis=1) / (n * m)


def _traced(sums: _KernelSums) -> Traced:
    real, other = (_left_out(sums, of_real=of_real) for of_real in (True, False))
    n, m = len(real), len(other)
    in_real, in_other, across = _pair_variances(sums)
    return Traced(
        value=float(_unbiased(sums.blocks, sums.is_real, sums.sizes)[0]),
        own=(m - 1) / m * float(np.square(other - other.mean()).sum()),
        shared=np.sqrt((n - 1) / n) * (real - real.mean()),
        own_pairs=2 * in_other / (m * (m - 1)) + 4 * across / (n * m),
        shared_pairs=2 * in_real / (n * (n - 1)),
    )


def _left_out(sums: _KernelSums, *, of_real: bool) -> np.ndarray:
    """Give what the distance changes to without each row of one set, up to a constant."""
    own = slice(0, sums.n_real) if of_real else slice(sums.n_real, None)
    within, across = sums.within[own], sums.across[own]
    n, m = len(within), len(sums.within) - len(within)
    return (within.sum() - 2 * within) / ((n - 1) * (n - 2)) - 2 * (across.sum() - across) / ((n - 1) * m)


def _pair_variances(sums: _KernelSums) -> tuple[float, float, float]:
    """Give the variance of k(x, x'), k(y, y') and k(x, y) that neither row alone explains: E k^2 - E r^2 - E c^2 + (E k)^2.

    r and c are the means over rows and over columns.
    """
    n, m = sums.n_real, len(sums.within) - sums.n_real
    parts = (
        (sums.squares[0] / (n * (n - 1)), sums.within[:n] / (n - 1), sums.within[:n] / (n - 1)),
        (sums.squares[1] / (m * (m - 1)), sums.within[n:] / (m - 1), sums.within[n:] / (m - 1)),
        (sums.squares[2] / (n * m), sums.across[:n] / m, sums.across[n:] / n),
    )
    left = [square - np.square(r).mean() - np.square(c).mean() + r.mean() ** 2 for square, r, c in parts]
    return tuple(max(0.0, float(variance)) for variance in left)  # type: ignore[return-value]


def _p_value(sums: _KernelSums, value: float, rng: np.random.Generator) -> float:
    labels = rng.permuted(np.repeat(sums.is_real, N_PERMUTATIONS, axis=0), axis=1)
    permuted = _unbiased(sums.blocks, labels, sums.sizes)
    return float((1 + np.count_nonzero(permuted >= value)) / (1 + N_PERMUTATIONS))
