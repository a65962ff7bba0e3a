"""Images of one size, and the files that could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from imatlas.checks import require_rows

__all__ = ["ImageSet", "Rejected"]


@dataclass(frozen=True)
class Rejected:
    """A file that could not be used, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class ImageSet:
    """Images of one size with their names, labels and split.

    Parameters
    ----------
    pixels : uint8 (n, H, W, C) in [0, 255], C = 1 or 3; may be a memory map.
    ids : (n,) str, the path of each image inside its source, unique.
    labels : (n,) int64 with -1 for "no label", or None when the source has no labels at all.
    class_names : one name per label value.
    held_out : (n,) bool, rows nothing is ever fitted to; none by default.
    excluded : (n,) bool, rows a person took out; a mask, never a deletion; none by default.
    rejected : files of the source that are not among the n rows, with reasons.
    source : where the images came from, for people.
    notes : sentences on what reading decided (resolution, ground, ignored labels), for people.
    formats : what the images were stored as -> how many, such as {"PNG": 900, "JPEG 75": 100}, the number being the quality to
        the next 5; counted when read, and not afterwards.
    sizes : "width x height" as stored -> how many; counted when read, and not afterwards.
    """

    pixels: np.ndarray
    ids: np.ndarray
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    held_out: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    excluded: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    rejected: tuple[Rejected, ...] = ()
    source: str = ""
    notes: tuple[str, ...] = ()
    formats: Mapping[str, int] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        pixels = self.pixels
        if pixels.ndim != 4 or pixels.dtype != np.uint8 or pixels.shape[3] not in (1, 3):
            raise ValueError(
                f"Image pixels came as {pixels.dtype} {pixels.shape}; wanted uint8 (n, H, W, C) with C = 1 or 3. "
                "Read files with imatlas.read_images, or scale and reshape the array first."
            )
        n = len(pixels)
        object.__setattr__(self, "ids", require_rows(np.asarray(self.ids, dtype=str), n, "ids"))
        if self.labels is not None:
            labels = require_rows(np.asarray(self.labels, dtype=np.int64), n, "labels")
            object.__setattr__(self, "labels", labels)
            if n and labels.max(initial=-1) >= len(self.class_names):
                names = tuple(str(label) for label in range(int(labels.max()) + 1))
                object.__setattr__(self, "class_names", self.class_names + names[len(self.class_names) :])
        for name in ("held_out", "excluded"):
            mask = getattr(self, name)
            mask = np.zeros(n, dtype=bool) if len(mask) == 0 else np.asarray(mask, dtype=bool)
            object.__setattr__(self, name, require_rows(mask, n, name))

    def __len__(self) -> int:
        return len(self.pixels)

    def __repr__(self) -> str:
        height, width, channels = self.shape
        return (
            f"ImageSet({len(self):,} of {height} x {width} x {channels}, {len(self.class_names)} classes, "
            f"{int(self.held_out.sum()):,} held out, {len(self.rejected)} rejected, source={self.source!r})"
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        _, height, width, channels = self.pixels.shape
        return height, width, channels

    @property
    def training_rows(self) -> np.ndarray:
        """Row numbers (int64, rising) that methods may be fitted to."""
        return np.flatnonzero(~self.held_out & ~self.excluded)

    @property
    def held_out_rows(self) -> np.ndarray:
        """Row numbers (int64, rising) kept for judging."""
        return np.flatnonzero(self.held_out & ~self.excluded)

    def take(self, rows: np.ndarray) -> ImageSet:
        """Give the image set of some rows, in the order asked for; what was counted or rejected stays with the whole."""
        return replace(
            self,
            pixels=self.pixels[rows],
            ids=self.ids[rows],
            labels=None if self.labels is None else self.labels[rows],
            held_out=self.held_out[rows],
            excluded=self.excluded[rows],
            rejected=(),
            formats={},
            sizes={},
        )
