"""How fast are the numbers of an evaluation beside the libraries people know, and are they the same numbers?

Each cell (one library on one size) is a process of its own, so that its peak memory is its own, and leaves one file in
--scratch: an interrupted run goes on, and a cell is measured again when its code or library changed. Ours and its peers are
measured in turns. Wants the machine for itself; all takes about 15 minutes on two cores. Usage, in an environment
made by scripts/bench-setup:

    PYTHONPATH=src python benchmarks/evaluation.py --data DATA      all; --only shares/10k,vendi for some groups or cells
    ... --fresh        measure the chosen again        --repeats 5     medians of five runs of each (those of a minute: one)
    ... --table        only print what is there        --quick         a smoke run, a sixteenth of rows and columns, kept apart
"""

import argparse
import json
import os
import sys
from pathlib import Path

from evaluation.plan import Job, jobs, state_of, versions
from evaluation.table import tables
from running import brief, gather, machine, measure_in_turns, start_python

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data", help="folder with fashion-mnist")
    parser.add_argument("--only", default="", help="some of it, by commas: shares,vendi/10k/imatlas")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--scratch", type=Path, default=HERE / "scratch" / "evaluation")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    asked = parser.parse_args()
    chosen = [job for job in jobs() if not asked.only or any(job.is_part(part) for part in asked.only.split(","))]
    if not chosen:
        parser.error(f"--only {asked.only} names no cell; there are {', '.join(job.name for job in jobs())}")
    cells = asked.scratch / ("cells-quick" if asked.quick else "cells")
    cells.mkdir(parents=True, exist_ok=True)
    (asked.scratch / ".gitignore").write_text("*\n")
    failed = [] if asked.table else measure(chosen, cells, asked)
    results = gather({job.name: state_of(job) for job in jobs()}, cells)
    print("\n".join(tables(results)))
    if not asked.quick:
        kept = {"command": _command(asked), **machine(versions()), "cells": results}
        asked.out.mkdir(parents=True, exist_ok=True)
        (asked.out / "evaluation.json").write_text(json.dumps(kept, indent=1) + "\n")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}; the reasons stand above")


def measure(chosen: list[Job], cells: Path, asked: argparse.Namespace) -> list[str]:
    """Measure what is not there or out of date; give the names that failed."""
    quick = ["--quick"] if asked.quick else []
    made = start_python("evaluation.sets", "--scratch", str(asked.scratch), *quick)
    if made.returncode:
        sys.exit(made.stderr)
    by_name = {job.name: job for job in chosen}
    return measure_in_turns(
        {name: state_of(job) for name, job in by_name.items()},
        cells,
        lambda name: run(by_name[name], cells, asked),
        repeats=lambda name: 1 if asked.quick or by_name[name].is_slow else asked.repeats,
        fresh=asked.fresh,
    )


def run(job: Job, cells: Path, asked: argparse.Namespace) -> dict[str, object] | None:
    """Measure one cell in a process of its own; give its numbers, None if it failed."""
    out, load = cells / "running.json", os.getloadavg()[0]
    place = ["--data", str(asked.data), "--scratch", str(asked.scratch), "--out", str(out)]
    done = start_python("evaluation.cell", job.name, *place, *(["--quick"] if asked.quick else []))
    if done.returncode:
        print(f"{job.name}: failed\n{done.stderr[-2000:]}", flush=True)
        return None
    numbers = json.loads(out.read_text()) | {"load_before": load}
    print(f"{job.name}: {brief({name: numbers[name] for name in numbers if name in ('seconds', 'peak_gb')})}", flush=True)
    return numbers


def _command(asked: argparse.Namespace) -> str:
    """Give what was asked for, without the places of files, which are this machine's alone."""
    given = [f"--only {asked.only}"] if asked.only else []
    given += [f"--{flag}" for flag in ("fresh", "table") if getattr(asked, flag)]
    return " ".join(["python benchmarks/evaluation.py", *given, f"--repeats {asked.repeats}"])


if __name__ == "__main__":
    main()
