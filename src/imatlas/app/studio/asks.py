"""What the studio can be asked with a body, value by value; whatever does not fit is refused before anything is done."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "AnimationAsk",
    "DialsAsk",
    "DrawAsk",
    "EditAsk",
    "ExcludeChange",
    "IncludeChange",
    "KeepAsk",
    "LineAsk",
    "MergeChange",
    "NameChange",
    "PathAsk",
    "PictureWish",
    "RedoChange",
    "RowWish",
    "SplitChange",
    "TrainingAsk",
    "UndoChange",
    "Wish",
]

Seed = Annotated[int, Field(ge=0, lt=2**32, strict=True)]
Number = Annotated[float, Field(ge=-1e9, le=1e9)]
Place = Annotated[list[Number], Field(min_length=2, max_length=2)]
Count = Annotated[int, Field(ge=1, le=64, strict=True)]
Frames = Annotated[int, Field(ge=2, le=64, strict=True)]
ModelName = Annotated[str | None, Field(max_length=200)]


class Ask(BaseModel):
    """Base of all that is asked: names that are not known are refused."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class RowWish(Ask):
    """Like this image of the set."""

    row: Annotated[int, Field(ge=0, lt=2**31, strict=True)]


class PictureWish(Ask):
    """Like this picture: the content of a picture file in base64."""

    picture: Annotated[str, Field(max_length=32 * 2**20)]


Words = Annotated[str, Field(max_length=200)]
Wish = Words | RowWish | PictureWish


class DialsAsk(Ask):
    """What is turned; what is left out stays as the model has it."""

    steps: Annotated[int | None, Field(ge=1, le=200)] = None
    guidance: Annotated[float | None, Field(ge=0, le=20)] = None
    autoguidance: Annotated[float | None, Field(ge=0, le=20)] = None
    diversity: Annotated[float | None, Field(ge=0, le=1)] = None
    typical: Annotated[float | None, Field(ge=0.05, le=1)] = None


class DrawAsk(Ask):
    """New images: how many, from which seed on, and what is wished for, by the names of the model's conditions."""

    model: ModelName = None
    count: Count = 1
    seed: Seed = 0
    wishes: Annotated[dict[str, Wish], Field(max_length=16)] = {}
    dials: DialsAsk = DialsAsk()
    place: bool = False


class LineAsk(Ask):
    """A morph along a line on the map, all frames from one noise."""

    model: ModelName = None
    points: Annotated[list[Place], Field(min_length=2, max_length=256)]
    frames: Frames = 16
    seed: Seed = 0
    dials: DialsAsk = DialsAsk()


class PathAsk(Ask):
    """The way along the manifold from one picture to another, and the straight one."""

    model: ModelName = None
    start: Annotated[RowWish | PictureWish, Field(alias="from")]
    end: Annotated[RowWish | PictureWish, Field(alias="to")]
    frames: Frames = 16


Drawing = Annotated[str, Field(max_length=2 * 2**20)]


class KeepAsk(Ask):
    """A drawing to keep: the PNG in base64, as it came from here."""

    png: Drawing


class AnimationAsk(Ask):
    """Frames, PNG in base64 as they came from here, to one moving picture that takes some seconds."""

    frames: Annotated[list[Drawing], Field(min_length=2, max_length=256)]
    format: Literal["webp", "gif"] = "webp"
    seconds: Annotated[float, Field(ge=0.2, le=60)] = 2.0


class TrainingAsk(Ask):
    """A generator to train within some seconds on some conditions (null = all), or a model to go on with as it was begun."""

    generator: Literal["latent_flow", "vae", "flow", "gan"] = "latent_flow"
    budget: Annotated[float, Field(ge=10, le=7 * 24 * 3600)] = 600.0
    conditions: Annotated[list[Words] | None, Field(max_length=16)] = None
    seed: Seed = 0
    resume: ModelName = None


Level = Annotated[str, Field(pattern=r"^cluster-[0-9]{1,2}$")]
Label = Annotated[int, Field(ge=0, lt=2**31, strict=True)]
Rows = Annotated[list[Label], Field(min_length=1, max_length=1_000_000)]


class ClusterName(Ask):
    """A name for a cluster; an empty one takes its name away."""

    level: Level
    label: Label
    name: Words


class ClusterMerge(Ask):
    """Clusters of one level to become one."""

    level: Level
    labels: Annotated[list[Label], Field(min_length=2, max_length=1_000)]


class ClusterSplit(Ask):
    """A cluster to take apart."""

    level: Level
    label: Label


class ExcludeChange(Ask):
    """Take images out."""

    exclude: Rows


class IncludeChange(Ask):
    """Take images in again."""

    include: Rows


class NameChange(Ask):
    """Name a cluster."""

    name: ClusterName


class MergeChange(Ask):
    """Merge clusters."""

    merge: ClusterMerge


class SplitChange(Ask):
    """Split a cluster."""

    split: ClusterSplit


class UndoChange(Ask):
    """Take the last change back."""

    undo: Literal[True]


class RedoChange(Ask):
    """Make the change again that was taken back last."""

    redo: Literal[True]


class EditAsk(Ask):
    """One change, and the revision of the edits that it was made for."""

    revision: Annotated[int, Field(ge=0, lt=2**53, strict=True)]
    change: ExcludeChange | IncludeChange | NameChange | MergeChange | SplitChange | UndoChange | RedoChange
