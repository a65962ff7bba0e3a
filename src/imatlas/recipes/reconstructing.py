"""A person's own pictures through a model: their codes, what the model makes of them, and how well beside held-out images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from imatlas.features import Extractor
from imatlas.generators import Generator
from imatlas.neighbors import search
from imatlas.networks.pixels import to_pixels
from imatlas.recipes.modeling import Model
from imatlas.recipes.paths import decoder_of
from imatlas.sampling import encode
from imatlas.values import ImageSet, Manifold

__all__ = ["Reconstruction", "reconstruct"]

ENOUGH_HELD_OUT = 20
MOST_COMPARED = 2_000
BLOCK = 512
ODD = 0.01
FEWEST_TO_TELL = round(1 / ODD)


@dataclass(frozen=True)
class Reconstruction:
    """Pictures, their codes, and what the decoder draws from these.

    Parameters
    ----------
    codes : float32 (b, d).
    pixels : uint8 (b, H, W, C), the reconstructions.
    errors : float64 (b,), root mean square difference in gray levels, 0 to 255.
    better_than : float64 (b,), share of compared images that are reconstructed worse.
    farther : float64 (b,), share of compared images that lie as far or farther from the nearest training image, in
        features; near 0 for a picture like none of the set.
    n_compared : how many images are compared.
    compared_with : "held-out", or "training" where fewer than 20 are held out.
    """

    codes: np.ndarray
    pixels: np.ndarray
    errors: np.ndarray
    better_than: np.ndarray
    farther: np.ndarray
    n_compared: int
    compared_with: str

    @property
    def can_tell(self) -> bool:
        """Whether 100 images or more are compared, so that one in a hundred can be told from none of a few."""
        return self.n_compared >= FEWEST_TO_TELL

    @property
    def is_off(self) -> np.ndarray:
        """Which pictures are off the manifold: fewer than 1 % of compared images lie as far off, or are reconstructed worse.

        None is called so unless `can_tell`: of 31 images one is the worst. Features tell strange pictures of the set's own
        kind; noise, which features may not know at all, no code gives back.
        """
        return (np.minimum(self.farther, self.better_than) < ODD) & self.can_tell


def reconstruct(model: Model, images: ImageSet, manifold: Manifold, extractor: Extractor, pixels: np.ndarray) -> Reconstruction:
    """Encode and decode pictures, and compare the errors with those of images the model was not trained on.

    Parameters
    ----------
    model : with a code (VAE or latent flow).
    images, manifold, extractor : the set, what was learned of it, what made its features.
    pixels : uint8 (b, H, W, C).

    Raises
    ------
    InputError
        If the model has no code of an image.
    """
    codes = encode(model.generator, pixels)
    held_out = len(images.held_out_rows) >= ENOUGH_HELD_OUT
    source = images.held_out_rows if held_out else manifold.rows
    chosen = np.sort(np.random.default_rng(0).permutation(len(source))[:MOST_COMPARED])
    compared = images.pixels[source[chosen]]
    drawn = _decode(model.generator, codes)
    errors, others = _errors(pixels, drawn), _errors(compared, _decode(model.generator, encode(model.generator, compared)))
    # Training images stand in the manifold themselves; the nearest other one is known from its graph.
    gaps = _to_nearest(extractor, manifold, compared) if held_out else np.asarray(manifold.graph.distances[chosen, 0])
    return Reconstruction(
        codes,
        drawn,
        errors,
        np.mean(others > errors[:, None], axis=1),
        np.mean(gaps >= _to_nearest(extractor, manifold, pixels)[:, None], axis=1),
        len(compared),
        "held-out" if held_out else "training",
    )


@torch.no_grad()
def _decode(generator: Generator, codes: np.ndarray) -> np.ndarray:
    decode = decoder_of(generator)
    return np.concatenate([to_pixels(decode(torch.from_numpy(codes[i : i + BLOCK]))) for i in range(0, len(codes), BLOCK)])


def _errors(pixels: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    gaps = pixels.astype(np.float32) - drawn
    return np.sqrt(np.square(gaps).reshape(len(gaps), -1).mean(axis=1, dtype=np.float64))


def _to_nearest(extractor: Extractor, manifold: Manifold, pixels: np.ndarray) -> np.ndarray:
    return search(extractor.rows(pixels), manifold.features.rows, 1)[1][:, 0]
