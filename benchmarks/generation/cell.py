"""One measurement, in a process of its own: `python -m generation.cell NAME ...`, started by benchmarks/generation.py.

The clock of a budget starts when the process has imported what it needs: reading the images counts, and whatever else is done
before the last training step. Drawing is timed apart and not part of the budget. Peak memory is the process's own until
the samples are drawn. Scores are made by another process, from the samples that are kept here.
"""

import argparse
import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import numpy as np

from generation.plan import Job, is_of_a_peer, module_of, sample_file
from generation.sets import Place, unlabelled


class Cell:
    """What a measurement is given, and the numbers it finds."""

    def __init__(self, job: Job, place: Place, *, seconds: float, n_samples: int, launched: float) -> None:
        self.job, self.place, self.seconds, self.n_samples = job, place, seconds, n_samples
        self.began = time.time()
        self.numbers: dict[str, object] = {"import_seconds": self.began - launched}
        self.samples: dict[str, np.ndarray] = {}

    @property
    def source(self) -> Path:
        """The npz of the training images, all that may be seen of a set."""
        return unlabelled(self.job.set_name, self.place)

    def pixels(self) -> np.ndarray:
        """Give the training images, uint8 (n, H, W, C)."""
        with np.load(self.source) as kept:
            return kept["x_train"]

    def clock(self) -> float:
        """Give the seconds since the imports were over."""
        return time.time() - self.began

    def has_time(self, share: float = 1.0) -> bool:
        """Say whether so large a share of the budget is not used up."""
        return self.clock() < share * self.seconds

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Keep the seconds of a block as `<what>_seconds`."""
        start = time.perf_counter()
        yield
        self.numbers[f"{what}_seconds"] = time.perf_counter() - start

    def trained(self, *, parameters: int, images: int, seconds: float) -> None:
        """Keep that training is over: size of the networks, images shown to them, and the seconds of those steps."""
        self.numbers |= {"fitted_seconds": self.clock(), "parameters": parameters, "images_shown": images}
        self.numbers["images_trained_per_second"] = images / seconds

    def keep(self, samples: np.ndarray, *, name: str = "samples") -> None:
        """Keep samples uint8 (n, H, W, C), drawn in one `timed("draw")` or `timed("draw_<name>")` block, and the memory."""
        seconds = self.numbers.get(f"draw_{name}_seconds", self.numbers.get("draw_seconds"))
        if seconds is not None:
            self.numbers[f"{name}_per_second"] = len(samples) / float(seconds)
        self.numbers["peak_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        self.samples[name] = samples


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--samples", type=int)
    parser.add_argument("--launched", type=float)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    job, place = Job.named(asked.name), Place(asked.data, asked.root, asked.rows)
    try:
        module = import_module(module_of(job))
    except ModuleNotFoundError as error:
        # A peer that is not installed is told apart from one that fails.
        if not is_of_a_peer(job, error.name or ""):
            raise
        asked.out.write_text(json.dumps({"absent": str(error)}) + "\n")
        return
    cell = Cell(job, place, seconds=asked.seconds, n_samples=asked.samples, launched=asked.launched)
    module.measure(cell)
    if cell.samples:
        file = sample_file(place.scratch, job)
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, **cell.samples)
    asked.out.write_text(json.dumps(cell.numbers, indent=1, default=float) + "\n")


if __name__ == "__main__":
    main()
