"""The peers, as benchmarks/evaluation.py measures them: their own functions on the same features, their own defaults.

The Fréchet distance's peer is the form by a matrix square root that pytorch-fid, clean-fid and others have, written here
for the SciPy of today: their own calls of `sqrtm` ask for an argument that SciPy 1.18 has taken away.
"""

import contextlib
import io

import numpy as np

from evaluation.cell import Answers, Cell

K = 5


def measure_shares(cell: Cell) -> None:
    from prdc import compute_prdc

    real, generated = cell.features()

    def work() -> Answers:
        with contextlib.redirect_stdout(io.StringIO()):
            return {name: float(share) for name, share in compute_prdc(real, generated, K).items()}

    cell.measure(work)


def measure_frechet(cell: Cell) -> None:
    from scipy import linalg

    real, generated = cell.features()

    def work() -> Answers:
        means = [np.mean(rows, axis=0, dtype=np.float64) for rows in (real, generated)]
        covariances = [np.cov(rows.astype(np.float64), rowvar=False) for rows in (real, generated)]
        root = linalg.sqrtm(covariances[0] @ covariances[1])
        gap = means[0] - means[1]
        traces = np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * np.trace(root).real
        return {"distance": float(gap @ gap + traces)}

    cell.measure(work)


def measure_vendi(cell: Cell) -> None:
    from vendi_score import vendi

    real, _ = cell.features()
    score = vendi.score_dual if cell.job.variant == "dual" else vendi.score_X
    cell.measure(lambda: {"score": float(score(real))})


CELLS = {"shares": measure_shares, "frechet": measure_frechet, "vendi": measure_vendi}
"""Group -> measurement."""
