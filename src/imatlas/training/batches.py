"""Which images a step sees: a function of (seed, stage, step) alone, every row once before any row twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from imatlas.training.processes import Part
from imatlas.values import Codes

__all__ = ["Batch", "Batches"]

LOOKED_AT = 4096

Batch = Callable[[np.ndarray, np.random.Generator], tuple[Tensor, Codes]]
"""Gives images (b, C, H, W) in [-1, 1] and codes for some of the training rows 0 ... n - 1."""


@dataclass(frozen=True)
class Batches:
    """The batches of one stage.

    Parameters
    ----------
    n_rows : number of training rows.
    batch : gives images and codes of rows.
    size : rows per step.
    seed : of their order and of all noise.
    stage : its number; stages have orders and noise of their own.
    device : where images and codes go.
    part : which of the rows of a step this process makes.
    """

    n_rows: int
    batch: Batch
    size: int
    seed: int
    stage: int
    device: torch.device
    part: Part

    def look(self) -> Tensor:
        """Give up to 4,096 training images (b, C, H, W), chosen by the seed."""
        rows = np.random.default_rng([self.seed, 0, 0, self.stage]).permutation(self.n_rows)[:LOOKED_AT]
        return self.batch(rows, np.random.default_rng(0))[0].to(self.device)

    def rows_of(self, step: int) -> np.ndarray:
        """Give the row numbers int64 (size,) of a step; the order of the rows is shuffled anew in each epoch."""
        places = np.arange(step * self.size, (step + 1) * self.size)
        rows = np.empty(self.size, dtype=np.int64)
        for epoch in np.unique(places // self.n_rows):
            order = np.random.default_rng([self.seed, 1, int(epoch), self.stage]).permutation(self.n_rows)
            here = places // self.n_rows == epoch
            rows[here] = order[places[here] % self.n_rows]
        return rows

    def of(self, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Give images (b, C, H, W) and codes by name, each (b, c), of this process's rows of a step."""
        images, codes = self.batch(self.rows_of(step), np.random.default_rng([self.seed, 2, step, self.stage]))
        own = self.part.rows
        fields = {name: torch.from_numpy(values[own]).to(self.device) for name, values in codes.fields.items()}
        return images[own].to(self.device), fields

    def noise_seed(self, step: int) -> int:
        """Give the seed of all noise of a step."""
        return int(np.random.SeedSequence([self.seed, 3, step, self.stage]).generate_state(1)[0])
