"""What benchmarks share that measure each cell in a process of its own: starting one, what is kept of it, and facts
about the machine.

Standard library alone: a child's peak memory is never less than its parent's.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent


def start_python(module: str, *options: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    """Run a module of this folder in a process of its own and wait for it."""
    path = os.pathsep.join(part for part in (str(HERE), os.environ.get("PYTHONPATH", "")) if part)
    command = [sys.executable, "-W", "ignore", "-m", module, *options]
    return subprocess.run(
        command, env=os.environ | {"PYTHONPATH": path} | (environment or {}), text=True, stderr=subprocess.PIPE
    )


def kept_runs(file: Path, state: str) -> dict:
    """Give what a cell's file holds: its state, and the numbers of its runs; none if it was kept under another state."""
    kept = json.loads(file.read_text()) if file.exists() else {}
    return kept if kept.get("state") == state else {"state": state, "runs": []}


def cell_file(folder: Path, name: str) -> Path:
    """Give where the runs of a cell are kept."""
    return folder / (name.replace("/", "--").replace(":", "-") + ".json")


def measure_in_turns(
    chosen: dict[str, str], folder: Path, run: Callable, *, repeats: Callable[[str], int], fresh: bool
) -> list[str]:
    """Measure what is not there or out of date, round by round, each cell its own number of times.

    Parameters
    ----------
    chosen : cell -> the state it is measured in.
    folder : where runs are kept.
    run : measures a cell by name; gives its numbers, None if it failed, or {"absent": why}.
    repeats : how often a cell is measured.
    fresh : whether runs that are kept are measured again.

    Returns
    -------
    The names of cells that failed.
    """
    failed = []
    for turn in range(max(map(repeats, chosen))):
        for name, state in chosen.items():
            kept = kept_runs(cell_file(folder, name), state)
            again = fresh and turn == 0
            if name in failed or turn >= repeats(name) or (len(kept["runs"]) > turn and not again):
                continue
            numbers = run(name)
            if numbers is None:
                failed.append(name)
            elif "absent" in numbers:
                print(f"{name}: not there ({numbers['absent']})", flush=True)
            else:
                runs = [] if again else kept["runs"]
                kept = {"state": state, "date": now(), "runs": [*runs, numbers]}
                cell_file(folder, name).write_text(json.dumps(kept, indent=1) + "\n")
    return failed


def gather(states: dict[str, str], folder: Path) -> dict[str, dict]:
    """Give every cell that is up to date, by name: medians of its runs, their number, and the date of the last."""
    results = {}
    for name, state in states.items():
        kept = kept_runs(cell_file(folder, name), state)
        if kept["runs"]:
            results[name] = medians(kept["runs"]) | {"runs": len(kept["runs"]), "date": kept["date"]}
    gone = [name for name in states if name not in results and cell_file(folder, name).exists()]
    if gone:
        print(f"out of date, and left out below: {', '.join(gone)}\n")
    return results


def medians(runs: list[dict]) -> dict[str, object]:
    """Give the median of every number over some runs; what is no number is the last run's."""
    last = runs[-1]
    numbers = {name for name, value in last.items() if isinstance(value, (int, float)) and not isinstance(value, bool)}
    return {name: statistics.median(run[name] for run in runs) if name in numbers else last[name] for name in last}


def machine(versions: dict[str, str]) -> dict[str, object]:
    """Give the processor, its cores, the memory, and the versions of everything."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    facts = {"date": now(), "processor": name, "cores": cores, "memory_gb": round(memory, 1), "system": platform.platform()}
    return facts | {"python": platform.python_version(), "versions": versions}


def now() -> str:
    """Give the date and time, to the second: what is scored is known by when it was measured."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def brief(numbers: dict[str, object]) -> str:
    """Give the fractions among some numbers as one line, processor seconds left out."""
    return ", ".join(f"{name} {value:.4g}" for name, value in numbers.items() if isinstance(value, float) and "cpu" not in name)
