"""How fast and how good is the manifold engine beside its peers? Every row of the table of targets, measured in one run.

Each measurement is a process of its own, so that imports and compiling count, and leaves one file in --scratch: an
interrupted run goes on, and a cell is measured again when its library changed (ours: its source; a peer: its version).
Nothing is tuned for a set. Usage, in an environment made by scripts/bench-setup:

    PYTHONPATH=src python benchmarks/manifold.py --data DATA            all; --only graph,map for some groups
    ... --fresh             measure the chosen again, peers too         --repeats 3   medians of three runs of each
    ... --rows 3000         a trial on small sets, kept apart           --table       only print what is there
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from manifold.plan import GROUPS, Job, jobs, state_of, versions
from manifold.table import tables
from running import brief, gather, machine, measure_in_turns, start_python

HERE = Path(__file__).parent
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=HERE.parent.parent / "shared" / "data", help="folder with mnist and fashion-mnist"
    )
    parser.add_argument("--only", default=",".join(GROUPS), help="groups or single cells, by commas: graph,map/mnist/umap")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--rows", type=int, help="rows of each set in a trial")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--scratch", type=Path, default=HERE / "scratch")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    asked = parser.parse_args()
    cells = asked.scratch / ("cells" if asked.rows is None else f"cells-{asked.rows}")
    cells.mkdir(parents=True, exist_ok=True)
    (asked.scratch / ".gitignore").write_text("*\n")
    chosen = [job for job in jobs(list(GROUPS)) if any(_is_part(job.name, part) for part in asked.only.split(","))]
    if not chosen:
        parser.error(f"--only {asked.only} names no cell; the groups are {', '.join(GROUPS)}")
    failed = [] if asked.table else measure(chosen, cells, asked)
    results = gather({job.name: state_of(job) for job in jobs(list(GROUPS))}, cells)
    print("\n".join(tables(results)))
    if asked.rows is None:
        kept = {"command": " ".join(["python", *sys.argv]), **machine(versions()), "cells": results}
        asked.out.mkdir(parents=True, exist_ok=True)
        (asked.out / "manifold.json").write_text(json.dumps(kept, indent=1) + "\n")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}; the reasons stand above")


def measure(chosen: list[Job], cells: Path, asked: argparse.Namespace) -> list[str]:
    """Measure what is not there or out of date, round by round; give the names that failed."""
    sets = sorted({job.set_name for job in chosen})
    made = start_python("manifold.sets", *sets, "--data", str(asked.data), "--scratch", str(asked.scratch))
    if made.returncode:
        sys.exit(made.stderr)
    by_name = {job.name: job for job in chosen}
    return measure_in_turns(
        {name: state_of(job) for name, job in by_name.items()},
        cells,
        lambda name: run(by_name[name], cells, asked),
        repeats=lambda name: asked.repeats,
        fresh=asked.fresh,
    )


def run(job: Job, cells: Path, asked: argparse.Namespace) -> dict[str, object] | None:
    """Measure one cell in a process of its own; give its numbers, None if it failed."""
    options = ["--data", str(asked.data), "--scratch", str(asked.scratch)]
    out = cells / "running.json"
    _warm_up(job, asked, options, out)
    if asked.rows is not None:
        options += ["--rows", str(asked.rows)]
    load, start = os.getloadavg()[0], time.time()
    done = _cell(job, options, out, launched=start)
    if done.returncode:
        print(f"{job.name}: failed\n{done.stderr[-2000:]}", flush=True)
        return None
    numbers = json.loads(out.read_text()) | {"load_before": load}
    print(f"{job.name}: {time.time() - start:.0f} s with scores  {brief(numbers)}", flush=True)
    return numbers


def _warm_up(job: Job, asked: argparse.Namespace, options: list[str], out: Path) -> None:
    """Let a library write its caches on disk, on 500 rows, once per version: "fresh" is a new process, not a new computer."""
    stamp = asked.scratch / "warm" / f"{job.group}-{job.library}-{state_of(job)}".replace(" ", "").replace("/", "-")
    if not stamp.exists():
        _cell(job, [*options, "--rows", "500"], out, launched=time.time())
        stamp.parent.mkdir(exist_ok=True)
        stamp.touch()


def _cell(job: Job, options: list[str], out: Path, *, launched: float) -> subprocess.CompletedProcess:
    threads = {name: job.library.split(":")[1] for name in THREADS} if job.group == "threads" else {}
    return start_python(
        "manifold.cell", job.name, *options, "--out", str(out), "--launched", repr(launched), environment=threads
    )


def _is_part(name: str, part: str) -> bool:
    return name == part or name.startswith(part + "/")


if __name__ == "__main__":
    main()
