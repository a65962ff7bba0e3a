"""How fast a generator draws images: throughput at several batch sizes, and the wait for a single image.

Each batch size is warmed up, then timed with a monotonic clock until it has been repeated often enough or its share of
the time is used up; throughput is the median over repeats, latency the quantiles of the wait for one image. Other
programs on the machine slow it down, so the spread (quartiles) is part of the result. A generator so slow that one call
outlasts its share is called twice and with no larger batch: measuring must not take longer than what is measured is worth.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch

from imatlas.checks import InputError
from imatlas.values import Score, Trial

__all__ = ["latency_metric", "measure_speed", "throughput_metric"]

BATCHES = (1, 64, 256)
N_WARM_UPS = 3
MIN_REPEATS = 2
MAX_REPEATS = 200


def measure_speed(
    sample: Callable[[int], object],
    *,
    batches: Sequence[int] = BATCHES,
    seconds: float = 10.0,
    synchronize: Callable[[], object] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Time a sampler.

    Parameters
    ----------
    sample : draws as many images as it is given.
    batches : batch sizes to try, smallest first, 1 among them; the fastest is "best".
    seconds : time to spend in all, one share for each size; a size gets one warm-up and 2 repeats whatever it is, and
        the sizes above one whose call outlasts its share are left out.
    synchronize : waits until the device has finished, e.g. torch.cuda.synchronize; called before each reading.
    clock : gives seconds, never running backwards.

    Returns
    -------
    Named numbers for Trial.timing: images_per_second (best), images_per_second_at_1, ..._at_64, best_batch, the
    quartiles of the best as images_per_second_low and _high, latency_p50, _p95, _p99 (seconds), latency_repeats,
    threads.

    Raises
    ------
    InputError
        If batch size 1 is not among the sizes.

    Examples
    --------
    >>> timing = measure_speed(lambda count: [0] * count, batches=(1, 8), seconds=0.01)
    >>> timing["best_batch"]
    8.0
    """
    if 1 not in batches:
        raise InputError(f"Batch sizes {tuple(batches)} hold no 1, which the waiting time is measured at; add it.")
    waits: dict[int, np.ndarray] = {}
    for batch in sorted(batches):
        waits[batch] = _waits(sample, batch, seconds / len(batches), synchronize or (lambda: None), clock)
        if waits[batch].min() > seconds / len(batches):
            break
    rates = {batch: batch / np.maximum(measured, 1e-9) for batch, measured in waits.items()}
    best = max(waits, key=lambda batch: float(np.median(rates[batch])))
    timing = {f"images_per_second_at_{batch}": float(np.median(rates[batch])) for batch in waits}
    low, middle, high = np.quantile(rates[best], [0.25, 0.5, 0.75])
    timing |= {
        "images_per_second": float(middle),
        "images_per_second_low": float(low),
        "images_per_second_high": float(high),
        "best_batch": float(best),
        "latency_repeats": float(len(waits[1])),
        "threads": float(torch.get_num_threads()),
    }
    for percent in (50, 95, 99):
        timing[f"latency_p{percent}"] = float(np.quantile(waits[1], percent / 100))
    return timing


def throughput_metric(trial: Trial, space: str = "") -> Score:
    """Score a trial by images per second at its best batch size; the interval spans the quartiles of the repeats."""
    timing = _timing(trial, "images_per_second")
    quartiles = None
    if "images_per_second_low" in timing and "images_per_second_high" in timing:
        quartiles = (timing["images_per_second_low"], timing["images_per_second_high"])
    return _speed_score(trial, "images_per_second", quartiles, better="higher")


def latency_metric(trial: Trial, space: str = "") -> Score:
    """Score a trial by the median wait for one image, in seconds; the details hold the slowest 5 % and 1 %."""
    _timing(trial, "latency_p50")
    return _speed_score(trial, "latency_p50", None, better="lower")


def _waits(
    sample: Callable[[int], object],
    batch: int,
    seconds: float,
    synchronize: Callable[[], object],
    clock: Callable[[], float],
) -> np.ndarray:
    started = clock()
    for _ in range(N_WARM_UPS):
        sample(batch)
        synchronize()
        if clock() - started > seconds:
            break
    measured: list[float] = []
    started = clock()
    while len(measured) < MIN_REPEATS or (len(measured) < MAX_REPEATS and clock() - started < seconds):
        before = clock()
        sample(batch)
        synchronize()
        measured.append(clock() - before)
    return np.array(measured)


def _timing(trial: Trial, needed: str) -> dict[str, float]:
    if needed not in trial.timing:
        raise InputError(f"The trial's timing holds no {needed!r}; put what measure_speed gives into Trial.timing.")
    return dict(trial.timing)


def _speed_score(trial: Trial, name: str, interval: tuple[float, float] | None, *, better: str) -> Score:
    timing = dict(trial.timing)
    n = int(timing.get("latency_repeats", 1))
    return Score(name, "", timing[name], interval, None, better, n, "speed", timing)
