"""Codes to images, one seed per image, and paths from one image to another."""

import numpy as np
import pytest
import torch
from laws.generators import FIELDS, made, some_images
from laws.random_state import global_generators_untouched
from laws.threads import one_thread

from imatlas.checks import InputError
from imatlas.conditions import ClassCondition, ClusterCondition, MapPlaceCondition
from imatlas.generators import CodeFlow, Flow, LatentFlow, Vae
from imatlas.networks.pixels import to_images, to_pixels
from imatlas.sampling import choose_codes, draw_path, encode, sample
from imatlas.values import Codes

__all__ = ["one_thread"]

SHAPE = (1, 8, 8)


@pytest.fixture(autouse=True)
def small_code_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CodeFlow, "width", 32)
    monkeypatch.setattr(CodeFlow, "depth", 2)


BUILDS = {
    "flow": lambda shape, fields: Flow(shape, fields, patch=4, width=32, depth=1, turned={"steps": 3}),
    "vae": lambda shape, fields: Vae(shape, fields, code_dim=3, width=8),
    "latent_flow": lambda shape, fields: LatentFlow(shape, fields, code_dim=3, width=8, texture_dim=3, critic_width=8),
}


def model_of(name: str, fields=FIELDS):
    model = made(BUILDS[name], SHAPE, fields)
    if isinstance(model, Vae):  # untrained it draws so faintly that rounding to gray levels makes different images equal
        with torch.no_grad():
            model.drawer.layers[-2].weight.mul_(10)
    return model


def conditions(*names: str) -> list:
    labels = np.repeat([0, 1, 2], [10, 20, 30])
    there = {
        "class": ClassCondition(labels, ("a", "b", "c")),
        "cluster": ClusterCondition(labels, np.arange(3)),
        "map_place": MapPlaceCondition(np.random.default_rng(0).normal(size=(60, 2))),
    }
    return [there[name] for name in names]


def test_pixels_and_images_are_two_ways_to_write_the_same() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    images = to_images(pixels)
    assert images.shape == (1, 1, 16, 16)
    assert (float(images.min()), float(images.max())) == (-1, 1)
    np.testing.assert_array_equal(to_pixels(images), pixels)
    assert to_pixels(torch.tensor([[[[-7.0, 7.0]]]])).ravel().tolist() == [0, 255]
    pixels.flags.writeable = False
    np.testing.assert_array_equal(to_pixels(to_images(pixels)), pixels)


@pytest.mark.parametrize("name", BUILDS)
def test_an_image_depends_on_its_seed_and_code_alone(name: str) -> None:
    """Drawn alone, in company, in another order, or across the seam at 256 images: the same, to one gray level."""
    model = model_of(name)
    seeds = np.arange(300)
    numbers = (seeds % 3).astype(np.float32)[:, None]
    with global_generators_untouched():
        samples = sample(model, Codes({"class": numbers}), seeds)
    assert samples.pixels.shape == (300, 8, 8, 1)
    assert samples.pixels.dtype == np.uint8
    assert len(np.unique(samples.pixels.reshape(300, -1), axis=0)) > 290
    np.testing.assert_array_equal(sample(model, Codes({"class": numbers}), seeds).pixels, samples.pixels)
    chosen = np.array([299, 0, 255, 256])
    some = sample(model, Codes({"class": numbers[chosen]}), seeds[chosen])
    assert np.abs(some.pixels.astype(int) - samples.pixels[chosen]).max() <= 1
    alone = sample(model, Codes({"class": numbers[17:18]}), [17])
    assert np.abs(alone.pixels.astype(int) - samples.pixels[17:18]).max() <= 1


def test_samples_remember_how_they_were_made() -> None:
    codes = Codes({"class": np.zeros((2, 1), np.float32)})
    samples = sample(model_of("vae"), codes, [5, 9])
    assert (samples.seed, len(samples)) == (5, 2)
    assert samples.codes is codes


def test_no_seeds_give_no_images_and_progress_is_told_block_by_block() -> None:
    model, heard = model_of("vae"), []
    assert sample(model, Codes({}), []).pixels.shape == (0, 8, 8, 1)
    sample(model, Codes({}), range(300), report=heard.append)
    assert [(progress.done, progress.total) for progress in heard] == [(256, 300), (300, 300)]


def test_half_precision_draws_nearly_the_same() -> None:
    model = model_of("flow")
    full, half = (sample(model, Codes({}), range(8), precision=name).pixels for name in ("float32", "bfloat16"))
    assert np.abs(full.astype(int) - half).mean() < 3


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_outside_its_range_is_refused(seed: int) -> None:
    with pytest.raises(InputError, match=f"Seed {seed} is outside 0 to 4294967295; choose a seed in that range"):
        sample(model_of("vae"), Codes({}), [3, seed])
    assert len(sample(model_of("vae"), Codes({}), [0, 2**32 - 1])) == 2


@pytest.mark.parametrize("n_codes", [1, 3])
def test_codes_and_seeds_must_be_as_many(n_codes: int) -> None:
    with pytest.raises(ValueError, match=f"There are {n_codes} codes of class for 2 seeds; give one code per seed"):
        sample(model_of("vae"), Codes({"class": np.zeros((n_codes, 1), np.float32)}), [0, 1])


def test_wishes_are_repeated_for_every_seed_and_leave_the_rest_open() -> None:
    codes = choose_codes(conditions("class", "cluster", "map_place"), {"cluster": "3", "map_place": "0.5,0.25"}, [3, 4, 5])
    assert set(codes.fields) == {"cluster", "map_place"}
    assert codes.fields["cluster"].tolist() == [[2.0]] * 3
    assert (codes.fields["map_place"] == codes.fields["map_place"][0]).all()


def test_without_wishes_the_class_is_drawn_else_the_cluster_else_nothing() -> None:
    seeds = range(600)
    for names, drawn in ((("class", "cluster"), {"class"}), (("cluster", "map_place"), {"cluster"}), (("map_place",), set())):
        codes = choose_codes(conditions(*names), {}, seeds)
        assert set(codes.fields) == drawn
    shares = np.bincount(choose_codes(conditions("class"), {}, seeds).fields["class"][:, 0].astype(int)) / 600
    np.testing.assert_allclose(shares, [1 / 6, 2 / 6, 3 / 6], atol=0.1)


def test_sources_of_what_was_wished_for_are_refused_and_never_dropped() -> None:
    known = conditions("class", "cluster")
    with pytest.raises(InputError, match="Codes come from labels only when nothing is wished for; cluster was"):
        choose_codes(known, {"cluster": "3"}, [0], codes_from="labels")
    assert set(choose_codes(known, {"cluster": "3"}, [0], codes_from="none").fields) == {"cluster"}


def test_the_drawn_code_of_an_image_depends_on_its_seed_alone() -> None:
    whole = choose_codes(conditions("class"), {}, range(50)).fields["class"]
    part = choose_codes(conditions("class"), {}, [40, 7]).fields["class"]
    np.testing.assert_array_equal(part, whole[[40, 7]])


def test_wishes_that_cannot_be_met_are_refused_in_words() -> None:
    with pytest.raises(InputError, match=r"This model was not trained with style; it knows: class, cluster\."):
        choose_codes(conditions("class", "cluster"), {"style": "3"}, [0])
    with pytest.raises(InputError, match="it knows: no condition"):
        choose_codes([], {"class": "a"}, [0])
    with pytest.raises(InputError, match="There is no class 'z'"):
        choose_codes(conditions("class"), {"class": "z"}, [0])


@pytest.mark.parametrize("name", ["vae", "latent_flow"])
def test_images_become_codes_and_codes_frames(name: str) -> None:
    model = model_of(name)
    pixels = to_pixels(some_images(5, SHAPE))
    codes = encode(model, pixels)
    assert codes.shape == (5, 3)
    assert codes.dtype == np.float32
    np.testing.assert_allclose(encode(model, pixels[2:3]), codes[2:3], atol=1e-5)
    frames = draw_path(model, codes, seed=1)
    assert frames.shape == (5, 8, 8, 1)
    np.testing.assert_array_equal(draw_path(model, codes, seed=1), frames)


def test_frames_of_a_long_path_are_drawn_in_blocks(monkeypatch) -> None:
    model, seen = model_of("vae"), []
    decode = model.decode
    monkeypatch.setattr(model, "decode", lambda code, texture: seen.append(len(code)) or decode(code, texture))
    path = np.random.default_rng(0).normal(size=(600, 3)).astype(np.float32)
    frames = draw_path(model, path)
    assert (seen, len(frames)) == ([256, 256, 88], 600)
    assert np.abs(frames[599].astype(int) - draw_path(model, path[599:])[0]).max() <= 1


def test_frames_of_one_code_are_alike_since_they_share_their_noise() -> None:
    model = model_of("latent_flow")
    path = np.zeros((3, 3), np.float32)
    frames = draw_path(model, path, seed=1)
    assert np.abs(frames.astype(int) - frames[0]).max() <= 1
    assert np.abs(draw_path(model, path, seed=2).astype(int) - frames).max() > 1


def test_a_generator_without_a_code_says_so() -> None:
    model = model_of("flow")
    with pytest.raises(InputError, match="A Flow draws from no code; train one with a code, such as latent_flow"):
        encode(model, np.zeros((1, 8, 8, 1), np.uint8))
    with pytest.raises(InputError, match="A Flow draws from no code"):
        draw_path(model, np.zeros((2, 3), np.float32))
