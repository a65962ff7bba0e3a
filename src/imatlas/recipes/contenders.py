"""What can be judged: images from anywhere, or a model that draws them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from imatlas.files import is_atlas, is_model
from imatlas.images import read_images
from imatlas.progress import Report, silent
from imatlas.recipes.exporting import load_extractor
from imatlas.recipes.judging import draw_to_judge
from imatlas.recipes.modeling import Model, load_model
from imatlas.recipes.timing import time_model
from imatlas.store import ModelFolder, open_atlas
from imatlas.values import ImageSet

__all__ = ["Contender", "Source", "open_contender", "read_contender"]

Source = str | Path | np.ndarray | ImageSet
"""Images: a folder, zip, npz, npy or idx file, an array (n, H, W[, C]), an image set, or the folder of an atlas."""


@dataclass(frozen=True)
class Contender:
    """Something that is to be judged.

    Parameters
    ----------
    source : images, when there is no model.
    model : what draws the images, or None.
    avoid : name of the extractor whose features the model was conditioned with, "" if that is not known.
    folder : where the model is kept, or None.
    """

    source: Source = ""
    model: Model | None = field(default=None, repr=False)
    avoid: str = ""
    folder: ModelFolder | None = None

    @property
    def side(self) -> int | None:
        """Side of the images that the model draws; None where there is none."""
        return None if self.model is None else int(self.model.generator.image_shape[1])


def open_contender(source: Source | Model) -> Contender:
    """Tell what is to be judged: an atlas stands for its default model, a model folder for its model, all else for images.

    Raises
    ------
    InputError
        If an atlas has no trained model, or a model cannot be read.
    """
    if isinstance(source, Model):
        return Contender(model=source)
    if not isinstance(source, str | Path):
        return Contender(source)
    folder = Path(source).expanduser()
    if is_atlas(folder):
        return _of_folder(open_atlas(folder).model_or_default(None))
    if is_model(folder):
        return _of_folder(ModelFolder(folder))
    return Contender(folder)


def read_contender(
    contender: Contender, resolution: int, *, count: int, seed: int = 0, report: Report = silent
) -> tuple[ImageSet, Mapping[str, float | str]]:
    """Give the images of a contender at one resolution, and what it costs to draw them if it draws.

    Parameters
    ----------
    contender : from `open_contender`.
    resolution : side of the images.
    count : how many a model draws.
    seed : of the first of them.
    report : hears of the progress.
    """
    if contender.model is None:
        images = read_images(contender.source, resolution=resolution, held_out=0.0, exact=True, report=report)
        return images.take(np.flatnonzero(~images.excluded)) if images.excluded.any() else images, {}
    drawn = draw_to_judge(contender.model, count, seed=seed, report=report)
    return read_images(drawn, resolution=resolution, exact=True), time_model(contender.model, contender.folder)


def _of_folder(folder: ModelFolder) -> Contender:
    return Contender(model=load_model(folder), avoid=_conditioned_with(folder), folder=folder)


def _conditioned_with(folder: ModelFolder) -> str:
    """Name the extractor that made a model's conditions: of an exported model its own, else that of its atlas."""
    if folder.has_packed("extractor"):
        return load_extractor(folder.folder).name
    home = folder.folder.absolute().parent.parent
    return open_atlas(home).manifold.features.extractor if is_atlas(home) else ""
