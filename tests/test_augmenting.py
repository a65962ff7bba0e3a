"""Which changes of its images a set bears, decided once, kept with the model, and never seen in what is drawn."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from laws.threads import one_thread

from imatlas.images import digits
from imatlas.recipes import fit_manifold, load_model
from imatlas.recipes.augmenting import augmentation_fields, augmented, is_mirrored
from imatlas.recipes.modeling import build_model, save_model
from imatlas.recipes.training import train_model
from imatlas.store import ModelFolder
from imatlas.training import Plan
from imatlas.training.augmentation import AUGMENTATION
from imatlas.values import Codes

__all__ = ["one_thread"]


@pytest.fixture(scope="module")
def small():
    """200 digits, of which no mirror image is a digit, with their manifold."""
    images = digits(seed=0)
    images = images.take(images.training_rows[:200])
    return images, fit_manifold(images, features="pixels")


def test_mirror_images_belong_to_a_set_that_holds_them_and_not_to_digits(small) -> None:
    images, manifold = small
    assert not is_mirrored(images, manifold)
    pixels = np.array(images.pixels)
    pixels[::2] = pixels[1::2, :, ::-1]
    assert is_mirrored(replace(images, pixels=pixels), manifold)


def test_a_batch_is_mirrored_where_that_belongs_and_changed_where_the_network_can_be_told() -> None:
    images = torch.rand(400, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    codes = Codes({"class": np.zeros((400, 1), np.float32)})
    same, kept = augmented(images, codes, np.random.default_rng(0), mirrored=False, fields=())
    assert same is images
    assert kept is codes
    shown, kept = augmented(images, codes, np.random.default_rng(0), mirrored=True, fields=(AUGMENTATION,))
    told = kept.fields[AUGMENTATION.name]
    assert set(kept.fields) == {"class", AUGMENTATION.name}
    assert not told[:, 0].any(), "what belongs to the set need not be told"
    plain = ~told.any(axis=1)
    alike, flipped = ((shown == other).flatten(1).all(dim=1).numpy() for other in (images, images.flip(-1)))
    assert (alike | flipped)[plain].all()
    assert 0.4 < flipped[plain].mean() < 0.6
    assert not (alike | flipped)[~plain].any()


def test_small_sets_alone_are_changed() -> None:
    assert augmentation_fields("flow", 9_999) == (AUGMENTATION,)
    assert augmentation_fields("flow", 10_000) == ()
    assert augmentation_fields("gan", 200) == (), "a game of two players has changes of its own"


def test_a_flow_of_a_small_set_is_told_keeps_that_and_asks_nobody_for_it(small, tmp_path) -> None:
    images, manifold = small
    model = build_model(images, manifold, kind="flow", conditions=("cluster",))
    assert [field.name for field in model.generator.fields] == ["cluster", AUGMENTATION.name]
    list(train_model(model, images, manifold, Plan(steps=2, batch_size=16, precision="float32")))
    save_model(model, ModelFolder(tmp_path), {})
    again = load_model(ModelFolder(tmp_path))
    assert [condition.name for condition in again.conditions] == ["cluster"]
    assert ModelFolder(tmp_path).config["mirrored"] is again.mirrored is False
    assert np.array_equal(again.sample(range(3)).pixels, model.sample(range(3)).pixels)
