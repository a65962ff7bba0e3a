"""Two players: a critic that tells drawn images from real ones, and a drawer that makes it err.

With u = D(x, c) - D(G(z, c), c), one real and one drawn image side by side, the critic lowers
softplus(-u) + (g / 2) (|grad_x D(x)|^2 + |grad_x D(G)|^2) and the drawer softplus(u). Comparing pairs leaves no corner
of the set that can be forgotten at no cost, and with both penalties the game is stable near its end, so no further
tricks are needed. The penalties want second derivatives, the dearest part; they are taken in an eighth of the steps
and weighed eightfold, which steps is decided by the noise (Karras et al. 2020, arXiv 1912.04958, section 3.1).

References
----------
Jolicoeur-Martineau 2019, "The relativistic discriminator", arXiv 1807.00734; Mescheder et al. 2018, "Which training
methods for GANs do actually converge?", arXiv 1801.04406; Huang et al. 2024, "The GAN is dead; long live the GAN!",
arXiv 2501.05441, eq. 4 and 7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from imatlas.networks.critic import Critic
from imatlas.networks.critic_augmentation import changed_alike
from imatlas.training.contract import Stage

__all__ = [
    "FEW_IMAGES",
    "Scores",
    "clamped",
    "critic_loss",
    "drawer_loss",
    "frozen",
    "game",
    "gradient_penalty",
    "outside",
    "scores_of",
    "silence_of",
]

FEW_IMAGES = 20_000
"""Below so many images a critic is shown images changed, lest it learn each by heart."""
PENALTY, PENALISED = 0.06, 1 / 8

Scores = Callable[[Tensor], Tensor]
"""Function images (b, C, H, W) -> scores (b,)."""


def game(stage: Stage) -> Stage:
    """Give a stage as a game wants it: slopes turn all the time, so none is remembered; the best moment is looked for."""
    return replace(stage, betas=(0.0, 0.99), clip=10.0, validated=True)


def scores_of(critic: Critic, vectors: Tensor, generator: torch.Generator, *, changed: bool) -> Scores:
    """Give the critic of b real and b drawn images that should fit the same vectors (b, d).

    With changed both images of a pair are shown changed alike (`networks.critic_augmentation`), lest few be learned by heart.
    """
    twice = vectors.repeat(2, 1)
    return lambda both: critic(changed_alike(both, generator) if changed else both, twice)


def clamped(images: Tensor) -> Tensor:
    """Give images cut to [-1, 1], with the gradient of the uncut ones.

    What is shown to people is cut; shown uncut, a critic would see grounds that are not quite black where nobody else does,
    and a drawer whose gradient ends at the cut could never come back.
    """
    return images + (images.clamp(-1, 1) - images).detach()


def outside(images: Tensor) -> Tensor:
    """Give how far images reach beyond [-1, 1], as a mean square."""
    return (images - images.clamp(-1, 1)).square().mean()


def critic_loss(scores: Scores, real: Tensor, drawn: Tensor, *, generator: torch.Generator, penalty: float = PENALTY) -> Tensor:
    """Give what the critic lowers, the penalties of an eighth of the steps included.

    Parameters
    ----------
    scores : the critic; called once with real and drawn images, 2 b of them, real first.
    real, drawn : (b, C, H, W), row i of the one is compared with row i of the other; drawn ones are cut to [-1, 1].
    generator : decides whether this step is penalised.
    penalty : g; more makes for smoother scores and a slower game. With 1.8 the critic of colour images of 32 x 32 fell silent:
        real and reconstructed, much alike, were then cheaper not told apart.
    """
    both = torch.cat([real, clamped(drawn).detach()])
    is_penalised = bool(torch.rand((), generator=generator) < PENALISED)
    if is_penalised:
        both.requires_grad_()
    told = scores(both)
    loss = functional.softplus(-_lead(told)).mean()
    if is_penalised:
        loss = loss + penalty / 2 / PENALISED * gradient_penalty(told, both)
    return loss


def drawer_loss(scores: Scores, real: Tensor, drawn: Tensor) -> Tensor:
    """Give what the drawer lowers, from the same comparison; see `critic_loss`."""
    return functional.softplus(_lead(scores(torch.cat([real, clamped(drawn)])))).mean()


def gradient_penalty(scores: Tensor, images: Tensor) -> Tensor:
    """Give the sum of both penalties: twice the mean of |grad D|^2 over real and drawn images together.

    Parameters
    ----------
    scores : (2 b,), computed from images.
    images : (2 b, C, H, W), which require gradients.
    """
    (slope,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return 2 * slope.square().sum(dim=(1, 2, 3)).mean()


@torch.no_grad()
def silence_of(critic: Critic, images: Tensor) -> str:
    """Say that a critic gives all of some images (b, C, H, W) one score, and so teaches nothing; empty while it does not.

    A critic may end there and never comes back: no slope is left to any of its layers.
    """
    told = critic(images, images.new_zeros(len(images), critic.fit.in_features))
    if float(told.max() - told.min()) > 1e-6 * (1 + float(told.abs().max())):
        return ""
    return (
        "The critic says the same of every image and teaches the decoder nothing, so images stay blurred. "
        "Take another seed, or another generator."
    )


@contextmanager
def frozen(*parts: nn.Module) -> Iterator[None]:
    """Let gradients pass through some modules and none reach their parameters, which nearly halves the work of a step."""
    held = [values for part in parts for values in part.parameters() if values.requires_grad]
    for values in held:
        values.requires_grad_(False)
    try:
        yield
    finally:
        for values in held:
            values.requires_grad_(True)


def _lead(scores: Tensor) -> Tensor:
    real, drawn = scores.chunk(2)
    return real - drawn
