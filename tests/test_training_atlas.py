"""Training on an atlas: what is left on disk, what is recorded, and what a full disk costs."""

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from laws.threads import one_thread
from typer.testing import CliRunner

from imatlas.app.cli.main import app
from imatlas.checks import InputError
from imatlas.images import moving_shape
from imatlas.recipes import Wishes, map_images, train_atlas
from imatlas.store import Atlas, open_atlas
from imatlas.training.checkpoints import checkpoint_path

__all__ = ["one_thread"]

WISHES = Wishes(steps=5, generator="vae", conditions=(), features="principal_components")


@pytest.fixture(scope="module")
def mapped(tmp_path_factory) -> Path:
    """An atlas of 120 small pictures with its map."""
    folder = tmp_path_factory.mktemp("mapped") / "shapes.atlas"
    map_images(moving_shape(120, 12, seed=0)[0], folder, WISHES)
    return folder


@pytest.fixture
def atlas(mapped: Path, tmp_path: Path) -> Atlas:
    """A copy of it to train in."""
    shutil.copytree(mapped, tmp_path / "shapes.atlas")
    return open_atlas(tmp_path / "shapes.atlas")


def test_weights_that_cannot_be_written_are_an_error_and_the_same_call_goes_on(
    atlas: Atlas, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only model.safetensors meets a full disk; what was learned stays in the checkpoint until the weights are there."""
    replace = os.replace

    def refuse(source: str, target: Path) -> None:
        if Path(target).name == "model.safetensors":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("imatlas.files.os.replace", refuse)
        with pytest.raises(InputError, match=r"model\.safetensors \(No space left on device\)"):
            train_atlas(atlas, WISHES)
    folder = atlas.model("0001-vae")
    assert checkpoint_path(folder.folder).is_file()
    assert not folder.is_trained
    stages = []
    train_atlas(atlas, WISHES, report=lambda progress: stages.append(progress.stage))
    assert set(stages) == {"code flow"}, "the autoencoder was not trained again"
    assert atlas.models == ("0001-vae",)
    assert folder.is_trained
    assert not checkpoint_path(folder.folder).exists()


def test_the_model_keeps_the_steps_and_the_precision_it_was_trained_with(atlas: Atlas) -> None:
    """Another precision is another model; asked for in the same words, each is found again."""
    for wishes, name, used in (
        (WISHES, "0001-vae", "float32"),
        (replace(WISHES, precision="bfloat16"), "0002-vae", "bfloat16"),
        (replace(WISHES, precision="bfloat16"), "0002-vae", "bfloat16"),
    ):
        model = train_atlas(atlas, wishes)
        assert model.name == name
        stages = atlas.model(name).config["plan"]["stages"]
        assert stages == {"autoencoder": {"steps": 4, "precision": used}, "code flow": {"steps": 2, "precision": used}}
        assert used in (atlas.model(name).folder / "README.md").read_text()


def test_two_processes_of_the_command_line_leave_one_model_that_one_process_would_have_made(atlas: Atlas) -> None:
    """The loss of a VAE is a logarithm of a mean over the batch; sums in another order stay within 1e-5 (3e-6 at most)."""
    words = ["train", str(atlas.folder), "--steps", "5", "--generator", "vae", "--conditions", "none", "--json"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "imatlas.app.cli", *words],
            env=os.environ | meeting | {"OMP_NUM_THREADS": "1", "RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ("0", "1")
    ]
    said = [process.communicate() for process in started]
    assert [process.returncode for process in started] == [0, 0], said
    assert json.loads(said[0][0])["model"] == "0001-vae"
    assert said[1][0] == ""
    together = atlas.model("0001-vae")
    assert atlas.models == ("0001-vae",)
    train_atlas(atlas, replace(WISHES, precision="float32"))
    alone = atlas.model("0002-vae").load_weights()
    weights = together.load_weights()
    assert weights.keys() == alone.keys()
    apart = np.concatenate([np.abs(values.astype(np.float64) - alone[name]).ravel() for name, values in weights.items()])
    assert apart.max() < 1e-5


def test_several_processes_that_come_to_map_are_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    result = CliRunner().invoke(app, ["map", str(tmp_path), "--as", "images", "--out", str(tmp_path / "a.atlas"), "--json"])
    assert result.exit_code == 1
    assert "Several processes came to make one map. Map with one, then train with many" in json.loads(result.stdout)["error"]
