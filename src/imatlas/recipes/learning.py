"""Images to a manifold: features, neighbor graph, dimension, density, map and clusters, all from one graph.

Everything is fitted to training rows; held-out rows are placed on the finished map and are nobody's neighbor.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from imatlas.checks import InputError
from imatlas.features import EXTRACTORS, Encoder, Extractor
from imatlas.geometry import estimate_density, estimate_dimension
from imatlas.manifold import BalancedClusters, NeighborMap, landmark_geodesics, map_trust
from imatlas.neighbors import knn_graph
from imatlas.progress import Progress, Report, silent
from imatlas.values import Embedding, ImageSet, Manifold

__all__ = ["FEWEST_TO_MAP", "Clock", "Learned", "choose_extractor", "fit_manifold", "learn", "require_mappable"]

FEWEST_TO_MAP = 10
N_NEIGHBORS = 15
ENCODER_SHARE = 0.15
MOST_ENCODER_SECONDS = 120.0
FEWEST_ENCODER_SECONDS = 3.0
FEWEST_FOR_ENCODER = 200


@dataclass(frozen=True)
class Learned:
    """A manifold with the fitted methods that place new images on it.

    Parameters
    ----------
    manifold : of the training rows.
    places : float32 (n_images, 2), map coordinates of every image, held-out ones included.
    extractor, mapper, clusterer : fitted.
    seconds : step -> seconds it took.
    """

    manifold: Manifold
    places: np.ndarray
    extractor: Extractor
    mapper: NeighborMap
    clusterer: BalancedClusters
    seconds: dict[str, float]


def choose_extractor(wish: str, n_images: int, *, budget: float, steps: int = 0, seed: int = 0) -> Extractor:
    """Give the extractor that makes the map.

    Parameters
    ----------
    wish : key of `imatlas.features.EXTRACTORS`, or "auto": a small encoder if there are 200 images and 3 s for one,
        else principal components.
    n_images : number of training images.
    budget : seconds for everything fitted; an encoder gets 15 % of it, at most 120 s.
    steps : training steps of an encoder instead, so that it can be repeated; 0 = what the budget allows.
    seed : of the extractor.

    Raises
    ------
    InputError
        If there is no such extractor.
    """
    seconds = min(MOST_ENCODER_SECONDS, ENCODER_SHARE * budget)
    if wish == "auto":
        is_affordable = steps > 0 or seconds >= FEWEST_ENCODER_SECONDS
        wish = "encoder" if n_images >= FEWEST_FOR_ENCODER and is_affordable else "principal_components"
    if wish not in EXTRACTORS:
        raise InputError(f"There are no features {wish!r}; choose auto or one of: {', '.join(EXTRACTORS)}.")
    if wish == "encoder":
        return Encoder(steps=steps, seed=seed) if steps else Encoder(seconds=seconds, seed=seed)
    return EXTRACTORS[wish]()


def fit_manifold(
    images: ImageSet, *, features: str = "auto", budget: float = 120.0, seed: int = 0, report: Report = silent
) -> Manifold:
    """Learn the manifold that the training images of a set lie on.

    Parameters
    ----------
    images : the image set; at least 10 training images that are not all the same.
    features : "auto" or a key of `imatlas.features.EXTRACTORS`.
    budget : seconds that the whole journey may take; decides how long an encoder is trained.
    seed : of everything random.
    report : hears of the progress.

    Raises
    ------
    InputError
        If there are too few images, or all are the same.
    """
    extractor = choose_extractor(features, len(images.training_rows), budget=budget, seed=seed)
    return learn(images, extractor, seed=seed, report=report).manifold


def require_mappable(images: ImageSet) -> None:
    """Refuse sets that no map can be made of.

    Raises
    ------
    InputError
        If there are fewer than 10 training images, or all are the same.
    """
    rows = images.training_rows
    if len(rows) < FEWEST_TO_MAP:
        raise InputError(
            f"{images.source or 'The set'} has {len(rows)} images to fit to; a map needs {FEWEST_TO_MAP} at least. Add images."
        )
    first = images.pixels[rows[0]]
    if all((np.asarray(images.pixels[row]) == first).all() for row in rows):
        raise InputError(
            f"All {len(rows)} images to fit to are the same picture; a map needs images that differ. Add other images."
        )


def learn(images: ImageSet, extractor: Extractor, *, seed: int = 0, report: Report = silent) -> Learned:
    """Fit extractor, graph, dimension, density, map and clusters to the training rows of an image set.

    Raises
    ------
    InputError
        If there are fewer than 10 training images, or all are the same.
    """
    require_mappable(images)
    rows = images.training_rows
    train = images.take(rows)
    clock = Clock(report)
    extractor.fit(train, report=report)
    features = extractor.transform(train)
    clock.lap("features", len(rows))
    graph = knn_graph(features.rows, n_neighbors=min(N_NEIGHBORS, len(rows) - 1), random_state=seed, report=report)
    clock.lap("neighbors", len(rows))
    dimension = estimate_dimension(graph)
    density = estimate_density(graph, dimension)
    geodesics = landmark_geodesics(graph, seed=seed)
    clock.lap("geometry", len(rows))
    mapper = NeighborMap(random_state=seed).fit(features.rows, graph=graph)
    clock.lap("map", len(rows))
    clusterer = BalancedClusters(random_state=seed).fit(features.rows)
    clock.lap("clusters", len(rows))
    trust = map_trust(features.rows, mapper.embedding_, seed=seed, along=geodesics)
    embedding = Embedding(mapper.embedding_, "neighbor_map", trust)
    manifold = Manifold(rows, features, graph, geodesics, embedding, clusterer.clusters_value(), dimension, density)
    places = _place_all(images, manifold, extractor, mapper)
    clock.lap("trust and held-out places", len(images))
    return Learned(manifold, places, extractor, mapper, clusterer, clock.seconds)


def _place_all(images: ImageSet, manifold: Manifold, extractor: Extractor, mapper: NeighborMap) -> np.ndarray:
    """Map coordinates of all images: fitted ones for training rows, placed ones for the others."""
    places = np.zeros((len(images), 2), dtype=np.float32)
    places[manifold.rows] = manifold.embedding.coordinates
    others = np.setdiff1d(np.arange(len(images)), manifold.rows)
    if len(others):
        places[others] = mapper.transform(extractor.transform(images.take(others)).rows)
    return places


class Clock:
    """Seconds of each step, told to whoever listens."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.seconds: dict[str, float] = {}
        self.start = time.monotonic()

    def lap(self, stage: str, n_rows: int) -> None:
        """Close a step of so many rows and say how long it took."""
        now = time.monotonic()
        self.seconds[stage] = now - self.start
        self.start = now
        rate = n_rows / max(self.seconds[stage], 1e-9)
        self.report(Progress(stage, n_rows, n_rows, self.seconds[stage], rate, 0.0))
