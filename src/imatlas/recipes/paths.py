"""From one image to another: along the manifold, and straight, drawn by the same model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imatlas.features import Extractor
from imatlas.manifold import geodesic_path
from imatlas.neighbors import search
from imatlas.recipes.modeling import Model
from imatlas.sampling import code_path, draw_path, encode
from imatlas.values import ImageSet, Manifold

__all__ = ["Path", "far_pairs", "morph", "walk"]


@dataclass(frozen=True)
class Path:
    """Frames along the manifold and straight between the same two images.

    Parameters
    ----------
    geodesic, straight : uint8 (frames, H, W, C).
    stations : int64 (m,), image-set rows the geodesic passes; empty if the graph has no path between the ends.
    off : (geodesic, straight), mean distance of the frames to their nearest training image, in units of the training
        images' own median distance to their nearest neighbor; about 1 = on the manifold.
    """

    geodesic: np.ndarray
    straight: np.ndarray
    stations: np.ndarray
    off: tuple[float, float]


def morph(model: Model, images: ImageSet, manifold: Manifold, first: int, last: int, *, frames: int = 16) -> np.ndarray:
    """Draw the way along the manifold from one image of the set to another.

    Parameters
    ----------
    model : with a code (VAE or latent flow).
    images, manifold : the set and what was learned of it.
    first, last : places in `manifold.rows`, 0 to n - 1.
    frames : pictures drawn, both ends included.

    Returns
    -------
    uint8 (frames, H, W, C)

    Raises
    ------
    InputError
        If the model has no code of an image, or no neighbors connect the two images.
    """
    stations = manifold.rows[geodesic_path(manifold.graph, first, last)]
    return draw_path(model.generator, code_path(encode(model.generator, images.pixels[stations]), frames))


def walk(
    model: Model, images: ImageSet, manifold: Manifold, extractor: Extractor, ends: np.ndarray, *, frames: int = 16
) -> Path:
    """Draw the way from one picture to another.

    Parameters
    ----------
    model : with a code (VAE or latent flow).
    images, manifold, extractor : the set, what was learned of it, what made its features.
    ends : uint8 (2, H, W, C), first and last picture; the user's own or from the set.
    frames : pictures drawn, ends included.

    Raises
    ------
    InputError
        If the model has no code of an image.
    """
    code_ends = encode(model.generator, ends)
    nearest, _ = search(extractor.rows(ends), manifold.features.rows, 1)
    first, last = nearest[:, 0]
    stations = np.empty(0, dtype=np.int64)
    codes = code_ends
    if manifold.graph.components[first] == manifold.graph.components[last]:
        route = geodesic_path(manifold.graph, int(first), int(last))
        stations = manifold.rows[route]
        passed = encode(model.generator, images.pixels[stations])
        codes = np.concatenate([code_ends[:1], passed[1:-1], code_ends[1:]])
    drawn = {name: draw_path(model.generator, code_path(way, frames)) for name, way in (("g", codes), ("s", code_ends))}
    off = tuple(_off_manifold(extractor, manifold, pixels) for pixels in drawn.values())
    return Path(drawn["g"], drawn["s"], stations, (off[0], off[1]))


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


def _off_manifold(extractor: Extractor, manifold: Manifold, pixels: np.ndarray) -> float:
    _, distances = search(extractor.rows(pixels), manifold.features.rows, 1)
    own = float(np.median(manifold.graph.distances[:, 0]))
    return float(distances.mean()) / max(own, 1e-9)
