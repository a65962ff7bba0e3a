"""How long a map will take and how much memory it needs, told before the work begins.

Each step's work is known from n, d and k (`imatlas.recipes.costs`); how fast this machine works is measured once in a few
tens of milliseconds. The forecast is meant to be right within a factor of about two: whether to wait, to fetch coffee or to
find a larger machine.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from imatlas.checks import InputError
from imatlas.neighbors.index import is_exact
from imatlas.recipes.costs import CONSTANTS, START, STEPS, Size
from imatlas.recipes.rows import MapWishes
from imatlas.values import FeatureMatrix, ImageSet

__all__ = [
    "Forecast",
    "StepForecast",
    "available_memory",
    "forecast",
    "forecast_images",
    "forecast_rows",
    "machine_speed",
    "refuse_too_large",
]

USUAL, WIDE = 64, 512
"""Numbers per image of the encoder and of principal components, and of random convolutions."""

SURE = 1.5
"""A forecast is refused only where even this part of it is more than the machine has."""

KEPT = 420e6
"""Bytes of the program itself: Python, torch, faiss and SciPy, loaded."""


@dataclass(frozen=True)
class StepForecast:
    """One step: its name, its seconds, and the bytes it needs beside its input."""

    step: str
    seconds: float
    memory: float


@dataclass(frozen=True)
class Forecast:
    """What mapping will cost on this machine.

    Parameters
    ----------
    n, d : rows, and numbers per row.
    steps : in the order they are done.
    memory : bytes at the peak, rows and program included.
    """

    n: int
    d: int
    steps: tuple[StepForecast, ...]
    memory: float

    @property
    def seconds(self) -> float:
        """Seconds of all steps together."""
        return sum(step.seconds for step in self.steps)

    def __str__(self) -> str:
        steps = ", ".join(f"{step.step.replace('_', ' ')} {_seconds(step.seconds)}" for step in self.steps)
        return f"{self.n:,} x {self.d:,}: {steps}; about {_seconds(self.seconds)} in all, {_bytes(self.memory)} of memory"


def forecast(
    n: int,
    d: int,
    *,
    n_neighbors: int = 15,
    embedding: str = "neighbor_map",
    clustering: str = "density_clusters",
    filled: float = 0.0,
    geodesics: bool = False,
) -> Forecast:
    """Say what mapping n rows of d numbers will cost on this machine, before it is begun.

    Parameters
    ----------
    n, d : rows, and numbers per row, from 2 and 1 up.
    n_neighbors : links per row.
    embedding : key of `imatlas.manifold.EMBEDDINGS`.
    clustering : key of `imatlas.manifold.CLUSTERINGS`, or "none".
    filled : numbers per row that are not zero, for sparse rows; 0 = dense rows.
    geodesics : count landmark geodesics too, which the map of an image set needs.

    Returns
    -------
    Forecast, within a factor of about two.

    Raises
    ------
    InputError
        If there are no rows, or a method is not known.

    Examples
    --------
    >>> cost = forecast(70_000, 784)
    >>> [step.step for step in cost.steps]
    ['inverted lists', 'geometry', 'neighbor_map', 'density_clusters', 'trust']
    >>> cost.seconds > forecast(7_000, 784).seconds
    True
    """
    if n < 2 or d < 1:
        raise InputError(f"A forecast was asked for {n} x {d}; wanted 2 rows or more of 1 number or more.")
    size = Size(n, d, min(n_neighbors, n - 1), filled=filled)
    names = [_search(n, d, size.k, filled), "geometry", *(["landmark geodesics"] if geodesics else []), embedding]
    names += [] if clustering == "none" else [clustering]
    unknown = [name for name in names if name not in STEPS]
    if unknown:
        raise InputError(f"Nothing is known of the cost of {unknown[0]!r}; known are: {', '.join(STEPS)}.")
    speed = machine_speed()
    steps = tuple(_step(name, size, speed) for name in [*names, "trust"])
    rows = 12.0 * n * filled if filled else 4.0 * n * d
    graph = 20.0 * n * size.k
    return Forecast(n, d, steps, KEPT + rows + graph + max(step.memory for step in steps))


def forecast_rows(matrix: FeatureMatrix, wishes: MapWishes) -> Forecast:
    """Say what mapping a feature matrix will cost."""
    wishes, (n, d) = wishes.settled(matrix), matrix.rows.shape
    filled = 0.0 if isinstance(matrix.rows, np.ndarray) else max(1.0, matrix.rows.nnz / n)
    return forecast(
        n, d, n_neighbors=wishes.n_neighbors, embedding=wishes.embedding, clustering=wishes.clustering, filled=filled
    )


def forecast_images(images: ImageSet, features: str) -> Forecast:
    """Say what mapping an image set will cost once its features are there.

    Parameters
    ----------
    features : "auto" or a key of `imatlas.features.EXTRACTORS`; an encoder's own time is its share of the budget.
    """
    widths = {"pixels": int(np.prod(images.shape)), "random_convolutions": WIDE}
    return forecast(
        max(2, len(images.training_rows)), widths.get(features, USUAL), clustering="balanced_clusters", geodesics=True
    )


def refuse_too_large(cost: Forecast) -> str:
    """Give a sentence if the memory may not suffice, "" if it will.

    Raises
    ------
    InputError
        If it is certain that it does not.
    """
    free = available_memory()
    if free is None or cost.memory <= free:
        return ""
    sentence = f"This needs about {_bytes(cost.memory)} of memory, and {_bytes(free)} are free."
    if cost.memory / SURE > free:
        raise InputError(f"{sentence} Map fewer rows, or fewer numbers per row, or use a larger machine.")
    return f"{sentence} It may end for want of memory; close other programs, or map fewer rows."


@cache
def machine_speed() -> dict[str, float]:
    """Measure what this machine does in a second: products, gathers and sorts; about 30 milliseconds, once.

    The tasks are small, stay in the cache and are repeated: the fastest run is what the machine can do, whatever else it is
    doing. Products are timed with one thread and counted for all.
    """
    rng = np.random.default_rng(0)
    left, right = (rng.random((384, 256), dtype=np.float32) for _ in range(2))
    rows = rng.random((2**13, 16), dtype=np.float32)
    chosen = rng.integers(0, len(rows), 2**14)
    keys = rng.random(2**15, dtype=np.float32)
    with threadpool_limits(1):
        product = _fastest(lambda: left @ right.T)
    return {
        "products": torch.get_num_threads() * 384 * 384 * 256 / product,
        "gathers": chosen.size * 16 / _fastest(lambda: rows[chosen]),
        "sorts": keys.size / _fastest(lambda: np.argsort(keys)),
    }


def available_memory() -> float | None:
    """Give the bytes that this machine can still give to a program; None where that cannot be known."""
    free: list[float] = []
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            free += [1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as limit, open("/sys/fs/cgroup/memory.current") as used:
            text = limit.read().strip()
            free += [] if text == "max" else [float(text) - float(used.read())]
    except (OSError, ValueError):
        pass
    if not free and hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        free.append(float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")))
    return min(free) if free else None


def _search(n: int, d: int, k: int, filled: float) -> str:
    """Name the search that will be used."""
    if filled:
        return "sparse neighbors"
    return "exact neighbors" if is_exact(n, d, k) else "inverted lists"


def _step(name: str, size: Size, speed: Mapping[str, float]) -> StepForecast:
    cost = STEPS[name]
    return StepForecast(name, START + CONSTANTS[name] * cost.work(size) / speed[cost.resource], cost.memory(size))


def _fastest(act: Callable[[], object]) -> float:
    """Give the seconds of the fastest of several runs."""
    times = []
    for _ in range(12):
        start = time.perf_counter()
        act()
        times.append(time.perf_counter() - start)
    return max(min(times), 1e-7)


def _seconds(seconds: float) -> str:
    if seconds < 9.5:
        return f"{max(seconds, 0.1):.1f} s"
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _bytes(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
