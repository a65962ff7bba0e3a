"""What the studio answers, value by value; the OpenAPI description is made of these."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

__all__ = [
    "AtlasFacts",
    "Cluster",
    "Condition",
    "ConditionFacts",
    "Counts",
    "Dial",
    "Drawing",
    "Drawn",
    "EditsFacts",
    "Error",
    "Fields",
    "Found",
    "GeneratorFacts",
    "ImageFacts",
    "KeptDrawing",
    "Labels",
    "MapFacts",
    "ModelFacts",
    "Near",
    "Neighbor",
    "OffTheMap",
    "Outlier",
    "RejectedFile",
    "Thumbs",
    "TrainFacts",
    "TrainingFacts",
    "TrustScore",
    "Values",
    "Ways",
]


class Error(BaseModel):
    """Why something could not be done, in a sentence that says what to do."""

    error: str


class Labels(BaseModel):
    """One way of grouping the images; `condition` is what a model calls the same groups, if one can be asked for them."""

    name: str
    title: str
    groups: list[str]
    condition: str | None = None


class Values(BaseModel):
    """One score of the images, and its range without the outermost hundredths."""

    name: str
    title: str
    low: float
    high: float


class Fields(BaseModel):
    """What images can be coloured by."""

    labels: list[Labels]
    values: list[Values]


class Condition(BaseModel):
    """One thing that a model can be asked for; choices where it is one of several names."""

    name: str
    title: str
    kind: Literal["choice", "example", "place", "number"]
    choices: list[str] = []


class Dial(BaseModel):
    """Something that can be turned when drawing, to whole numbers alone or to any."""

    low: float
    high: float
    usual: float
    says: str
    whole: bool


class ModelFacts(BaseModel):
    """A trained model and what it can be asked for."""

    name: str
    title: str
    kind: str
    default: bool
    conditions: list[Condition]
    dials: dict[str, Dial]
    can_morph: bool


class TrustScore(BaseModel):
    """One score of trust in the map, with its 95 % interval in words."""

    name: str
    value: float
    interval: str
    says: str


class MapFacts(BaseModel):
    """What the map was made from, how far to trust it, and its corners [x0, y0, x1, y1]."""

    features: str
    says: str
    trust: list[TrustScore]
    bounds: list[float]
    pixel_art: bool


class Counts(BaseModel):
    """How many images are held out, excluded, and were rejected."""

    held_out: int
    excluded: int
    rejected: int


class Thumbs(BaseModel):
    """How thumbnails lie on their sheets."""

    side: int
    columns: int
    per_sheet: int
    sheets: int


class GeneratorFacts(BaseModel):
    """A kind of generator that can be trained."""

    name: str
    title: str
    says: str


class ConditionFacts(BaseModel):
    """A condition that this set has."""

    name: str
    title: str


class TrainFacts(BaseModel):
    """What can be trained here, and the usual budget in seconds."""

    generators: list[GeneratorFacts]
    conditions: list[ConditionFacts]
    budget: float


class AtlasFacts(BaseModel):
    """All that the page needs before it draws."""

    name: str
    n: int
    shape: list[int]
    fields: Fields
    models: list[ModelFacts]
    map: MapFacts
    counts: Counts
    notes: list[str]
    thumbs: Thumbs
    train: TrainFacts
    revision: int
    version: str
    stamp: str


class Neighbor(BaseModel):
    """A near image, and how far it is among the features."""

    row: int
    distance: float


class ImageFacts(BaseModel):
    """One image: the names of its groups by field, its scores (absent for held-out images) and its nearest neighbors."""

    row: int
    id: str
    class_: str | None = Field(serialization_alias="class")
    clusters: dict[str, str]
    place: list[float]
    held_out: bool
    excluded: bool
    scores: dict[str, float | None]
    neighbors: list[Neighbor]


class Found(BaseModel):
    """Images whose names hold a text: the first of them, and how many there are."""

    rows: list[int]
    total: int


class Near(BaseModel):
    """Where a picture belongs: the images nearest to it, and its own place.

    `off` is the distance to the nearest image, in units of the median distance of images to their nearest neighbor.
    """

    rows: list[int]
    distances: list[float]
    place: list[float]
    off: float
    on_map: bool
    says: str


class Drawn(BaseModel):
    """One drawn image, a PNG in base64 that carries how it was made."""

    png: str
    seed: int
    how: dict[str, str | int | float]
    place: list[float] | None = None


class OffTheMap(BaseModel):
    """Why nothing was drawn at a place, and the nearest place on the map."""

    says: str
    nearest: list[float]


class Drawing(BaseModel):
    """What was drawn, and where the map gave out."""

    images: list[Drawn]
    off: OffTheMap | None = None
    seconds: float


class Ways(BaseModel):
    """Frames along the manifold and straight between two pictures, PNG in base64.

    `off` is the mean distance of each way to the images; `stations` are images on the neighbor graph's shortest path; `places`
    are those of the frames along the manifold.
    """

    geodesic: list[str]
    straight: list[str]
    off: list[float]
    stations: list[int]
    places: list[list[float]]


class KeptDrawing(BaseModel):
    """A drawing that was kept, where its picture is, and how it was made."""

    name: str
    url: str
    how: dict[str, Any]


class TrainingFacts(BaseModel):
    """How the training stands that runs, or that was the last.

    `step` and `steps` are those of its present stage, `seconds` of all stages; curves run over the steps of all stages so far.
    """

    state: Literal["none", "running", "stopped", "finished", "failed"]
    model: str | None = None
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    remaining: float | None = None
    curves: dict[str, list[list[int | float]]] = {}
    samples: str | None = None
    says: str


class Cluster(BaseModel):
    """One cluster of a level: its size, what is known of it, and some of its images from its heart to its edge."""

    label: int
    name: str
    size: int
    says: str
    rows: list[int]


class Outlier(BaseModel):
    """An image that lies outside, and how far: 1 is ordinary."""

    row: int
    score: float


class RejectedFile(BaseModel):
    """A file of the source that could not be used, and why."""

    file: str
    why: str


class EditsFacts(BaseModel):
    """What a person changed; levels go by the names of their fields, such as cluster-0."""

    revision: int
    excluded: list[str]
    names: dict[str, dict[str, str]]
    merges: dict[str, list[list[int]]]
    can_undo: bool
    can_redo: bool
