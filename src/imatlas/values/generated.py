"""What images are generated from, and the generated images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from imatlas.checks import InputError

__all__ = ["AS_TRAINED", "Codes", "Dials", "Example", "Field", "Samples"]

MOST_STEPS = 1000
MOST_GUIDANCE = 20.0
LEAST_TYPICAL = 0.05


@dataclass(frozen=True)
class Field:
    """One field a generator can be conditioned on.

    Parameters
    ----------
    name : of the condition, such as "class", or "augmentation" for how an image was changed.
    kind : "category" (one integer in [0, size) per image), "vector" (`size` numbers, about zero mean and unit spread) or
        "change" (`size` numbers that say how an image was changed; absent = zero = not at all).
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
class Example:
    """A picture that says what is wished for: like this one.

    Parameters
    ----------
    features : float32 (d,), from the extractor that made the manifold.
    name : what people call it, such as its file.
    """

    features: np.ndarray
    name: str


@dataclass(frozen=True)
class Dials:
    """What a person can turn when images are drawn; None = as the model itself would have it.

    Parameters
    ----------
    steps : steps of the sampler; more is finer and slower. For a pixel flow 1 to 4 are evaluations of its copy for few
        steps, and more are Heun steps, 2 * steps - 1 evaluations each image.
    guidance : weight w of classifier-free guidance, 0 to 20; 1 = off, more follows the condition closer and varies less.
    autoguidance : weight against an early snapshot of the same run, 0 to 20; 1 = off, more keeps further from its faults.
    diversity : 0 = off to 1; noise on the condition while the image is still coarse, so that draws of one condition vary.
    typical : share of 20 candidates, the densest ones, that each neighborhood drawn by the prior is taken from, 0.05 to 1;
        1 = off, less is more ordinary and varies less.

    Raises
    ------
    InputError
        If one lies outside its range.

    Examples
    --------
    >>> Dials(guidance=1.5).over(Dials(steps=10, guidance=1.0)).chosen()
    {'steps': 10, 'guidance': 1.5}
    """

    steps: int | None = None
    guidance: float | None = None
    autoguidance: float | None = None
    diversity: float | None = None
    typical: float | None = None

    def __post_init__(self) -> None:
        if self.steps is not None and not isinstance(self.steps, int | np.integer):
            raise InputError(
                f"The dial steps is {self.steps!r}; wanted a whole number from 0 to {MOST_STEPS}. Give one, such as 10."
            )
        ranges = {"steps": MOST_STEPS, "guidance": MOST_GUIDANCE, "autoguidance": MOST_GUIDANCE, "diversity": 1, "typical": 1}
        for name, value in self.chosen().items():
            if not 0 <= value <= ranges[name]:
                raise InputError(f"The dial {name} is {value}; wanted 0 to {ranges[name]:g}. Turn it back into that range.")
        if self.typical is not None and self.typical < LEAST_TYPICAL:
            raise InputError(
                f"The dial typical is {self.typical}; wanted {LEAST_TYPICAL} to 1, a share of 20 candidates. "
                "Give 0.1 for the densest tenth."
            )

    def chosen(self) -> dict[str, float]:
        """Give the dials that are set, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def over(self, defaults: Dials) -> Dials:
        """Give these dials, with those that are not set taken from defaults."""
        return Dials(**(defaults.chosen() | self.chosen()))  # type: ignore[arg-type]


AS_TRAINED = Dials()
"""No dial is turned."""


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
