"""What a report shows, as values only; every part beside the images may be missing and its section is then left out.

The report draws and words these values; it computes nothing about the images or the model, so a recipe, a test or a
notebook can fill in whatever it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from imatlas.values import ImageSet, Manifold, Samples, Score

__all__ = ["ClosePair", "Morph", "ReportContents"]


@dataclass(frozen=True)
class Morph:
    """Images drawn along a geodesic, beside those along the straight line between the same ends.

    Parameters
    ----------
    geodesic, straight : uint8 (f, H, W, C), frames from one end to the other.
    title : from what to what, for people.
    scores : name -> (along the geodesic, along the straight line), such as the distance to the nearest image.
    """

    geodesic: np.ndarray
    straight: np.ndarray
    title: str = ""
    scores: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class ClosePair:
    """A generated image and the training image nearest to it.

    Parameters
    ----------
    generated, training : uint8 (H, W, C).
    ratio : nearest distance over the mean of the next ones; far below 1 = a copy.
    training_id : which image of the set it is.
    space : in which they are near.
    """

    generated: np.ndarray
    training: np.ndarray
    ratio: float
    training_id: str = ""
    space: str = ""


@dataclass(frozen=True)
class ReportContents:
    """All a report shows.

    Parameters
    ----------
    images : the image set.
    title : heading; the source's name when empty.
    verdict : sentences, the most important first.
    manifold : what was learned from the training rows.
    places : (n_images, 2) map coordinates of every image, held-out ones included.
    added_places : (m, 2) map coordinates of images that were added to the finished map.
    cluster_names : one name per cluster; "Cluster 1", ... when empty.
    model : the model's name.
    samples : generated images.
    asked_by : "class" or "cluster" when each sample was asked for by one of these, else "".
    asked : int64 (b,) class or cluster number each sample was asked for, -1 = none.
    morphs : geodesic beside straight.
    pairs : the generated images closest to a training image, closest first, those of several spaces in turns.
    scores : what was measured of the model.
    references : name of a reference row -> its scores, such as "real half against real half", "training copies",
        "Gaussian in PCA space"; matched to `scores` by name and space.
    rivals : name of a model -> its scores, of all models that were judged against the same images; drawn from two on.
    curves : rows of metrics.jsonl, with "step", "seconds" and named numbers.
    settings, seeds : JSON values, shown as they are.
    seconds : step -> seconds it took.
    duplicates : groups of ids that show the same image.
    notes : sentences on what was decided on the way.
    """

    images: ImageSet
    title: str = ""
    verdict: Sequence[str] = ()
    manifold: Manifold | None = None
    places: np.ndarray | None = None
    added_places: np.ndarray | None = None
    cluster_names: Sequence[str] = ()
    model: str = ""
    samples: Samples | None = None
    asked_by: str = ""
    asked: np.ndarray | None = None
    morphs: Sequence[Morph] = ()
    pairs: Sequence[ClosePair] = ()
    scores: Sequence[Score] = ()
    references: Mapping[str, Sequence[Score]] = field(default_factory=dict)
    rivals: Mapping[str, Sequence[Score]] = field(default_factory=dict)
    curves: Sequence[Mapping[str, object]] = ()
    settings: Mapping[str, object] = field(default_factory=dict)
    seeds: Mapping[str, object] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    duplicates: Sequence[Sequence[str]] = ()
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        n = len(self.images)
        if self.places is not None and np.shape(self.places) != (n, 2):
            raise ValueError(f"places came with shape {np.shape(self.places)}; wanted ({n}, 2), one place per image.")
        if self.asked_by not in ("", "class", "cluster"):
            raise ValueError(f"asked_by is {self.asked_by!r}; wanted 'class', 'cluster' or ''.")
        if self.asked is not None and (self.samples is None or len(self.asked) != len(self.samples)):
            raise ValueError(f"asked has {len(self.asked)} entries; wanted one per sample.")

    @property
    def names_of_clusters(self) -> list[str]:
        """One name per cluster: the given ones, else "Cluster 1" on."""
        count = 0 if self.manifold is None else len(self.manifold.clusters.centroids)
        given = list(self.cluster_names[:count])
        return given + [f"Cluster {place + 1}" for place in range(len(given), count)]
