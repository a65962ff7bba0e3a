"""Conditions on their way through an atlas: resumed, stored without a bank, drawn by the prior or from the bank."""

import shutil
import signal
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from laws.generators import shaken
from laws.threads import one_thread

from imatlas.checks import InputError
from imatlas.conditions import CONDITIONS
from imatlas.generators import CodeFlow, NeighborhoodPrior, Vae
from imatlas.images import moving_shape
from imatlas.recipes import Model, Wishes, export_from, load_model, map_grid, map_images, train_atlas, with_bank
from imatlas.recipes.conditioning import describe_conditions, split_plan
from imatlas.recipes.learning import choose_extractor, learn
from imatlas.store import Atlas, open_atlas
from imatlas.training import Interrupted, Plan
from imatlas.values import Dials, Example, Samples

__all__ = ["one_thread"]

WISHES = Wishes(steps=44, seed=3, features="principal_components", generator="vae")


@pytest.fixture(scope="module")
def small():
    """Networks of a size that trains in a second."""
    with pytest.MonkeyPatch.context() as patch:
        for network in (NeighborhoodPrior, CodeFlow):
            patch.setattr(network, "width", 32)
            patch.setattr(network, "depth", 1)
        patch.setattr(Vae, "sizes_for", classmethod(lambda cls, image_shape, dimension, n_images: {"code_dim": 4, "width": 8}))
        yield


@pytest.fixture(scope="module")
def mapped(tmp_path_factory, one_thread) -> Atlas:
    """An atlas of 130 shapes, mapped and not trained on."""
    images, _ = moving_shape(130, 8, seed=0)
    return map_images(images, tmp_path_factory.mktemp("atlas") / "whole.atlas", WISHES)


@pytest.fixture(scope="module")
def atlas(mapped: Atlas, small) -> Atlas:
    """The same with a trained model; a copy without one lies beside it."""
    shutil.copytree(mapped.folder, mapped.folder.with_name("parts.atlas"))
    train_atlas(mapped, WISHES)
    return mapped


@pytest.fixture(scope="module")
def model(atlas: Atlas) -> Model:
    return load_model(atlas.model("0001-vae"))


def said(samples: Samples) -> list[dict]:
    """What the notes of some samples say of conditions."""
    return [{name: words for name, words in how.items() if name in CONDITIONS} for how in samples.how]


def test_a_stopped_and_resumed_model_with_neighborhoods_has_the_same_bits(atlas: Atlas) -> None:
    parts = open_atlas(atlas.folder.with_name("parts.atlas"))

    def stop(progress) -> None:
        if progress.stage == "autoencoder" and progress.done == 20:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted):
        train_atlas(parts, WISHES, report=stop)
    heard: list = []
    train_atlas(parts, WISHES, report=heard.append)
    assert "neighborhood prior" not in {progress.stage for progress in heard}, "it was trained before the stop"
    for name in ("model", "prior", "condition-style", "condition-neighborhood"):
        one, other = ((some.model("0001-vae").folder / f"{name}.safetensors").read_bytes() for some in (atlas, parts))
        assert one == other, name


def test_a_model_folder_holds_no_feature_of_a_training_image(atlas: Atlas) -> None:
    folder, n = atlas.model("0001-vae"), len(atlas.manifold)
    for name in ("condition-style", "condition-neighborhood", "condition-density", "prior"):
        assert all(n not in np.shape(array) for array in folder.load_packed(name)[1].values())


def test_where_codes_come_from_is_chosen_and_said(atlas: Atlas, model: Model) -> None:
    """With labels the class would be drawn too, else the cluster; a set of 117 has none that are large enough."""
    assert said(model.sample([4])) == [{"neighborhood": "drawn from the prior"}]
    assert said(model.sample([4], codes_from="none")) == [{}]
    drawn = model.sample([4, 5], codes_from="prior")
    assert said(drawn) == [{"neighborhood": "drawn from the prior"}] * 2
    banked = with_bank(model, atlas.images, atlas.manifold).sample([4, 5], codes_from="bank")
    assert said(banked) == [{"neighborhood": "drawn from the bank"}] * 2
    assert not np.array_equal(drawn.codes.fields["neighborhood"], banked.codes.fields["neighborhood"])
    for samples in (drawn, banked):
        assert not np.array_equal(samples.pixels, model.sample([4, 5], codes_from="none").pixels)
    with pytest.raises(InputError, match="Codes cannot come from bank here: the training images are not at hand"):
        model.sample([0], codes_from="bank")
    with pytest.raises(InputError, match="Codes cannot come from labels here: the model was trained with neither class nor"):
        model.sample([0], codes_from="labels")
    with pytest.raises(InputError, match="Codes cannot come from 'luck'; choose one of: none, labels, prior, bank"):
        model.sample([0], codes_from="luck")


def test_typical_chooses_among_what_the_prior_draws_or_is_refused(atlas: Atlas, model: Model) -> None:
    assert model.dials == model.generator.dials | {"typical"}
    plain, dense = (model.sample([4, 5], dials=Dials(typical=share)) for share in (1.0, 0.05))
    np.testing.assert_array_equal(plain.pixels, model.sample([4, 5]).pixels)
    assert not np.array_equal(plain.codes.fields["neighborhood"], dense.codes.fields["neighborhood"])
    assert [how["typical"] for how in dense.how] == [0.05, 0.05]
    wish = {"neighborhood": Example(atlas.manifold.features.rows[0], "cat.png")}
    for drawn_with, wishes, source, why in (
        (replace(model, prior=None), {}, "", "the model was trained without neighborhoods"),
        (model, wish, "", "the neighborhood was wished for"),
        (model, {}, "none", "codes come from none"),
    ):
        with pytest.raises(InputError, match=f"The dial typical is 0.5, which chooses among .* it draws none: {why}"):
            drawn_with.sample([4], wishes, Dials(typical=0.5), codes_from=source)


def test_the_prior_draws_given_the_wishes_and_a_wished_neighborhood_is_kept(atlas: Atlas, model: Model) -> None:
    moved = replace(model, prior=shaken(deepcopy(model.prior)))  # two steps of training hardly move it from nothing
    low, high = (moved.sample(range(8), {"density": wish}, codes_from="prior").codes.fields for wish in ("0", "1"))
    assert not np.allclose(low["neighborhood"], high["neighborhood"], atol=1e-4)
    example = Example(atlas.manifold.features.rows[0], "cat.png")
    for source in ("prior", "bank"):
        with pytest.raises(InputError, match=f"The neighborhood was wished for by a picture; it cannot come from {source} too"):
            with_bank(model, atlas.images, atlas.manifold).sample([1], {"neighborhood": example}, codes_from=source)
    samples = model.sample([1, 2], {"neighborhood": example, "style": example})
    assert said(samples) == [{"neighborhood": "picture cat.png", "style": "picture cat.png"}] * 2
    assert np.ptp(samples.codes.fields["neighborhood"], axis=0).max() == 0


def test_the_bank_of_an_atlas_on_disk_has_the_codes_of_the_manifold_as_it_was_learned(atlas: Atlas, model: Model) -> None:
    extractor = choose_extractor(WISHES.features, len(atlas.images.training_rows), budget=0.0)
    learned, kept = learn(atlas.images, extractor, seed=WISHES.seed).manifold, open_atlas(atlas.folder)
    assert model.map_key == kept.manifold.key == learned.key
    described = {condition.name: condition for condition in describe_conditions(atlas.images, learned)}
    for condition in with_bank(model, kept.images, kept.manifold).conditions:
        some = (np.arange(9), np.random.default_rng(0))
        np.testing.assert_array_equal(
            condition.codes(*some), described[condition.name].codes(some[0], np.random.default_rng(0))
        )


def test_what_belongs_to_a_map_that_was_made_again_is_refused_by_name(atlas: Atlas, tmp_path) -> None:
    """Another seed makes another map of the same images: the model still draws, but nothing is read from the map of now."""
    again = open_atlas(shutil.copytree(atlas.folder, tmp_path / "again.atlas"))
    example = Example(atlas.manifold.features.rows[0], "cat.png")
    plain = load_model(again.model("0001-vae")).sample([4]).pixels
    again = map_images(again.images, again.folder, replace(WISHES, seed=4))
    old = load_model(again.model("0001-vae"))
    np.testing.assert_array_equal(old.sample([4]).pixels, plain)
    place = "{:.3f},{:.3f}".format(*again.manifold.embedding.coordinates[0])
    for name, wish in {"map_place": place, "style": example, "neighborhood": example, "density": "low"}.items():
        with pytest.raises(InputError, match=f"The map was made again since 0001-vae was trained, and {name} would mean other"):
            old.sample([4], {name: wish})
    refused = (
        lambda: with_bank(old, again.images, again.manifold),
        lambda: map_grid(old, again.manifold, side=3),
        lambda: export_from(again, tmp_path / "leave"),
    )
    for use in refused:
        with pytest.raises(InputError, match="The map was made again since 0001-vae was trained"):
            use()
    assert train_atlas(again, WISHES).name == "0002-vae", "the same words on another map are another model"
    assert load_model(again.model("0002-vae")).sample([4], {"map_place": place}).how[0]["map_place"]


def test_training_does_not_go_on_over_another_map(atlas: Atlas, tmp_path) -> None:
    again = open_atlas(shutil.copytree(atlas.folder, tmp_path / "again.atlas"))
    (again.model("0001-vae").folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="Give the command that began it once more"):
        load_model(again.model("0001-vae"))
    again = map_images(again.images, again.folder, replace(WISHES, seed=4))
    with pytest.raises(InputError, match="The map was made again since, so it cannot go on; train a new one"):
        load_model(again.model("0001-vae"))
    assert train_atlas(again, WISHES).name == "0002-vae"


def test_an_atlas_with_a_model_of_an_earlier_format_says_so_and_trains_a_new_one(atlas: Atlas, tmp_path) -> None:
    """What was asked for is hashed otherwise now, so that the old one is never taken for what is asked."""
    again = open_atlas(shutil.copytree(atlas.folder, tmp_path / "again.atlas"))
    path = again.model("0001-vae").folder / "config.json"
    path.write_text(path.read_text().replace('"format": 2', '"format": 1').replace('"key"', '"old"'))
    with pytest.raises(InputError, match=r"0001-vae/config\.json has format 1.* Train a new one beside it: imatlas"):
        load_model(again.model("0001-vae"))
    assert train_atlas(again, WISHES).name == again.default_model == "0002-vae"


def test_a_condition_that_is_not_to_be_had_is_told_with_the_reason(atlas: Atlas) -> None:
    with pytest.raises(
        InputError, match=r"conditioned on 'class' \(no labels, or only one class\); it has: style, neighborhood"
    ):
        describe_conditions(atlas.images, atlas.manifold, ["style", "class"])


def test_the_prior_gets_a_twentieth_and_at_most_a_minute() -> None:
    prior, rest = split_plan(Plan(seconds=600))
    assert (prior.seconds, rest.seconds) == (30, 570)
    prior, rest = split_plan(Plan(seconds=3600))
    assert (prior.seconds, rest.seconds) == (60, 3540)
    assert split_plan(Plan(seconds=40))[0].seconds == 3, "in less nothing can be learned"
    assert split_plan(Plan(seconds=10))[0].seconds == 2
    prior, rest = split_plan(Plan(steps=1000))
    assert (prior.steps, rest.steps) == (50, 1000), "steps that were asked for are those of the generator"
    assert split_plan(Plan(steps=100_000))[0].steps == 600
