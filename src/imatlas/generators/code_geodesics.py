"""Shortest ways between codes, measured in the images they are decoded to, among codes that are likely.

A decoder g carries the length of images back to coordinates w. A way w_0, ..., w_m has the energy
    E = m sum_i |g(w_i+1) - g(w_i)|^2 ,
and of all ways between two ends the one of least energy is a geodesic, walked at constant speed. Left free it cuts through
what no image is like, where a decoder draws faint means, which are near to everything. So ways are held on the shell of a chart
(`imatlas.generators.code_charts`): |w| runs evenly from that of one end to that of the other, and the gradient moves the
directions w / |w| alone.

References
----------
Shao, Kumar, Fletcher 2018, "The Riemannian geometry of deep generative models", arXiv 1711.08014; Arvanitidis, Hansen,
Hauberg 2018, "Latent space oddity", arXiv 1710.11379 (without a cost off the data geodesics leave it); Chen et al. 2018,
"Metrics for deep generative models", arXiv 1711.01204.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.interpolate import make_interp_spline
from torch import Tensor

__all__ = ["Decode", "arc", "even_path", "hold", "refine_path", "travelled"]

BLOCK = 512
FINE = 4
ROUNDS = 4
TINY, LEVEL = 1e-12, 1e-6

Decode = Callable[[Tensor], Tensor]
"""Function: coordinates float32 (b, d) -> what lengths are measured in, such as images (b, C, H, W)."""


def arc(first: np.ndarray, last: np.ndarray, count: int) -> np.ndarray:
    """Give coordinates float32 (count, d) on the arc from one place to another: directions turn and radii change evenly.

    Opposite directions turn by way of the axis that is most across them.
    """
    ends = np.stack([first, last]).astype(np.float64)
    lengths = np.maximum(np.linalg.norm(ends, axis=1), TINY)
    a, b = ends / lengths[:, None]
    across = b - (a @ b) * a
    angle = np.arctan2(np.linalg.norm(across), a @ b)
    if np.linalg.norm(across) < LEVEL and a @ b < 0:
        axis = np.eye(len(a))[int(np.abs(a).argmin())]
        across = axis - (a @ axis) * a
    across /= max(float(np.linalg.norm(across)), LEVEL)
    angles = np.linspace(0, angle, count)[:, None]
    radii = np.linspace(lengths[0], lengths[1], count)[:, None]
    return (radii * (np.cos(angles) * a + np.sin(angles) * across)).astype(np.float32)


def hold(path: np.ndarray, radii: np.ndarray | None = None) -> np.ndarray:
    """Bring a path (m, d) to given radii (m,); without them to such as run evenly from the first one's to the last one's."""
    lengths = np.linalg.norm(path, axis=1)
    wanted = np.linspace(lengths[0], lengths[-1], len(path)) if radii is None else radii
    return (path * (wanted / np.maximum(lengths, TINY))[:, None]).astype(np.float32)


def refine_path(decode: Decode, paths: np.ndarray, *, held: bool = True, steps: int = 50, rate: float = 0.05) -> np.ndarray:
    """Lower the energy of paths, ends held fast.

    Parameters
    ----------
    decode : g, differentiable.
    paths : float32 (b, m, d), several paths side by side, from where the search begins.
    held : whether radii run evenly between those of the ends; False leaves the paths free.
    steps : of the gradient (Adam, falling rate). More shorten further and take longer.
    rate : first step, in the units of the coordinates.

    Returns
    -------
    float32 (b, m, d), for each path the lowest found: never above where it began, once that is held.
    """
    if paths.shape[1] < 3:
        return paths
    moving = _Moving(decode, paths, held=held)
    waves = torch.zeros_like(moving.start).requires_grad_(True)
    optimiser = torch.optim.Adam([waves], lr=rate)
    best, lowest = waves.detach().clone(), torch.full((len(paths),), torch.inf, dtype=torch.float64)
    for step in range(steps + 1):
        energies, slope = moving.energies(waves)
        better = energies < lowest
        lowest = torch.where(better, energies, lowest)
        best = torch.where(better[:, None, None], waves.detach(), best)
        waves.grad = slope
        optimiser.param_groups[0]["lr"] = rate * (1 - step / (steps + 1))
        optimiser.step()
    return moving.paths(best).numpy()


def even_path(decode: Decode, path: np.ndarray, frames: int, *, held: bool = True) -> np.ndarray:
    """Give coordinates float32 (frames, d) along a path (m, d), equally far apart in what is drawn.

    Equal parts of the way itself come first, from a fine subdivision; then the steps between frames, which are chords of it,
    are made equal by a few rounds of the same.
    """
    places = np.linspace(0, len(path) - 1, FINE * max(len(path), frames) + 1)
    for _ in range(1 + ROUNDS):
        lengths = travelled(decode, _between(path, places, held=held))
        if lengths[-1] == 0:
            return np.repeat(path[:1], frames, axis=0)
        places = np.interp(np.linspace(0, lengths[-1], frames), lengths, places)
    even = _between(path, places, held=held)
    even[[0, -1]] = path[[0, -1]]
    return even


def travelled(decode: Decode, path: np.ndarray) -> np.ndarray:
    """Give the lengths float64 (m,) from the first place of a path (m, d) to each, in what is drawn."""
    with torch.no_grad():
        parts = np.array_split(path, -(-len(path) // BLOCK))
        drawn = torch.cat([decode(torch.from_numpy(part)).flatten(1) for part in parts])
    return np.r_[0.0, np.cumsum(drawn.diff(dim=0).double().norm(dim=1).numpy())]


class _Moving:
    """The moving part of some paths, and the paths it makes.

    What moves are waves over the path, sin(pi k i / m) / k for point i and k = 1, 2, ...: each of them shortens at its own
    pace, where single points would pass a move on from one to the next, in as many steps as there are points.
    """

    def __init__(self, decode: Decode, paths: np.ndarray, *, held: bool) -> None:
        self.decode = decode
        whole = torch.from_numpy(paths).float()
        self.ends, self.start = whole[:, [0, -1]], whole[:, 1:-1]
        places = torch.arange(1, paths.shape[1] - 1)
        self.waves = torch.sin(torch.pi * torch.outer(places, places) / (paths.shape[1] - 1)) / places
        lengths = whole.norm(dim=2)
        share = torch.linspace(0, 1, paths.shape[1])
        self.radii = torch.lerp(lengths[:, :1], lengths[:, -1:], share)[:, 1:-1, None] if held else None

    def paths(self, heights: Tensor) -> Tensor:
        """Give whole paths (b, m, d) moved by waves of these heights (b, m - 2, d)."""
        inner = self.start + self.waves @ heights
        if self.radii is not None:
            inner = inner / inner.norm(dim=2, keepdim=True).clamp(min=TINY) * self.radii
        return torch.cat([self.ends[:, :1], inner, self.ends[:, 1:]], dim=1)

    def energies(self, heights: Tensor) -> tuple[Tensor, Tensor]:
        """Give the energy of each path (b,) and its gradient."""
        m = 2 + heights.shape[1]
        paths = self.paths(heights)
        found, slopes = [], []
        for part in paths.detach().requires_grad_(True).split(max(1, BLOCK // m)):
            drawn = self.decode(part.flatten(0, 1)).view(len(part), m, -1).double()
            energy = (m - 1) * drawn.diff(dim=1).square().sum(dim=(1, 2))
            slopes.append(torch.autograd.grad(energy.sum(), part)[0])
            found.append(energy.detach())
        return torch.cat(found), torch.autograd.grad(paths, heights, torch.cat(slopes))[0]


def _between(path: np.ndarray, places: np.ndarray, *, held: bool) -> np.ndarray:
    """Give coordinates float32 at fractional places of a path, on a spline through it; when held, at radii in between."""
    if not held:
        return _curve(path, places).astype(np.float32)
    lengths = np.linalg.norm(path, axis=1)
    turned = _curve(path / np.maximum(lengths, TINY)[:, None], places)
    return hold(turned, np.interp(places, np.arange(len(path)), lengths))


def _curve(points: np.ndarray, places: np.ndarray) -> np.ndarray:
    # A cubic has no corners, which frames would cut and so come nearer to each other there.
    return make_interp_spline(np.arange(len(points)), points, k=min(3, len(points) - 1))(places)
