"""The best averaged weights of a stage, by a score of what the fit has not seen."""

import json
from pathlib import Path

import pytest
import torch
from small_models import BATCH_SIZE, N_ROWS, Clock, Slope, batch, stopping

from imatlas.training import Interrupted, Plan, Stage, Trainable, Validation, train

PLAN = Plan(steps=80, seed=3, precision="float32")
TARGET = -3.0


class Passing(Slope):
    """Goes down a slope at 0.1 a step, past the place where it should have stayed; noise makes its way its own."""

    def stages(self) -> tuple[Stage, ...]:
        return (Stage("pass", self.players(), batch_size=BATCH_SIZE, learning_rate=0.1, validated=True),)

    def loss(self, player, images, codes, generator) -> torch.Tensor:
        return (self.place * (1 + 0.2 * torch.randn(4, generator=generator))).sum()


def distance(model: Trainable) -> Validation:
    """The distance of the place from where it should be, sure to 0.05."""
    assert isinstance(model, Passing)
    assert not model.training
    place = float(model.place.mean())
    return Validation(abs(place - TARGET), 0.05, "It went too far." if place < 1.5 * TARGET else "")


def trained(validate, batch=batch, folder: Path | None = None, plan: Plan = PLAN) -> tuple[Passing, list]:
    model = Passing()
    return model, list(train(model, N_ROWS, batch, plan, folder=folder, validate=validate))


def test_a_stage_ends_with_its_best_weights_and_says_so() -> None:
    """Looks are at steps 10, 20 ... 80; averaged places pass -3 near step 40, and the rest of the way leads away from it."""
    scores: list[float] = []

    def watching(model: Trainable) -> Validation:
        scores.append(distance(model).score)
        return distance(model)

    model, reports = trained(watching)
    assert len(scores) == 8
    best = min(scores)
    assert best < 0.5 < 2 < scores[-1]
    assert float(model.place.detach().mean()) == pytest.approx(TARGET, abs=best + 1e-6)
    assert f"ends with the weights of step {10 * scores.index(best) + 10}" in reports[-1].note
    assert reports[-1].values["validation"] == scores[-1]
    assert reports[-1].values["validation_error"] == 0.05


def test_the_last_weights_stay_where_they_are_best_or_as_good_up_to_noise(tmp_path: Path) -> None:
    free, _ = trained(None)
    for error in (0.0, 100.0):
        model, reports = trained(
            lambda model, error=error: Validation(distance(model).score * (-1 if error == 0 else 1), error)
        )
        assert torch.equal(model.place, free.place)
        assert not any("ends with the weights" in report.note for report in reports)
    model, _ = trained(lambda model: Validation(float("nan")), folder=tmp_path)
    assert torch.equal(model.place, free.place)
    text = (tmp_path / "metrics.jsonl").read_text()
    assert not any(word in text for word in ("validation", "Infinity", "NaN")), "a score that is no number is no JSON"


def test_a_warning_of_the_validation_is_said_once() -> None:
    _, reports = trained(lambda model: Validation(0.0, 0.0, distance(model).warning))
    assert [report.note for report in reports if report.note] == ["It went too far."]


def test_only_validated_stages_are_scored() -> None:
    def never(model: Trainable) -> Validation:
        raise AssertionError("an unvalidated stage was scored")

    list(train(Slope(), N_ROWS, batch, PLAN, validate=never))


def test_a_time_budget_is_scored_about_eight_times_and_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look takes 3 s on this clock, out of 60 s for the stage: steps make room for it."""
    clock, looks = Clock(lambda step: 0.5), 0
    monkeypatch.setattr("imatlas.training.loop.time", clock)

    def slow(model: Trainable) -> Validation:
        nonlocal looks
        looks += 1
        clock.now += 3.0
        return distance(model)

    _, reports = trained(slow, clock.batch, plan=Plan(seconds=60.0, precision="float32"))
    assert 6 <= looks <= 9
    assert reports[-1].seconds == pytest.approx(60, abs=6)
    assert reports[-1].values["validation"] > 0


@pytest.mark.parametrize("stops", [{4}, {20}, {39}, {53}, {41, 62, 79}])
def test_a_scored_run_that_was_stopped_and_resumed_equals_one_that_was_not(tmp_path: Path, stops: set[int]) -> None:
    """The best weights, of step 40 or so, are found again in the checkpoint by a run that was stopped after them.

    So is the warning of step 50, which waits for the report of step 60, and comes again with every look after it.
    """
    whole, _ = trained(distance, folder=tmp_path / "whole")
    stopped_batch = stopping(stops)
    for _ in stops:
        with pytest.raises(Interrupted):
            trained(distance, stopped_batch, tmp_path / "parts")
    model, _ = trained(distance, stopped_batch, tmp_path / "parts")
    assert torch.equal(model.place, whole.place)
    rows = [
        [json.loads(line) for line in (tmp_path / part / "metrics.jsonl").read_text().splitlines()]
        for part in ("whole", "parts")
    ]
    for name in ("validation", "note"):
        assert [row.get(name) for row in rows[0]] == [row.get(name) for row in rows[1]]
    assert sum("It went too far." in row.get("note", "") for row in rows[1]) == 1
