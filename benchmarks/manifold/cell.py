"""One measurement, in a process of its own: `python -m manifold.cell NAME ...`, started by benchmarks/manifold.py.

Seconds are of the clock and of the processors. "import" is importing the library, "first" its first answer in the process,
"again" the same once more; "launch" runs from before the process is made to the first answer, reading the rows included. Peak
memory is the process's own after the first answer, rows included. Scores are made after all that.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np

from manifold.sets import set_files, spread_rows


class Cell:
    """What a measurement is given, and the numbers it finds."""

    def __init__(self, rows: np.ndarray, labels: np.ndarray, variant: str, launched: float) -> None:
        self.rows, self.labels, self.variant, self.launched = rows, labels, variant, launched
        self.numbers: dict[str, object] = {"rows": len(rows)}

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Keep the seconds of a block as `<what>_seconds` and `<what>_cpu_seconds`."""
        clock, processor = time.perf_counter(), _processor_seconds()
        yield
        self.numbers[f"{what}_seconds"] = time.perf_counter() - clock
        self.numbers[f"{what}_cpu_seconds"] = _processor_seconds() - processor

    def mark(self) -> None:
        """Keep the seconds since the launch and the peak memory until now."""
        self.numbers["launch_seconds"] = time.time() - self.launched
        self.numbers["peak_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20

    def twice(self, load: Callable[[], Callable]) -> object:
        """Import a library, use it, use it again; give its first answer."""
        with self.timed("import"):
            work = load()
        with self.timed("first"):
            answer = work(self.rows)
        self.mark()
        with self.timed("again"):
            work(self.rows)
        return answer

    def split(self) -> tuple[np.ndarray, np.ndarray]:
        """Give the rows as six parts to fit and one part of new rows: MNIST's own split."""
        cut = len(self.rows) * 6 // 7
        return self.rows[:cut], self.rows[cut:]


def scorer() -> ModuleType:
    """Give the scorer, imported only now: what it stands on would otherwise be imported for a library before its time runs."""
    from manifold import scores

    return scores


def _processor_seconds() -> float:
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--scratch", type=Path)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--launched", type=float)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    group, set_name, library = asked.name.split("/")
    rows_file, labels_file = set_files(set_name, asked.data, asked.scratch)
    rows, labels = np.load(rows_file), np.load(labels_file)
    if asked.rows is not None:
        chosen = spread_rows(len(rows), asked.rows)
        rows, labels = rows[chosen], labels[chosen]
    party, _, variant = library.partition(":")
    cell = Cell(rows, labels, variant, asked.launched)
    try:
        if party == "imatlas":
            from manifold.ours import CELLS

            CELLS[group](cell)
        else:
            from manifold.peers import CELLS

            CELLS[group, party](cell)
    except (ImportError, AttributeError) as error:
        # A library or a public name that is not there is told apart from one that fails.
        if isinstance(error, AttributeError) and not str(error).startswith("imatlas has no "):
            raise
        cell.numbers = {"absent": str(error)}
    asked.out.write_text(json.dumps(cell.numbers, indent=1, default=float) + "\n")


if __name__ == "__main__":
    main()
