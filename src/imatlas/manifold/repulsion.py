"""What pushes map points apart: the field of all points, felt at any place.

Every point j repels a place y with the force of the Cauchy kernel q = 1 / (1 + |y - y_j|^2), which is the slope of a potential:

    Z(y) = sum_j q(y - y_j),     F(y) = sum_j q(y - y_j)^2 (y - y_j) = -1/2 grad Z(y)

In one and two dimensions points are spread on a grid with quadratic B-splines, the grid is convolved with q and with q^2 (y -
y_j) by fast Fourier transforms, and the results are read back with the same splines, whose blur is divided out. This takes
time linear in n, has no random part, and the field can be frozen for placing new points. In more dimensions the sums are
estimated from random points.

References: Linderman, Rachh, Hoskins, Steinerberger, Kluger, "Fast interpolation-based t-SNE", 2019, arXiv 1712.09005;
Essmann et al., "A smooth particle mesh Ewald method", 1995 (splines on a grid, and dividing out their blur).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import fft

__all__ = ["Field", "grid_field", "sampled_repulsion"]

_SPACING = 0.5  # grid step in map units; the kernel is 1 unit wide
_LARGEST = 768  # grid points along a side; a wider map gets a coarser grid
_MARGIN = 3


@dataclass(frozen=True)
class Field:
    """The repulsion of a frozen set of points, as a grid.

    Parameters
    ----------
    grid : float32 (N, N, 3), Z and the two components of F.
    origin : float64 (2,), map place of grid point (0, 0).
    spacing : grid step, map units.
    """

    grid: np.ndarray
    origin: np.ndarray
    spacing: float

    def at(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give Z float32 (b,) and F float32 (b, 2) at places (b, 2); places off the grid feel its border."""
        cells, weights = _splines(places, self.origin, self.spacing, len(self.grid))
        read = np.einsum("bsc,bs->bc", self.grid.reshape(-1, 3)[cells], weights)
        return read[:, 0], read[:, 1:]


def grid_field(points: np.ndarray) -> Field:
    """Compute the field of points (n, 2) everywhere around them."""
    low, high = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
    span = float((high - low).max())
    spacing = max(_SPACING, span / (_LARGEST - 2 * _MARGIN - 1))
    side = _round_up(int(np.ceil(span / spacing)) + 2 * _MARGIN + 1)
    origin = (low + high) / 2 - spacing * (side - 1) / 2
    cells, weights = _splines(points, origin, spacing, side)
    mass = np.bincount(cells.ravel(), weights=weights.ravel(), minlength=side * side).reshape(side, side)
    kernels = _kernels(side, spacing)
    spread = fft.rfft2(mass.astype(np.float32), s=(2 * side, 2 * side))
    layers = [fft.irfft2(spread * kernel, s=(2 * side, 2 * side))[:side, :side] for kernel in kernels]
    return Field(np.ascontiguousarray(np.stack(layers, axis=-1), dtype=np.float32), origin, spacing)


def sampled_repulsion(points: np.ndarray, rng: np.random.Generator, *, n_others: int = 24) -> tuple[float, np.ndarray]:
    """Estimate the mean of Z and each F (n, q) of points (n, q) from random shifts of the rows."""
    n = len(points)
    total, force = 0.0, np.zeros_like(points)
    shifts = rng.integers(1, n, size=n_others)
    for shift in shifts:
        away = points - np.roll(points, shift, axis=0)
        kernel = 1 / (1 + np.square(away).sum(axis=1))
        total += float(kernel.mean())
        force += np.square(kernel)[:, None] * away
    share = (n - 1) / n_others
    return 1 + total * share, force * share


def _splines(places: np.ndarray, origin: np.ndarray, spacing: float, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the 9 grid cells int64 (b, 9) around each place and their quadratic B-spline weights float32 (b, 9)."""
    scaled = np.clip((places - origin) / spacing, 1, side - 2)
    nearest = np.rint(scaled).astype(np.int64)  # (b, 2)
    offset = (scaled - nearest).astype(np.float32)
    sides = np.stack([0.5 * (0.5 - offset) ** 2, 0.75 - offset**2, 0.5 * (0.5 + offset) ** 2], axis=-1)  # (b, 2, 3)
    steps = np.arange(-1, 2)
    rows, columns = nearest[:, :1] + steps, nearest[:, 1:] + steps
    cells = np.clip(rows, 0, side - 1)[:, :, None] * side + np.clip(columns, 0, side - 1)[:, None, :]
    weights = sides[:, 0, :, None] * sides[:, 1, None, :]
    return cells.reshape(len(places), 9), weights.reshape(len(places), 9)


def _round_up(side: int) -> int:
    """Give a grid size that transforms fast and changes seldom, so that kernels are reused."""
    step = max(16, 2 ** (int(np.log2(side)) - 2))
    return fft.next_fast_len(-(-side // step) * step, real=True)


@lru_cache(maxsize=4)
def _kernels(side: int, spacing: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Transform q, q^2 x and q^2 y on a doubled grid, with the blur of spreading and reading divided out."""
    steps = fft.fftfreq(2 * side, 1 / (2 * side)) * spacing
    x, y = steps[:, None], steps[None, :]
    kernel = 1 / (1 + x**2 + y**2)
    # One spline has the transform sinc^3 at grid points 3/4 + 1/4 cos; the floor keeps the finest waves from growing.
    blur = 0.75 + 0.25 * np.cos(2 * np.pi * fft.fftfreq(2 * side))
    sharpen = 1 / np.square(blur[:, None] * blur[None, : side + 1])
    layers = (kernel, np.square(kernel) * x, np.square(kernel) * y)
    z, fx, fy = ((fft.rfft2(layer) * sharpen).astype(np.complex64) for layer in layers)
    return z, fx, fy
