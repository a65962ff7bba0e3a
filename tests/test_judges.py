"""Judging with extractors that come trained: from the command line, kept with the real set, and compared by name."""

import hashlib
import json
from functools import partial

import numpy as np
import pytest
import torch
from laws.extractors import random_images
from typer.testing import CliRunner

from imatlas.app.cli.main import app
from imatlas.checks import InputError
from imatlas.features import JUDGES, PRETRAINED, DinoV2, make_judge
from imatlas.features.pretrained import Published
from imatlas.features.pretrained.vision_transformer import Layout, VisionTransformer
from imatlas.recipes import Terms, evaluate_all


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with two sets of images and the weights of a narrow DINOv2, which stands in for the published one."""

    class Narrow(DinoV2):
        n_features = 64

        def network(self) -> VisionTransformer:
            return VisionTransformer(Layout(64, patch=56, grid=4, depth=1))

    with torch.device("meta"):
        shapes = Narrow().network().state_dict()
    noise = torch.Generator().manual_seed(0)
    torch.save({name: torch.randn(values.shape, generator=noise) for name, values in shapes.items()}, tmp_path / "narrow.pth")
    digest = hashlib.sha256((tmp_path / "narrow.pth").read_bytes()).hexdigest()
    Narrow.published = Published("narrow.pth", digest, 1, "file:///nowhere")
    for family in (PRETRAINED, JUDGES):
        monkeypatch.setitem(family, "dinov2", Narrow)
    monkeypatch.delenv("IMATLAS_WEIGHTS", raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    np.save(tmp_path / "real.npy", random_images(60).pixels)
    np.save(tmp_path / "drawn.npy", random_images(50, seed=1).pixels)
    np.save(tmp_path / "more.npy", random_images(40, seed=2).pixels)
    return tmp_path


def told(folder, *more: str) -> dict:
    words = ["evaluate", "--real", folder / "real.npy", "--generated", folder / "drawn.npy", "--extractors", "dinov2,pixels"]
    return json.loads(CliRunner().invoke(app, [*map(str, words), *more, "--json"]).stdout)


def test_the_command_line_judges_with_weights_of_a_file_and_tells_where_there_are_none(folder):
    scores = told(folder, "--weights", str(folder / "narrow.pth"))["scores"]
    assert {score["space"] for score in scores if score["name"] == "kernel_distance"} == {"dinov2", "pixels"}
    assert "--weights" in told(folder)["error"]
    assert "could not be fetched" in told(folder, "--download")["error"]


def test_a_kept_real_set_asks_for_the_weights_again_and_holds_none(folder):
    make, keep = partial(make_judge, weights=folder), folder / "kept.safetensors"
    terms = Terms(("dinov2",), keep=keep, make=make)
    [first] = evaluate_all(folder / "real.npy", [folder / "drawn.npy"], terms)
    [again] = evaluate_all(keep, [folder / "drawn.npy"], Terms(make=make))
    assert [score.value for score in again.scores] == [score.value for score in first.scores]
    with pytest.raises(InputError, match=r"There is no narrow\.pth"):
        evaluate_all(keep, [folder / "drawn.npy"])


def test_generators_judged_together_are_compared_in_each_others_reports(folder):
    """Only what draws has a speed; two image sets alone are not drawn into one picture."""
    told(folder, "--weights", str(folder), "--against", str(folder / "more.npy"), "--out", str(folder / "judged"))
    page = (folder / "judged" / "1" / "report.html").read_text()
    assert "kernel distance" in page
    assert "Generators side by side" not in page
