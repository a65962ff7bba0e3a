"""A place on the 2-D map as a condition: what the generator draws there looks like the images around it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property

import numpy as np

from imatlas.checks import InputError
from imatlas.conditions.base import WordCondition
from imatlas.values import OFF_THE_MAP, Embedding, Field, ImageSet, Manifold

__all__ = ["MapPlaceCondition"]

JITTER = 0.5


class MapPlaceCondition(WordCondition):
    """Map coordinates, centred and scaled to unit spread.

    In training every place is moved by half the spacing of the map's points, so that the network learns regions and
    cannot use a place as the key to one image.

    Parameters
    ----------
    coordinates : float32 (n, q), map coordinates of the training rows.
    """

    name = "map_place"
    steers = "where on the map it lies: like the images there"
    lacking = "no map"

    def __init__(self, coordinates: np.ndarray) -> None:
        self.coordinates = np.asarray(coordinates, dtype=np.float32)
        self.center = self.coordinates.mean(axis=0)
        self.scale = float(self.coordinates.std()) or 1.0
        self.decimals = max(0, 2 - math.floor(math.log10(self.scale)))

    @classmethod
    def describe(cls, images: ImageSet, manifold: Manifold) -> MapPlaceCondition | None:
        """Always there: every manifold has a map."""
        return cls(manifold.embedding.coordinates)

    @property
    def field(self) -> Field:
        """A vector field of q numbers."""
        return Field(self.name, "vector", self.coordinates.shape[1])

    def codes(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Give jittered, standardised places float32 (b, q)."""
        places = self.coordinates[rows]
        return self.code(places + JITTER * self._map.spacing * rng.standard_normal(places.shape))

    def code(self, places: np.ndarray) -> np.ndarray:
        """Give the codes float32 (b, q) of map coordinates (b, q)."""
        return ((places - self.center) / self.scale).astype(np.float32)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Give a random place, dense where the map is dense."""
        return self.codes(rng.integers(len(self.coordinates), size=1), rng)[0]

    def read(self, wish: str) -> np.ndarray:
        """Read map coordinates such as "0.3,-1.2"."""
        try:
            place = np.array([float(part) for part in wish.split(",")], dtype=np.float32)
        except ValueError:
            place = np.empty(0, dtype=np.float32)
        if place.shape != self.center.shape or not np.isfinite(place).all():
            low, high = self.coordinates.min(axis=0), self.coordinates.max(axis=0)
            ranges = " and ".join(f"{self._number(a)} to {self._number(b)}" for a, b in zip(low, high, strict=True))
            raise InputError(f"The map place {wish!r} is not {len(self.center)} numbers; write x,y with values from {ranges}.")
        off = float(self._map.support(place)[0])
        if off > OFF_THE_MAP:
            nearest = self.coordinates[self._map.nearest(place)[0, 0]]
            raise InputError(
                f"The place {wish} is off the map: {off:.0f} times the usual spacing from any image. The nearest place on it "
                f"is {','.join(self._number(value) for value in nearest)}; ask for that, or for one between its images."
            )
        return self.code(place[None])[0]

    @cached_property
    def _map(self) -> Embedding:
        return Embedding(self.coordinates, self.name)

    def words(self, code: np.ndarray) -> str:
        """Give map coordinates, to about a hundredth of the map's spread."""
        return ",".join(self._number(value) for value in np.asarray(code) * self.scale + self.center)

    def _number(self, value: float) -> str:
        return f"{value:.{self.decimals}f}"

    def pack(self) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        """Give the coordinates."""
        return {}, {"coordinates": self.coordinates}

    @classmethod
    def unpack(cls, settings: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> MapPlaceCondition:
        """Give the condition."""
        return cls(arrays["coordinates"])
