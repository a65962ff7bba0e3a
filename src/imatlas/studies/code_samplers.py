"""Ways to draw the code of a VAE from the codes of its training images, on the same weights.

Beside the normal prior and a mixture, three that follow the shape of the data. On the graph of the n codes and their nearest
neighbors: a point between a code and a neighbor of it (smoothed), or between the last two codes of a random walk (walk), each
moved by the encoder's own spread there. And by volume: with c_i the means of some training images, S_i the diagonal covariances
that the encoder gives them, and r the distance at which they meet, the metric

    G(z) = sum_i S_i^-1 exp(-|z - c_i|^2 / r^2) + lambda exp(-tau |z|^2) I

is large where the encoder is sure; codes are drawn with density proportional to sqrt(det G(z)) by Hamiltonian Monte Carlo, many
short chains side by side. They keep training codes, so they are measured here and not shipped with a model.

Reference: Chadebec & Allassonnière 2022, "A geometric perspective on variational autoencoders", arXiv 2209.07370.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from imatlas.generators import Vae
from imatlas.generators.samplers import LatentSampler, MixtureSampler, NormalSampler
from imatlas.neighbors import knn_graph

__all__ = ["CODE_SAMPLERS", "CodeSampler", "draw_codes"]

CodeSampler = Callable[[Tensor, Tensor, int, int], Tensor]
"""Function: means and log variances (n, d) of training codes, how many to draw, seed -> codes (count, d)."""

NEIGHBORS = 10
WALKED = 8
CENTERS, MOVES, LEAPS, LEAP = 200, 40, 10, 0.05
FLOOR, FALL = 1e-3, 1e-2  # lambda and tau


def from_prior(means: Tensor, log_variances: Tensor, count: int, seed: int) -> Tensor:
    """Draw standard normal codes."""
    return _of_sampler(NormalSampler(means.shape[1]), means, count, seed)


def from_mixture(means: Tensor, log_variances: Tensor, count: int, seed: int) -> Tensor:
    """Draw codes from ten normals fitted to the training codes."""
    return _of_sampler(MixtureSampler(means.shape[1]), means, count, seed)


def smoothed(means: Tensor, log_variances: Tensor, count: int, seed: int) -> Tensor:
    """Draw codes between training codes and near neighbors."""
    return _between_neighbors(means, log_variances, count, seed, steps=1)


def walked(means: Tensor, log_variances: Tensor, count: int, seed: int) -> Tensor:
    """Draw codes on the last step of random walks along the neighbor graph."""
    return _between_neighbors(means, log_variances, count, seed, steps=WALKED)


def by_volume(means: Tensor, log_variances: Tensor, count: int, seed: int) -> Tensor:
    """Draw codes with density proportional to the volume of the encoder's metric."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(means), generator=generator)[:CENTERS]
    centers, precisions = means[chosen], (-log_variances[chosen]).exp()
    apart = torch.cdist(centers, centers).fill_diagonal_(torch.inf)
    reach = float(apart.min(dim=1).values.max())

    def log_density(codes: Tensor) -> Tensor:
        near = (-(torch.cdist(codes, centers) / reach).square()).exp()  # (b, c)
        metric = near @ precisions + FLOOR * (-FALL * codes.square().sum(1, keepdim=True)).exp()  # (b, d)
        return metric.log().sum(1) / 2

    start = centers[torch.randint(len(centers), (count,), generator=generator)]
    return _hamiltonian(log_density, start, generator)


CODE_SAMPLERS: dict[str, CodeSampler] = {
    "normal": from_prior,
    "mixture": from_mixture,
    "smoothed": smoothed,
    "walk": walked,
    "volume": by_volume,
}
"""Every way by name; a VAE's own sampler, its code flow, stands beside them."""


def draw_codes(vae: Vae, images: Tensor, name: str, *, count: int, seed: int) -> np.ndarray:
    """Give codes float32 (count, code_dim) drawn in one of the ways, from training images (n, C, H, W) in [-1, 1]."""
    with torch.no_grad():
        means, log_variances = vae.posterior_of_many(images.to(vae.device))
    return CODE_SAMPLERS[name](means.cpu(), log_variances.cpu(), count, seed).float().numpy()


@torch.no_grad()
def _of_sampler(sampler: LatentSampler, means: Tensor, count: int, seed: int) -> Tensor:
    sampler.fit(means)
    noise = torch.randn(count, sampler.noise_dim, generator=torch.Generator().manual_seed(seed))
    zeros = torch.zeros(count, means.shape[1])
    return sampler.draw(noise, {}, zeros, zeros + 1)


def _between_neighbors(means: Tensor, log_variances: Tensor, count: int, seed: int, *, steps: int) -> Tensor:
    rng = np.random.default_rng(seed)
    graph = knn_graph(means.numpy(), n_neighbors=min(NEIGHBORS, len(means) - 1), random_state=seed)
    here = there = rng.integers(len(means), size=count)
    for _ in range(steps):
        here, there = there, graph.indices[there, rng.integers(graph.indices.shape[1], size=count)]
    share = torch.from_numpy(rng.random((count, 1), dtype=np.float32))
    noise = torch.from_numpy(rng.standard_normal((count, means.shape[1]), dtype=np.float32))
    return torch.lerp(means[here], means[there], share) + (log_variances[here] / 2).exp() * noise


def _hamiltonian(log_density: Callable[[Tensor], Tensor], start: Tensor, generator: torch.Generator) -> Tensor:
    """Move one chain per row of (b, d) by Hamiltonian Monte Carlo with leapfrog steps; give where each ends."""

    def slope(codes: Tensor) -> Tensor:
        codes = codes.detach().requires_grad_(True)
        return torch.autograd.grad(log_density(codes).sum(), codes)[0]

    codes = start.clone()
    for _ in range(MOVES):
        speed = torch.randn(codes.shape, generator=generator)
        moved, turned = codes, speed + LEAP / 2 * slope(codes)
        for leap in range(LEAPS):
            moved = moved + LEAP * turned
            turned = turned + (LEAP if leap < LEAPS - 1 else LEAP / 2) * slope(moved)
        with torch.no_grad():
            gain = log_density(moved) - log_density(codes) + (speed.square() - turned.square()).sum(1) / 2
            taken = torch.rand(len(codes), generator=generator).log() < gain
            codes = torch.where(taken[:, None], moved, codes)
    return codes
