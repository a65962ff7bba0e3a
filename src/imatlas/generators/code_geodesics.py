"""Shortest ways between codes, measured in the images they are decoded to, among codes that images really have.

A decoder g carries the length of images back to codes. A way c_0, ..., c_m has the energy
    E = m sum_i |g(c_i+1) - g(c_i)|^2 ,
and of all ways between two ends the one of least energy is a geodesic, walked at constant speed. Alone it would cut through
codes that no image has, where a decoder draws blurred means, which are near to everything. So every code is held on a shell:
with w = L^-1 (c - mean), L L' the covariance of training codes, nearly all codes of d numbers have |w| near sqrt(d), but
halfway along a straight line |w| is smaller by 1 / sqrt(2). On a way here |w| runs evenly from that of one end to that of the
other, and the gradient moves the directions w / |w| alone.

References
----------
Shao, Kumar, Fletcher 2018, "The Riemannian geometry of deep generative models", arXiv 1711.08014; Arvanitidis, Hansen,
Hauberg 2018, "Latent space oddity", arXiv 1710.11379 (without a cost off the data geodesics leave it); Chen et al. 2018,
"Metrics for deep generative models", arXiv 1711.01204; White 2016, "Sampling generative networks", arXiv 1609.04468 (arcs).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.interpolate import make_interp_spline
from sklearn.covariance import ledoit_wolf
from torch import Tensor

__all__ = ["CodeShell", "Decode", "even_codes", "path_energy", "refine_path"]

BLOCK = 512
FINE = 4
ROUNDS = 4

Decode = Callable[[Tensor], Tensor]
"""Function: codes float32 (b, d) -> what lengths are measured in, such as images (b, C, H, W)."""


@dataclass(frozen=True)
class CodeShell:
    """Where the codes of a set lie: their mean, and the shape of the shell around it.

    Parameters
    ----------
    mean : float64 (d,).
    root : float64 (d, d), lower triangular L with L L' = covariance.
    """

    mean: np.ndarray
    root: np.ndarray

    @classmethod
    def of(cls, codes: np.ndarray) -> CodeShell:
        """Fit mean and covariance to codes (n, d); with few codes the covariance is shrunk (Ledoit & Wolf 2004)."""
        covariance = ledoit_wolf(codes.astype(np.float64))[0]
        floor = 1e-9 * max(np.trace(covariance) / len(covariance), 1e-9)
        return cls(codes.mean(axis=0, dtype=np.float64), np.linalg.cholesky(covariance + floor * np.eye(len(covariance))))

    def whiten(self, codes: np.ndarray) -> np.ndarray:
        """Give w = L^-1 (c - mean) float64 (..., d)."""
        return np.linalg.solve(self.root, (codes - self.mean)[..., None])[..., 0]

    def codes(self, whitened: np.ndarray) -> np.ndarray:
        """Give codes float32 (..., d) of whitened codes."""
        return (whitened @ self.root.T + self.mean).astype(np.float32)

    def hold(self, path: np.ndarray, radii: np.ndarray | None = None) -> np.ndarray:
        """Bring codes (m, d) to the shell: whitened radii that run evenly from the first code's to the last one's.

        Parameters
        ----------
        radii : (m,), used instead.
        """
        whitened = self.whiten(path)
        lengths = np.linalg.norm(whitened, axis=-1)
        wanted = np.linspace(lengths[0], lengths[-1], len(path)) if radii is None else radii
        return self.codes(whitened * (wanted / np.maximum(lengths, 1e-12))[:, None])

    def arc(self, first: np.ndarray, last: np.ndarray, count: int) -> np.ndarray:
        """Give codes float32 (count, d) on the arc of the shell from one code to another, ends included.

        Directions turn at an even pace; those opposite to each other turn by way of the first axis that differs from both.
        """
        ends = self.whiten(np.stack([first, last]))
        lengths = np.maximum(np.linalg.norm(ends, axis=1), 1e-12)
        a, b = ends / lengths[:, None]
        across = b - (a @ b) * a
        if np.linalg.norm(across) < 1e-6 and a @ b < 0:
            axis = np.eye(len(a))[int(np.abs(a).argmin())]
            across = axis - (a @ axis) * a
        across /= max(float(np.linalg.norm(across)), 1e-12)
        angles = np.linspace(0, np.arctan2(b @ across, a @ b), count)[:, None]
        radii = np.linspace(lengths[0], lengths[1], count)[:, None]
        return self.codes(radii * (np.cos(angles) * a + np.sin(angles) * across))


def path_energy(decode: Decode, path: np.ndarray) -> float:
    """Give the energy m sum_i |g(c_i+1) - g(c_i)|^2 of a path of codes (m + 1, d); at least its squared length."""
    with torch.no_grad():
        drawn = decode(torch.from_numpy(path)).flatten(1).double()
    return float((len(path) - 1) * drawn.diff(dim=0).square().sum())


def refine_path(
    decode: Decode, paths: np.ndarray, shell: CodeShell | None = None, *, steps: int = 50, rate: float = 0.05
) -> np.ndarray:
    """Lower the energy of paths of codes, ends held fast.

    Parameters
    ----------
    decode : the decoder g, differentiable.
    paths : float32 (b, m, d), several paths side by side, from where the search begins.
    shell : keeps the codes among those of the data; None leaves them free.
    steps : of the gradient (Adam, falling rate). More shorten further and take longer.
    rate : first step, in whitened units.

    Returns
    -------
    float32 (b, m, d), for each path the lowest found: never above where it began.
    """
    if paths.shape[1] < 3:
        return paths
    frame = _Frame(decode, paths, shell)
    waves = torch.zeros_like(frame.start).requires_grad_(True)
    optimiser = torch.optim.Adam([waves], lr=rate)
    best, lowest = waves.detach().clone(), torch.full((len(paths),), torch.inf, dtype=torch.float64)
    for step in range(steps + 1):
        energies, slope = frame.energies(waves)
        better = energies < lowest
        lowest = torch.where(better, energies, lowest)
        best = torch.where(better[:, None, None], waves.detach(), best)
        waves.grad = slope
        optimiser.param_groups[0]["lr"] = rate * (1 - step / (steps + 1))
        optimiser.step()
    refined = frame.codes(best).detach().cpu().numpy()
    refined[:, [0, -1]] = paths[:, [0, -1]]
    return refined


def even_codes(decode: Decode, path: np.ndarray, frames: int, shell: CodeShell | None = None) -> np.ndarray:
    """Give codes float32 (frames, d) along a path (m, d), equally far apart in what the decoder draws.

    Equal parts of the way itself come first, from a fine subdivision; then the steps between frames, which are chords of it,
    are made equal by a few rounds of the same.
    """
    places = np.linspace(0, len(path) - 1, FINE * max(len(path), frames) + 1)
    for _ in range(1 + ROUNDS):
        travelled = _travelled(decode, _between(path, places, shell))
        if travelled[-1] == 0:
            return np.repeat(path[:1], frames, axis=0)
        places = np.interp(np.linspace(0, travelled[-1], frames), travelled, places)
    even = _between(path, places, shell)
    even[[0, -1]] = path[[0, -1]]
    return even


def _travelled(decode: Decode, codes: np.ndarray) -> np.ndarray:
    """Lengths float64 (m,) from the first code to each, in what is drawn."""
    with torch.no_grad():
        parts = np.array_split(codes, -(-len(codes) // BLOCK))
        drawn = torch.cat([decode(torch.from_numpy(part)).flatten(1) for part in parts])
    return np.r_[0.0, np.cumsum(drawn.diff(dim=0).double().norm(dim=1).numpy())]


class _Frame:
    """The moving part of some paths, and the codes it becomes.

    What moves are waves over the path, sin(pi k i / m) / k for point i and k = 1, 2, ...: each of them shortens at its own
    pace, where single points would pass a move on from one to the next, in as many steps as there are points.
    """

    def __init__(self, decode: Decode, paths: np.ndarray, shell: CodeShell | None) -> None:
        self.decode = decode
        d = paths.shape[2]
        used = shell or CodeShell(np.zeros(d), np.eye(d))
        self.mean, self.root = (torch.from_numpy(part).float() for part in (used.mean, used.root))
        whitened = torch.from_numpy(used.whiten(paths)).float()
        self.ends, self.start = whitened[:, [0, -1]], whitened[:, 1:-1]
        places = torch.arange(1, paths.shape[1] - 1)
        self.waves = torch.sin(torch.pi * torch.outer(places, places) / (paths.shape[1] - 1)) / places
        lengths = whitened.norm(dim=2)
        share = torch.linspace(0, 1, paths.shape[1])
        self.radii = torch.lerp(lengths[:, :1], lengths[:, -1:], share)[:, 1:-1, None] if shell else None

    def codes(self, waves: Tensor) -> Tensor:
        """Give whole paths (b, m, d) moved by waves of these heights (b, m - 2, d)."""
        inner = self.start + self.waves @ waves
        if self.radii is not None:
            inner = inner / inner.norm(dim=2, keepdim=True).clamp(min=1e-12) * self.radii
        return torch.cat([self.ends[:, :1], inner, self.ends[:, 1:]], dim=1) @ self.root.T + self.mean

    def energies(self, waves: Tensor) -> tuple[Tensor, Tensor]:
        """Give the energy of each path (b,) and its gradient."""
        m = 2 + waves.shape[1]
        found, slopes = [], []
        for part in torch.arange(len(waves)).split(max(1, BLOCK // m)):
            codes = self.codes(waves)[part]
            drawn = self.decode(codes.flatten(0, 1)).view(len(part), m, -1).double()
            energy = (m - 1) * drawn.diff(dim=1).square().sum(dim=(1, 2))
            slopes.append(torch.autograd.grad(energy.sum(), waves)[0])
            found.append(energy.detach())
        return torch.cat(found), torch.stack(slopes).sum(dim=0)


def _between(path: np.ndarray, places: np.ndarray, shell: CodeShell | None) -> np.ndarray:
    """Give codes float32 at fractional places of a path, on a spline through it; on the shell, at radii in between."""
    if shell is None:
        return _curve(path, places).astype(np.float32)
    whitened = shell.whiten(path)
    lengths = np.linalg.norm(whitened, axis=1)
    turned = _curve(whitened / np.maximum(lengths, 1e-12)[:, None], places)
    turned /= np.maximum(np.linalg.norm(turned, axis=1), 1e-12)[:, None]
    return shell.codes(turned * np.interp(places, np.arange(len(path)), lengths)[:, None])


def _curve(points: np.ndarray, places: np.ndarray) -> np.ndarray:
    # A cubic has no corners, which frames would cut and so come nearer to each other there.
    return make_interp_spline(np.arange(len(points)), points, k=min(3, len(points) - 1))(places)
