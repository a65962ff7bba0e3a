"""What a trained model costs: its speed here and now, a cold start in a process of its own, and the record of its training.

A cold start is really made: a new process loads the model from its folder and draws one image. Its memory is the
largest that the system ever saw of it, read by the process itself. Where something cannot be measured it is left out, and
why is said in its place.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from imatlas.evaluation import Instruments, energy_reader, measure_speed, spread
from imatlas.networks.condition import ConditionEmbedding
from imatlas.recipes.modeling import Model, load_model
from imatlas.store import ModelFolder

__all__ = ["cold_start", "count_evaluations", "seconds_to_quality", "time_model", "training_record"]

SPEED_SECONDS = 6.0
COLD_SECONDS = 6.0
COLD_REPEATS = 3
LONGEST_START = 600.0
STARTED = ("time_to_first_image", "peak_memory", "peak_device_memory")
MEGABYTE = 1e6
WITHIN = 1.96


def time_model(model: Model, folder: ModelFolder | None = None, *, seconds: float = SPEED_SECONDS) -> dict[str, float | str]:
    """Measure all that a model costs, for `Trial.timing`.

    Parameters
    ----------
    model : trained.
    folder : where it is kept; without one, what needs its files is left out.
    seconds : for throughput and waiting time.
    """
    device = model.generator.device
    read = Instruments(energy=energy_reader(device))
    timing = _machine(model)
    timing |= measure_speed(lambda b: model.sample(range(b)), seconds=seconds, instruments=read)
    timing |= count_evaluations(model)
    timing["parameters"] = float(sum(values.numel() for part in _parts(model) for values in part.parameters()))
    if "joules_per_image" not in timing:
        timing["joules_per_image_failed"] = "No energy counter can be read here."
    if folder is None:
        return timing
    return timing | cold_start(folder.folder, str(device)) | training_record(folder)


def count_evaluations(model: Model) -> dict[str, float | str]:
    """Count the forward passes of networks while one image is drawn, all together and by the kind of network."""
    counts: Counter[str] = Counter()
    depth = 0

    def enter(module: nn.Module, inputs: object) -> None:
        nonlocal depth
        is_network = any(module.children()) and not isinstance(module, ConditionEmbedding)
        if depth == 0 and is_network:
            counts[type(module).__name__] += 1
        depth += 1

    def leave(module: nn.Module, inputs: object, result: object) -> None:
        nonlocal depth
        depth -= 1

    hooks = [register_module_forward_pre_hook(enter), register_module_forward_hook(leave)]
    try:
        model.sample([0])
    finally:
        for hook in hooks:
            hook.remove()
    by_network = ", ".join(f"{count} of {name}" for name, count in sorted(counts.items()))
    return {"evaluations_per_image": float(counts.total()), "evaluations_per_image_by_network": by_network}


def cold_start(folder: Path, device: str = "cpu") -> dict[str, float | str]:
    """Time a new process from its start to the first image of a model, and read its memory.

    Repeated up to 3 times within 6 seconds, with as many threads as here.
    """
    code = "import sys; from imatlas.recipes.timing import first_image; sys.stdout.write(first_image(*sys.argv[1:]))"
    arguments = [sys.executable, "-c", code, str(folder), device, str(torch.get_num_threads())]
    waits: list[float] = []
    peaks: dict[str, float] = {}
    while len(waits) < COLD_REPEATS and sum(waits) < COLD_SECONDS:
        # The monotonic clock is the same in all processes of a machine.
        started = time.monotonic()
        try:
            run = subprocess.run(arguments, capture_output=True, text=True, timeout=LONGEST_START, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return _failed(f"A new process could not be run to its end ({error}).", *STARTED)
        if run.returncode:
            last = (run.stderr.strip() or "it said nothing").splitlines()[-1]
            return _failed(f"A new process ended with code {run.returncode} before its first image ({last}).", *STARTED)
        found = json.loads(run.stdout)
        waits.append(found.pop("drawn_at") - started)
        peaks = {name: max(value, peaks.get(name, 0.0)) for name, value in found.items()}
    missing = {} if "peak_device_memory" in peaks else _failed("It was drawn without a GPU.", "peak_device_memory")
    repeats = {"time_to_first_image_repeats": float(len(waits))}
    return {**spread("time_to_first_image", np.array(waits)), **peaks, **repeats, **missing}


def first_image(folder: str, device: str, threads: str) -> str:
    """Load a model and draw one image: what a cold start does; give as JSON when it was drawn and the memory it took."""
    torch.set_num_threads(int(threads))
    model = load_model(folder)
    for part in _parts(model):
        part.to(device)
    model.sample([0])
    found = {"drawn_at": time.monotonic()}
    peak = _peak_resident()
    if peak is not None:
        found["peak_memory"] = peak / MEGABYTE
    if device.startswith("cuda"):
        found["peak_device_memory"] = torch.cuda.max_memory_allocated(device) / MEGABYTE
    return json.dumps(found)


def training_record(folder: ModelFolder) -> dict[str, float | str]:
    """Give how long a model was trained, when it was as good as at the end, and the size of its files."""
    files = [path for name in ("model", "prior", "condition-*") for path in folder.folder.glob(f"{name}.safetensors")]
    record: dict[str, float | str] = {"file_size": sum(path.stat().st_size for path in files) / MEGABYTE}
    prior = _stage_seconds(ModelFolder(folder.folder / "prior").metrics)
    stages = _stage_seconds(folder.metrics)
    if not stages:
        return record | _failed("The folder holds no metrics.jsonl.", "training_seconds", "seconds_to_quality")
    before = sum(prior.values())
    record["training_seconds"] = before + sum(stages.values())
    reached = seconds_to_quality(folder.metrics)
    if reached is None:
        return record | _failed("Its training has no validation scores with an error.", "seconds_to_quality")
    return record | {"seconds_to_quality": before + reached}


def seconds_to_quality(rows: Sequence[Mapping[str, object]]) -> float | None:
    """Give when training came to its last validation score for good.

    Parameters
    ----------
    rows : of metrics.jsonl, oldest first, with "stage", "seconds" (of the stage), "validation", "validation_error".

    Returns
    -------
    Seconds from the beginning of the first stage to the first row from which on no score is more than 1.96 errors of the last
    one above it; None where no score has an error.
    """
    spent = _stage_seconds(rows)
    last = next((row for row in reversed(rows) if "validation_error" in row), None)
    if last is None:
        return None
    stage = last["stage"]
    scored = [row for row in rows if row["stage"] == stage and "validation" in row]
    limit = _number(last["validation"]) + WITHIN * _number(last["validation_error"])
    reached = scored[-1]
    for row in reversed(scored):
        if _number(row["validation"]) > limit:
            break
        reached = row
    stages = list(spent)
    return sum(spent[name] for name in stages[: stages.index(str(stage))]) + _number(reached["seconds"])


def _stage_seconds(rows: Sequence[Mapping[str, object]]) -> dict[str, float]:
    """Seconds of each stage, in order: its last row tells."""
    return {str(row["stage"]): _number(row["seconds"]) for row in rows if "stage" in row and "seconds" in row}


def _number(value: object) -> float:
    return float(value)  # type: ignore[arg-type]


def _parts(model: Model) -> list[nn.Module]:
    return [model.generator] if model.prior is None else [model.generator, model.prior]


def _machine(model: Model) -> dict[str, float | str]:
    """Say in words what a measurement was made on, and what else ran there."""
    device = model.generator.device
    name = platform.processor() or platform.machine()
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    versions = [f"Python {platform.python_version()}"]
    versions += [f"{package} {importlib.metadata.version(package)}" for package in ("imatlas", "torch", "numpy")]
    return {
        "device": f"{device}: {name}, {os.cpu_count()} cores, {torch.get_num_threads()} threads",
        "dtype": model.precision,
        "system": platform.platform(),
        "load": f"{os.getloadavg()[0]:.1f} at once in the last minute" if hasattr(os, "getloadavg") else "not told",
        "versions": ", ".join(versions),
    }


def _peak_resident() -> float | None:
    """Bytes of the largest resident set of this process; None where the system does not tell."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Not getrusage: on Linux a process begins with the peak of the one that started it.
        peaks = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return next((1024.0 * int(kilobytes) for kilobytes in peaks), None)
    if sys.platform == "darwin":
        import resource

        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return None


def _failed(reason: str, *names: str) -> dict[str, float | str]:
    return {f"{name}_failed": reason for name in names}
