"""The snapshot of early averaged weights: when it is kept, once in a stage, and the same after a resume."""

from pathlib import Path
from typing import Self

import pytest
import torch
from small_models import BATCH_SIZE, N_ROWS, Clock, TwoStages, batch, stopping
from torch import Tensor, nn

from imatlas.training import Interrupted, Plan, Stage, Trainable, train


class Remembering(TwoStages):
    """Keeps a frozen copy of its first half, and counts how often it was asked to."""

    asked: Tensor

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.early = nn.Parameter(torch.zeros(16, 3), requires_grad=False)
        self.register_buffer("asked", torch.zeros(2))

    @torch.no_grad()
    def keep_snapshot(self, stage: str, average: Self) -> None:
        self.asked[0 if stage == "one" else 1] += 1
        if stage == "one":
            self.early.copy_(average.first)


class Rising(Trainable):
    """Its one number counts the steps, with a rate of 1 that never falls before the last third."""

    def __init__(self) -> None:
        super().__init__()
        self.place, self.early = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1), requires_grad=False)

    def player_parameters(self, player: str) -> list[nn.Parameter]:
        return [self.place]

    def stages(self) -> tuple[Stage, ...]:
        return (Stage("rise", self.players(), batch_size=BATCH_SIZE, learning_rate=1.0),)

    @torch.no_grad()
    def keep_snapshot(self, stage: str, average: Self) -> None:
        self.early.copy_(average.place)

    def loss(self, player: str, images: Tensor, codes: object, generator: torch.Generator) -> Tensor:
        return -self.place.sum()


def trained(model: Trainable, plan: Plan, batch=batch, folder: Path | None = None) -> dict[str, Tensor]:
    for _ in train(model, N_ROWS, batch, plan, folder=folder):
        pass
    return model.state_dict()


def test_a_snapshot_holds_the_averaged_weights_of_an_eighth_of_the_stage() -> None:
    """On a constant slope AdamW moves by the learning rate exactly, so the mean over the first 10 of 80 steps is known."""
    plan, place, mean = Plan(steps=80, precision="float32", learning_rate=1.0), 0.0, 0.0
    for step in range(10):
        place += plan.rate_at(step, 80)
        kept = plan.average_decay(step, 80)
        mean = kept * mean + (1 - kept) * place
    state = trained(Rising(), plan)
    assert float(state["early"]) == pytest.approx(mean, rel=1e-5)
    assert float(state["early"]) < float(state["place"]) / 4


def test_every_stage_is_asked_once_whether_counted_in_steps_or_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock slows down, so that the number of steps that fit, and with it an eighth of them, keeps shrinking."""
    assert trained(Remembering(0), Plan(steps=50, precision="float32"))["asked"].tolist() == [1, 1]
    assert trained(Remembering(0), Plan(steps=2, precision="float32"))["asked"].tolist() == [1, 1]
    clock = Clock(lambda step: 0.5 + 0.01 * step)
    monkeypatch.setattr("imatlas.training.loop.time", clock)
    assert trained(Remembering(0), Plan(seconds=60.0, precision="float32"), clock.batch)["asked"].tolist() == [1, 1]


@pytest.mark.parametrize("stops", [{2}, {4}, {5}, {2, 9, 31, 35}])
def test_a_snapshot_survives_stop_and_resume_bit_for_bit(tmp_path: Path, stops: set[int]) -> None:
    """Stage one has 30 steps, so its snapshot is kept after the fourth; the stops lie on both sides of it."""
    plan = Plan(steps=50, seed=3, precision="float32")
    whole = trained(Remembering(0), plan)
    stopped_batch, model = stopping(stops), Remembering(0)
    for number in range(len(stops)):
        with pytest.raises(Interrupted):
            trained(model, plan, stopped_batch, tmp_path)
        model = Remembering(10 + number)
    state = trained(model, plan, stopped_batch, tmp_path)
    assert state["early"].any()
    for name, values in state.items():
        assert torch.equal(values, whole[name]), name
