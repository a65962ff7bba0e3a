"""Training that goes wrong: numbers that are not finite, losses that climb, and the same end after a stop on the way."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from small_models import N_ROWS, Slope, batch, stopping
from torch import Tensor

from imatlas.checks import FailedRun
from imatlas.progress import Progress
from imatlas.training import Interrupted, Plan, train
from imatlas.training.recovery import has_climbed

PLAN = Plan(steps=60, seed=3, precision="float32")


class Fragile(Slope):
    """A slope that breaks in some steps if the step before moved too far; every step moves by about the learning rate.

    Parameters
    ----------
    breaks : step -> how far its forerunner may move.
    roughness : of the slope, so that noise matters.
    what : "loss" or "gradient", which becomes infinite.
    """

    before: Tensor
    seen: Tensor

    def __init__(self, breaks: dict[int, float], *, roughness: float = 0.0, what: str = "loss") -> None:
        super().__init__()
        self.breaks, self.roughness, self.what = breaks, roughness, what
        self.register_buffer("before", torch.zeros(4))
        self.register_buffer("seen", torch.zeros(()))

    def loss(self, player, images, codes, generator) -> Tensor:
        moved = float((self.place.detach() - self.before).abs().max())
        self.before.copy_(self.place.detach())
        step = int(self.seen)
        self.seen += 1
        loss = (self.place * (1 + self.roughness * torch.randn(4, generator=generator))).sum()
        if moved <= self.breaks.get(step, torch.inf):
            return loss
        return loss * torch.inf if self.what == "loss" else loss + (self.place - self.place.detach()).abs().sqrt().sum()


def trained(model: Fragile, batch=batch, folder: Path | None = None) -> list[Progress]:
    return list(train(model, N_ROWS, batch, PLAN, folder=folder))


def rows_of(folder: Path) -> list[dict]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    timed = {"seconds", "images_per_second", "remaining"}
    return [{name: value for name, value in row.items() if name not in timed} for row in rows]


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_a_broken_step_goes_back_to_the_last_report_and_halves_the_learning_rate(what: str) -> None:
    """Rates are whole to step 19 and a quarter from step 20 on, for steps 27 and 31 bear no longer steps: by hand."""
    model = Fragile({27: 0.07, 31: 0.03}, what=what)
    reports = trained(model)
    plan = PLAN.for_stage(model.stages()[0])
    place = average = 0.0
    for step in range(60):
        place -= plan.rate_at(step, 60) / (1 if step < 20 else 4)
        kept = plan.average_decay(step, 60)
        average = kept * average + (1 - kept) * place
    np.testing.assert_allclose(model.place.detach(), average, rtol=1e-4)
    assert float(model.seen) == 60, "what a model counts went back too"
    assert [report.done for report in reports] == [20, 20, 20, 40, 60]
    assert [bool(report.note) for report in reports] == [False, True, True, False, False]
    assert f"The {what} of model became" in reports[1].note
    assert "at step 27 of stage slope: training goes on from step 20 at half the learning rate (time 1 of 3)" in reports[1].note
    assert reports[3].values["learning_rate"] == pytest.approx(plan.rate_at(39, 60) / 4)


def test_a_run_that_breaks_again_and_again_is_given_up_in_words_and_harms_no_weight() -> None:
    model = Fragile({27: 0.0})
    with pytest.raises(
        FailedRun, match=r"loss of model became -?inf at step 27 of stage slope, after the learning rate was halved 3 times; "
    ):
        trained(model)
    assert torch.isfinite(model.place).all()


@pytest.mark.parametrize("stops", [{3}, {25}, {28}, {29}, {36}, {45}, {5, 26, 29, 33, 38, 70}])
def test_a_broken_run_that_was_stopped_and_resumed_equals_one_that_was_not(tmp_path: Path, stops: set[int]) -> None:
    """Steps 27 and 31 break; batches 28 and 36 are theirs, so the stops lie before, in, between and after them."""
    breaks = {27: 0.07, 31: 0.03}
    whole = Fragile(breaks, roughness=0.2)
    trained(whole, folder=tmp_path / "whole")
    stopped_batch = stopping(stops)
    for _ in stops:
        with pytest.raises(Interrupted):
            trained(Fragile(breaks, roughness=0.2), stopped_batch, tmp_path / "parts")
    model = Fragile(breaks, roughness=0.2)
    trained(model, stopped_batch, tmp_path / "parts")
    for name, values in model.state_dict().items():
        assert torch.equal(values, whole.state_dict()[name]), name
    assert rows_of(tmp_path / "parts") == rows_of(tmp_path / "whole")
    assert sum("note" in row for row in rows_of(tmp_path / "whole")) == 2


def test_a_loss_that_climbs_and_stays_up_is_said_once() -> None:
    """The loss is the place itself from step 300 on: from near 1 it climbs with every step and never comes back."""

    class Climbing(Fragile):
        def loss(self, player, images, codes, generator) -> Tensor:
            height = super().loss(player, images, codes, generator)
            return height - height.detach() + 1 + 0.01 * np.sin(len(images) * float(self.seen)) + max(0.0, self.seen - 400)

    plan = Plan(steps=800, precision="float32")
    notes = [report.note for report in train(Climbing({}), N_ROWS, batch, plan)]
    (note,) = filter(None, notes)
    assert "The loss of model has climbed to" in note
    assert "may be diverging" in note
    assert 21 < notes.index(note) < 30


def test_noise_and_slow_changes_are_no_climb() -> None:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(400)
    for losses in (noise, np.abs(noise), np.linspace(1, 2, 400) + 0.1 * noise, np.exp(-np.arange(400) / 50), np.ones(400)):
        assert not any(has_climbed(list(losses[max(0, end - 65) : end])) for end in range(1, 401))
    assert has_climbed([*noise[:60], *(noise[60:65] + 30)])
    assert not has_climbed([*noise[:60], *(noise[60:64] + 30), 0.0]), "a spike is no climb"
