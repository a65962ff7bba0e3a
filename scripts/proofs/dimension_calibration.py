"""Derives the constants of imatlas/geometry/calibration.py: what dimension a raw reading stands for, on Gaussians and on cubes.

Usage: python scripts/proofs/dimension_calibration.py
Draws sets of known dimension d (1 to 45) and size n (50 to 200,000), reads the raw inverse m^-1 = mean log(T_k / T_j) at
several k, and fits for either family

    d = m (1 + a max(m - 1, 0)^b / log(e + n / k)^c)

to log d by robust least squares, each reading weighted by its noise and a floor of 2 %. Takes about two minutes. The last
lines say how far the geometric mean of the two readings is from the truth of either family.
"""

import numpy as np
from scipy.optimize import least_squares
from scipy.spatial import cKDTree

SIZES = (50, 150, 500, 1500, 5000, 15_000, 50_000, 200_000)
DIMENSIONS = (1, 2, 3, 4, 5, 7, 10, 14, 20, 30, 45)
COUNTS = (2, 3, 5, 8, 15, 30, 60)
FAMILIES = {
    "gaussian": lambda rng, n, d: rng.normal(size=(n, d)),
    "cube": lambda rng, n, d: rng.random(size=(n, d)),
}
QUERIES = 800


def main() -> None:
    readings = np.array([line for name in FAMILIES for n in SIZES for d in DIMENSIONS for line in read(name, n, d)])
    family, n, d, k, raw, noise = readings.T
    fitted = {}
    for number, name in enumerate(FAMILIES):
        rows = (family == number) & (n >= 3 * k)
        weight = 1 / np.hypot(0.02, noise[rows])
        miss = lambda p, rows=rows, weight=weight: weight * np.log(corrected(p, raw[rows], n[rows], k[rows]) / d[rows])  # noqa: E731
        fitted[name] = least_squares(miss, [0.1, 1, 1, 1], loss="soft_l1", bounds=([0, 0, 0.05, 0], np.inf)).x
        print(f"{name}: a, b, c, e = {np.round(fitted[name][[0, 1, 3, 2]], 4).tolist()}")
    value = np.sqrt(np.prod([corrected(fitted[name], raw, n, k) for name in FAMILIES], axis=0))
    for number, name in enumerate(FAMILIES):
        for size in (500, 5000, 15_000, 200_000):
            rows = (family == number) & (n == size) & (k == 15)
            errors = " ".join(f"{100 * error:+.1f}" for error in value[rows] / d[rows] - 1)
            print(f"{name}, {size:,} rows, k = 15: error in % at d = {DIMENSIONS}: {errors}")


def read(name: str, n: int, d: int) -> list[tuple[float, ...]]:
    """Give (family, n, d, k, raw, relative noise) for each k."""
    rng = np.random.default_rng([list(FAMILIES).index(name), n, d])
    repeats = max(1, 3000 // n) if n < 1500 else (3 if n < 50_000 else 1)
    logs = [np.log(nearest(FAMILIES[name](rng, n, d), min(60, n - 1), rng)) for _ in range(repeats)]
    lines = []
    for k in COUNTS:
        if k < n:
            ratios = np.concatenate([(near[:, k - 1 : k] - near[:, : k - 1]).mean(axis=1) for near in logs])
            noise = 1.3 * ratios.std() / ratios.mean() / np.sqrt(len(ratios))
            lines.append((list(FAMILIES).index(name), n, d, k, 1 / ratios.mean(), noise))
    return lines


def nearest(rows: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Distances from some of the rows to their k nearest others."""
    asked = rows[rng.choice(len(rows), min(len(rows), QUERIES), replace=False)]
    if rows.shape[1] <= 5:
        return cKDTree(rows).query(asked, k=k + 1)[0][:, 1:]
    found = []
    squares = np.square(rows).sum(axis=1)
    for start in range(0, len(asked), max(1, 2**24 // len(rows))):
        block = asked[start : start + max(1, 2**24 // len(rows))]
        squared = squares + np.square(block).sum(axis=1)[:, None] - 2 * block @ rows.T
        found.append(np.sort(np.partition(squared, k, axis=1)[:, : k + 1], axis=1)[:, 1:])
    return np.sqrt(np.concatenate(found))


def corrected(constants: np.ndarray, raw: np.ndarray, n: np.ndarray, k: np.ndarray) -> np.ndarray:
    a, b, e, c = constants
    return raw * (1 + a * np.maximum(raw - 1, 0) ** b / np.log(e + n / k) ** c)


if __name__ == "__main__":
    main()
