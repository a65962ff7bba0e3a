"""The contract of every generator: a trainable model that turns noise and codes into images.

Conditioning is an argument, never a subclass: codes are optional fields and an absent field means unconditional.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from imatlas.training.contract import Trainable
from imatlas.values import Field

__all__ = ["Generator"]


class Generator(Trainable):
    """Base of all generators.

    Parameters
    ----------
    image_shape : (C, H, W).
    fields : the condition fields the network accepts; may be empty.
    """

    def __init__(self, image_shape: tuple[int, int, int], fields: Sequence[Field] = ()) -> None:
        super().__init__()
        channels, height, width = image_shape
        if height != width or height % 4:
            raise ValueError(
                f"The images are {height} x {width} pixels; generators want square ones with a side divisible by 4. "
                "Read them with --resolution 32, for example."
            )
        self.image_shape = (channels, height, width)
        self.fields = tuple(fields)

    @classmethod
    def sizes_for(cls, image_shape: tuple[int, int, int], dimension: float) -> dict[str, object]:
        """Choose the keyword arguments of a network for an image shape and an intrinsic dimension; by default none."""
        return {}

    @property
    @abstractmethod
    def noise_shape(self) -> tuple[int, ...]:
        """Shape of the noise of one image."""

    @classmethod
    def rebuild(cls, image_shape: tuple[int, int, int], fields: Sequence[Field], settings: Mapping[str, object]) -> Generator:
        """Give a network, with fresh weights, from what `settings` told of another one."""
        return cls(image_shape, fields, **settings)

    @abstractmethod
    def settings(self) -> dict[str, object]:
        """Give the keyword arguments, JSON values only, that build this network again."""

    @abstractmethod
    def sample(self, noise: Tensor, codes: Mapping[str, Tensor]) -> Tensor:
        """Give images float32 (b, C, H, W) in [-1, 1] from noise (b, *noise_shape) and codes."""

    def draw_noise(self, b: int, generator: torch.Generator) -> Tensor:
        """Give standard normal noise (b, *noise_shape)."""
        return torch.randn(b, *self.noise_shape, generator=generator)
