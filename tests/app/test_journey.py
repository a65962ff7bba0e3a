"""The whole journey on a toy whose images are known: read, map, train, judge, report; then what can be done with the atlas."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from imatlas import open_atlas
from imatlas.app.cli.main import app
from imatlas.images import moving_shape
from imatlas.recipes import contenders, judging
from imatlas.recipes.timing import time_model

N_IMAGES, SIDE = 120, 12


def command(*words: object) -> str:
    """Run the command line, expect success, give what it printed."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def short_clock():
    """Speed is measured for half a second instead of six and without a cold start: its value plays no part here."""
    with pytest.MonkeyPatch.context() as patch:
        for user in (judging, contenders):
            patch.setattr(user, "time_model", lambda model, folder: time_model(model, seconds=0.5))
        yield


@pytest.fixture(scope="module")
def journey(tmp_path_factory, short_clock) -> tuple[Path, dict]:
    """A folder of pictures in two class folders, run to its report: the atlas, and what `run --json` said."""
    home = tmp_path_factory.mktemp("journey")
    images, parameters = moving_shape(N_IMAGES, SIDE, seed=0)
    for row, (angle, *_) in enumerate(parameters):
        folder = home / "shapes" / ("up" if angle < np.pi else "down")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images.pixels[row, :, :, 0]).save(folder / f"{row:03d}.png")
    (home / "shapes" / "up" / "broken.png").write_bytes(b"no picture")
    atlas = home / "shapes.atlas"
    words = ("--steps", 40, "--generator", "vae", "--count", 60, "--out", atlas, "--json")
    return atlas, json.loads(command("run", home / "shapes", *words))


def test_one_command_leads_from_a_folder_to_a_judged_model(journey):
    atlas, said = journey
    assert (said["images"], said["broken"], said["resolution"], said["channels"]) == (N_IMAGES, 1, SIDE, 1)
    assert said["classes"] == ["down", "up"]
    assert said["held_out"] == N_IMAGES // 10
    assert said["models"] == [said["model"]] == ["0001-vae"]
    opened = open_atlas(atlas)
    assert len(opened.manifold) == N_IMAGES - N_IMAGES // 10
    names = {score.name for score in opened.scores["0001-vae"]}
    assert {"frechet_distance", "kernel_distance", "coverage", "copy_rate", "images_per_second"} <= names
    stages = [row["stage"] for row in opened.model("0001-vae").metrics]
    assert set(stages) == {"autoencoder", "code flow"}


def test_the_report_shows_every_part_of_the_journey_and_needs_no_network(journey):
    atlas, _ = journey
    page = (atlas / "report.html").read_text(encoding="utf-8")
    sections = ("beside", "map", "morphs", "pairs", "scores", "training", "health", "settings")
    assert [name for name in sections if f'<section id="{name}"' not in page] == []
    assert "broken.png" in page
    assert 'src="http' not in page
    assert 'href="http' not in page


def test_the_same_command_again_does_nothing_twice(journey):
    atlas, said = journey
    before = (atlas / "models" / "0001-vae" / "model.safetensors").stat().st_mtime_ns
    words = ("--steps", 40, "--generator", "vae", "--count", 60, "--out", atlas, "--json")
    again = json.loads(command("run", atlas.parent / "shapes", *words))
    assert again["models"] == ["0001-vae"]
    assert again["seconds"] == said["seconds"]
    assert (atlas / "models" / "0001-vae" / "model.safetensors").stat().st_mtime_ns == before


def test_generated_images_say_how_they_were_made_and_can_be_made_again(journey, tmp_path):
    atlas, _ = journey
    said = json.loads(command("generate", atlas, "--class", "up", "--seeds", "3,7-8", "--out", tmp_path / "new", "--json"))
    assert (said["count"], said["seeds"]) == (3, [3, 7, 8])
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["00003.png", "00007.png", "00008.png"]
    note = json.loads(command("show", tmp_path / "new" / "00007.png", "--json"))
    assert {name: note[name] for name in ("model", "seed", "class")} == {"model": "0001-vae", "seed": 7, "class": "up"}
    command("generate", atlas, "--class", "up", "--seeds", "7", "--out", tmp_path / "again")
    first, again = (np.asarray(Image.open(tmp_path / name / "00007.png")) for name in ("new", "again"))
    assert first.shape == (SIDE, SIDE)
    assert np.array_equal(first, again)


def test_many_images_fit_into_one_array_file(journey, tmp_path):
    atlas, _ = journey
    command("generate", atlas, "--count", 5, "--seed", 2, "--out", tmp_path / "five.npz")
    with np.load(tmp_path / "five.npz") as stored:
        assert stored.files == ["images"]
        assert (stored["images"].shape, stored["images"].dtype) == ((5, SIDE, SIDE), np.uint8)


def test_a_morph_leaves_frames_and_strips_of_both_ways(journey, tmp_path):
    atlas, _ = journey
    first, last = open_atlas(atlas).images.ids[[0, -1]]
    said = json.loads(command("morph", atlas, first, last, "--frames", 5, "--out", tmp_path / "way", "--json"))
    assert set(said["off_manifold"]) == {"geodesic", "straight"}
    assert len(list((tmp_path / "way").glob("geodesic-*.png"))) == len(list((tmp_path / "way").glob("straight-*.png"))) == 5
    assert Image.open(tmp_path / "way" / "geodesic.png").size == (5 * 64 + 4, 68)  # enlarged, with gaps


def test_the_atlas_can_be_shown_and_judged_again(journey):
    atlas, said = journey
    shown = json.loads(command("show", atlas, "--json"))
    assert shown == {name: value for name, value in said.items() if name not in ("report", "model", "conditions")}
    judged = json.loads(command("evaluate", atlas, "--count", 40, "--seed", 5, "--json"))
    assert judged["verdict"]
    assert {score["n"] for score in judged["scores"] if score["name"] == "copy_rate"} == {40}
    enough = open_atlas(atlas).manifold.clusters.n_clusters >= 2
    assert any(score["name"] == "cluster_share" for score in judged["scores"]) == enough
    assert any("cluster_share" in sentence for sentence in judged["left_out"]) != enough, "the clusters of the map were asked"
    assert open_atlas(atlas).model("0001-vae").judged_seed == 5


def test_a_model_is_judged_like_any_other_generator_in_spaces_it_was_not_conditioned_with(journey, tmp_path):
    atlas, _ = journey
    against = ("--against", atlas / "models" / "0001-vae", "--real", atlas.parent / "shapes", "--count", 30)
    judged = json.loads(command("evaluate", "--generated", atlas, *against, "--json"))
    conditioned = open_atlas(atlas).manifold.features.extractor
    assert conditioned not in judged["spaces"]
    assert judged["avoided"] == conditioned
    assert judged["generated"]["classes"] == ["down", "up"]
    names = {score["name"] for score in judged["scores"]}
    assert {"adherence", "images_per_second"} <= names
    [other] = judged["against"]
    assert other["fingerprint"] == judged["fingerprint"], "both are the same model, drawing from the same seeds"
    flattered = CliRunner().invoke(app, ["evaluate", str(atlas), "--extractors", conditioned])
    assert f"conditioned with the features {conditioned}, which flatter it" in " ".join(flattered.output.split())
