"""A disk that is full, or fills up in the middle of a file, while training goes on."""

import errno
import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from small_models import N_ROWS, Clock, TwoStages, batch, stopping

from imatlas.checks import InputError
from imatlas.progress import Progress
from imatlas.training import Interrupted, Plan, train
from imatlas.training.checkpoints import checkpoint_path, read_checkpoint

PLAN = Plan(steps=100, seed=3, precision="float32")


def trained(model: TwoStages, batch=batch, folder: Path | None = None) -> list[Progress]:
    return list(train(model, N_ROWS, batch, PLAN, folder=folder))


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock on which every report comes with a checkpoint."""
    clock = Clock(lambda step: 4.0)
    monkeypatch.setattr("imatlas.training.loop.time", clock)
    return clock


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No file reaches the disk."""

    def refuse(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("imatlas.files.os.fsync", refuse)
        yield


@contextmanager
def small_files(size: int) -> Iterator[None]:
    """Files end after so many bytes, in the middle of a write; Python ignores the signal that comes with it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_keeps_the_last_checkpoint_goes_on_and_is_said_once(
    tmp_path: Path, often: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = TwoStages(0)
    trained(whole)
    model = TwoStages(0)
    running = train(model, N_ROWS, often.batch, PLAN, folder=tmp_path)
    assert [next(running).done, next(running).done] == [20, 40]
    with full_disk(monkeypatch):
        notes = [report.note for report in running]
    (note,) = filter(None, notes)
    assert "state.safetensors (No space left on device). What was there before is untouched." in note
    assert note.endswith("Training goes on.")
    assert torch.equal(model.second, whole.second)
    kept = read_checkpoint(checkpoint_path(tmp_path)).parts["now"].counters
    assert (kept.stage, kept.step) == (0, 20)
    again = TwoStages(1)
    trained(again, folder=tmp_path)
    assert torch.equal(again.second, whole.second)


def test_a_write_cut_short_leaves_no_part_of_a_file(tmp_path: Path, often: Clock) -> None:
    """Checkpoints and, after a few rows, metrics hit the limit; what was whole before stays whole."""
    whole, model = TwoStages(0), TwoStages(0)
    trained(whole)
    running = train(model, N_ROWS, often.batch, PLAN, folder=tmp_path)
    next(running)
    with small_files(500):
        notes = [report.note for report in running]
    assert any("state.safetensors (File too large)" in note for note in notes)
    assert any("metrics.jsonl" in note for note in notes)
    assert torch.equal(model.second, whole.second)
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.jsonl"], "no checkpoint was begun before the limit"
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines(keepends=True)
    assert 1 <= len([json.loads(line) for line in lines]) < len(notes)
    assert lines[-1].endswith("\n")


@pytest.mark.parametrize("made", [4, 56, 96], ids=["in a stage", "in its last step", "in the last step of all"])
def test_a_stop_on_a_full_disk_is_an_error_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: int) -> None:
    with pytest.raises(Interrupted):
        trained(TwoStages(0), stopping({4}), tmp_path)
    before = checkpoint_path(tmp_path).read_bytes()
    stopped_batch = stopping({made})
    with full_disk(monkeypatch), pytest.raises(InputError, match=r"Could not write .*What was there before is untouched"):
        trained(TwoStages(0), stopped_batch, tmp_path)
    assert checkpoint_path(tmp_path).read_bytes() == before
