"""The sets that benchmarks/manifold.py measures on: MNIST, Fashion-MNIST, digits, and a made manifold of known dimension.

The made manifold is a cube of 6 dimensions bent into 64: with u uniform in [0, 1]^6 and w_a, b_a drawn once,

    x_a = cos(w_a . u + b_a) + 0.02 noise,    w_a ~ N(0, 2^2 I),    a = 1 .. 64,

which is smooth and, with 64 such waves, meets itself nowhere. Rows are drawn in blocks with a seed each, so the 70,000 rows are
the first of the million. The labels of that set are the corner of the cube a row lies in.
"""

import argparse
from pathlib import Path

import numpy as np

SETS = {"mnist": 70_000, "fashion-mnist": 70_000, "digits": 1797, "cube-70k": 70_000, "cube-1m": 1_000_000}
"""Rows of each set."""

_BLOCK = 10_000
_KINDS = ("images-idx3", "labels-idx1")


def set_files(name: str, data: Path, scratch: Path) -> tuple[Path, Path]:
    """Give the npy files of a set's rows, float32 (n, d), and labels int64 (n,); they are written when first asked for."""
    files = scratch / f"{name}-rows.npy", scratch / f"{name}-labels.npy"
    if not all(file.exists() for file in files):
        scratch.mkdir(parents=True, exist_ok=True)
        rows, labels = _read(name, data)
        np.save(files[1], labels.astype(np.int64))
        np.save(files[0], np.ascontiguousarray(rows, dtype=np.float32))
    return files


def spread_rows(n: int, wanted: int | None) -> np.ndarray:
    """Give which rows of n make the small set of a trial: all, or `wanted` of them spread evenly."""
    return np.arange(n) if wanted is None or wanted >= n else np.linspace(0, n - 1, wanted).astype(int)


def _read(name: str, data: Path) -> tuple[np.ndarray, np.ndarray]:
    if name == "digits":
        from sklearn.datasets import load_digits

        return load_digits(return_X_y=True)
    if name.startswith("cube"):
        return bent_cube(SETS[name])
    from imatlas.images.idx import read_idx

    parts = [[read_idx(data / name / f"{part}-{kind}-ubyte.gz") for part in ("train", "t10k")] for kind in _KINDS]
    images, labels = (np.concatenate(part) for part in parts)
    return images.reshape(len(images), -1), labels


def bent_cube(
    n: int, *, dimension: int = 6, width: int = 64, noise: float = 0.02, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw n rows of the made manifold, float32 (n, width), and their corners int64 (n,)."""
    rng = np.random.default_rng(seed)
    waves, shifts = 2 * rng.normal(size=(dimension, width)), rng.uniform(0, 2 * np.pi, width)
    rows, corners = np.empty((n, width), dtype=np.float32), np.empty(n, dtype=np.int64)
    for start in range(0, n, _BLOCK):
        block = slice(start, min(start + _BLOCK, n))
        rng = np.random.default_rng([seed, start])
        places = rng.random((_BLOCK, dimension))
        bent = np.cos(places @ waves + shifts) + noise * rng.normal(size=(_BLOCK, width))
        rows[block] = bent[: block.stop - start]
        corners[block] = ((places > 0.5) @ (2 ** np.arange(dimension)))[: block.stop - start]
    return rows, corners


def main() -> None:
    """Write the files of the named sets, so that no measurement has to."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="+")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--scratch", type=Path)
    asked = parser.parse_args()
    for name in asked.names:
        set_files(name, asked.data, asked.scratch)


if __name__ == "__main__":
    main()
