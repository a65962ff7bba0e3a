"""Dials: what they may be, whose they are, and that none is turned in vain."""

import numpy as np
import pytest
import torch
from laws.generators import made

from imatlas.checks import InputError
from imatlas.generators import SAMPLERS, Flow, Vae
from imatlas.sampling import sample
from imatlas.values import Codes, Dials


def a_flow() -> Flow:
    return made(
        lambda shape, fields: Flow(shape, fields, patch=4, width=32, depth=1, few_steps=False, turned={"steps": 3}), (1, 8, 8)
    )


@pytest.mark.parametrize(
    ("turned", "words"),
    [
        ({"steps": -1}, r"The dial steps is -1; wanted 0 to 1000\."),
        ({"steps": 2.5}, r"The dial steps is 2\.5; wanted a whole number"),
        ({"guidance": 21.0}, r"The dial guidance is 21\.0; wanted 0 to 20\."),
        ({"guidance": float("nan")}, "The dial guidance is nan; wanted 0 to 20"),
        ({"autoguidance": -0.1}, r"The dial autoguidance is -0\.1"),
        ({"diversity": 1.1}, r"The dial diversity is 1\.1; wanted 0 to 1\."),
        ({"typical": 0.0}, r"The dial typical is 0\.0; wanted 0\.05 to 1, a share of 20 candidates"),
    ],
)
def test_a_dial_outside_its_range_is_refused_in_words(turned: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Dials(**turned)


def test_dials_that_are_not_turned_stand_as_the_model_has_them() -> None:
    assert Dials(guidance=2.0).over(Dials(steps=5, guidance=1.0)) == Dials(steps=5, guidance=2.0)
    assert Dials().chosen() == {}
    assert a_flow().settle(Dials(guidance=2.0)).chosen() == a_flow().defaults().chosen() | {"guidance": 2.0}


@pytest.mark.parametrize(
    ("build", "turned", "words"),
    [
        (lambda shape, fields: Vae(shape, fields, code_dim=4, width=8), {"steps": 4}, "A Vae has no dial steps; it has: "),
        (
            lambda shape, fields: Vae(shape, fields, code_dim=4, width=8, sampler=SAMPLERS["normal"]),
            {"guidance": 2.0},
            "A Vae has no dial guidance; it has: ",
        ),
        (lambda shape, fields: Flow(shape, fields, patch=4, width=32, depth=1), {"typical": 0.5}, "A Flow has no dial typical"),
        (
            lambda shape, fields: Flow(shape, fields, patch=4, width=32, depth=1),
            {"steps": 0},
            "The dial steps is 0; a flow needs",
        ),
    ],
)
def test_a_dial_of_another_family_is_refused_at_the_door(build, turned: dict, words: str) -> None:
    model = build((1, 8, 8), ())
    with pytest.raises(InputError, match=words):
        sample(model, Codes({}), [0], Dials(**turned))
    with pytest.raises(InputError, match=words):
        model.sample(model.draw_noise(1, torch.Generator()), {}, Dials(**turned))


def test_steps_that_are_turned_are_the_steps_that_are_made() -> None:
    model, seeds = a_flow(), [0, 1]
    assert np.array_equal(sample(model, Codes({}), seeds, Dials(steps=3)).pixels, sample(model, Codes({}), seeds).pixels)
    assert not np.array_equal(sample(model, Codes({}), seeds, Dials(steps=7)).pixels, sample(model, Codes({}), seeds).pixels)
