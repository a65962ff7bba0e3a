"""From one image to another: along the manifold, and straight, drawn by the same model.

The way along the manifold is an arc in the chart of the model's codes (`imatlas.generators.code_charts`), where all codes on
it are likely, and its frames are evenly spaced in what the decoder draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from imatlas.features import Extractor
from imatlas.generators import CodeFlow, Generator
from imatlas.generators.code_charts import CodeChart, FlowChart, Whitening
from imatlas.generators.code_geodesics import Decode, arc, even_path, refine_path
from imatlas.manifold import geodesic_path
from imatlas.neighbors import search
from imatlas.recipes.modeling import Model
from imatlas.sampling import draw_path, encode, require_code
from imatlas.values import ImageSet, Manifold

__all__ = [
    "Path",
    "arc_codes",
    "arcs",
    "code_chart",
    "decoder_of",
    "draw_ways",
    "far_pairs",
    "flatten",
    "geodesic_codes",
    "morph",
    "straight_codes",
    "unflatten",
]

POINTS, FINE = 13, 61
"""Codes of a way while it is shortened, and once it is found."""

MOST_CHARTED = 4_096


@dataclass(frozen=True)
class Path:
    """Frames along the manifold and straight between the same two images.

    Parameters
    ----------
    geodesic, straight : uint8 (frames, H, W, C).
    stations : int64 (m,), image-set rows on the neighbor graph's shortest path between the images nearest to both ends, which
        tells how they hang together; the frames do not pass through them. Empty if the graph has no path.
    off : (geodesic, straight), mean distance of the frames to their nearest training image, in units of the training
        images' own median distance to their nearest neighbor; about 1 = on the manifold.
    """

    geodesic: np.ndarray
    straight: np.ndarray
    stations: np.ndarray
    off: tuple[float, float]


def morph(model: Model, images: ImageSet, manifold: Manifold, ends: tuple[int, int], *, frames: int = 16) -> np.ndarray:
    """Draw the way along the manifold from one image of the set to another.

    Parameters
    ----------
    model : with a code (VAE or latent flow).
    images, manifold : the set and what was learned of it.
    ends : places of both in `manifold.rows`, 0 to n - 1.
    frames : pictures drawn, both ends included.

    Returns
    -------
    uint8 (frames, H, W, C)

    Raises
    ------
    InputError
        If the model has no code of an image, or no neighbors connect the two images.
    """
    geodesic_path(manifold.graph, *ends)
    codes = encode(model.generator, images.pixels[manifold.rows[list(ends)]])
    way = geodesic_codes(model.generator, code_chart(model, images, manifold), codes, frames=frames)
    return draw_path(model.generator, way)


def draw_ways(
    model: Model,
    images: ImageSet,
    manifold: Manifold,
    extractor: Extractor,
    ends: np.ndarray,
    *,
    frames: int = 16,
    shorten: int = 0,
) -> Path:
    """Draw both ways from one picture to another, along the manifold and straight.

    Parameters
    ----------
    model : with a code (VAE or latent flow).
    images, manifold, extractor : the set, what was learned of it, what made its features.
    ends : uint8 (2, H, W, C), first and last picture; the user's own or from the set.
    frames : pictures drawn, ends included.
    shorten : see `geodesic_codes`.

    Raises
    ------
    InputError
        If the model has no code of an image.
    """
    generator = model.generator
    code_ends = encode(generator, ends)
    first, last = search(extractor.rows(ends), manifold.features.rows, 1)[0][:, 0]
    stations = np.empty(0, dtype=np.int64)
    if manifold.graph.components[first] == manifold.graph.components[last]:
        stations = manifold.rows[geodesic_path(manifold.graph, int(first), int(last))]
    chart = code_chart(model, images, manifold)
    geodesic = draw_path(generator, geodesic_codes(generator, chart, code_ends, frames=frames, shorten=shorten))
    straight = draw_path(generator, straight_codes(generator, code_ends, frames=frames))
    off = tuple(_off_manifold(extractor, manifold, pixels) for pixels in (geodesic, straight))
    return Path(geodesic, straight, stations, (off[0], off[1]))


def code_chart(model: Model, images: ImageSet, manifold: Manifold) -> CodeChart:
    """Give the chart of a model's codes: its code flow if it has one, else the linear one of 4,096 training images at most.

    Raises
    ------
    InputError
        If the model has no code of an image.
    """
    generator = require_code(model.generator)
    if isinstance(generator.sampler, CodeFlow):
        return FlowChart(generator.sampler)
    chosen = np.sort(np.random.default_rng(0).permutation(manifold.rows)[:MOST_CHARTED])
    return Whitening(encode(generator, images.pixels[chosen]))


def geodesic_codes(generator: Generator, chart: CodeChart, ends: np.ndarray, *, frames: int, shorten: int = 0) -> np.ndarray:
    """Give codes float32 (frames, d) on the way along the manifold between two codes, evenly spaced in what is drawn.

    Parameters
    ----------
    generator : with a decoder.
    chart : of its codes.
    ends : float32 (2, d).
    frames : how many codes, ends included.
    shorten : steps in which the arc is shortened under the decoder's metric. More change less from frame to frame, but the
        shortest ways lead through faint and plain images, which are near to all others.
    """
    fine = arc_codes(generator, chart, ends, shorten=shorten)
    return even_path(decoder_of(generator), fine, frames, held=False)


def arc_codes(generator: Generator, chart: CodeChart, ends: np.ndarray, *, count: int = FINE, shorten: int = 0) -> np.ndarray:
    """Give codes float32 (count, d) on the arc between two codes (2, d), ends included; see `geodesic_codes`."""
    decode = decoder_of(generator)
    flat, rest = flatten(chart, ends)
    way = arc(flat[0], flat[1], POINTS if shorten else count)
    if shorten:

        def drawn(places: Tensor) -> Tensor:
            return decode(chart.codes(places))

        way = even_path(drawn, refine_path(drawn, way[None], steps=shorten)[0], count)
    codes = unflatten(chart, way) + _faded(rest, len(way), likeness=max(0.0, _cosine(*flat)))
    codes[[0, -1]] = ends
    return codes.astype(np.float32)


def arcs(chart: CodeChart, pairs: np.ndarray, *, count: int) -> np.ndarray:
    """Give codes float32 (n, count, d) on the arcs between pairs of codes (n, 2, d), ends included, as `arc_codes` does of one.

    The chart is asked once for all of them, which is many times faster.
    """
    n, _, d = pairs.shape
    flat, rest = (part.reshape(n, 2, d) for part in flatten(chart, pairs.reshape(2 * n, d)))
    ways = np.stack([arc(first, last, count) for first, last in flat])
    codes = unflatten(chart, ways.reshape(n * count, d)).reshape(n, count, d)
    codes += np.stack([_faded(own, count, likeness=max(0.0, _cosine(*ends))) for own, ends in zip(rest, flat, strict=True)])
    codes[:, [0, -1]] = pairs
    return codes.astype(np.float32)


@torch.no_grad()
def flatten(chart: CodeChart, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the coordinates of codes (m, d) on a chart, and the rests that the chart does not give back; float32 (m, d)."""
    given = torch.from_numpy(codes)
    flat = chart.flat(given)
    return flat.numpy(), (given - chart.codes(flat)).numpy()


@torch.no_grad()
def unflatten(chart: CodeChart, flat: np.ndarray) -> np.ndarray:
    """Give codes float32 (m, d) of coordinates (m, d) on a chart."""
    return chart.codes(torch.from_numpy(flat.astype(np.float32))).numpy()


def straight_codes(generator: Generator, ends: np.ndarray, *, frames: int) -> np.ndarray:
    """Give codes float32 (frames, d) on the straight line between two codes (2, d), evenly spaced in what is drawn."""
    return even_path(decoder_of(generator), ends, frames, held=False)


def decoder_of(generator: Generator) -> Decode:
    """Give the decoder of a generator as a function of codes on the CPU, of which gradients can be taken.

    Raises
    ------
    InputError
        If it draws from no code.
    """
    coded = require_code(generator)

    def decode(codes: Tensor) -> Tensor:
        return coded.decode(codes.to(coded.device)).float().cpu()

    return decode


def far_pairs(manifold: Manifold, count: int, *, seed: int = 0) -> np.ndarray:
    """Choose pairs of image-set rows (count, 2) that lie far apart within the largest component, near cluster hearts.

    Each pair: a random strong member of one cluster, and of the reachable candidates the geodesically most distant.
    """
    rng = np.random.default_rng(seed)
    reachable = np.flatnonzero(manifold.graph.components == 0)
    strong = reachable[manifold.clusters.strengths[reachable] >= np.median(manifold.clusters.strengths[reachable])]
    pairs = []
    for _ in range(count):
        candidates = rng.choice(strong, size=min(12, len(strong)), replace=False)
        distances = manifold.geodesics.distances[:, candidates]
        distances = distances[np.isfinite(distances[:, 0])]  # the landmarks of their component
        gaps = np.abs(distances - distances[:, :1])
        pairs.append([candidates[0], candidates[int(gaps.max(axis=0).argmax())]])
    return manifold.rows[np.array(pairs)]


def _faded(rest: np.ndarray, count: int, *, likeness: float) -> np.ndarray:
    """Rests (count, d) on the way between two: gone halfway between unlike ends, kept between ends that are alike."""
    u = np.linspace(0, 1, count)[:, None]
    kept = (1 - u) * rest[0] + u * rest[1]
    gone = np.maximum(0, 1 - 2 * u) * rest[0] + np.maximum(0, 2 * u - 1) * rest[1]
    return likeness * kept + (1 - likeness) * gone


def _cosine(first: np.ndarray, last: np.ndarray) -> float:
    return float(first @ last / max(np.linalg.norm(first) * np.linalg.norm(last), 1e-12))


def _off_manifold(extractor: Extractor, manifold: Manifold, pixels: np.ndarray) -> float:
    _, distances = search(extractor.rows(pixels), manifold.features.rows, 1)
    own = float(np.median(manifold.graph.distances[:, 0]))
    return float(distances.mean()) / max(own, 1e-9)
