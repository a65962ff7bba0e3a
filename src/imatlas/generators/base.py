"""The contract of every generator: a trainable model that turns noise and codes into images.

Conditioning is an argument, never a subclass: codes are optional fields and an absent field means unconditional.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from imatlas.checks import InputError
from imatlas.files import read_model_config, reading
from imatlas.training.contract import Trainable
from imatlas.values import AS_TRAINED, Dials, Field

__all__ = ["Generator"]


class Generator(Trainable):
    """Base of all generators.

    Parameters
    ----------
    image_shape : (C, H, W).
    fields : the condition fields the network accepts; may be empty.
    """

    dials: frozenset[str] = frozenset()
    """Names of the `Dials` this family has."""

    families: ClassVar[dict[str, type[Generator]]] = {}
    """All families by their names in configurations; `GENERATORS` is this dict."""

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
    def sizes_for(cls, image_shape: tuple[int, int, int], dimension: float, n_images: int) -> dict[str, object]:
        """Choose the keyword arguments of a network for an image shape, an intrinsic dimension and a number of images."""
        return {}

    @property
    @abstractmethod
    def noise_shape(self) -> tuple[int, ...]:
        """Shape of the noise of one image."""

    @classmethod
    def rebuild(cls, image_shape: tuple[int, int, int], fields: Sequence[Field], settings: Mapping[str, object]) -> Generator:
        """Give a network, with fresh weights, from what `settings` told of another one."""
        return cls(image_shape, fields, **settings)

    @staticmethod
    def load(folder: str | Path) -> Generator:
        """Give a trained network from its folder; no atlas, no images and no conditions are needed.

        Parameters
        ----------
        folder : with `config.json` and `model.safetensors`: one that `imatlas export` made, or a model folder of an atlas.

        Raises
        ------
        InputError
            If it is no model, one of a newer format, or a file is missing, cut short or does not fit.
        """
        path = Path(folder) / "model.safetensors"
        config = read_model_config(Path(folder))
        with reading(f"The model in {folder}", "Restore its files, or train or export it again."), torch.random.fork_rng([]):
            if config["kind"] not in Generator.families:
                there = ", ".join(Generator.families)
                raise InputError(f"{folder} holds a {config['kind']!r}; this version has only: {there}. Update imatlas.")
            fields = [Field(*field) for field in config["fields"]]
            model = Generator.families[config["kind"]].rebuild(tuple(config["image_shape"]), fields, config["network"])
            try:
                model.load_state_dict(safetensors.torch.load_file(path))
            except (OSError, SafetensorError) as error:
                raise InputError(f"Could not read {path} ({error}). Restore it, or train or export the model again.") from error
        return model.eval()

    @abstractmethod
    def settings(self) -> dict[str, object]:
        """Give the keyword arguments, JSON values only, that build this network again."""

    @abstractmethod
    def sample(self, noise: Tensor, codes: Mapping[str, Tensor], dials: Dials = AS_TRAINED) -> Tensor:
        """Give images float32 (b, C, H, W) in [-1, 1] from noise (b, *noise_shape), codes and dials that `settle` lets pass."""

    def defaults(self) -> Dials:
        """Give the dials as this model has them when nobody turns them; by default none."""
        return AS_TRAINED

    def settle(self, dials: Dials) -> Dials:
        """Give all dials an image is drawn with: those that were turned, the others as by default.

        Raises
        ------
        InputError
            If a dial is turned that this model does not have, or one of conditions where it was trained without.
        """
        foreign = [name for name in dials.chosen() if name not in self.dials]
        if foreign:
            raise InputError(
                f"A {type(self).__name__} has no dial {', '.join(foreign)}; it has: {', '.join(sorted(self.dials)) or 'none'}. "
                "Leave the others as they are."
            )
        has_conditions = any(field.kind != "change" for field in self.fields)
        if not has_conditions and (dials.guidance not in (None, 1) or dials.diversity not in (None, 0)):
            raise InputError(
                "This model was trained without conditions, so the dials guidance and diversity have nothing to turn. "
                "Leave them as they are, or train a model with conditions."
            )
        return dials.over(self.defaults())

    def complaint(self, images: Tensor) -> str:
        """Say what ails its parts, in sentences, by some images (b, C, H, W) it drew; by default nothing."""
        return ""

    def draw_noise(self, b: int, generator: torch.Generator) -> Tensor:
        """Give standard normal noise (b, *noise_shape)."""
        return torch.randn(b, *self.noise_shape, generator=generator)
