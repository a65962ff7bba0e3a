"""What a verb draws from: a model of an atlas, or an exported one, which has no images of its set beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imatlas.app.cli.asking import picture_file, picture_of
from imatlas.app.cli.console import Console
from imatlas.checks import InputError
from imatlas.files import is_model
from imatlas.recipes import Model, extractor_of, load_extractor, load_model, trained_on, with_bank
from imatlas.store import Atlas, open_atlas

__all__ = ["Source", "model_of", "source_of"]


@dataclass(frozen=True)
class Source:
    """A model, and what stands around it.

    Parameters
    ----------
    model : what draws.
    samples : where its images go when no place is named.
    features_of : gives the feature row float32 (d,) of a picture by its name.
    """

    model: Model
    samples: Path
    features_of: Callable[[str], np.ndarray]


def source_of(console: Console, folder: Path, name: str | None, *, with_images: bool = False) -> Source:
    """Give the model that a person named.

    Parameters
    ----------
    folder : an atlas, or an exported model.
    name : of a model of the atlas; None = its default, the one trained last.
    with_images : whether codes are to be drawn from the training images, where these are at hand.

    Raises
    ------
    InputError
        If there is no such model, or it is not trained to its end.
    """
    if is_model(folder):
        if name is not None:
            raise InputError(f"{folder} is a model by itself and holds no other; leave out --model {name}.")
        model = load_model(folder)
        return Source(model, folder / "samples", lambda picture: _features_of_file(console, folder, model, picture))
    atlas = open_atlas(folder)
    model = model_of(atlas, name)
    samples = folder / "models" / model.name / "samples"
    if with_images:
        model = with_bank(model, *trained_on(atlas, atlas.model(model.name)))
    return Source(model, samples, lambda picture: extractor_of(atlas).rows(picture_of(console, atlas, picture)[None])[0])


def model_of(atlas: Atlas, name: str | None) -> Model:
    """Give a trained model of an atlas, its default when none is named."""
    return load_model(atlas.model_or_default(name))


def _features_of_file(console: Console, folder: Path, model: Model, name: str) -> np.ndarray:
    if not Path(name).is_file():
        raise InputError(
            f"There is no picture file {name}, and an exported model brings no images of its set. Name a picture file, or "
            "ask the atlas it came from."
        )
    channels, side, _ = model.generator.image_shape
    return load_extractor(folder).rows(picture_file(console, name, side=side, channels=channels)[None])[0]
