"""The contract of every generator: it owns its loss, it names its players, it turns noise and codes into images.

Conditioning is an argument, never a subclass: codes are optional fields and an absent field means unconditional.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from imatlas.values import Field

__all__ = ["Generator"]


class Generator(nn.Module, ABC):
    """Base of all generators.

    Parameters
    ----------
    image_shape : (C, H, W).
    fields : the condition fields the network accepts; may be empty.
    """

    def __init__(self, image_shape: tuple[int, int, int], fields: Sequence[Field] = ()) -> None:
        super().__init__()
        self.image_shape = tuple(image_shape)
        self.fields = tuple(fields)

    @property
    @abstractmethod
    def noise_shape(self) -> tuple[int, ...]:
        """Shape of the noise of one image."""

    def players(self) -> tuple[str, ...]:
        """Name the players, in the order they move in each step; a GAN names two."""
        return ("generator",)

    def player_parameters(self, player: str) -> list[nn.Parameter]:
        """Give the parameters one player may change; by default all of them."""
        return list(self.parameters())

    @abstractmethod
    def loss(self, player: str, images: Tensor, codes: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Give the scalar one player lowers.

        Parameters
        ----------
        player : one of `players()`.
        images : float32 (b, C, H, W) in [-1, 1].
        codes : name -> (b, c), NaN rows absent.
        generator : the only source of randomness.
        """

    @abstractmethod
    def sample(self, noise: Tensor, codes: Mapping[str, Tensor]) -> Tensor:
        """Give images float32 (b, C, H, W) in [-1, 1] from noise (b, *noise_shape) and codes."""

    def draw_noise(self, b: int, generator: torch.Generator) -> Tensor:
        """Give standard normal noise (b, *noise_shape)."""
        return torch.randn(b, *self.noise_shape, generator=generator)

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device
