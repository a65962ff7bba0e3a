"""What images are generated from, and the generated images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

__all__ = ["Codes", "Field", "Samples"]


@dataclass(frozen=True)
class Field:
    """One field a generator can be conditioned on.

    Parameters
    ----------
    name : "class", "cluster", "map_place" or the user's own.
    kind : "category" (one integer in [0, size) per image) or "vector" (`size` numbers, about zero mean and unit spread).
    size : number of categories, or length of the vector.
    """

    name: str
    kind: str
    size: int

    @property
    def n_columns(self) -> int:
        """Columns this field takes in `Codes`: 1 for a category, `size` for a vector."""
        return 1 if self.kind == "category" else self.size


@dataclass(frozen=True)
class Codes:
    """What a batch of images is conditioned on.

    Parameters
    ----------
    fields : name -> float32 (b, c). A field that is not a key is absent: the generator treats it as unconditional.
        Inside a field a row of NaN is absent for that row alone.
    """

    fields: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        lengths = {name: len(values) for name, values in self.fields.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"Codes of one batch must have one length; got {lengths}.")

    def take(self, rows: np.ndarray) -> Codes:
        """Give the codes of some rows of the batch."""
        return Codes({name: values[rows] for name, values in self.fields.items()})


@dataclass(frozen=True)
class Samples:
    """Generated images and how each was made.

    Parameters
    ----------
    pixels : uint8 (b, H, W, C) in [0, 255].
    codes : what was asked for.
    seed : the seed of the whole batch.
    source : the model's name.
    how : one JSON-ready mapping per image (seed, condition, steps), written into PNG files.
    """

    pixels: np.ndarray
    codes: Codes
    seed: int
    source: str
    how: tuple[Mapping[str, object], ...] = ()

    def __len__(self) -> int:
        return len(self.pixels)

    def __repr__(self) -> str:
        return f"Samples({len(self):,} of {self.pixels.shape[1]} x {self.pixels.shape[2]} from {self.source!r})"
