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
    "exact neighbors": 3.0,
    "inverted lists": 48,
    "sparse neighbors": 5.0,
    "geometry": 114,
    "landmark geodesics": 0.12,
    "neighbor_map": 33,
    "spectral_map": 30,
    "diffusion_map": 30,
    "landmark_isomap": 0.13,
    "tangent_alignment": 230,
    "balanced_clusters": 7.7,
    "spectral_clusters": 50,
    "density_clusters": 37,
    "trust": 8.0,
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
        "gathers", lambda s: float(s.n) ** 1.1 * (s.d + 1700), lambda s: 1000.0 * s.n + 4.0 * s.n * s.d + 2 * BLOCK
    ),
    "sparse neighbors": Cost(
        "sorts", lambda s: float(s.n) ** 2 * (1 + s.filled**2 / s.d), lambda s: 24.0 * s.n * s.filled + BLOCK
    ),
    "geometry": Cost("gathers", lambda s: 4 * _edges(s), lambda s: 40 * _edges(s)),
    "landmark geodesics": Cost("sorts", lambda s: 128 * _edges(s) * _log(s.n), lambda s: 12.0 * 128 * s.n + 48 * _edges(s)),
    "neighbor_map": Cost("gathers", lambda s: 250 * s.n * (2 * s.k + 40.0), lambda s: 80 * _edges(s) + 4.0 * s.n * s.d),
    "spectral_map": Cost("gathers", lambda s: (20 + s.q) * 20 * _edges(s), lambda s: 120 * _edges(s) + 400.0 * s.n),
    "diffusion_map": Cost("gathers", lambda s: (20 + s.q) * 20 * _edges(s), lambda s: 120 * _edges(s) + 400.0 * s.n),
    "landmark_isomap": Cost("sorts", lambda s: 128 * _edges(s) * _log(s.n), lambda s: 24.0 * 128 * s.n + 48 * _edges(s)),
    # Factors of the alignment matrix fill up faster than it grows.
    "tangent_alignment": Cost("products", lambda s: float(s.n) ** 2.6, lambda s: 16 * _edges(s) * s.k + BLOCK),
    "balanced_clusters": Cost(
        "products", lambda s: 17 * s.n * (_n_clusters(s) + 100) * (s.d + 100.0) + 5e9, lambda s: 4.0 * s.n * s.d + BLOCK
    ),
    "spectral_clusters": Cost("gathers", lambda s: 28 * 20 * _edges(s), lambda s: 120 * _edges(s) + 600.0 * s.n),
    "density_clusters": Cost("gathers", lambda s: 150 * s.n * (2 * s.k + 40.0), lambda s: 120 * _edges(s)),
    # Tables of distances from a thousand rows to all, in a few blocks side by side.
    "trust": Cost(
        "products",
        lambda s: 1000 * s.n * (20 * s.filled + 2000 if s.filled else s.d + 2000.0),
        lambda s: 4.0 * s.n * (s.filled or s.d) + min(24_000.0 * s.n, 10.0 * BLOCK),
    ),
}
"""Step -> its cost; a step named like a key of `EMBEDDINGS` or `CLUSTERINGS` is that method."""
