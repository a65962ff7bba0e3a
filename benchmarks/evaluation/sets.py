"""The feature sets of benchmarks/evaluation.py: rows in kinds, on axes of falling width, and others a little off.

    x = c_kind + sum_i w_i z_i a_i,    w_i^2 ~ 1 / i,    z ~ N(0, 1)

with 20 kinds whose centres are drawn as the rows are. Generated rows leave out two kinds and are 5 % narrower. float32, as
features come; written once, so that no measurement pays for making them.
"""

import argparse
from pathlib import Path

import numpy as np

from evaluation.plan import Job, jobs

N_KINDS, N_MISSED, NARROWER = 20, 2, 0.95


def feature_files(job: Job, scratch: Path, quick: bool) -> tuple[Path, Path]:
    """Give the npy files of real and generated features, float32 (n, d); they are written when first asked for."""
    n, d = job.shape(quick)
    files = scratch / f"real-{n}x{d}.npy", scratch / f"generated-{n}x{d}.npy"
    if not all(file.exists() for file in files):
        scratch.mkdir(parents=True, exist_ok=True)
        for file, rows in zip(files, made_features(n, d), strict=True):
            np.save(file, rows)
    return files


def made_features(n: int, d: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw n real and n generated feature rows, float32 (n, d)."""
    rng = np.random.default_rng(seed)
    widths = np.arange(1, d + 1) ** -0.5
    axes = np.linalg.qr(rng.normal(size=(d, d)))[0]
    centres = rng.normal(size=(N_KINDS, d)) * widths
    sets = []
    for kinds, narrow in ((N_KINDS, 1.0), (N_KINDS - N_MISSED, NARROWER)):
        rows = narrow * rng.normal(size=(n, d)) * widths + centres[rng.integers(kinds, size=n)]
        sets.append((rows @ axes).astype(np.float32))
    return sets[0], sets[1]


def main() -> None:
    """Write the files of all feature sets."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scratch", type=Path)
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    for job in jobs():
        if job.group != "metrics":
            feature_files(job, asked.scratch, asked.quick)


if __name__ == "__main__":
    main()
