"""Ways to draw the code of a VAE: its own normal prior, a mixture of normals, a flow in code space.

A standard normal prior leaves holes: most of its mass decodes to nothing the encoder ever produced. A density fitted
to the codes afterwards removes them without retraining (Ghosh et al. 2020, arXiv 1903.12436; Chadebec & Allassonnière
2022, arXiv 2209.07370, table 1: Fréchet distance 40.7 to 13.1 on one network by a mixture of ten).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Self

import torch
from sklearn.mixture import GaussianMixture
from torch import Tensor, nn

from imatlas.generators.guidance import EarlyCopy, with_dials
from imatlas.generators.vector_guess import VectorGuess, walk
from imatlas.networks.condition import present_rows
from imatlas.values import AS_TRAINED, Dials, Field

__all__ = ["SAMPLERS", "UNGUIDED", "CodeFlow", "LatentSampler", "MixtureSampler", "NormalSampler"]

AUTOGUIDANCE = 1.5
UNGUIDED = Dials(guidance=1.0, autoguidance=1.0, diversity=0.0)
"""A code flow as it was learned, with nothing added when it is walked."""


class LatentSampler(nn.Module, ABC):
    """Turns normal noise into codes.

    Parameters
    ----------
    code_dim : length of a code.
    fields : condition fields.
    """

    learned = False
    """Whether it has a loss and takes part in training as the player "sampler"."""
    draws = 1
    """How many codes of each image it wants to see in a step."""

    def __init__(self, code_dim: int, fields: Sequence[Field] = ()) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.fields = tuple(fields)

    @property
    def defaults(self) -> Dials:
        """The dials it has, as they are when nobody turns them; by default none."""
        return AS_TRAINED

    @property
    def noise_dim(self) -> int:
        """Normal numbers needed for one code."""
        return self.code_dim

    def fit(self, code: Tensor) -> None:
        """Look at the codes (n, code_dim) of training images, once; by default nothing."""
        return

    def learnable(self) -> list[nn.Parameter]:
        """Give the parameters that training may change; by default all."""
        return list(self.parameters())

    def keep_snapshot(self, average: Self) -> None:
        """Copy from the averaged weights early in training what is to be kept of them; by default nothing."""
        return

    def loss(self, code: Tensor, codes: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Give the scalar that a learned sampler lowers.

        Raises
        ------
        RuntimeError
            If this sampler has nothing to learn by gradients.
        """
        raise RuntimeError(f"{type(self).__name__} has no loss; train the autoencoder alone and call fit.")

    @abstractmethod
    def draw(
        self, noise: Tensor, codes: Mapping[str, Tensor], mean: Tensor, spread: Tensor, dials: Dials = AS_TRAINED
    ) -> Tensor:
        """Give codes (b, code_dim) from noise (b, noise_dim) and the prior's mean and spread, each (b, code_dim)."""


class NormalSampler(LatentSampler):
    """The VAE's own prior, normal given the condition."""

    def draw(
        self, noise: Tensor, codes: Mapping[str, Tensor], mean: Tensor, spread: Tensor, dials: Dials = AS_TRAINED
    ) -> Tensor:
        """Give mean + spread * noise."""
        return mean + spread * noise


class MixtureSampler(LatentSampler):
    """A mixture of ten normals on all codes, re-weighted by how well each fits the conditional prior.

    The weight of a component with mean m is its share times the prior density N(m; mean, spread), so a condition
    chooses among the components; without a condition the shares alone decide.
    """

    n_components = 10
    shares: Tensor
    means: Tensor
    roots: Tensor

    def __init__(self, code_dim: int, fields: Sequence[Field] = ()) -> None:
        super().__init__(code_dim, fields)
        k = self.n_components
        self.register_buffer("shares", torch.full((k,), 1 / k))
        self.register_buffer("means", torch.zeros(k, code_dim))
        self.register_buffer("roots", torch.eye(code_dim).repeat(k, 1, 1))

    @property
    def noise_dim(self) -> int:
        """One number to choose the component, the others to place the code in it."""
        return self.code_dim + 1

    def fit(self, code: Tensor) -> None:
        """Fit the mixture by expectation maximisation; fewer components when there are under 10 codes each."""
        k = max(1, min(self.n_components, len(code) // 10))
        mixture = GaussianMixture(k, random_state=0, reg_covar=1e-4).fit(code.double().cpu().numpy())
        roots = torch.linalg.cholesky(torch.from_numpy(mixture.covariances_))
        self.shares.zero_()
        self.shares[:k] = torch.from_numpy(mixture.weights_).float()
        self.means[:k] = torch.from_numpy(mixture.means_).float()
        self.roots[:k] = roots.float()

    def draw(
        self, noise: Tensor, codes: Mapping[str, Tensor], mean: Tensor, spread: Tensor, dials: Dials = AS_TRAINED
    ) -> Tensor:
        """Choose a component by the last noise entry, read as a probability; place within it by the others."""
        normal, choice = noise[:, :-1], torch.special.ndtr(noise[:, -1:])
        weights = self.shares.log().expand(noise.shape[0], -1)  # (b, k)
        given = [present_rows(codes[field.name]) for field in self.fields if field.name in codes]
        if given:
            gaps = (self.means[None] - mean[:, None]) / spread[:, None]  # (b, k, code_dim)
            weights = weights - torch.cat(given, dim=1).any(dim=1, keepdim=True) * gaps.square().sum(-1) / 2
        cumulative = weights.softmax(dim=1).cumsum(dim=1)
        chosen = (choice > cumulative).sum(dim=1).clamp(max=self.n_components - 1)
        return self.means[chosen] + (self.roots[chosen] @ normal[:, :, None])[:, :, 0]


class CodeFlow(LatentSampler):
    """A flow in code space: the same clean-value prediction and velocity loss as in pixels, on a residual network.

    Parameters
    ----------
    code_dim : length of a code.
    fields : condition fields.
    """

    learned = True
    width, depth, steps, draws = 384, 5, 8, 8
    trace_steps = 24
    center: Tensor
    scale: Tensor

    def __init__(self, code_dim: int, fields: Sequence[Field] = ()) -> None:
        super().__init__(code_dim, fields)
        self.guess = VectorGuess(code_dim, fields, width=self.width, depth=self.depth)
        self.early = EarlyCopy(self.guess)
        self.register_buffer("center", torch.zeros(code_dim))
        self.register_buffer("scale", torch.ones(code_dim))

    @property
    def defaults(self) -> Dials:
        """Autoguidance, once there is an early copy to keep away from; nothing else."""
        return Dials(autoguidance=AUTOGUIDANCE).over(UNGUIDED) if self.early.is_kept else UNGUIDED

    def learnable(self) -> list[nn.Parameter]:
        """Give the parameters of the flow; its early copy stands still."""
        return list(self.guess.parameters())

    def keep_snapshot(self, average: Self) -> None:
        """Keep the averaged weights for autoguidance."""
        self.early.keep(average.guess)

    def fit(self, code: Tensor) -> None:
        """Remember mean and spread of each code entry, so that the flow works on standardised codes."""
        self.center.copy_(code.mean(0))
        self.scale.copy_(code.std(0, correction=0).clamp(min=1e-3))

    def loss(self, code: Tensor, codes: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Give the mean squared velocity error at a random time for each code."""
        return self.guess.loss((code - self.center) / self.scale, codes, generator)

    def draw(
        self, noise: Tensor, codes: Mapping[str, Tensor], mean: Tensor, spread: Tensor, dials: Dials = AS_TRAINED
    ) -> Tensor:
        """Carry noise to codes by Heun's method; the prior's mean and spread are not needed."""
        estimate = with_dials(self.guess, self.early, noise, codes, dials.over(self.defaults))
        return walk(estimate, noise, self.steps) * self.scale + self.center

    @torch.no_grad()
    def trace(self, code: Tensor) -> Tensor:
        """Give the noise (b, code_dim) that the flow, without a condition, carries to about these codes.

        The same way walked back, from a time near 1, where flow and code are nearly the same. `draw` ends with a guess, which
        takes a code to the nearest likely one, so a code comes back from its noise only as far as it is likely.
        """
        estimate, state = self.guess.under({}), (code - self.center) / self.scale
        for now, later in pairwise([*torch.linspace(4, -4, self.trace_steps).sigmoid().tolist(), 0.0]):
            share = (later - now) / (1 - now)
            first, second = (state.new_full((len(state),), time) for time in (now, later))
            guess = estimate(state, first)
            state = state + share * ((guess + estimate(state + share * (guess - state), second)) / 2 - state)
        return state


SAMPLERS: dict[str, type[LatentSampler]] = {
    "normal": NormalSampler,
    "mixture": MixtureSampler,
    "code_flow": CodeFlow,
}
