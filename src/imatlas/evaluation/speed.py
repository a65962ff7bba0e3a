"""How fast a generator draws images: throughput at several batch sizes, the wait for a single image, energy.

Each batch size is warmed up, then timed with a monotonic clock until it has been repeated often enough or its share of
the time is used up; throughput is the median over repeats, latency the quantiles of the wait for one image. Other
programs on the machine slow it down, so the spread (quartiles) is part of the result, and the median has an interval
from order statistics, which holds whatever the distribution: x_(k) to x_(n + 1 - k), P(Binomial(n, 1/2) < k) <= 2.5 %. A
generator so slow that one call outlasts its share is called twice and with no larger batch: measuring must not take longer
than what is measured is worth.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import binom

from imatlas.checks import InputError

__all__ = ["Instruments", "measure_speed", "median_interval", "spread"]

BATCHES = (1, 64, 256)
N_WARM_UPS = 3
MIN_REPEATS = 2
MAX_REPEATS = 200


@dataclass(frozen=True)
class Instruments:
    """What a measurement reads.

    Parameters
    ----------
    clock : gives seconds, never running backwards.
    synchronize : waits until the device has finished, e.g. torch.cuda.synchronize; called before each reading. A sampler
        that gives arrays in main memory has waited already.
    energy : gives the joules used so far; None = no counter can be read.
    """

    clock: Callable[[], float] = time.perf_counter
    synchronize: Callable[[], object] = lambda: None
    energy: Callable[[], float] | None = None


def measure_speed(
    sample: Callable[[int], object],
    *,
    batches: Sequence[int] = BATCHES,
    seconds: float = 10.0,
    instruments: Instruments | None = None,
) -> dict[str, float]:
    """Time a sampler.

    Parameters
    ----------
    sample : draws as many images as it is given.
    batches : batch sizes to try, smallest first, 1 among them; the fastest is "best".
    seconds : time to spend in all, one share for each size; a size gets one warm-up and 2 repeats whatever it is, and
        the sizes above one whose call outlasts its share are left out.
    instruments : clock, waiting for the device, energy counter.

    Returns
    -------
    Named numbers for Trial.timing: images_per_second (best), images_per_second_at_1, ..._at_64 and latency_p50 (seconds),
    each with its `spread`; latency_p95 and _p99, best_batch, images_per_second_repeats (at the best batch),
    latency_repeats, threads; joules_per_image where energy can be read.

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
    read, share = instruments or Instruments(), seconds / len(batches)
    waits: dict[int, np.ndarray] = {}
    joules: dict[int, float] = {}
    for batch in sorted(batches):
        waits[batch], used = _timed(sample, batch, share, read)
        if used is not None:
            joules[batch] = used / (batch * len(waits[batch]))
        if waits[batch].min() > share:
            break
    rates = {batch: batch / np.maximum(measured, 1e-9) for batch, measured in waits.items()}
    best = max(waits, key=lambda batch: float(np.median(rates[batch])))
    timing = spread("images_per_second", rates[best])
    for batch, measured in rates.items():
        timing |= spread(f"images_per_second_at_{batch}", measured)
    timing |= {"best_batch": float(best), "images_per_second_repeats": float(len(waits[best]))}
    timing |= spread("latency_p50", waits[1])
    timing |= {f"latency_p{percent}": float(np.quantile(waits[1], percent / 100)) for percent in (95, 99)}
    timing |= {"latency_repeats": float(len(waits[1])), "threads": float(torch.get_num_threads())}
    if best in joules:
        timing["joules_per_image"] = joules[best]
    return timing


def spread(name: str, measured: np.ndarray) -> dict[str, float]:
    """Give the median of repeats under a name, its quartiles as name_q1 and _q3, its 95 % interval as _low and _high.

    The interval needs 6 repeats; with fewer it is left out.
    """
    first, middle, third = np.quantile(measured, [0.25, 0.5, 0.75])
    numbers = {name: float(middle), f"{name}_q1": float(first), f"{name}_q3": float(third)}
    interval = median_interval(measured)
    return numbers if interval is None else numbers | {f"{name}_low": interval[0], f"{name}_high": interval[1]}


def median_interval(measured: np.ndarray) -> tuple[float, float] | None:
    """Give a 95 % interval of the median of a distribution from repeats (n,) of it, by order statistics.

    Returns
    -------
    (low, high), or None below 6 repeats, where even the smallest and the largest hold the median less often.

    Examples
    --------
    >>> median_interval(np.arange(1.0, 11.0))
    (2.0, 9.0)
    """
    rank = int(binom.ppf(0.025, len(measured), 0.5))
    if rank < 1:
        return None
    ordered = np.sort(measured)
    return float(ordered[rank - 1]), float(ordered[-rank])


def _timed(sample: Callable[[int], object], batch: int, seconds: float, read: Instruments) -> tuple[np.ndarray, float | None]:
    """Give the wait (repeats,) of each call after the warm-ups, and the joules used by all of them."""
    started = read.clock()
    for _ in range(N_WARM_UPS):
        sample(batch)
        read.synchronize()
        if read.clock() - started > seconds:
            break
    measured: list[float] = []
    before_all = read.energy() if read.energy else None
    started = read.clock()
    while len(measured) < MIN_REPEATS or (len(measured) < MAX_REPEATS and read.clock() - started < seconds):
        before = read.clock()
        sample(batch)
        read.synchronize()
        measured.append(read.clock() - before)
    used = read.energy() - before_all if read.energy and before_all is not None else None
    return np.array(measured), used
