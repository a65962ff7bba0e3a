"""The verb compare: from pictures on disk to a study, its page and its numbers; and how it refuses."""

import json

import numpy as np
import pytest
from laws.small_studies import few_metrics
from laws.threads import one_thread
from PIL import Image
from typer.testing import CliRunner

from imatlas.app.cli.main import app
from imatlas.images import moving_shape

__all__ = ["few_metrics", "one_thread"]

QUICK = ("--steps", 8, "--generator", "vae", "--features", "principal_components", "--count", 40)
QUICK += ("--judges", "random_convolutions")


def command(*words: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["compare", *map(str, words)])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare") / "shapes"
    folder.mkdir()
    for row, image in enumerate(moving_shape(250, 8, seed=0)[0].pixels):
        Image.fromarray(image[:, :, 0]).save(folder / f"{row:03d}.png")
    return folder


def test_pictures_become_a_study_that_is_told_alike_to_people_and_machines(pictures, tmp_path):
    words = (pictures, "--arms", "placebo", "--repeats", 1, "--out", tmp_path / "s.study", *QUICK)
    said = command(*words)
    for part in ("Arms:", "unconditional-longer", "2 trainings (1 repeats), 8 steps each", "in all:", "Cell 2 of 2"):
        assert part in said
    told = json.loads(command(*words, "--json"))
    assert told == json.loads((tmp_path / "s.study" / "result.json").read_text()) | {"report": told["report"]}
    assert told["measure"] == "kernel_distance"
    assert [cell["arm"] for cell in told["cells"]] == ["unconditional-longer", "placebo"]
    assert told["verdict"][0].startswith("Beside unconditional-longer, ")
    page = (tmp_path / "s.study" / "report.html").read_text(encoding="utf-8")
    assert "The closest pairs of each arm" in page
    assert np.load(tmp_path / "s.study" / "cells" / "1-placebo.npz")["images"].shape == (40, 8, 8, 1)


def test_every_arm_is_listed():
    said = command("--list")
    assert "neighborhoods of the manifold, drawn by the small prior" in said
    assert "vae-walk" in json.loads(command("--list", "--json"))["arms"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("x", "--arms", "wings"), "There is no arm 'wings'; choose from: unconditional-longer"),
        (("x", "--repeats", 0), "0 repeats were asked for; wanted 1 at least"),
        (("x", "--lengths", "half"), "The lengths 'half' are not numbers"),
        (("x", "--lengths", "2"), "wanted shares of the budget above 0 and up to 1"),
        (("x", "--judges", "nose"), "There is no extractor 'nose'"),
        (("x", "--generator", "oracle"), "There is no generator 'oracle'"),
        ((), "Give DATA, or --list."),
    ],
)
def test_misuse_is_told_before_anything_is_read(words, sentence):
    said = " ".join(command(*words, code=2).split())
    assert sentence in said.replace("│ ", "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--arms", "classes"), "needs labels of two classes at least, and the images have none"),
        (("--arms", "clusters", "--subset", 40), "needs cluster, and the set has none (fewer than two clusters"),
        (("--subset", 5000), "A subset of 5,000 images was asked for, and there are 225 to train on"),
        (("--judges", "principal_components"), "conditioned with the features principal_components, which would flatter it"),
    ],
)
def test_what_the_images_do_not_allow_is_told_before_anything_is_trained(pictures, tmp_path, words, sentence):
    said = command(pictures, *QUICK, *words, "--repeats", 1, "--out", tmp_path / "s.study", code=1)
    assert sentence in " ".join(said.split())
    assert not list(tmp_path.glob("s.study/weights/*"))
