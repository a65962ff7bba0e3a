"""Judging images from anywhere: the same numbers whatever they come in, and in words what cannot be judged."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imatlas
from imatlas.checks import InputError
from imatlas.images import RESIZE_RULE, moving_shape
from imatlas.recipes import Terms, choose_spaces, evaluate_all, judging
from imatlas.recipes.judging import few_to_fit
from imatlas.recipes.real_set import read_real_set
from imatlas.values import ImageSet

SPACES = ("principal_components", "pixels")


def shapes(n: int, seed: int) -> np.ndarray:
    return moving_shape(n, 8, seed=seed)[0].pixels


def values(judgement) -> dict:
    return {(score.name, score.space): (score.value, score.interval, score.floor) for score in judgement.scores}


@pytest.fixture(scope="module", autouse=True)
def few_metrics():
    """What is measured plays no part here, so a few quick metrics stand for all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judging, "DEFAULT_METRICS", ("kernel_distance", "coverage", "copy_rate", "adherence"))
        yield


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Seventy real and fifty generated images as arrays, a folder and an npz."""
    home = tmp_path_factory.mktemp("sources")
    real, drawn = shapes(70, 0), shapes(50, 1)
    (home / "real").mkdir()
    for row, pixels in enumerate(real):
        Image.fromarray(pixels[:, :, 0]).save(home / "real" / f"{row:02d}.png")
    np.savez(home / "drawn.npz", images=drawn)
    return home, real, drawn


@pytest.fixture(scope="module")
def judged(sources):
    """The arrays, judged in two spaces."""
    return imatlas.evaluate(sources[1], sources[2], extractors=SPACES)


def test_files_and_arrays_are_judged_alike_and_all_that_made_the_numbers_is_told(sources, judged):
    home, _, _ = sources
    of_files = imatlas.evaluate(home / "real", str(home / "drawn.npz"), extractors=SPACES)
    assert values(of_files) == values(judged)
    assert {space for _, space in values(judged)} >= set(SPACES)
    assert list(judged.references) == ["training copies", "Gaussian in PCA space"]
    assert judged.real.resize == RESIZE_RULE
    assert of_files.real.fingerprint == judged.real.fingerprint
    assert of_files.real.images.formats == {"PNG": 70}
    assert ["components were fitted" in sentence for sentence in of_files.warnings] == [True]
    assert any(said.startswith("adherence in principal_components, adherence in pixels: ") for said in judged.left_out)
    assert not any(score.block == "speed" for score in judged.scores)
    assert not any("images_per_second" in said for said in judged.left_out)


def test_a_kept_real_set_is_used_again_and_stands_in_for_the_images(sources, judged):
    home, real, drawn = sources
    keep = home / "real.safetensors"
    for _ in range(2):
        [found] = evaluate_all(real, [drawn], Terms(SPACES, keep=keep))
        assert values(found) == values(judged)
    [found] = evaluate_all(keep, [drawn])
    assert values(found) == values(judged)
    assert found.references == judged.references
    assert len(read_real_set(keep).reference_scores) == 1, "the reference rows need not be scored again"
    with pytest.raises(InputError, match="what differs: images"):
        evaluate_all(shapes(70, 5), [drawn], Terms(SPACES, keep=keep))
    with pytest.raises(InputError, match="what differs: extractors"):
        evaluate_all(real, [drawn], Terms(("pixels",), keep=keep))
    with pytest.raises(InputError, match="holds images of 8 x 8, and 12 was wanted"):
        evaluate_all(keep, [drawn], Terms(resolution=12))
    coloured = np.stack([drawn[..., 0], drawn[..., 0], 255 - drawn[..., 0]], axis=3)
    with pytest.raises(InputError, match="holds gray images, and generated ones are in colour"):
        evaluate_all(keep, [coloured])


def test_gray_meets_colour_and_small_meets_large(sources):
    """Red, green and blue of the real images are equal, so that they are gray until they stand beside colour."""
    _, real, drawn = sources
    large = np.repeat(np.repeat(drawn, 3, axis=1), 3, axis=2)
    coloured = np.stack([large[..., 0], large[..., 0], 255 - large[..., 0]], axis=3)
    found = imatlas.evaluate(np.repeat(real, 3, axis=3), coloured, extractors=("pixels",))
    assert found.generated.shape == found.real.images.shape == (8, 8, 3)
    assert found.generated.sizes == {"24 x 24": 50}
    small = imatlas.evaluate(large, drawn, extractors=("pixels",))
    assert any("smaller than 24 x 24 (8 x 8) and were enlarged" in said for said in small.warnings)


def test_several_generators_meet_the_same_real_images(sources):
    _, real, drawn = sources
    noise = np.random.default_rng(0).integers(0, 256, drawn.shape, dtype=np.uint8)
    first, second = evaluate_all(real, [drawn, noise], Terms(SPACES))
    assert first.real is second.real
    favoured = {(one.name, one.favours) for one in imatlas.compare_judgements(first, second)}
    assert {("kernel_distance", "first"), ("coverage", "first")} <= favoured
    with pytest.raises(InputError, match="do not share"):
        imatlas.compare_judgements(first, imatlas.evaluate(drawn, real, extractors=SPACES))


def test_an_image_set_without_a_split_gets_one_and_its_own_is_kept(sources):
    _, real, drawn = sources
    images = imatlas.read_images(real, held_out=0.0)
    assert len(imatlas.evaluate(images, drawn, extractors=("pixels",)).real.parts["held_out"]) == 7
    third = replace(images, held_out=np.arange(70) % 3 == 0)
    assert len(imatlas.evaluate(third, drawn, extractors=("pixels",)).real.parts["held_out"]) == 24


def test_exact_copies_are_told_whatever_the_interval(sources):
    _, real, drawn = sources
    images = imatlas.read_images(real)
    copied = np.concatenate([drawn[:48], images.pixels[images.training_rows[:2]]])
    found = imatlas.evaluate(images, copied, extractors=("pixels",))
    told = "Copies: 2 of 50 images (4 %) are training images pixel for pixel. By distance: "
    assert any(sentence.startswith(told) for sentence in found.verdict)
    assert not any(
        "pixel for pixel" in sentence for sentence in imatlas.evaluate(images, drawn, extractors=("pixels",)).verdict
    )


def test_what_cannot_be_judged_is_refused_in_words(sources):
    home, real, drawn = sources
    with pytest.raises(InputError, match="was given twice"):
        imatlas.evaluate(home / "real", home / "drawn.npz" / ".." / "real")
    with pytest.raises(InputError, match="There are 19 generated images; judging needs 20"):
        imatlas.evaluate(real, drawn[:19], extractors=("pixels",))
    with pytest.raises(InputError, match="There are 9 training images; judging needs 20"):
        imatlas.evaluate(real[:10], drawn, extractors=("pixels",))
    with pytest.raises(InputError, match="without any difference"):
        imatlas.evaluate(np.full_like(real, 7), drawn, extractors=("principal_components",))
    with pytest.raises(InputError, match="same features in the space 'pixels'"):
        imatlas.evaluate(np.full_like(real, 7), drawn, extractors=("pixels",))
    with pytest.raises(InputError, match="30 images were to be drawn, and no model is judged"):
        evaluate_all(real, [drawn], Terms(count=30))
    with pytest.raises(InputError, match="without NaN"):
        imatlas.evaluate(real, np.where(np.arange(50)[:, None, None, None] == 3, np.nan, drawn / 255))


def test_the_spaces_are_two_that_no_generator_was_conditioned_with():
    assert choose_spaces((), frozenset()) == ("random_convolutions", "principal_components")
    assert choose_spaces((), frozenset({"random_convolutions"})) == ("principal_components", "pixels")
    assert choose_spaces((), frozenset(), few=True) == ("random_convolutions", "pixels")
    assert choose_spaces((), frozenset({"pixels"}), few=True) == ("random_convolutions", "principal_components")
    assert choose_spaces(("pixels", "pixels"), frozenset({"encoder"})) == ("pixels",)
    with pytest.raises(InputError, match="conditioned with the features pixels, which flatter it"):
        choose_spaces(("pixels",), frozenset({"pixels"}))
    with pytest.raises(InputError, match="There is no extractor 'x'; choose from: "):
        choose_spaces(("x",), frozenset())


def test_few_images_are_judged_in_spaces_that_were_not_fitted_to_them(sources):
    _, real, drawn = sources
    assert set(imatlas.evaluate(real, drawn).real.extractors) == {"random_convolutions", "pixels"}
    warned = imatlas.evaluate(real, drawn, extractors=("principal_components",)).warnings
    assert any("components were fitted to 63 training images" in sentence for sentence in warned)
    large = ImageSet(np.zeros((30, 68, 64, 3), np.uint8), np.arange(30))
    assert not few_to_fit(large), "too many pixels to be judged in them"
    assert few_to_fit(large.take(np.arange(20))) == few_to_fit(large)
    small = ImageSet(np.broadcast_to(np.uint8(0), (3_200, 8, 8, 1)), np.arange(3_200))
    assert not few_to_fit(small)
    assert few_to_fit(replace(small, held_out=np.arange(3_200) == 0))


def test_the_lines_of_the_document_run(sources):
    page = (Path(__file__).parents[1] / "docs" / "evaluate.md").read_text(encoding="utf-8")
    _, real, drawn = sources
    rows = np.random.default_rng(0).normal(size=(120, 5))
    names = {"real": real, "generated": drawn, "other": drawn[::-1], "real_rows": rows[:60], "generated_rows": rows[60:]}
    blocks = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(block, names)
    assert names["differences"]
    assert names["score"].name == "coverage"
