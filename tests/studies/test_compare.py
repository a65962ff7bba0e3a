"""A whole small study: what is paired, kept, gone on with, added to and refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from laws.random_state import global_generators_untouched
from laws.small_studies import few_metrics
from laws.threads import one_thread

from imatlas.app.comparison_page import outcome_facts, write_comparison
from imatlas.checks import FailedRun, InputError
from imatlas.images import moving_shape, split_images
from imatlas.recipes import Wishes
from imatlas.studies import ARMS, Study, cells, compare, running
from imatlas.studies.fits import _charges, plan_fit
from imatlas.training.stopping import Interrupted

__all__ = ["few_metrics", "one_thread"]

WISHES = Wishes(steps=8, generator="vae", features="principal_components")
STUDY = Study(("clusters", "oracle-codes"), repeats=2, wishes=WISHES, judges=("random_convolutions",), count=40, paths=10)
ALL = ("unconditional-longer", "clusters", "oracle-codes")


@pytest.fixture(scope="module")
def images():
    return split_images(moving_shape(250, 8, seed=0)[0], 0.15)


@pytest.fixture(scope="module")
def made(images, tmp_path_factory):
    """A finished study and what came of it."""
    home = tmp_path_factory.mktemp("compare") / "shapes.study"
    with global_generators_untouched():
        return compare(images, STUDY, home)


def scores_of(outcome, arm="clusters", repeat=1):
    [result] = [one for one in outcome.results if (one.arm, one.repeat, one.length) == (arm, repeat, 1.0)]
    return [(score.name, score.space, score.value) for score in result.scores if score.block != "speed"]


def test_a_study_makes_every_cell_and_pairs_arms_with_their_baseline(made):
    assert {(one.arm, one.repeat) for one in made.results} == {(arm, repeat) for arm in ALL for repeat in (1, 2)}
    distances = {one.arm: one for one in made.differences if one.name == "kernel_distance"}
    assert set(distances) == {"clusters", "oracle-codes"}
    for one in distances.values():
        assert (one.against, one.over, len(one.values)) == ("unconditional-longer", "trainings", 2)
        gaps = np.array(one.values) / np.array(one.others) - 1
        assert one.value == pytest.approx(gaps.mean())
        assert one.interval[0] <= one.value <= one.interval[1]


def test_repeats_differ_and_arms_of_a_repeat_are_drawn_from_the_same_seeds(made):
    """Else the repeats would say nothing of chance, and the pairs would not be pairs."""
    assert scores_of(made, repeat=1) != scores_of(made, repeat=2)
    assert len({(made.folder / "weights" / f"{repeat}-clusters" / "model.safetensors").read_bytes() for repeat in (1, 2)}) == 2
    assert [cell.arm.name for cell in made.cells] == [*ALL, "clusters", "oracle-codes", "unconditional-longer"]


def test_a_finished_study_is_not_made_again(images, made, monkeypatch):
    monkeypatch.setattr(running, "run_cell", None)
    assert [scores_of(compare(images, STUDY, made.folder), arm) for arm in ALL] == [scores_of(made, arm) for arm in ALL]


def test_a_study_that_was_stopped_goes_on_at_the_next_cell_and_gives_the_same(images, made, tmp_path, monkeypatch):
    """Stopped in the middle of the second training; what comes in the end is what comes of a study without a stop."""
    once, train = replace(STUDY, repeats=1, arms=("clusters",), paths=0), cells.train_fit

    def stopped(ground, fit, *rest, **more):
        if fit.name != "clusters":
            return train(ground, fit, *rest, **more)

        def stop(progress):
            raise Interrupted("stopped at step 5")

        return train(ground, fit, *rest, **(more | {"report": stop}))

    with monkeypatch.context() as patch:
        patch.setattr(cells, "train_fit", stopped)
        with pytest.raises(Interrupted):
            compare(images, once, tmp_path / "a.study")
    kept = tmp_path / "a.study" / "cells" / "1-unconditional-longer.json"
    before = kept.stat().st_mtime_ns
    outcome = compare(images, once, tmp_path / "a.study")
    assert kept.stat().st_mtime_ns == before
    assert scores_of(outcome) == scores_of(made)
    assert "nothing here is a claim" in " ".join(outcome.notes)
    assert {one.over for one in outcome.differences if one.name == "kernel_distance"} == {"drawing images"}


def test_an_arm_that_cannot_be_trained_is_left_out_and_said(images, made, tmp_path, monkeypatch):
    """A diverging arm must not cost the others; without a baseline there is nothing to compare."""
    train = cells.train_fit

    def failing(name):
        def fail(ground, fit, *rest, **more):
            if fit.name == name:
                raise FailedRun("The loss is NaN.")
            return train(ground, fit, *rest, **more)

        return fail

    study = replace(STUDY, repeats=1, arms=("unconditional", "placebo", "clusters"), paths=0)
    monkeypatch.setattr(cells, "train_fit", failing("placebo"))
    outcome = compare(images, study, made.folder)
    assert {one.arm for one in outcome.results} == {"unconditional-longer", "unconditional", "clusters"}
    assert scores_of(outcome, "unconditional") == scores_of(outcome, "unconditional-longer"), "in steps they are one training"
    assert "1-placebo was left out: The loss is NaN." in outcome.notes
    write_comparison(outcome, tmp_path / "report.html")
    monkeypatch.setattr(cells, "train_fit", failing("unconditional-longer"))
    with pytest.raises(FailedRun, match="NaN"):
        compare(images, replace(study, lengths=(1.0,)), tmp_path / "b.study")


def test_arms_and_lengths_are_added_to_a_study_and_its_terms_are_not_changed(images, made):
    more = replace(STUDY, repeats=1, arms=(*STUDY.arms, "placebo", "place"), lengths=(0.5, 1.0))
    outcome = compare(images, more, made.folder)
    assert scores_of(outcome) == scores_of(made)
    assert {(one.arm, one.length) for one in outcome.results} >= {("placebo", 1.0), ("place", 0.5)}
    for other in (replace(STUDY, count=41), replace(STUDY, wishes=replace(WISHES, steps=9)), replace(STUDY, subset=100)):
        with pytest.raises(InputError, match="holds another study; what differs: "):
            compare(images, other, made.folder)


def test_a_folder_of_others_is_left_as_it_is(images, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds mine\.txt and is no study"):
        compare(images, STUDY, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_what_an_arm_is_charged_is_taken_from_its_time():
    """The arm of the manifold trains for less, by as much as the map took; the baseline has all the time."""
    steps = {"features": 20.0, "neighbors": 8.0, "geometry": 2.0, "clusters": 4.0, "map": 40.0}
    wishes, charges = Wishes(budget=100.0), _charges(steps, 5.0)
    paid = [100 - plan_fit(ARMS[name].fit, wishes, charges)["seconds"] for name in ("clusters-alone", "neighborhood-alone")]
    assert paid == [24.0, 30.0]
    names = ("unconditional-longer", "unconditional", "clusters", "pixel-clusters", "clusters-30", "classes")
    seconds = [plan_fit(ARMS[name].fit, wishes, charges)["seconds"] for name in names]
    assert seconds == [100.0, 60.0, 60.0, 95.0, 55.0, 100.0]
    assert plan_fit(ARMS["clusters"].fit, wishes, charges, length=0.5)["seconds"] == 10.0
    assert plan_fit(ARMS["clusters"].fit, Wishes(steps=8), charges)["charged"] == 0.0
    with pytest.raises(InputError, match="is charged 40 s for what is fitted before its training, of a budget of 42 s"):
        plan_fit(ARMS["clusters"].fit, Wishes(budget=42.0), charges)


def test_the_page_and_the_numbers_hold_all_that_came_of_it(made, tmp_path: Path):
    write_comparison(made, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for part in (
        "What was compared",
        "Judged in random convolutions",
        "Images side by side",
        "with planted copies",
        "learning the manifold",
        *ALL,
    ):
        assert part in page
    facts = json.loads(json.dumps(outcome_facts(made)))
    assert [arm["name"] for arm in facts["arms"]] == list(ALL)
    assert len(facts["cells"]) == 6
    assert set(facts["checks"]["morphs"]["1"]) == {"geodesic", "straight", "passed through the code"}
    assert any("middles of morphs" in said for said in facts["verdict"])
