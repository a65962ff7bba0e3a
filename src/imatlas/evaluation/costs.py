"""What a generator costs as scores, each number with how it was measured and on what; what was not measured is left out.

The numbers come from `measure_speed` and from whoever knows the model's files and its training, through `Trial.timing`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from imatlas.checks import InputError
from imatlas.values import Score, Trial

__all__ = ["COSTS", "COST_METRICS", "MACHINE", "Cost"]

MACHINE = ("device", "dtype", "load", "system", "versions")
"""Entries of `Trial.timing` that say in words what all of it was measured on."""


@dataclass(frozen=True)
class Cost:
    """One number of the speed block.

    Parameters
    ----------
    better : "lower" or "higher".
    unit : of the number, for people.
    method : how it is measured, a sentence.
    repeats : the entry of `Trial.timing` that says how often it was measured; "" = once.
    """

    better: str
    unit: str
    method: str
    repeats: str = ""


COSTS: dict[str, Cost] = {
    "images_per_second": Cost(
        "higher",
        "images/s",
        "Median over repeats at the fastest of several batch sizes, after 3 warm-ups, images in main memory; its interval is "
        "that of the median.",
        "images_per_second_repeats",
    ),
    "latency_p50": Cost(
        "lower",
        "s",
        "Median wait for a single image, after 3 warm-ups; its interval is that of the median.",
        "latency_repeats",
    ),
    "time_to_first_image": Cost(
        "lower",
        "s",
        "From starting a new process to its first image, with loading of programs and model, files in the system's cache; "
        "median of the repeats.",
        "time_to_first_image_repeats",
    ),
    "evaluations_per_image": Cost(
        "lower", "", "Counted: forward passes of networks, embeddings of conditions left out, while one image is drawn."
    ),
    "training_seconds": Cost(
        "lower", "s", "The training loop of the model and of its prior; features and map are counted with the atlas."
    ),
    "seconds_to_quality": Cost(
        "lower",
        "s",
        "Training until the validation score came, for good, within the 95 % interval of its last value.",
    ),
    "peak_memory": Cost("lower", "MB", "Largest resident set of that new process."),
    "peak_device_memory": Cost("lower", "MB", "Largest memory that torch had allocated on the device in that new process."),
    "parameters": Cost("lower", "", "Counted: all numbers of generator and prior that are trained."),
    "file_size": Cost("lower", "MB", "Weights of generator, prior and conditions on disk."),
    "joules_per_image": Cost(
        "lower",
        "J",
        "Energy counters of processor packages (RAPL) and GPU (NVML) while the fastest batch was repeated; whatever else ran "
        "on the machine is in it.",
        "images_per_second_repeats",
    ),
}
"""Every number of the speed block by name."""


def _metric(name: str) -> Callable[[Trial, str], Score]:
    cost = COSTS[name]

    def metric(trial: Trial, space: str = "") -> Score:
        timing = dict(trial.timing)
        if name not in timing:
            reason = timing.get(f"{name}_failed", f"Trial.timing holds no {name}.")
            raise InputError(f"{reason} How it is measured: {cost.method}")
        interval = None
        if f"{name}_low" in timing and f"{name}_high" in timing:
            interval = float(timing[f"{name}_low"]), float(timing[f"{name}_high"])
        facts = {key: fact for key, fact in timing.items() if key.startswith(f"{name}_") or key in MACHINE}
        about = {"unit": cost.unit, "method": cost.method} | (timing if name == "images_per_second" else facts)
        repeats = int(float(timing.get(cost.repeats, 1)))
        return Score(name, "", float(timing[name]), interval, None, cost.better, repeats, "speed", about)

    metric.__doc__ = f"Score a trial by {name}. {cost.method}"
    return metric


COST_METRICS: dict[str, Callable[[Trial, str], Score]] = {name: _metric(name) for name in COSTS}
"""Every number of the speed block as a metric, which has no feature space."""
