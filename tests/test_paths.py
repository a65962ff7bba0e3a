"""Paths between images of a small set, drawn by a small model."""

import numpy as np
import pytest
import torch
from laws.generators import made, shaken
from laws.random_state import global_generators_untouched
from laws.threads import one_thread

from imatlas.checks import InputError
from imatlas.generators import CodeFlow, Flow, NormalSampler, Vae
from imatlas.generators.code_charts import FlowChart
from imatlas.images import moving_shape
from imatlas.recipes import Model, draw_ways, fit_manifold, morph
from imatlas.recipes.learning import choose_extractor
from imatlas.recipes.paths import arc_codes, arcs, code_chart, decoder_of, flatten, geodesic_codes, straight_codes, unflatten
from imatlas.sampling import encode

__all__ = ["one_thread"]

SIDE = 8


@pytest.fixture(scope="module")
def ground():
    """Eighty images of a moving shape, their manifold in principal components, its extractor, and a VAE with strong weights.

    Its codes are charted linearly: a code flow without training is no chart, for it gives back next to nothing of a code.
    """
    images = moving_shape(80, SIDE, seed=0)[0]
    manifold = fit_manifold(images, features="principal_components")
    extractor = choose_extractor("principal_components", len(images), budget=1.0).fit(images)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        generator = made(
            lambda shape, fields: Vae(shape, fields, code_dim=3, width=8, sampler=NormalSampler), (1, SIDE, SIDE), ()
        )
        generator.drawer.layers[-2].weight.mul_(10)
        generator.reader.layers[-1].weight.mul_(10)
    return Model(generator, (), "vae"), images, manifold, extractor


def gaps(generator, codes: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        drawn = decoder_of(generator)(torch.from_numpy(codes)).flatten(1)
    return drawn.diff(dim=0).norm(dim=1).numpy()


def test_a_way_keeps_its_ends_its_radius_and_its_speed(ground):
    model, images, manifold, _ = ground
    ends = encode(model.generator, images.pixels[manifold.rows[[3, 20]]])
    chart = code_chart(model, images, manifold)
    with global_generators_untouched():
        way = geodesic_codes(model.generator, chart, ends, frames=30)
    np.testing.assert_allclose(way[[0, -1]], ends, atol=1e-5)
    radii = np.linalg.norm(flatten(chart, way)[0], axis=1)
    np.testing.assert_allclose(radii, np.linspace(radii[0], radii[-1], 30), rtol=0.15)
    for codes in (way, straight_codes(model.generator, ends, frames=30)):
        steps = gaps(model.generator, codes)
        assert steps.max() / steps.min() < 1.05
    np.testing.assert_array_equal(geodesic_codes(model.generator, chart, ends, frames=30), way)


def test_shortening_lowers_the_energy_of_a_way(ground):
    model, images, manifold, _ = ground
    ends = encode(model.generator, images.pixels[manifold.rows[[3, 20]]])
    chart = code_chart(model, images, manifold)
    plain, short = (geodesic_codes(model.generator, chart, ends, frames=13, shorten=steps) for steps in (0, 20))
    assert np.square(gaps(model.generator, short)).sum() < np.square(gaps(model.generator, plain)).sum()
    np.testing.assert_allclose(short[[0, -1]], ends, atol=1e-5)


def test_what_a_chart_does_not_give_back_is_whole_at_the_ends_and_stays_between_equal_codes(ground, monkeypatch):
    model, *_ = ground
    monkeypatch.setattr(CodeFlow, "width", 16)
    monkeypatch.setattr(CodeFlow, "depth", 1)
    chart = FlowChart(shaken(CodeFlow(3)))
    codes = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    flat, rest = flatten(chart, codes)
    np.testing.assert_allclose(unflatten(chart, flat) + rest, codes, atol=1e-5)
    assert np.abs(rest).min() > 1e-3
    way = arc_codes(model.generator, chart, codes)
    np.testing.assert_array_equal(way[[0, -1]], codes)
    assert np.linalg.norm(np.diff(way, axis=0), axis=1).max() < 0.5
    same = arc_codes(model.generator, chart, codes[[0, 0]])
    np.testing.assert_allclose(same, np.tile(codes[0], (len(same), 1)), atol=1e-4)


def test_many_arcs_at_once_are_those_of_each_pair(ground, monkeypatch):
    """Up to rounding, which the size of a batch decides."""
    model, *_ = ground
    monkeypatch.setattr(CodeFlow, "width", 16)
    monkeypatch.setattr(CodeFlow, "depth", 1)
    chart = FlowChart(shaken(CodeFlow(3)))
    pairs = np.random.default_rng(0).normal(size=(4, 2, 3)).astype(np.float32)
    many = arcs(chart, pairs, count=9)
    assert many.shape == (4, 9, 3)
    for way, ends in zip(many, pairs, strict=True):
        np.testing.assert_allclose(way, arc_codes(model.generator, chart, ends, count=9), atol=1e-4)


def test_a_morph_begins_and_ends_with_its_two_images_as_the_model_draws_them(ground):
    model, images, manifold, extractor = ground
    frames = morph(model, images, manifold, (3, 20), frames=6)
    assert frames.shape == (6, SIDE, SIDE, 1)
    ends = images.pixels[manifold.rows[[3, 20]]]
    path = draw_ways(model, images, manifold, extractor, ends, frames=6)
    assert np.abs(path.geodesic.astype(int) - frames).max() <= 1
    assert (path.stations[0], path.stations[-1]) == (manifold.rows[3], manifold.rows[20])
    assert np.abs(path.straight[[0, -1]].astype(int) - frames[[0, -1]]).max() <= 1


def test_a_morph_from_a_picture_to_itself_stands_still(ground):
    model, images, manifold, extractor = ground
    path = draw_ways(model, images, manifold, extractor, images.pixels[[5, 5]], frames=4)
    assert np.abs(path.geodesic.astype(int) - path.geodesic[0]).max() <= 1
    assert np.abs(path.straight.astype(int) - path.straight[0]).max() <= 1


def test_a_generator_without_a_code_draws_no_path(ground):
    _, images, manifold, extractor = ground
    flow = Model(made(lambda shape, fields: Flow(shape, fields, patch=4, width=32, depth=1), (1, SIDE, SIDE), ()), (), "flow")
    with pytest.raises(InputError, match="A Flow draws from no code"):
        draw_ways(flow, images, manifold, extractor, images.pixels[:2])
    with pytest.raises(InputError, match="A Flow draws from no code"):
        decoder_of(flow.generator)
