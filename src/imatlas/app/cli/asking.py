"""From options to wishes: words as they are, levels of clusters by name, pictures as examples with their features."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from imatlas.app.cli.console import Console
from imatlas.conditions import CONDITIONS, Condition, FeatureCondition, cluster_wish
from imatlas.images import read_image
from imatlas.images.decode import peek
from imatlas.store import Atlas
from imatlas.values import Example, ImageSet

__all__ = ["picture_file", "picture_of", "read_wishes"]


def read_wishes(
    asked: Mapping[str, str], features_of: Callable[[str], np.ndarray], conditions: Iterable[Condition] = ()
) -> dict[str, str | Example]:
    """Give wishes for `Model.sample`.

    Parameters
    ----------
    asked : condition name -> what was given for it; under "cluster" a number or a name, middle:NUMBER or coarse:NUMBER,
        under conditions of features a picture file or the name of an image of the set.
    features_of : gives the feature row float32 (d,) of a picture by what was given for it.
    conditions : of the model; a name is looked for in all levels of clusters that it has.

    Raises
    ------
    InputError
        If a picture cannot be read, or there is no such level of clusters.
    """
    wishes: dict[str, str | Example] = {}
    for name, wish in asked.items():
        if issubclass(CONDITIONS[name], FeatureCondition):
            wishes[name] = Example(features_of(wish), Path(wish).name)
        elif name == "cluster":
            level, called = cluster_wish(wish, conditions)
            wishes[level] = called
        else:
            wishes[name] = wish
    return wishes


def picture_of(console: Console, atlas: Atlas, name: str) -> np.ndarray:
    """Give the pixels uint8 (H, W, C) of an image of the set by its name, of one that was added to it, or of a file.

    Raises
    ------
    InputError
        If it is none of these, or the file cannot be used.
    """
    images = atlas.images
    for some in (images, *(batch.items for batch in atlas.added)):
        rows = np.flatnonzero(some.ids == name)
        if len(rows) and isinstance(some, ImageSet):
            return np.asarray(some.pixels[rows[0]])
    return picture_file(console, name, side=images.shape[0], channels=images.shape[2])


def picture_file(console: Console, name: str, *, side: int, channels: int) -> np.ndarray:
    """Give the pixels uint8 (side, side, channels) of a picture file.

    A file of another size or mode is fitted like the images of the set, which is said.

    Raises
    ------
    InputError
        If there is no such file, or it cannot be used.
    """
    pixels = read_image(Path(name), side, channels)
    with open(name, "rb") as stream:
        header = peek(stream)
    if (header.width, header.height, header.gray) != (side, side, channels == 1):
        was, now = ("gray" if gray else "colour" for gray in (header.gray, channels == 1))
        console.say(
            f"{name}, {header.width} x {header.height} {was}, was fitted like the images of the set: its centre square, "
            f"{side} x {side} {now}."
        )
    return pixels
