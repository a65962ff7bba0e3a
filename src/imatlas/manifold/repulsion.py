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
from functools import lru_cache, reduce

import numpy as np
import torch
from scipy import fft

__all__ = ["Field", "empty_field", "grid_field", "sampled_repulsion", "splines", "spread"]

_SPACING = 0.5  # grid step in map units; the kernel is 1 unit wide
_LARGEST = 768  # grid points along a side; a wider map gets a coarser grid
_MARGIN = 3


@dataclass(frozen=True)
class Field:
    """The repulsion of a frozen set of points, as a grid.

    Parameters
    ----------
    grid : float32 (3, N, N), Z and the two components of F.
    origin : float64 (2,), map place of grid point (0, 0).
    spacing : grid step, map units.
    """

    grid: np.ndarray
    origin: np.ndarray
    spacing: float

    def at(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give Z float32 (b,) and F float32 (b, 2) at places (b, 2); places off the grid feel its border."""
        read = self.read(*splines(torch.from_numpy(np.asarray(places, dtype=np.float32).T), self)).numpy()
        return read[0], read[1:].T

    def read(self, cells: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Give Z and F float32 (3, b) from the cells (9, b) and weights (9, b) of places."""
        layers = torch.from_numpy(self.grid).view(3, -1)
        # Added one by one: a sum over an axis may be ordered otherwise for another number of places.
        return torch.stack([reduce(torch.add, layer.take(cells) * weights) for layer in layers])

    def filled(self, mass: np.ndarray) -> Field:
        """Give the field of what was spread on the grid, mass (N, N)."""
        side = len(mass)
        spread = fft.rfft2(mass, s=(2 * side, 2 * side))
        kernels = _kernels(side, self.spacing)
        layers = [fft.irfft2(spread * kernel, s=(2 * side, 2 * side))[:side, :side] for kernel in kernels]
        return Field(np.stack(layers).astype(np.float32), self.origin, self.spacing)


def empty_field(points: torch.Tensor) -> Field:
    """Lay a grid around points (2, n)."""
    low, high = points.amin(1).double().numpy(), points.amax(1).double().numpy()
    span = float((high - low).max())
    spacing = max(_SPACING, span / (_LARGEST - 2 * _MARGIN - 1))
    side = _round_up(int(np.ceil(span / spacing)) + 2 * _MARGIN + 1)
    origin = (low + high) / 2 - spacing * (side - 1) / 2
    return Field(np.zeros((3, side, side), np.float32), origin, spacing)


def spread(cells: torch.Tensor, weights: torch.Tensor, *, side: int) -> torch.Tensor:
    """Add up the weights (9, b) of points at their cells (9, b), in that order, float32 (side * side,)."""
    return torch.zeros(side * side).index_add_(0, cells.flatten(), weights.flatten())


def grid_field(points: np.ndarray) -> Field:
    """Compute the field of points (n, 2) everywhere around them."""
    places = torch.from_numpy(np.asarray(points, dtype=np.float32).T)
    field = empty_field(places)
    side = field.grid.shape[1]
    return field.filled(spread(*splines(places, field), side=side).view(side, side).numpy())


def sampled_repulsion(points: torch.Tensor, rng: np.random.Generator, *, n_others: int = 24) -> tuple[float, torch.Tensor]:
    """Estimate the mean of Z and each F (q, n) of points (q, n) from random shifts of the rows."""
    n = points.shape[1]
    total, force = 0.0, torch.zeros_like(points)
    for shift in rng.integers(1, n, size=n_others):
        away = points - points.roll(int(shift), 1)
        kernel = 1 / (1 + away.square().sum(0))
        total += float(kernel.double().mean())
        force += kernel.square() * away
    share = (n - 1) / n_others
    return 1 + total * share, force * share


def splines(places: torch.Tensor, field: Field) -> tuple[torch.Tensor, torch.Tensor]:
    """Give the 9 grid cells int64 (9, b) around each place (2, b) and their quadratic B-spline weights float32 (9, b)."""
    side = field.grid.shape[1]
    scaled = ((places - torch.from_numpy(field.origin).float()[:, None]) / field.spacing).clamp_(1, side - 2)
    nearest = scaled.round()
    offset = scaled - nearest
    sides = torch.stack([0.5 * (0.5 - offset).square(), 0.75 - offset.square(), 0.5 * (0.5 + offset).square()])  # (3, 2, b)
    weights = (sides[:, None, 0] * sides[None, :, 1]).flatten(0, 1)
    steps = (torch.arange(-1, 2)[:, None] * side + torch.arange(-1, 2)).flatten()
    corner = (nearest[0] * side + nearest[1]).long()
    return corner + steps[:, None], weights


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
