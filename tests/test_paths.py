"""Paths between images of a small set, drawn by a small model."""

import numpy as np
import pytest
import torch
from laws.generators import made
from laws.random_state import global_generators_untouched
from laws.threads import one_thread

from imatlas.checks import InputError
from imatlas.generators import Flow, Vae
from imatlas.generators.code_geodesics import path_energy
from imatlas.images import moving_shape
from imatlas.recipes import Model, fit_manifold, morph, walk
from imatlas.recipes.learning import choose_extractor
from imatlas.recipes.paths import code_shell, decoder_of, geodesic_codes, straight_codes
from imatlas.sampling import encode

__all__ = ["one_thread"]

SIDE = 8


@pytest.fixture(scope="module")
def ground():
    """Eighty images of a moving shape, their manifold in principal components, its extractor, and a VAE with strong weights."""
    images = moving_shape(80, SIDE, seed=0)[0]
    manifold = fit_manifold(images, features="principal_components")
    extractor = choose_extractor("principal_components", len(images), budget=1.0).fit(images)
    generator = made(lambda shape, fields: Vae(shape, fields, code_dim=3, width=8), (1, SIDE, SIDE), ())
    with torch.no_grad():
        generator.drawer.layers[-2].weight.mul_(10)
        generator.reader.layers[-1].weight.mul_(10)
    return Model(generator, (), "vae"), images, manifold, extractor


def gaps(generator, codes: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        drawn = decoder_of(generator)(torch.from_numpy(codes)).flatten(1)
    return drawn.diff(dim=0).norm(dim=1).numpy()


def test_a_geodesic_is_no_longer_than_its_arc_keeps_its_ends_and_its_speed(ground):
    model, images, manifold, _ = ground
    codes = encode(model.generator, images.pixels[manifold.rows])
    shell = code_shell(model, images, manifold)
    with global_generators_untouched():
        way = geodesic_codes(model.generator, shell, codes[[3, 40, 7, 20]], frames=30)
    np.testing.assert_array_equal(way[[0, -1]], codes[[3, 20]])
    arc = shell.arc(codes[3], codes[20], 30)
    assert path_energy(decoder_of(model.generator), way) < path_energy(decoder_of(model.generator), arc)
    steps = gaps(model.generator, way)
    assert steps.max() / steps.min() < 1.1
    np.testing.assert_array_equal(geodesic_codes(model.generator, shell, codes[[3, 40, 7, 20]], frames=30), way)
    straight = gaps(model.generator, straight_codes(model.generator, codes[[3, 20]], frames=30))
    assert straight.max() / straight.min() < 1.1


def test_a_morph_begins_and_ends_with_its_two_images_as_the_model_draws_them(ground):
    model, images, manifold, extractor = ground
    frames = morph(model, images, manifold, 3, 20, frames=6)
    assert frames.shape == (6, SIDE, SIDE, 1)
    ends = images.pixels[manifold.rows[[3, 20]]]
    path = walk(model, images, manifold, extractor, ends, frames=6)
    assert np.abs(path.geodesic.astype(int) - frames).max() <= 1
    assert (path.stations[0], path.stations[-1]) == (manifold.rows[3], manifold.rows[20])
    assert np.abs(path.straight[[0, -1]].astype(int) - frames[[0, -1]]).max() <= 1


def test_a_morph_from_a_picture_to_itself_stands_still(ground):
    model, images, manifold, extractor = ground
    path = walk(model, images, manifold, extractor, images.pixels[[5, 5]], frames=4)
    assert np.abs(path.geodesic.astype(int) - path.geodesic[0]).max() <= 1
    assert np.abs(path.straight.astype(int) - path.straight[0]).max() <= 1


def test_a_generator_without_a_code_draws_no_path(ground):
    _, images, manifold, extractor = ground
    flow = Model(made(lambda shape, fields: Flow(shape, fields, patch=4, width=32, depth=1), (1, SIDE, SIDE), ()), (), "flow")
    with pytest.raises(InputError, match="A Flow has no code of an image"):
        walk(flow, images, manifold, extractor, images.pixels[:2])
    with pytest.raises(InputError, match="A Flow draws from no code"):
        decoder_of(flow.generator)
