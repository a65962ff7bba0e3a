"""What each step of mapping costs: its work from n, d and k, times one constant in units of this machine's speed.

    seconds = START + CONSTANTS[step] * work(n, d, k) / speed[resource]

A step is bound by one of three things a machine does: products of rows (multiply-adds), gathers (numbers fetched from
scattered rows) and sorts (keys put in order). `scripts/proofs/forecast.py --fit` measures the constants again and prints this
table; they are dimensionless, so they hold on a faster machine too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["CONSTANTS", "START", "STEPS", "Cost", "Size"]

CONSTANTS: Mapping[str, float] = {
    "exact neighbors": 1.0,
    "inverted lists": 1.0,
    "sparse neighbors": 1.0,
    "geometry": 1.0,
    "landmark geodesics": 1.0,
    "neighbor_map": 1.0,
    "spectral_map": 1.0,
    "diffusion_map": 1.0,
    "landmark_isomap": 1.0,
    "tangent_alignment": 1.0,
    "balanced_clusters": 1.0,
    "spectral_clusters": 1.0,
    "density_clusters": 1.0,
    "trust": 1.0,
}
"""Step -> its time over work / speed, as measured; made by `scripts/proofs/forecast.py --fit`."""

START = 0.02
"""Seconds a step takes however little there is to do."""

BLOCK = 2**27
"""Bytes of the tables that a step makes beside what grows with n."""


@dataclass(frozen=True)
class Size:
    """How much there is to do: n rows of d numbers, `filled` of them not zero, k neighbors, q map coordinates."""

    n: int
    d: int
    k: int
    q: int = 2
    filled: float = 0.0


@dataclass(frozen=True)
class Cost:
    """What a step does: the resource that binds it, its work, and the bytes it needs beside its input."""

    resource: str
    work: Callable[[Size], float]
    memory: Callable[[Size], float]


def _log(n: float) -> float:
    return math.log2(max(n, 2))


def _edges(s: Size) -> float:
    return float(s.n) * s.k


def _n_clusters(s: Size) -> float:
    return max(1.0, s.n / (200 if s.n >= 5000 else 100))


STEPS: Mapping[str, Cost] = {
    # Every pair costs d products, and what about 280 more take for keeping the nearest.
    "exact neighbors": Cost("products", lambda s: float(s.n) ** 2 * (s.d + 280), lambda s: 4.0 * s.n * s.d + BLOCK),
    "inverted lists": Cost(
        "gathers",
        lambda s: float(s.n) ** 1.5 * 64 + 3 * _edges(s) * s.d + s.n * min(s.d, 784) * 64,
        lambda s: 8.0 * s.n * 64 + 4.0 * s.n * s.d + BLOCK,
    ),
    "sparse neighbors": Cost(
        "sorts", lambda s: float(s.n) ** 2 * (1 + s.filled**2 / s.d), lambda s: 24.0 * s.n * s.filled + 2 * BLOCK
    ),
    "geometry": Cost("gathers", lambda s: 4 * _edges(s), lambda s: 40 * _edges(s)),
    "landmark geodesics": Cost("sorts", lambda s: 128 * _edges(s) * _log(s.n), lambda s: 12.0 * 128 * s.n + 48 * _edges(s)),
    "neighbor_map": Cost("gathers", lambda s: 250 * s.n * (2 * s.k + 40.0), lambda s: 80 * _edges(s) + 4.0 * s.n * s.d),
    "spectral_map": Cost("gathers", lambda s: (20 + s.q) * 20 * _edges(s), lambda s: 120 * _edges(s) + 400.0 * s.n),
    "diffusion_map": Cost("gathers", lambda s: (20 + s.q) * 20 * _edges(s), lambda s: 120 * _edges(s) + 400.0 * s.n),
    "landmark_isomap": Cost("sorts", lambda s: 128 * _edges(s) * _log(s.n), lambda s: 24.0 * 128 * s.n + 48 * _edges(s)),
    "tangent_alignment": Cost("gathers", lambda s: _edges(s) * (s.k * s.d + 400 * s.k), lambda s: 16 * _edges(s) * s.k + BLOCK),
    "balanced_clusters": Cost("products", lambda s: 17 * s.n * _n_clusters(s) * (s.d + 100), lambda s: 4.0 * s.n * s.d + BLOCK),
    "spectral_clusters": Cost("gathers", lambda s: 28 * 20 * _edges(s), lambda s: 120 * _edges(s) + 600.0 * s.n),
    "density_clusters": Cost("gathers", lambda s: 150 * s.n * (2 * s.k + 40.0), lambda s: 120 * _edges(s)),
    # Tables of distances from a thousand rows to all, in a few blocks side by side.
    "trust": Cost(
        "products", lambda s: 1000 * s.n * (s.d + 1500.0), lambda s: 4.0 * s.n * s.d + min(24_000.0 * s.n, 6.0 * BLOCK)
    ),
}
"""Step -> its cost; a step named like a key of `EMBEDDINGS` or `CLUSTERINGS` is that method."""
