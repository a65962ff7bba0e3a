"""Training on an atlas: what is left on disk, what is recorded, and what a full disk costs."""

import errno
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from laws.threads import one_thread

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
