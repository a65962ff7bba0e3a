"""The real set of a judgement in one file: the same numbers, and refused by name where it does not fit."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from imatlas.checks import InputError
from imatlas.features import Pixels, PrincipalComponents
from imatlas.images import moving_shape, split_images
from imatlas.recipes.real_set import (
    clusters_of,
    extract,
    is_real_set,
    read_real_set,
    real_set,
    require_same_images,
    with_clusters,
    write_real_set,
)
from imatlas.store.packed import read_packed, write_packed
from imatlas.values import Score

NAMES = ["pixels", "principal_components"]


@pytest.fixture(scope="module")
def made():
    """Sixty small images with classes and a split, and their real set."""
    images = replace(moving_shape(60, 8, seed=0)[0], labels=np.arange(60) % 2, class_names=("a", "b"), source="shapes")
    return real_set(split_images(images), [Pixels(), PrincipalComponents(8)], resize="by a rule")


@pytest.fixture
def kept(made, tmp_path):
    write_real_set(made, tmp_path / "real.safetensors")
    return tmp_path / "real.safetensors"


def changed(path, change):
    """Write the file again after `change(settings, arrays)`."""
    settings, arrays = read_packed(path)
    change(settings, arrays)
    write_packed(path, settings, arrays)


def test_a_kept_real_set_comes_back_with_its_images_and_extracts_as_before(made, kept):
    assert is_real_set(kept)
    back = read_real_set(kept)
    assert back.fingerprint == made.fingerprint
    assert back.images.class_names == ("a", "b")
    np.testing.assert_array_equal(back.images.pixels, made.images.pixels)
    new = moving_shape(5, 8, seed=9)[0]
    for name in NAMES:
        for part in ("train", "held_out"):
            np.testing.assert_array_equal(back.features[name][part].rows, made.features[name][part].rows)
        np.testing.assert_array_equal(extract(back.extractors[name], new).rows, extract(made.extractors[name], new).rows)
    require_same_images(back, made.images, names=NAMES, resize="by a rule", path=kept)


def test_clusters_are_kept_and_others_let_the_reference_rows_be_worked_out_again(made, kept):
    clusters = np.arange(len(made.parts["train"])) % 3 - 1
    write_real_set(replace(made, clusters=clusters), kept)
    back = read_real_set(kept)
    np.testing.assert_array_equal(back.clusters, clusters)
    np.testing.assert_array_equal(back.trial.clusters, clusters)
    known = replace(back, reference_scores={(30, ("coverage",)): {}})
    assert with_clusters(known, clusters.copy()) is known
    for other in (clusters[::-1], None):
        changed_clusters = with_clusters(known, other)
        assert changed_clusters.clusters is other
        assert changed_clusters.reference_scores == {}
    assert with_clusters(made, None) is made


def test_clusters_of_an_atlas_go_by_the_ids_of_its_training_images(made):
    class Mapped:
        has_manifold = True
        images = made.images
        manifold = SimpleNamespace(rows=made.images.training_rows[:-1], clusters=SimpleNamespace(labels=np.arange(53) % 4))

    assert len(made.images.training_rows) == 54
    shuffled = made.images.take(np.random.default_rng(0).permutation(60))
    known = dict(zip(made.images.ids[Mapped.manifold.rows], Mapped.manifold.clusters.labels, strict=True))
    wanted = [known.get(name, -1) for name in shuffled.ids[shuffled.training_rows]]
    assert clusters_of(Mapped, shuffled).tolist() == wanted
    assert wanted.count(-1) == 1
    assert clusters_of(SimpleNamespace(has_manifold=False), shuffled) is None


def test_reference_rows_are_kept_and_those_of_other_code_are_not_used(made, kept):
    score = Score("coverage", "pixels", 0.5, (0.4, 0.6), 1.0, "higher", 30, "diversity", {"n": 30})
    rows = {(30, ("coverage",)): {"training copies": (score, replace(score, interval=None))}}
    write_real_set(replace(made, reference_scores=rows), kept)
    assert read_real_set(kept).reference_scores == rows
    changed(kept, lambda settings, arrays: settings["references"].update(code="other"))
    assert read_real_set(kept).reference_scores == {}


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        (lambda images: {"images": replace(images, pixels=images.pixels[::-1])}, "images"),
        (lambda images: {"images": replace(images, held_out=images.held_out[::-1])}, "split"),
        (lambda images: {"images": images.take(np.arange(50))}, r"images, number of images, split, classes"),
        (lambda images: {"images": replace(images, class_names=("a", "c"))}, "classes"),
        (lambda images: {"resize": "by another rule"}, "resize"),
        (lambda images: {"names": ["pixels"]}, r"extractors \(pixels, principal_components then, pixels now\)"),
    ],
)
def test_another_real_set_is_refused_by_what_differs(made, kept, change, differs):
    asked = {"images": made.images, "names": NAMES, "resize": "by a rule"} | change(made.images)
    with pytest.raises(InputError, match=rf"what differs: {differs}\. It was left as it is"):
        require_same_images(read_real_set(kept), asked.pop("images"), path=kept, **asked)


def test_features_of_another_version_of_an_extractor_are_refused(kept):
    changed(kept, lambda settings, arrays: arrays.update({"pixels/train": arrays["pixels/train"] * 1.01}))
    with pytest.raises(InputError, match=r"features pixels in .* are not those that this version extracts"):
        read_real_set(kept)


@pytest.mark.parametrize(
    "change",
    [
        lambda settings, arrays: arrays.update(pixels=255 - arrays["pixels"]),
        lambda settings, arrays: arrays.update(held_out=~arrays["held_out"]),
        lambda settings, arrays: arrays.pop("pixels"),
        lambda settings, arrays: settings.pop("resize"),
    ],
)
def test_a_damaged_file_is_refused_in_words(kept, change):
    changed(kept, change)
    with pytest.raises(InputError, match=r"is damaged .* make it anew from the images"):
        read_real_set(kept)


def test_other_safetensors_files_and_other_endings_are_refused(made, kept, tmp_path):
    changed(kept, lambda settings, arrays: settings.update(kind="weights"))
    with pytest.raises(InputError, match="does not hold the real set of a judgement"):
        read_real_set(kept)
    with pytest.raises(InputError, match=r"Let it end in \.safetensors"):
        write_real_set(made, tmp_path / "real.npz")


def test_an_extractor_that_gives_no_numbers_is_refused_in_words(made):
    class Broken(Pixels):
        def rows(self, pixels):
            return super().rows(pixels) * np.nan

    with pytest.raises(InputError, match=r"extractor pixels cannot be judged with: .*NaN.*--extractors"):
        real_set(made.images, [Broken()], resize="")
