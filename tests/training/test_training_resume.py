"""A run that was stopped and resumed equals one that was not, bit for bit."""

import json
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from small_models import N_ROWS, Clock, Slope, TwoStages, batch, stopping

from imatlas.checks import InputError
from imatlas.training import Interrupted, Plan, drop_checkpoint, train

PLAN = Plan(steps=50, seed=3, precision="float32")
FIRST, LAST = 30, 50


def run(model: TwoStages, batch=batch, folder: Path | None = None) -> dict[str, torch.Tensor]:
    for _ in train(model, N_ROWS, batch, PLAN, folder=folder):
        pass
    return model.state_dict()


def assert_same(state: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert state.keys() == other.keys()
    for name, values in state.items():
        assert torch.equal(values, other[name]), name


def rows_of(folder: Path) -> list[dict]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    timed = {"seconds", "images_per_second", "remaining"}
    return [{name: value for name, value in row.items() if name not in timed} for row in rows]


@pytest.mark.parametrize(
    "stops", [{1}, {7}, {FIRST - 1}, {FIRST}, {FIRST + 1}, {FIRST + 9}, {LAST}, {5, 12, FIRST, FIRST + 1, LAST - 1}]
)
def test_a_stopped_and_resumed_run_equals_an_uninterrupted_one(tmp_path: Path, stops: set[int]) -> None:
    """The resumed models start from other weights, so all that is equal comes from the checkpoint.

    The stops lie inside both stages, on both sides of the border between them (step 30 of 50), and in the very last step.
    """
    whole = run(TwoStages(0), folder=tmp_path / "whole")
    stopped_batch, model = stopping(stops), TwoStages(0)
    for number in range(len(stops)):
        with pytest.raises(Interrupted, match="stopped"):
            run(model, stopped_batch, tmp_path / "parts")
        model = TwoStages(10 + number)
    assert_same(run(model, stopped_batch, tmp_path / "parts"), whole)
    assert rows_of(tmp_path / "parts") == rows_of(tmp_path / "whole")


def test_every_stop_request_ends_the_run_between_two_steps(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    for number in (signal.SIGINT, signal.SIGTERM):
        with pytest.raises(Interrupted, match="step 4 of 30 of stage one") as stop:
            run(TwoStages(0), stopping({4}, number), tmp_path / number.name)
        assert stop.value.number == number
        assert (tmp_path / number.name / "state.safetensors").is_file()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_finished_run_leaves_metrics_and_a_checkpoint_to_be_dropped(tmp_path: Path) -> None:
    """Weights that cannot be written must not cost the whole run: its last checkpoint, here of stage one, stays till then."""
    whole = run(TwoStages(0), folder=tmp_path)
    assert_same(run(TwoStages(1), folder=tmp_path), whole)
    drop_checkpoint(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.jsonl"]
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(row["stage"], row["step"]) for row in rows] == [("one", 20), ("one", 30), ("two", 20)]
    first = {"stage", "step", "steps", "seconds", "images_per_second", "remaining", "precision"}
    first |= {"loss_first", "learning_rate"}
    assert set(rows[0]) == first
    assert {"loss_second"} == set(rows[-1]) - first


def test_a_run_that_died_is_resumed_from_its_last_checkpoint_without_doubled_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch takes 4 s on this clock, so state is saved at step 20; the run dies at the end of its stage, after a report.

    What it reported after its last checkpoint is made again, and must not be in the file twice.
    """
    whole = run(TwoStages(0), folder=tmp_path / "whole")
    clock = Clock(lambda step: 4.0)
    monkeypatch.setattr("imatlas.training.loop.time", clock)
    dying = train(TwoStages(0), N_ROWS, clock.batch, PLAN, folder=tmp_path / "parts")
    assert [next(dying).done, next(dying).done] == [20, 30]
    dying.close()
    with open(tmp_path / "parts" / "metrics.jsonl", "a") as stream:
        stream.write('{"stage": "one", "st')
    assert_same(run(TwoStages(1), clock.batch, tmp_path / "parts"), whole)
    assert rows_of(tmp_path / "parts") == rows_of(tmp_path / "whole")


def test_a_run_without_a_checkpoint_begins_its_metrics_anew(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"stage": "one", "step": 20}\n')
    run(TwoStages(0), folder=tmp_path)
    assert len(rows_of(tmp_path)) == 3


def test_a_time_budget_is_kept_over_a_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """0.5 s a step and 50 s for two stages of 60 and 40 %: 60 + 40 steps, stopped at step 30 or not."""
    clock = Clock(lambda step: 0.5)
    monkeypatch.setattr("imatlas.training.loop.time", clock)
    plan = Plan(seconds=50.0, precision="float32")
    stopped = iter([False] * 29 + [True] + [False] * 1000)

    def batch_with_stop(rows, rng):
        if len(rows) == 8 and next(stopped):
            signal.raise_signal(signal.SIGINT)
        return clock.batch(rows, rng)

    with pytest.raises(Interrupted):
        list(train(TwoStages(0), N_ROWS, batch_with_stop, plan, folder=tmp_path))
    clock.now += 3600
    ends = {report.stage: report.done for report in train(TwoStages(0), N_ROWS, batch_with_stop, plan, folder=tmp_path)}
    assert ends["one"] == pytest.approx(60, abs=2)
    assert ends["two"] == pytest.approx(40, abs=2)


def test_a_run_works_outside_the_main_thread() -> None:
    whole, states = run(TwoStages(0)), []
    worker = threading.Thread(target=lambda: states.append(run(TwoStages(0))))
    worker.start()
    worker.join()
    assert_same(states[0], whole)


@pytest.mark.parametrize("damage", [b"", b"not a checkpoint", None, "half"])
def test_a_damaged_checkpoint_is_refused_in_words(tmp_path: Path, damage: bytes | str | None) -> None:
    with pytest.raises(Interrupted):
        run(TwoStages(0), stopping({4}), tmp_path)
    path = tmp_path / "state.safetensors"
    content = path.read_bytes()
    if damage is None:
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(content[: len(content) // 2] if damage == "half" else damage)
    with pytest.raises(InputError, match=r"Could not resume from .*Delete it and train anew"):
        run(TwoStages(0), folder=tmp_path)


def test_a_file_that_is_no_checkpoint_of_this_version_is_refused_in_words(tmp_path: Path) -> None:
    path, tensors = tmp_path / "state.safetensors", TwoStages(0).state_dict()
    save_file(tensors, path)
    with pytest.raises(InputError, match="no training checkpoint: it has no counters"):
        run(TwoStages(0), folder=tmp_path)
    save_file(tensors, path, metadata={"counters": '{"stage": 0, "step": 4}'})
    with pytest.raises(InputError, match=r"a checkpoint of format 1; this version reads 3\. Go on with the version of imatlas"):
        run(TwoStages(0), folder=tmp_path)
    save_file(
        tensors, path, metadata={"format": "3", "plan": "{}", "notes": "{}", "counters": '{"now": {"stage": 0, "place": 4}}'}
    )
    with pytest.raises(InputError, match=r"Could not resume from .*place.*Delete it and train anew"):
        run(TwoStages(0), folder=tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 4}, "seed 3, now 4"),
        ({"batch_size": 16, "steps": 60}, "steps 50, now 60; batch_size 0, now 16"),
        ({"learning_rate": 0.5}, "learning_rate 0.0, now 0.5"),
        ({"precision": "bfloat16"}, "precision float32, now bfloat16"),
        ({}, "rows 50, now 49"),
    ],
)
def test_a_checkpoint_is_refused_under_another_plan_than_began_it(tmp_path: Path, change: dict, words: str) -> None:
    with pytest.raises(Interrupted):
        run(TwoStages(0), stopping({4}), tmp_path)
    before = (tmp_path / "state.safetensors").read_bytes()
    with pytest.raises(InputError, match=f"was begun with {words}. .*Give what it was begun with, or delete it"):
        list(train(TwoStages(0), N_ROWS if change else N_ROWS - 1, batch, replace(PLAN, **change), folder=tmp_path))
    assert (tmp_path / "state.safetensors").read_bytes() == before


def test_the_checkpoint_of_another_network_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run(TwoStages(0), stopping({4}), tmp_path)
    with pytest.raises(InputError, match="holds another network"):
        list(train(Slope(), N_ROWS, batch, PLAN, folder=tmp_path))
    with pytest.raises(Interrupted):
        run(TwoStages(0), stopping({30}), tmp_path)
    with pytest.raises(InputError, match="stopped in stage 2; this model has 1"):
        list(train(Slope(), N_ROWS, batch, PLAN, folder=tmp_path))
