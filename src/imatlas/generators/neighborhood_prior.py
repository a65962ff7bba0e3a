"""A small flow that draws neighborhood codes, so that drawing images needs no stored features.

The neighborhood condition is a feature row h of a near neighbor. This prior learns p(h | class, cluster, place, density), any
of them absent, from pairs of a training image's fields and one of its neighbors: the same pairs the generator is trained on,
without the corruption. Drawing h from it and an image from the generator given h is drawing an image; what the image shows is
decided in some dozen numbers, where a small network learns fast.

Reference: Li et al. 2024, "Return of unconditional generation: a self-supervised representation generation method",
arXiv 2312.03701 (a diffusion model of representations before one of images).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from imatlas.generators.vector_guess import VectorGuess, walk
from imatlas.training.contract import Stage, Trainable
from imatlas.values import Codes, Field

__all__ = ["NeighborhoodPrior"]

BLOCK = 1024


class NeighborhoodPrior(Trainable):
    """Flow over standardised features, conditional on the fields that have words.

    Parameters
    ----------
    code_dim : length m of a standardised feature row.
    fields : what it may be conditioned on.
    """

    width, depth, steps, draws = 256, 3, 8, 2

    def __init__(self, code_dim: int, fields: Sequence[Field] = ()) -> None:
        super().__init__()
        self.code_dim, self.fields = code_dim, tuple(fields)
        self.guess = VectorGuess(code_dim, fields, width=self.width, depth=self.depth)

    def stages(self) -> tuple[Stage, ...]:
        """One stage."""
        return (Stage("neighborhood prior", self.players()),)

    def loss(self, player: str, images: Tensor, codes: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Give the velocity error of targets (b, m), which come in the place of images, at two random times each."""
        several = {name: values.repeat(self.draws, 1) for name, values in codes.items()}
        return self.guess.loss(images.repeat(self.draws, 1), several, generator)

    @torch.no_grad()
    def draw(self, codes: Codes, seeds: Sequence[int]) -> np.ndarray:
        """Draw one standardised feature row per seed.

        Parameters
        ----------
        codes : one row per seed, or no fields; fields it does not know are passed over.
        seeds : whole numbers; each draws by itself.

        Returns
        -------
        float32 (b, m)
        """
        device = next(self.parameters()).device
        names = [field.name for field in self.fields if field.name in codes.fields]
        blocks = [np.zeros((0, self.code_dim), np.float32)]
        for start in range(0, len(seeds), BLOCK):
            some = seeds[start : start + BLOCK]
            noise = torch.stack([self._noise(seed) for seed in some]).to(device)
            given = {name: torch.from_numpy(codes.fields[name][start : start + BLOCK]).to(device) for name in names}
            drawn = walk(self.guess.under(given), noise, self.steps)
            blocks.append(drawn.cpu().numpy())
        return np.concatenate(blocks)

    def _noise(self, seed: int) -> Tensor:
        # Not torch's noise of that seed, from which the image itself is drawn.
        return torch.from_numpy(np.random.default_rng([int(seed), 2]).standard_normal(self.code_dim, dtype=np.float32))
