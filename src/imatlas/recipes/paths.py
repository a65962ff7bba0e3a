"""From one image to another: along the manifold, and straight, drawn by the same model.

The way along the manifold is a geodesic of the decoder among codes that images have (`imatlas.generators.code_geodesics`). The
search begins twice, from the arc between the two codes and from the codes of the images on the neighbor graph's shortest path,
and the shorter end wins; then the frames are spaced evenly in what the decoder draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from imatlas.checks import InputError
from imatlas.features import Extractor
from imatlas.generators import Generator, Vae
from imatlas.generators.code_geodesics import CodeShell, Decode, even_codes, path_energy, refine_path
from imatlas.manifold import geodesic_path
from imatlas.neighbors import search
from imatlas.recipes.modeling import Model
from imatlas.sampling import code_path, draw_path, encode
from imatlas.values import ImageSet, Manifold

__all__ = ["Path", "code_shell", "decoder_of", "far_pairs", "geodesic_codes", "morph", "straight_codes", "walk"]

POINTS = 13
STEPS = 30
MOST_SHELL_CODES = 4_096


@dataclass(frozen=True)
class Path:
    """Frames along the manifold and straight between the same two images.

    Parameters
    ----------
    geodesic, straight : uint8 (frames, H, W, C).
    stations : int64 (m,), image-set rows on the neighbor graph's path; empty if the graph has none between the ends.
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
    stations = encode(model.generator, images.pixels[manifold.rows[geodesic_path(manifold.graph, first, last)]])
    shell = code_shell(model, images, manifold)
    return draw_path(model.generator, geodesic_codes(model.generator, shell, stations, frames=frames))


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
    generator = model.generator
    code_ends = encode(generator, ends)
    first, last = search(extractor.rows(ends), manifold.features.rows, 1)[0][:, 0]
    stations = np.empty(0, dtype=np.int64)
    codes = code_ends
    if manifold.graph.components[first] == manifold.graph.components[last]:
        stations = manifold.rows[geodesic_path(manifold.graph, int(first), int(last))]
        codes = np.concatenate([code_ends[:1], encode(generator, images.pixels[stations])[1:-1], code_ends[1:]])
    shell = code_shell(model, images, manifold)
    geodesic = draw_path(generator, geodesic_codes(generator, shell, codes, frames=frames))
    straight = draw_path(generator, straight_codes(generator, code_ends, frames=frames))
    off = tuple(_off_manifold(extractor, manifold, pixels) for pixels in (geodesic, straight))
    return Path(geodesic, straight, stations, (off[0], off[1]))


def code_shell(model: Model, images: ImageSet, manifold: Manifold) -> CodeShell:
    """Give the shell of a model's codes of training images, from 4,096 of them at most.

    Raises
    ------
    InputError
        If the model has no code of an image.
    """
    chosen = np.sort(np.random.default_rng(0).permutation(manifold.rows)[:MOST_SHELL_CODES])
    return CodeShell.of(encode(model.generator, images.pixels[chosen]))


def geodesic_codes(generator: Generator, shell: CodeShell, stations: np.ndarray, *, frames: int) -> np.ndarray:
    """Give codes float32 (frames, d) on the decoder's geodesic between two codes, evenly spaced in what is drawn.

    Parameters
    ----------
    generator : with a decoder.
    shell : keeps the codes among those of the data.
    stations : float32 (m, d), the two ends, and between them codes by which a second search goes.
    frames : how many codes, ends included.
    """
    decode = decoder_of(generator)
    starts = [shell.arc(stations[0], stations[-1], POINTS)]
    if len(stations) > 2:
        starts.append(shell.hold(code_path(stations, POINTS)))
    ways = refine_path(decode, np.stack(starts), shell, steps=STEPS)
    shortest = min(ways, key=lambda way: path_energy(decode, way))
    return even_codes(decode, shortest, frames, shell)


def straight_codes(generator: Generator, ends: np.ndarray, *, frames: int) -> np.ndarray:
    """Give codes float32 (frames, d) on the straight line between two codes (2, d), evenly spaced in what is drawn."""
    return even_codes(decoder_of(generator), ends, frames)


def decoder_of(generator: Generator) -> Decode:
    """Give the decoder of a generator as a function of codes on the CPU, of which gradients can be taken.

    Raises
    ------
    InputError
        If this kind of generator has none.
    """
    if not isinstance(generator, Vae):
        raise InputError(f"A {type(generator).__name__} draws from no code; train one with a code, such as latent_flow.")
    device = next(generator.parameters()).device

    def decode(codes: Tensor) -> Tensor:
        return generator.decode(codes.to(device)).float().cpu()

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


def _off_manifold(extractor: Extractor, manifold: Manifold, pixels: np.ndarray) -> float:
    _, distances = search(extractor.rows(pixels), manifold.features.rows, 1)
    own = float(np.median(manifold.graph.distances[:, 0]))
    return float(distances.mean()) / max(own, 1e-9)
