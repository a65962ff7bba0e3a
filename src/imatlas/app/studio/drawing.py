"""Drawing for the page: wishes to images, a line on the map to a morph, two pictures to the ways between them.

Everything here runs on the studio's one worker. Models stay loaded between two clicks, the two used last.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from imatlas.app.studio.answers import Drawing, Drawn, Near, OffTheMap, Ways
from imatlas.app.studio.asks import DialsAsk, DrawAsk, LineAsk, PathAsk, PictureWish, RowWish, Wish
from imatlas.app.studio.uploads import from_base64, read_picture
from imatlas.app.studio.view import View
from imatlas.app.words import number
from imatlas.checks import InputError
from imatlas.conditions import MapPlaceCondition, NeighborhoodCondition
from imatlas.features import Extractor
from imatlas.manifold import NeighborMap
from imatlas.neighbors import search
from imatlas.pictures import contact_sheet, png_bytes
from imatlas.recipes import Model, draw_ways, extractor_of, load_model, mapper_of, named_now
from imatlas.recipes.modeling import MAP_GONE, load_unfinished, require_same_map
from imatlas.sampling import neighborhoods_of, sample, say_codes
from imatlas.values import OFF_THE_MAP, Codes, Dials, Example, Samples

__all__ = ["Easel"]

MOST_LOADED = 2
FARTHEST = 1e9
SAME = 1e-3
"""Times that distance up to which a picture is one of the set, whose features were rounded otherwise in a larger block."""

SHEET_COLUMNS = 4
LIKE_THE_SET = 2.0
"""Times the usual distance to a nearest neighbor up to which a picture is one like those of the set."""


class Easel:
    """What draws from an atlas; for one thread.

    Parameters
    ----------
    view : the atlas.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self._loaded: dict[tuple[str, int], tuple[int, Model]] = {}

    @cached_property
    def extractor(self) -> Extractor:
        """What made the features of the map."""
        return extractor_of(self.view.atlas)

    @cached_property
    def mapper(self) -> NeighborMap:
        """The map, for placing new rows."""
        return mapper_of(self.view.atlas)

    def model(self, name: str | None) -> Model:
        """Give a trained model, the default when none is named.

        Raises
        ------
        InputError
            If there is no such model, or it is not trained to its end.
        """
        folder = self.view.atlas.model_or_default(name)
        weights = folder.folder / "model.safetensors"
        key = (folder.name, weights.stat().st_mtime_ns if weights.is_file() else 0)
        revision = self.view.atlas.edits.revision
        known, model = self._loaded.pop(key) if key in self._loaded else (revision, load_model(folder))
        if known != revision and model.map_key != MAP_GONE:  # clusters may be called otherwise by now
            model = replace(model, conditions=named_now(model.conditions, folder))
        self._loaded[key] = (revision, model)  # the last used comes last
        while len(self._loaded) > MOST_LOADED:
            self._loaded.pop(next(iter(self._loaded)))
        return model

    def warm(self) -> None:
        """Do once what the first click would wait for; an atlas without a model has nothing to draw with yet."""
        place = ",".join(f"{value:.5g}" for value in self.view.manifold.embedding.coordinates[0])
        if self.view.atlas.default_model is None:
            self.near(self.features_of_row(0), 1)
            return
        names = {condition.name for condition in self.model(None).conditions}
        self.draw(DrawAsk(wishes={"map_place": place} if "map_place" in names else {}, place=True))

    def features_of(self, pixels: np.ndarray) -> np.ndarray:
        """Give the feature row float32 (d,) of a picture uint8 (H, W, C)."""
        return self.extractor.rows(pixels[None])[0]

    def features_of_row(self, row: int) -> np.ndarray:
        """Give the feature row float32 (d,) of an image of the set."""
        rank = self.view.rank_of[self._known(row)]
        if rank >= 0:
            return np.asarray(self.view.manifold.features.rows[rank])
        return self.features_of(np.asarray(self.view.images.pixels[row]))

    def near(self, features: np.ndarray, count: int) -> Near:
        """Give the training images nearest to a feature row (d,), and its place on the map."""
        manifold = self.view.manifold
        ranks, distances = search(features[None], manifold.features.rows, min(count, len(manifold)))
        usual = max(float(np.median(manifold.graph.distances[:, 0])), 1e-12)
        off = float(distances[0, 0]) / usual
        fits, is_known = off <= LIKE_THE_SET, off <= SAME
        place = manifold.embedding.coordinates[ranks[0, 0]] if is_known else self.mapper.transform(features[None])[0]
        return Near(
            rows=manifold.rows[ranks[0]].tolist(),
            distances=[float(distance) for distance in distances[0]],
            place=[float(value) for value in place],
            off=off,
            on_map=fits,
            says=f"Its nearest image is {number(off)} times as far from it as images are from their own: "
            + ("it is like those of the set." if fits else "nothing in the set is like it, so its place says little."),
        )

    def draw(self, ask: DrawAsk) -> Drawing:
        """Draw images as wished; none at a place off the map, which is said.

        Raises
        ------
        InputError
            If a wish cannot be met; the message says what can be asked for.
        """
        start, model = time.monotonic(), self.model(ask.model)
        at = ask.wishes.get("map_place")
        if isinstance(at, str) and model.map_key == self.view.manifold.key:
            place = _read_place(at)
            off = None if place is None else self._off(place)
            if off is not None:
                return Drawing(images=[], off=off, seconds=time.monotonic() - start)
        wishes = {name: self._read_wish(wish) for name, wish in ask.wishes.items()}
        samples = model.sample(range(ask.seed, ask.seed + ask.count), wishes, _dials(ask.dials))
        places = self.mapper.transform(self.extractor.rows(samples.pixels)) if ask.place else None
        return Drawing(images=_drawn(samples, places), seconds=time.monotonic() - start)

    def line(self, ask: LineAsk) -> Drawing:
        """Draw at places along a line on the map, all from one noise; places off the map are left out, which is said.

        Raises
        ------
        InputError
            If the model draws no places of this map.
        """
        start, model = time.monotonic(), self.model(ask.model)
        require_same_map(model, self.view.manifold)
        places = _along(np.asarray(ask.points, dtype=np.float64), ask.frames)
        lies = self.view.manifold.embedding.support(places) <= OFF_THE_MAP
        off = None
        if not lies.all():
            off = self._off(places[~lies][0])
            said = f"{int((~lies).sum())} of {len(places)} places of the line are off the map; nothing is drawn there."
            off = OffTheMap(says=said, nearest=off.nearest if off else [])
        images: list[Drawn] = []
        if lies.any():
            images = _drawn(_at_places(model, places[lies], ask.seed, _dials(ask.dials)), places[lies])
        return Drawing(images=images, off=off, seconds=time.monotonic() - start)

    def ways(self, ask: PathAsk) -> Ways:
        """Draw both ways between two pictures.

        Raises
        ------
        InputError
            If the model has no code of an image.
        """
        view, model = self.view, self.model(ask.model)
        ends = np.stack([self._pixels_of(ask.start), self._pixels_of(ask.end)])
        path = draw_ways(model, view.images, view.manifold, self.extractor, ends, frames=ask.frames)
        how = {"model": model.name, "from": self._name_of(ask.start), "to": self._name_of(ask.end)}
        strips = {
            name: [_png(pixels, how | {"path": name, "frame": frame}) for frame, pixels in enumerate(frames)]
            for name, frames in (("geodesic", path.geodesic), ("straight", path.straight))
        }
        places = self.mapper.transform(self.extractor.rows(path.geodesic))
        return Ways(**strips, off=list(path.off), stations=path.stations.tolist(), places=places.tolist())

    def in_training(self, name: str) -> bytes | None:
        """Give a sheet of images as a model draws them that is in training, PNG; None before it has kept a state."""
        model = load_unfinished(self.view.atlas.model(name))
        if model is None:
            return None
        drawn = model.sample(range(SHEET_COLUMNS**2))
        return png_bytes(contact_sheet(drawn.pixels, SHEET_COLUMNS), {"model": name, "seeds": f"0 to {SHEET_COLUMNS**2 - 1}"})

    def _known(self, row: int) -> int:
        if row >= len(self.view.images):
            raise InputError(f"There is no image {row}; wanted 0 to {len(self.view.images) - 1}. Name one of these.")
        return row

    def _read_wish(self, wish: Wish) -> str | Example:
        if isinstance(wish, str):
            return wish
        if isinstance(wish, RowWish):
            return Example(self.features_of_row(wish.row), self._name_of(wish))
        return Example(self.features_of(self._pixels_of(wish)), self._name_of(wish))

    def _pixels_of(self, wish: RowWish | PictureWish) -> np.ndarray:
        if isinstance(wish, RowWish):
            return np.asarray(self.view.images.pixels[self._known(wish.row)])
        return read_picture(from_base64(wish.picture), self.view.images.shape)

    def _name_of(self, wish: RowWish | PictureWish) -> str:
        return str(self.view.images.ids[wish.row]) if isinstance(wish, RowWish) else "a picture of your own"

    def _off(self, place: np.ndarray) -> OffTheMap | None:
        """Say how far a place (2,) is off the map; None for one on it."""
        embedding = self.view.manifold.embedding
        place = np.clip(place, -FARTHEST, FARTHEST)
        support = float(embedding.support(place)[0])
        if support <= OFF_THE_MAP:
            return None
        nearest = [float(value) for value in embedding.coordinates[embedding.nearest(place)[0, 0]]]
        said = f"This place is off the map: {number(support)} times the usual spacing from any image. Nothing is drawn there."
        return OffTheMap(says=said, nearest=nearest)


def _at_places(model: Model, places: np.ndarray, seed: int, dials: Dials) -> Samples:
    """Draw at places (b, 2), each as `Model.sample` would draw there with this one seed."""
    known = {condition.name: condition for condition in model.conditions}
    condition, neighborhood = known.get("map_place"), known.get("neighborhood")
    if not isinstance(condition, MapPlaceCondition):
        names = ", ".join(known) or "no condition"
        raise InputError(
            f"This model was not trained with map_place (it knows: {names}), so it draws no places. Choose one that was, or "
            "train one."
        )
    seeds, settled = [seed] * len(places), model.generator.settle(replace(dials, typical=None))
    codes = Codes({condition.name: condition.code(places)})
    prior = neighborhoods_of(model.prior, dials.typical, codes.fields, "", precision=model.precision)
    if prior is not None and isinstance(neighborhood, NeighborhoodCondition):
        codes = Codes({**codes.fields, neighborhood.name: neighborhood.code(prior(codes, seeds))})
    said = say_codes(model.conditions, {}, codes, "prior")
    turned = replace(settled, typical=dials.typical).chosen()
    how = tuple({"model": model.name, "seed": seed} | turned | one for one in said)
    drawn = sample(model.generator, codes, seeds, settled, precision=model.precision)
    return replace(drawn, source=model.name, how=how)


def _dials(ask: DialsAsk) -> Dials:
    return Dials(**ask.model_dump())


def _read_place(words: str) -> np.ndarray | None:
    """Give the place (2,) that "x,y" names; None for words that are no place, which the condition refuses in its own."""
    try:
        place = np.array([float(part) for part in words.split(",")])
    except ValueError:
        return None
    return place if place.shape == (2,) and np.isfinite(place).all() else None


def _along(points: np.ndarray, frames: int) -> np.ndarray:
    """Give places (frames, 2) evenly along a line through points (m, 2), both ends included."""
    passed = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    at = np.linspace(0, passed[-1], frames)
    return np.stack([np.interp(at, passed, points[:, axis]) for axis in range(2)], axis=1)


def _drawn(samples: Samples, places: Sequence | np.ndarray | None) -> list[Drawn]:
    """Give drawn images for the page, with their places (b, 2) where these are known."""
    found = []
    for row, (pixels, how) in enumerate(zip(samples.pixels, samples.how, strict=True)):
        place = None if places is None else [float(value) for value in places[row]]
        told = {name: value for name, value in how.items() if isinstance(value, str | int | float)}
        found.append(Drawn(png=_png(pixels, how), seed=int(told["seed"]), how=told, place=place))
    return found


def _png(pixels: np.ndarray, how: Mapping[str, object]) -> str:
    return base64.b64encode(png_bytes(pixels, how)).decode()
