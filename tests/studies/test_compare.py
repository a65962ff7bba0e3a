"""A whole small study: what is paired, kept, gone on with and refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from laws.threads import one_thread

from imatlas.checks import InputError
from imatlas.images import moving_shape, split_images
from imatlas.recipes import Wishes
from imatlas.studies import Study, compare, running
from imatlas.studies.judging import plant, real_of
from imatlas.studies.plan import subset_of

__all__ = ["one_thread"]

WISHES = Wishes(steps=8, generator="vae", features="principal_components")
STUDY = Study(("clusters", "oracle-codes"), repeats=2, wishes=WISHES, judges=("random_convolutions",), count=60)


@pytest.fixture(scope="module")
def images():
    return split_images(moving_shape(320, 8, seed=0)[0], 0.15)


@pytest.fixture(scope="module")
def made(images, tmp_path_factory):
    """A finished study and what came of it."""
    home = tmp_path_factory.mktemp("compare") / "shapes.study"
    return compare(images, STUDY, home)


def test_a_study_makes_every_cell_and_pairs_arms_with_their_baseline(made):
    assert {(one.arm, one.repeat) for one in made.results} == {
        (arm, repeat) for arm in ("unconditional-longer", "clusters", "oracle-codes") for repeat in (1, 2)
    }
    distances = {one.arm: one for one in made.differences if one.name == "kernel_distance"}
    assert set(distances) == {"clusters", "oracle-codes"}
    for one in distances.values():
        assert (one.against, one.over, len(one.values)) == ("unconditional-longer", "trainings", 2)
        gaps = np.array(one.values) / np.array(one.others) - 1
        assert one.value == pytest.approx(gaps.mean())
        assert one.interval[0] <= one.value <= one.interval[1]
    assert any("clusters against unconditional-longer" in said or "clusters is" in said for said in made.verdict)
