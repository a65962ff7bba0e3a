"""An encoder of the set's own, trained anew with another seed: a judge that knows the set but not the generator's features.

Scores in the very features a generator was conditioned with flatter it; another encoder of the same kind sees what matters
in these images and was never shown to the generator. It is trained by steps, so that equal images give equal scores.
"""

from __future__ import annotations

from imatlas.features.encoder import Encoder

__all__ = ["OwnEncoder"]

STEPS = 1_000
SEED = 1_000_003
"""Far from the seeds that people choose for a map."""


class OwnEncoder(Encoder):
    """Feature rows of unit length from an encoder that only judges.

    Parameters
    ----------
    n_features : length of a row.
    seconds : time for training, used when `steps` is 0.
    steps : training steps of 128 images, two views each.
    width : channels of the first convolution.
    seed : of weights, views and order; another one than the generator's encoder had.
    """

    name = "own_encoder"

    def __init__(
        self, n_features: int = 64, *, seconds: float = 0.0, steps: int = STEPS, width: int = 32, seed: int = SEED
    ) -> None:
        super().__init__(n_features, seconds=seconds, steps=steps, width=width, seed=seed)
