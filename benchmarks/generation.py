"""How good and how fast are the generators beside their peers? Every row of the table of targets, measured on one machine.

Each cell (one method with one budget on one set) is a process of its own and leaves its raw numbers and samples in --scratch:
an interrupted run goes on, and a cell is measured again when its own code or library changed, so peers need not run again when
only ours changes. Samples are scored by one more process. All budgets make 8.5 hours; drawing and scoring come on top.

    PYTHONPATH=src python benchmarks/generation.py --data DATA          all, in an environment made by scripts/bench-setup
    ... --groups quality --sets fashion-mnist --budgets 10m --methods imatlas,vae+flow          some of it
    ... --fresh      measure the chosen again        --score      only score again        --table      only print what is there
    ... --quick      a smoke run of the chosen, kept apart: a few hundred images, seconds in place of minutes, ours 24 steps
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from generation.plan import GROUPS, Job, jobs, judging_state, sample_file, state_of, versions
from generation.table import tables
from running import machine, now, start_python

HERE = Path(__file__).parent
N_SAMPLES = 10_000
QUICK_ROWS, QUICK_SAMPLES, QUICK_SECONDS = 600, 100, 4.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data", help="folder with the sets")
    for part, place in (("groups", "quality"), ("sets", "mnist,emoji"), ("budgets", "10m"), ("methods", "imatlas,ddpm")):
        parser.add_argument(f"--{part}", default="", help=f"some of the {part}, by commas: {place}")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--score", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--scratch", type=Path, default=HERE / "scratch" / "generation")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    asked = parser.parse_args()
    bench = Bench(asked)
    chosen = [job for job in jobs() if _is_chosen(job, asked)]
    if not chosen:
        parser.error(f"nothing is chosen; the groups are {', '.join(GROUPS)}, and --table shows the names of all cells")
    failed = [] if asked.table else [job.name for job in chosen if not bench.make(job)]
    results = bench.gather()
    gone = [job.name for job in jobs() if job.name not in results and bench.cell_file(job).exists()]
    if gone:
        print(f"out of date, and left out below: {', '.join(gone)}\n")
    print("\n".join(tables(results)))
    if not asked.quick:
        asked.out.mkdir(parents=True, exist_ok=True)
        kept = {"command": _command(asked), **machine(versions()), "cells": results}
        (asked.out / "generation.json").write_text(json.dumps(kept, indent=1) + "\n")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}; the reasons stand above")


class Bench:
    """The folder of kept cells, and the processes that fill it."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self.asked = asked
        self.root = asked.scratch.resolve()
        self.scratch = self.root / f"trial-{QUICK_ROWS}" if asked.quick else self.root
        for folder in ("cells", "scores"):
            (self.scratch / folder).mkdir(parents=True, exist_ok=True)
        (self.root / ".gitignore").write_text("*\n")

    def make(self, job: Job) -> bool:
        """Measure and score what is not there or out of date; say whether all went well."""
        is_kept = _kept(self.cell_file(job), state_of(job)) is not None and not self.asked.fresh
        if self.asked.score and not is_kept:
            return True
        if not is_kept and not self.measure(job):
            return False
        has_samples = sample_file(self.scratch, job).exists()
        is_scored = _kept(self.score_file(job), self._scored_as(job)) is not None
        return not has_samples or is_scored or self.score(job)

    def measure(self, job: Job) -> bool:
        """Measure one cell; say whether it went well."""
        if job.teacher is not None and _kept(self.cell_file(job.teacher), state_of(job.teacher)) is None:
            print(f"{job.name}: not there (measure {job.teacher.name} first)", flush=True)
            return False
        state = state_of(job)
        seconds = min(QUICK_SECONDS, job.seconds) if self.asked.quick else job.seconds
        n_samples = QUICK_SAMPLES if self.asked.quick else N_SAMPLES
        sample_file(self.scratch, job).unlink(missing_ok=True)
        if _python("generation.sets", job.set_name, *self._place()).returncode:
            sys.exit(f"the set {job.set_name} cannot be made from {self.asked.data}")
        load, start = os.getloadavg()[0], time.time()
        options = ["--seconds", str(seconds), "--samples", str(n_samples), "--launched", repr(start)]
        numbers = self._run("generation.cell", job, *options)
        if numbers is None or "absent" in numbers:
            print(f"{job.name}: " + ("failed" if numbers is None else f"not there ({numbers['absent']})"), flush=True)
            return numbers is not None
        kept = {"state": state, "date": now(), "numbers": numbers | {"load_before": load}}
        self.cell_file(job).write_text(json.dumps(kept, indent=1) + "\n")
        print(f"{job.name}: {time.time() - start:.0f} s  {_brief(numbers)}", flush=True)
        return True

    def score(self, job: Job) -> bool:
        """Score a cell's samples; say whether it went well."""
        start = time.time()
        scores = self._run("generation.scoring", job)
        if scores is None:
            print(f"{job.name}: scoring failed", flush=True)
            return False
        self.score_file(job).write_text(json.dumps({"state": self._scored_as(job), "numbers": scores}, indent=1) + "\n")
        for name, numbers in scores.items():
            print(f"{job.name}: {name} scored in {time.time() - start:.0f} s  {_brief(numbers)}", flush=True)
        return True

    def gather(self) -> dict[str, dict]:
        """Give every cell that is up to date, by name, with its scores."""
        results = {}
        for job in jobs():
            cell, scores = _kept(self.cell_file(job), state_of(job)), _kept(self.score_file(job), self._scored_as(job))
            if cell is not None:
                results[job.name] = cell["numbers"] | {"date": cell["date"]}
                results[job.name] |= {} if scores is None else {"scores": scores["numbers"]}
        return results

    def cell_file(self, job: Job) -> Path:
        """Give where a cell's numbers are kept."""
        return self.scratch / "cells" / f"{job.file_name}.json"

    def score_file(self, job: Job) -> Path:
        """Give where a cell's scores are kept."""
        return self.scratch / "scores" / f"{job.file_name}.json"

    def _scored_as(self, job: Job) -> str:
        file = self.cell_file(job)
        return f"{judging_state(job)}, {json.loads(file.read_text())['date'] if file.exists() else ''}"

    def _place(self) -> list[str]:
        place = ["--data", str(self.asked.data.resolve()), "--root", str(self.root)]
        return [*place, "--rows", str(QUICK_ROWS)] if self.asked.quick else place

    def _run(self, module: str, job: Job, *options: str) -> dict | None:
        out = self.scratch / "running.json"
        out.unlink(missing_ok=True)
        done = _python(module, job.name, *self._place(), *options, "--out", str(out))
        if done.returncode or not out.exists():
            print(done.stderr[-2000:], flush=True)
            return None
        return json.loads(out.read_text())


def _python(module: str, *options: str) -> subprocess.CompletedProcess:
    # As the command line of imatlas sets it; for everyone, so that all have the same machine.
    return start_python(module, *options, environment={"GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", "20000")})


def _kept(file: Path, state: str) -> dict | None:
    kept = json.loads(file.read_text()) if file.exists() else {}
    return kept if kept.get("state") == state else None


def _is_chosen(job: Job, asked: argparse.Namespace) -> bool:
    wishes = (asked.groups, asked.sets, asked.budgets, asked.methods)
    parts = (job.group, job.set_name, job.budget, job.method)
    return all(not wish or part in wish.split(",") for wish, part in zip(wishes, parts))


def _command(asked: argparse.Namespace) -> str:
    """Give what was asked for, without the places of files, which are this machine's alone."""
    given = [f"--{part} {value}" for part in ("groups", "sets", "budgets", "methods") if (value := getattr(asked, part))]
    given += [f"--{flag}" for flag in ("fresh", "score", "table") if getattr(asked, flag)]
    return " ".join(["python benchmarks/generation.py", *given])


def _brief(numbers: dict[str, object]) -> str:
    shown = ("seconds", "per_second", "frechet", "coverage", "ratio", "loss", "gb")
    return ", ".join(
        f"{name} {value:.4g}" for name, value in numbers.items() if isinstance(value, float) and name.endswith(shown)
    )


if __name__ == "__main__":
    main()
