"""Training from the page: how it stands is read from the atlas alone, one at a time, and what began it can be said again."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from small_studio import GATE, HOST, ORIGIN, TOKEN
from starlette.testclient import TestClient

from imatlas.app.studio import training as module
from imatlas.app.studio.application import make_app
from imatlas.app.studio.asks import TrainingAsk
from imatlas.app.studio.training import AlreadyTraining, Training
from imatlas.checks import InputError
from imatlas.files import locked, write_json
from imatlas.pictures import read_png_text
from imatlas.progress import Progress
from imatlas.recipes import Wishes, train_atlas
from imatlas.store import Edits, ModelFolder, open_atlas
from imatlas.training.checkpoints import checkpoint_path

PLAN = {"key": "k", "seconds": 60.0, "steps": 0, "seed": 4}
ASKED = {"budget": 90.0, "conditions": ["class", "map_place"], "precision": "auto"}


@pytest.fixture
def begun(atlas) -> ModelFolder:
    """A model that was begun: its configuration and some reports."""
    opened = open_atlas(atlas)
    folder = opened.new_model("vae")
    folder.write_config({"kind": "vae", "plan": PLAN | {"asked": ASKED}, "map": folder.map_key})
    rows = [
        {"stage": "autoencoder", "step": step, "steps": 40, "seconds": step / 2, "remaining": 0.0, "loss_vae": 1 / step}
        for step in (20, 40)
    ]
    rows.append(
        {"stage": "code flow", "step": 10, "steps": 30, "seconds": 5.0, "remaining": 9.0, "loss_flow": 0.5, "note": "Few."}
    )
    folder.metrics_path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    yield folder
    for path in sorted(folder.folder.rglob("*"), reverse=True):
        path.unlink()
    folder.folder.rmdir()
    for name in ("training.json", "training.log"):
        (atlas / name).unlink(missing_ok=True)


@pytest.fixture
def training(atlas) -> Training:
    return Training(atlas)


def test_a_trained_atlas_tells_that_training_is_finished(client):
    facts = client.get("/api/training").json()
    assert (facts["state"], facts["model"], facts["remaining"]) == ("finished", "0001-vae", None)
    assert any(name.startswith("autoencoder: loss") for name in facts["curves"])


def test_a_model_that_a_living_process_holds_is_running(begun, training):
    with locked(begun.folder):
        facts = training.facts()
    assert (facts.state, facts.model, facts.step, facts.steps, facts.seconds) == ("running", begun.name, 10, 30, 25.0)
    assert facts.remaining == 35.0  # of 60 s
    assert facts.curves["autoencoder: loss vae"] == [[20, 0.05], [40, 0.025]]
    assert facts.curves["code flow: loss flow"] == [[50, 0.5]]  # after the 40 steps of the stage before
    assert "stage code flow: step 10 of 30. Few." in facts.says
    assert training.facts().state == "stopped"


def test_while_one_trains_no_other_is_begun(client, begun):
    with locked(begun.folder):
        answer = client.post("/api/training", json={})
        elsewhere = client.post("/api/training/stop")
    assert answer.status_code == 409
    assert "runs already" in answer.json()["error"]
    assert elsewhere.status_code == 400
    assert "begun elsewhere" in elsewhere.json()["error"]


def test_what_went_wrong_is_told_in_the_words_of_the_training(begun, training):
    training.log.write_text("a warning of a library\n" + json.dumps({"error": "There is not enough memory."}))
    os.utime(begun.metrics_path, (1, 1))
    facts = training.facts()
    assert (facts.state, facts.says) == ("failed", "There is not enough memory.")
    training.log.write_text(json.dumps({"error": "Stopped at step 10 of 30 of stage code flow. ..."}))
    assert training.facts().state == "stopped"


def test_an_old_error_is_forgotten_once_a_model_was_trained_on(begun, training):
    training.log.write_text(json.dumps({"error": "There is not enough memory."}))
    os.utime(training.log, (1, 1))
    assert training.facts().state == "stopped"


def test_a_model_is_gone_on_with_in_the_words_that_began_it(begun):
    options = module._options_again(begun)
    assert options == [
        *("--generator", "vae", "--budget", "90.0s", "--conditions", "class,map_place", "--seed", "4"),
        *("--steps", "0", "--precision", "auto"),
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"plan": PLAN}, "does not say what was asked for"), ({"map": "another"}, "The map was made again")],
)
def test_what_cannot_go_on_says_why(begun, changed, said):
    write_json(begun.folder / "config.json", begun.config | changed)
    with pytest.raises(InputError, match=said):
        module._options_again(begun)


def test_what_was_edited_since_does_not_go_on_in_silence_as_another_model(begun):
    begun.keep_edits(Edits())
    module._options_again(begun)
    begun.keep_edits(Edits(("shapes/001.png",)))
    with pytest.raises(InputError, match="Images were taken out or in"):
        module._options_again(begun)


def test_a_finished_model_is_not_gone_on_with(atlas):
    with pytest.raises(InputError, match="trained to its end"):
        module._options_again(open_atlas(atlas).model("0001-vae"))


def test_a_condition_that_there_is_not_is_refused_before_a_process_begins(client):
    answer = client.post("/api/training", json={"conditions": ["colour"]})
    assert answer.status_code == 400
    assert "There is no condition 'colour'" in answer.json()["error"]


def test_a_process_is_begun_watched_by_a_later_server_and_stopped(atlas, training, monkeypatch, tmp_path):
    """In place of a training stands a program that says where it was called from and waits for its signal."""
    waiting = (
        "import json,signal,sys; signal.signal(15, lambda *_: (print(json.dumps({'error': 'Stopped here.'})), sys.exit(1)))"
    )
    program = tmp_path / "program.py"
    program.write_text(f"{waiting}\nopen({str(tmp_path / 'args')!r}, 'w').write(' '.join(sys.argv))\nsignal.pause()")
    begin = subprocess.Popen

    def instead(command: list[str], **settings: object) -> subprocess.Popen:
        return begin([sys.executable, str(program), *command[4:]], **settings)  # type: ignore[call-overload]

    monkeypatch.setattr(module.subprocess, "Popen", instead)
    training.begin(TrainingAsk(generator="vae", budget=60, seed=9, conditions=["class"]))
    later = Training(atlas)
    try:
        assert later.facts().state == "running"
        with pytest.raises(AlreadyTraining):
            later.begin(TrainingAsk())
        _until(lambda: (tmp_path / "args").is_file() and (tmp_path / "args").read_text())
        assert (
            f"train {atlas} --generator vae --budget 60.0s --conditions class --seed 9 --json"
            in (tmp_path / "args").read_text()
        )
    finally:
        later.stop()
    _until(lambda: training.facts().state != "running")
    facts = later.facts()
    assert (facts.state, facts.says) == ("stopped", "Stopped here.")
    with pytest.raises(InputError, match="none to stop"):
        later.stop()
    for path in (training.record, training.log):
        path.unlink()


def _until(holds) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it never came to pass"
        time.sleep(0.05)


def test_a_process_number_that_was_given_again_is_no_training(atlas, training):
    """The record names this very process, but another start."""
    write_json(training.record, {"pid": os.getpid(), "started": "0", "asked": {}})
    try:
        assert training.facts().state == "finished"
    finally:
        training.record.unlink()


def test_there_are_no_images_of_a_model_before_it_kept_a_state(client, begun):
    assert client.get("/api/training/samples.png").status_code == 404


def test_images_of_a_model_in_training_are_drawn_from_the_state_it_kept(atlas, tmp_path, monkeypatch):
    """A training is broken off as soon as it has kept a state of its first stage."""
    own = open_atlas(shutil.copytree(atlas, tmp_path / "shapes.atlas"))

    class Enough(Exception):
        pass

    def stop_when_kept(progress: Progress) -> None:
        if len(own.models) == 2 and checkpoint_path(own.model(own.models[-1]).folder).is_file():
            raise Enough

    monkeypatch.setattr("imatlas.training.loop.CHECKPOINT_SECONDS", -1.0)
    with pytest.raises(Enough):
        train_atlas(own, Wishes(generator="vae", steps=100, seed=5), report=stop_when_kept)
    page = TestClient(make_app(own.folder, GATE, warm=False), base_url=HOST, headers=TOKEN | ORIGIN)
    facts = page.get("/api/training").json()
    assert (facts["state"], facts["model"], facts["samples"]) == ("stopped", "0002-vae", "/api/training/samples.png")
    sheet = page.get(facts["samples"])
    assert sheet.headers["content-type"] == "image/png"
    assert read_png_text(io.BytesIO(sheet.content)) == {"model": "0002-vae", "seeds": "0 to 15"}
    assert np.ptp(np.asarray(Image.open(io.BytesIO(sheet.content)))) > 0
    assert module._options_again(own.model("0002-vae"))[-4:] == ["--steps", "100", "--precision", "auto"]


def test_the_stream_tells_how_things_stand_and_what_changes(client, app):
    """The first look tells all; the stream ends when the server does."""
    app.state.desk.closing = False
    with client.stream("GET", "/api/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        kinds = []
        for line in stream.iter_lines():
            if line.startswith("event: "):
                kinds.append(line.removeprefix("event: "))
            if len(kinds) == 3:
                app.state.desk.closing = True
                break
    app.state.desk.closing = False
    assert kinds == ["training", "edits", "models"]
