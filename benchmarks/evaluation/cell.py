"""One measurement, in a process of its own: `python -m evaluation.cell NAME ...`, started by benchmarks/evaluation.py.

"first" are the seconds of the first answer after the import, "again" of a second one where the first took less than ten. Peak
memory is the process's own after the first answer; "own" is what it rose by after imports and input. The answers themselves
are kept too, for they must be the same whoever gives them.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np

from evaluation.plan import Job
from evaluation.sets import feature_files

SHORT_SECONDS = 10.0

Answers = dict[str, float]
Work = Callable[[np.ndarray, np.ndarray], Answers]


class Cell:
    """What a measurement is given, and the numbers it finds."""

    def __init__(self, job: Job, data: Path, scratch: Path, quick: bool) -> None:
        self.job, self.data, self.scratch, self.quick = job, data, scratch, quick
        self.numbers: dict[str, object] = {}

    def features(self) -> tuple[np.ndarray, np.ndarray]:
        """Give real and generated features, float32 (n, d)."""
        real, generated = (np.load(file) for file in feature_files(self.job, self.scratch, self.quick))
        return real, generated

    def measure(self, work: Callable[[], Answers]) -> None:
        """Time some work, and once more if it is short; keep its answers and the memory it took."""
        before = _peak_gb()
        start = time.perf_counter()
        answers = work()
        self.numbers["first_seconds"] = time.perf_counter() - start
        self.numbers |= {"peak_gb": _peak_gb(), "own_gb": _peak_gb() - before}
        self.numbers |= {f"answer_{name}": value for name, value in answers.items()}
        if self.numbers["first_seconds"] < SHORT_SECONDS:
            start = time.perf_counter()
            work()
            self.numbers["again_seconds"] = time.perf_counter() - start
        self.numbers["seconds"] = self.numbers.get("again_seconds", self.numbers["first_seconds"])


def _peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--scratch", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    job = Job.named(asked.name)
    cell = Cell(job, asked.data, asked.scratch, asked.quick)
    party = import_module("evaluation.ours" if job.library == "imatlas" else "evaluation.peers")
    try:
        party.CELLS[job.group](cell)
    except ModuleNotFoundError as error:
        # A peer that is not installed is told apart from one that fails.
        if (error.name or "").partition(".")[0] in ("imatlas", "evaluation"):
            raise
        cell.numbers = {"absent": str(error)}
    asked.out.write_text(json.dumps(cell.numbers, indent=1, default=float) + "\n")


if __name__ == "__main__":
    main()
