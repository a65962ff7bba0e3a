"""Truths of whole journeys that no room can check alone."""

import numpy as np
import pytest

from imatlas.checks import InputError
from imatlas.conditions import ClassCondition
from imatlas.features import Encoder, PrincipalComponents
from imatlas.recipes import Wishes, choose_extractor, far_pairs, fit_manifold
from imatlas.sampling import choose_codes
from imatlas.values import ImageSet


def test_pairs_far_apart_are_chosen_quietly_where_the_graph_falls_apart():
    """Landmarks of another component are infinitely far from both ends; infinity less infinity is no number."""
    noise = np.random.default_rng(0).integers(0, 20, (60, 8, 8, 1))
    pixels = np.where(np.arange(60)[:, None, None, None] < 30, noise, 255 - noise).astype(np.uint8)
    manifold = fit_manifold(ImageSet(pixels, np.arange(60).astype(str)), features="pixels")
    assert len(manifold.graph.component_sizes) == 2
    with np.errstate(invalid="raise"):
        pairs = far_pairs(manifold, 3)
    assert len({int(row) // 30 for row in pairs.ravel()}) == 1


@pytest.mark.parametrize(("seeds", "sentence"), [([-1], "outside 0 to"), ([2**32], "outside 0 to"), ([0.5], "no whole number")])
def test_a_seed_that_is_none_is_told_before_anything_is_drawn(seeds, sentence):
    condition = ClassCondition(np.array([0, 1]), ["a", "b"])
    with pytest.raises(InputError, match=sentence):
        choose_codes([condition], {}, seeds)


def test_no_seeds_are_no_codes():
    condition = ClassCondition(np.array([0, 1]), ["a", "b"])
    assert choose_codes([condition], {}, []).fields["class"].shape == (0, 1)


def test_a_set_of_images_shows_itself_in_one_line():
    """At the prompt the arrays of a set would fill hundreds of lines."""
    images = ImageSet(np.zeros((40, 8, 8, 1), np.uint8), np.arange(40).astype(str), source="toys")
    assert repr(images) == "ImageSet(40 of 8 x 8 x 1, 0 classes, 0 held out, 0 rejected, source='toys')"


def test_a_journey_counted_in_steps_counts_its_encoder_in_steps():
    """An encoder trained by the clock would make runs of equal steps and seed differ, and outlast the steps asked for."""
    extractor = choose_extractor("auto", 1_000, budget=600.0, steps=30)
    assert isinstance(extractor, Encoder)
    assert extractor.steps == 30
    assert choose_extractor("auto", 1_000, budget=600.0).settings()["steps"] == 0
    assert isinstance(choose_extractor("auto", 199, budget=600.0, steps=30), PrincipalComponents)


@pytest.mark.parametrize("wrong", [{"features": "x"}, {"generator": "x"}, {"conditions": ("class", "x")}, {"precision": "x"}])
def test_wishes_that_nothing_can_meet_are_refused_at_the_door(wrong):
    with pytest.raises(InputError, match=r"There (is|are) no .* 'x'; choose"):
        Wishes(**wrong)
