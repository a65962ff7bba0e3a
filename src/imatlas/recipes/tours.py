"""Longer ways over a manifold: closed loops, random walks on its graph, grids of places on its map or between four pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from imatlas.checks import InputError
from imatlas.conditions import MapPlaceCondition
from imatlas.generators import Generator
from imatlas.generators.code_charts import CodeChart
from imatlas.generators.code_geodesics import even_path, hold, travelled
from imatlas.recipes.modeling import Model, require_same_map
from imatlas.recipes.paths import arc_codes, code_chart, decoder_of, flatten, unflatten
from imatlas.sampling import draw_path, encode, sample
from imatlas.values import OFF_THE_MAP, Codes, ImageSet, Manifold

__all__ = ["MapGrid", "between_four", "cluster_hearts", "loop_codes", "map_grid", "random_walk", "walk_codes"]

FEWEST_ON_A_LOOP = 2
BACK = 3
"""How many of its last rows a random walk does not return to."""


@dataclass(frozen=True)
class MapGrid:
    """Images drawn at a grid of map places.

    Parameters
    ----------
    pixels : uint8 (side, side, H, W, C), the first row at the top of the map; 0 where nothing was drawn.
    drawn : bool (side, side), False where the map has no support.
    places : float32 (side, side, 2), map coordinates.
    """

    pixels: np.ndarray
    drawn: np.ndarray
    places: np.ndarray


def loop_codes(generator: Generator, chart: CodeChart, stations: np.ndarray, *, frames: int) -> np.ndarray:
    """Give codes float32 (frames, d) on a closed way of geodesics through stations (m, d) and back to the first.

    Each station is a frame, and the first one is the first frame. The ways between stations have frames in proportion to their
    lengths, one at least; from the last frame it is one step more back to the first.

    Raises
    ------
    InputError
        If there are fewer than two stations, or more than frames.
    """
    if len(stations) < FEWEST_ON_A_LOOP:
        raise InputError(f"A loop came with {len(stations)} picture; it needs {FEWEST_ON_A_LOOP} at least. Give more.")
    if frames < len(stations):
        raise InputError(f"{frames} frames cannot show {len(stations)} pictures and ways between them; ask for more frames.")
    decode = decoder_of(generator)
    ends = np.stack([stations, np.roll(stations, -1, axis=0)], axis=1)  # (m, 2, d)
    ways = [arc_codes(generator, chart, pair) for pair in ends]
    counts = _shared(frames, np.array([travelled(decode, way)[-1] for way in ways]))
    return np.concatenate([even_path(decode, way, count + 1, held=False)[:-1] for way, count in zip(ways, counts)])


def cluster_hearts(manifold: Manifold, count: int = 5) -> np.ndarray:
    """Choose image-set rows (m,) at the hearts of the largest clusters, ordered around the middle of the map.

    Raises
    ------
    InputError
        If there are fewer than two clusters.
    """
    labels, strengths = manifold.clusters.labels, manifold.clusters.strengths
    if manifold.clusters.n_clusters < FEWEST_ON_A_LOOP:
        raise InputError("This set has no two clusters to loop through; name pictures: imatlas loop ATLAS a.png b.png c.png")
    numbers, sizes = np.unique(labels[labels >= 0], return_counts=True)
    largest = numbers[np.argsort(-sizes, kind="stable")][:count]
    hearts = np.array([np.flatnonzero(labels == label)[strengths[labels == label].argmax()] for label in largest])
    places = manifold.embedding.coordinates[hearts] - manifold.embedding.coordinates[hearts].mean(axis=0)
    return manifold.rows[hearts[np.argsort(np.arctan2(places[:, 1], places[:, 0]), kind="stable")]]


def random_walk(manifold: Manifold, start: int, *, steps: int, seed: int = 0) -> np.ndarray:
    """Walk over the neighbor graph, from row to a random neighbor, not back to the last three rows where another way is open.

    Parameters
    ----------
    start : place in `manifold.rows`.
    steps : links passed.
    seed : of the choices.

    Returns
    -------
    int64 (steps + 1,), places in `manifold.rows`.
    """
    rng = np.random.default_rng(seed)
    links = manifold.graph.adjacency
    way = [int(start)]
    for _ in range(steps):
        near = links.indices[links.indptr[way[-1]] : links.indptr[way[-1] + 1]]
        fresh = near[~np.isin(near, way[-BACK - 1 :])]
        way.append(int(rng.choice(fresh if len(fresh) else near)))
    return np.array(way, dtype=np.int64)


def walk_codes(generator: Generator, chart: CodeChart, stations: np.ndarray, *, frames: int) -> np.ndarray:
    """Give codes float32 (frames, d) on a smooth way along stations (m, d), evenly spaced in what is drawn.

    On the chart, directions, radii and rests are smoothed apart, by a Gaussian of one station; the ends are kept.
    """
    flat, rest = flatten(chart, stations)
    parts = (flat, np.linalg.norm(flat, axis=1), rest)
    smooth, radii, left = (_smooth(part) for part in parts)
    way = unflatten(chart, hold(smooth, radii)) + left
    return even_path(decoder_of(generator), way, frames, held=False)


def map_grid(model: Model, manifold: Manifold, *, side: int, furthest: float = OFF_THE_MAP, seed: int = 0) -> MapGrid:
    """Draw images at side x side places of the map, all from the same noise, and none where the map has no support.

    Parameters
    ----------
    model : trained with map places.
    side : places along each direction.
    furthest : support (see `Embedding.support`) up to which a place counts as on the map; by default as for `--at`.
    seed : of the noise.

    Raises
    ------
    InputError
        If the model was not trained with places of this very map, or the map is not of two coordinates.
    """
    condition = next((one for one in model.conditions if isinstance(one, MapPlaceCondition)), None)
    if condition is None:
        known = ", ".join(one.name for one in model.conditions) or "no condition"
        raise InputError(
            f"This model was not trained with map_place (it knows: {known}), so it draws no places of the map. "
            "Train one that was: imatlas train ATLAS --conditions map_place, or name four pictures."
        )
    require_same_map(model, manifold)
    places = _places(manifold.embedding.coordinates, side)
    drawn = (manifold.embedding.support(places) <= furthest).reshape(side, side)
    chosen = places[drawn.ravel()]
    codes = Codes({condition.name: condition.code(chosen)})
    samples = sample(model.generator, codes, [seed] * len(chosen), precision=model.precision)
    pixels = np.zeros((side, side, *samples.pixels.shape[1:]), dtype=np.uint8)
    pixels[drawn] = samples.pixels
    return MapGrid(pixels, drawn, places.reshape(side, side, 2))


def between_four(model: Model, images: ImageSet, manifold: Manifold, corners: np.ndarray, *, side: int) -> np.ndarray:
    """Draw side x side images between four pictures, uint8 (side, side, H, W, C).

    Parameters
    ----------
    corners : uint8 (4, H, W, C), at the upper left, upper right, lower left and lower right.

    Raises
    ------
    InputError
        If the model has no code of an image.
    """
    chart = code_chart(model, images, manifold)
    u = np.linspace(0, 1, side)
    across = np.stack([np.outer(1 - u, 1 - u), np.outer(1 - u, u), np.outer(u, 1 - u), np.outer(u, u)], axis=-1)
    flat, rest = flatten(chart, encode(model.generator, corners))
    weights = across.reshape(-1, 4)  # (side^2, corners)
    codes = unflatten(chart, hold(weights @ flat, weights @ np.linalg.norm(flat, axis=1)))
    codes = codes + (weights**4 @ rest).astype(np.float32)  # whole at a corner, gone between them
    return draw_path(model.generator, codes).reshape(side, side, *corners.shape[1:])


def _shared(frames: int, lengths: np.ndarray) -> np.ndarray:
    """Share frames among ways (m,) by their lengths, one at least to each."""
    spare = frames - len(lengths)
    wanted = spare * lengths / max(lengths.sum(), 1e-12)
    counts = np.floor(wanted).astype(int)
    counts[np.argsort(counts - wanted, kind="stable")[: spare - counts.sum()]] += 1
    return 1 + counts


def _smooth(values: np.ndarray) -> np.ndarray:
    smooth = gaussian_filter1d(values, 1.0, axis=0, mode="nearest")
    smooth[[0, -1]] = values[[0, -1]]
    return smooth


def _places(coordinates: np.ndarray, side: int) -> np.ndarray:
    """Places (side^2, 2) in rows from the top of the map down, at the middles of equal cells."""
    if coordinates.shape[1] != 2:
        raise InputError(f"The map has {coordinates.shape[1]} coordinates; a grid needs 2. Make a map of two.")
    low, high = coordinates.min(axis=0), coordinates.max(axis=0)
    share = (np.arange(side) + 0.5) / side
    x, y = np.meshgrid(low[0] + share * (high[0] - low[0]), high[1] - share * (high[1] - low[1]))
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
