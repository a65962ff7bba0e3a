"""Errors of the dimension on sets of known dimension, and rank correlations with known densities, too long for the suite.

Usage: python scripts/proofs/geometry.py [--sizes 500 2000 10000 70000]
Every set is turned into 30 directions; the graph is exact, k = 15. Small versions are in tests/geometry/. Fails if a Gaussian
or a cube of 10,000 rows misses by more than 10 % to 5 dimensions, 15 % to 10 or 25 % to 20, with any method, or a mixture
of 10,000 rows correlates below 0.95.
"""

import argparse
import sys

import numpy as np
from scipy.special import logsumexp
from scipy.stats import spearmanr

from imatlas import estimate_density, estimate_dimension, knn_graph

DIMENSIONS = (1, 2, 3, 5, 7, 10, 15, 20)
WIDTH = 30
JUDGED = 10_000


def gaussian(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    return rng.normal(size=(n, d))


def cube(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    return rng.random((n, d))


def sphere(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    rows = rng.normal(size=(n, d + 1))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def uneven(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    """Axes of width 1 to 1/2."""
    return rng.normal(size=(n, d)) * np.linspace(1, 0.5, d)


def three_scales(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    """Three Gaussians of width 0.3, 1 and 3."""
    part = rng.integers(0, 3, n)
    rows = rng.normal(size=(n, d)) * np.array([0.3, 1, 3])[part, None]
    rows[:, 0] += 20 * part
    return rows


def doubled(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    """A fifth of a Gaussian's rows twice."""
    rows = rng.normal(size=(n, d))
    rows[: n // 5] = rows[n // 5 : 2 * (n // 5)]
    return rows


def noisy(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    """A cube with noise of 0.001 in all 30 directions."""
    return np.hstack([rng.random((n, d)), np.zeros((n, WIDTH - d))]) + 1e-3 * rng.normal(size=(n, WIDTH))


def swiss_roll(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    turn = 1.5 * np.pi * (1 + 2 * rng.random(n))
    return np.stack([turn * np.cos(turn), 21 * rng.random(n), turn * np.sin(turn)], axis=1)


FAMILIES = (gaussian, cube, sphere, uneven, three_scales, doubled, noisy)


def mixture(rng: np.random.Generator, n: int, d: int, *, apart: float) -> tuple[np.ndarray, np.ndarray]:
    """Five Gaussians of unequal width and share, and the log density at each row up to a constant."""
    centers, scales = apart * rng.normal(size=(5, d)), np.array([0.2, 0.4, 0.7, 1.0, 1.5])
    shares = np.array([0.1, 0.2, 0.3, 0.2, 0.2])
    part = rng.choice(5, n, p=shares)
    flat = centers[part] + scales[part, None] * rng.normal(size=(n, d))
    squared = np.square(flat[:, None] - centers).sum(axis=2) / scales**2
    return flat, logsumexp(np.log(shares) - d * np.log(scales) - squared / 2, axis=1)


def turned(rng: np.random.Generator, rows: np.ndarray) -> np.ndarray:
    """The same rows in 30 directions, no distance changed."""
    return rows @ np.linalg.qr(rng.normal(size=(WIDTH, WIDTH)))[0][: rows.shape[1]]


def allowed(d: int) -> float:
    return 10.0 if d <= 5 else 15.0 if d <= 10 else 25.0


def dimension_table(n: int) -> bool:
    """Print the errors in percent, each method one line; say whether the judged ones are within bounds."""
    kept = True
    print(f"\n{n:,} rows: error of the dimension in % at d = {DIMENSIONS}; * = outside its 95 % interval")
    for family in (gaussian, cube) if n > 20_000 else FAMILIES:
        lines: dict[str, list[str]] = {}
        for d in DIMENSIONS:
            rng = np.random.default_rng([n, d])
            rows = turned(rng, family(rng, n, d))
            found = estimate_dimension(knn_graph(rows), X=rows)
            estimates = {**found.by_method, "local median": float(np.median(found.local))}
            for name, value in estimates.items():
                error = 100 * (value / d - 1)
                low, high = found.intervals.get(name, (0, np.inf))
                lines.setdefault(name, []).append(f"{error:+6.1f}{' ' if low <= d <= high else '*'}")
                if n == JUDGED and family in (gaussian, cube):
                    kept &= abs(error) <= allowed(d)
        for name, cells in lines.items():
            print(f"  {family.__name__:13s} {name:19s} {''.join(cells)}", flush=True)
    rng = np.random.default_rng(n)
    rows = turned(rng, swiss_roll(rng, n, 2))
    found = estimate_dimension(knn_graph(rows), X=rows)
    print("  swiss roll    ", ", ".join(f"{name} {value:.2f}" for name, value in found.by_method.items()), flush=True)
    return kept


def density_table(n: int) -> bool:
    """Print the rank correlations of two kinds of mixtures, two draws each."""
    kept = True
    print(f"\n{n:,} rows: rank correlation with the known density of mixtures")
    for d in (1, 2, 3, 5):
        cells = []
        for seed in range(2):
            for apart in (1.5, 6.0):
                rng = np.random.default_rng([n, d, seed])
                flat, truth = mixture(rng, n, d, apart=apart)
                graph = knn_graph(turned(rng, flat))
                cells.append(spearmanr(estimate_density(graph, estimate_dimension(graph)), truth).statistic)
        kept &= n != JUDGED or min(cells) >= 0.95
        print(f"  d = {d}: overlapping {cells[0]:.3f}, {cells[2]:.3f}; apart {cells[1]:.3f}, {cells[3]:.3f}", flush=True)
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[500, 2000, 10_000, 70_000])
    kept = [table(n) for n in parser.parse_args().sizes for table in (dimension_table, density_table)]
    if not all(kept):
        sys.exit("A bound is missed.")


if __name__ == "__main__":
    main()
