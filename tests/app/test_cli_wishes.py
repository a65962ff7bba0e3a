"""Wishes on the command line: any of them together, written into the pictures; and what a user can get wrong with them."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from imatlas import open_atlas
from imatlas.app.cli.console import Console
from imatlas.app.cli.main import app
from imatlas.app.cli.wording import say_few_steps
from imatlas.conditions import CONDITIONS
from imatlas.generators import GENERATORS, CodeFlow, NeighborhoodPrior, Vae
from imatlas.images import moving_shape
from imatlas.training import Stage

N_IMAGES, SIDE = 130, 8


@pytest.fixture(scope="module")
def small():
    """Networks of a size that trains in a second."""
    with pytest.MonkeyPatch.context() as patch:
        for network in (NeighborhoodPrior, CodeFlow):
            patch.setattr(network, "width", 32)
            patch.setattr(network, "depth", 1)
        patch.setattr(Vae, "sizes_for", classmethod(lambda cls, *about: {"code_dim": 4, "width": 8}))
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A folder with pictures of two classes, and two more of the user's own."""
    home = tmp_path_factory.mktemp("home")
    images, parameters = moving_shape(N_IMAGES, SIDE, seed=0)
    for row, (angle, *_) in enumerate(parameters):
        folder = home / "shapes" / ("upward" if angle < np.pi else "downward")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images.pixels[row, :, :, 0]).save(folder / f"{row:03d}.png")
    own = np.random.default_rng(0).integers(0, 256, size=(20, 30, 3), dtype=np.uint8)
    Image.fromarray(own).save(home / "mine.png")
    (home / "broken.png").write_bytes(b"no picture")
    return home


@pytest.fixture(scope="module")
def trained(home, small) -> tuple[Path, str]:
    """An atlas of them with a model of all conditions, and what training said."""
    atlas = home / "shapes.atlas"
    said = command("map", home / "shapes", "--features", "principal_components", "--out", atlas)
    said = command("train", atlas, "--generator", "vae", "--steps", 20)
    return atlas, said


@pytest.fixture(scope="module")
def of_classes(trained) -> str:
    """A second model, trained with classes alone."""
    atlas, _ = trained
    command("train", atlas, "--generator", "vae", "--steps", 20, "--conditions", "class")
    open_atlas(atlas).choose_default("0001-vae")
    return "0002-vae"


def command(*words: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.stdout


def told(*words: object) -> str:
    """Run the command line, expect it to fail in words, give the sentence."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert isinstance(result.exception, SystemExit), result.output
    assert result.exit_code == 1, result.output
    return " ".join(result.output.split())


def test_before_training_it_is_said_what_is_on_what_it_steers_and_what_is_off_and_why(trained):
    _, said = trained
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert "class 2 values which of the named classes is shown" in lines
    assert "density 1 number how ordinary (high) or unusual (low) it is" in lines
    assert "cluster off fewer than two clusters that are large enough" in lines
    assert lines.index("density 1 number how ordinary (high) or unusual (low) it is") < next(
        number for number, line in enumerate(lines) if "autoencoder" in line
    )


def test_the_card_lists_the_steps_of_every_stage(trained):
    atlas, _ = trained
    card = (open_atlas(atlas).model("0001-vae").folder / "README.md").read_text()
    assert "- Budget: 20 steps\n- Steps: neighborhood prior 1, autoencoder 14, code flow 6\n" in card


def test_steps_that_are_too_few_to_learn_much_in_are_warned_of(trained, capsys):
    _, said = trained
    assert "note: --steps 20 leaves 6 steps for stage code flow; below 100 what it draws is close to noise." in said
    for steps in (0, 500):
        say_few_steps(Console(), (Stage("first", (), 0.8), Stage("second", (), 0.2)), steps)
        assert capsys.readouterr().out == ""
    say_few_steps(Console(), (Stage("first", (), 0.8), Stage("second", (), 0.2)), 490)
    assert "Give 500 or more, or a --budget instead." in capsys.readouterr().out


def test_json_of_training_tells_which_conditions_are_on_or_off_and_why(trained, of_classes):
    atlas, _ = trained
    words = ("train", atlas, "--generator", "vae", "--steps", 20, "--json")
    told = json.loads(command(*words))["conditions"]
    assert told["class"] == {"on": True, "kind": "category", "size": 2, "steers": "which of the named classes is shown"}
    assert told["cluster"] == {"on": False, "why": "fewer than two clusters that are large enough"}
    told = json.loads(command(*words, "--conditions", "class"))["conditions"]
    assert [name for name, facts in told.items() if facts["on"]] == ["class"]
    assert told["style"] == {"on": False, "why": "not asked for"}


@pytest.mark.parametrize("verb", ["run", "train"])
def test_the_help_names_every_generator_and_every_condition(verb):
    named = set(re.findall(r"\w+", command(verb, "--help")))
    assert {*GENERATORS, *CONDITIONS} - named == set()


def test_several_wishes_together_are_written_into_the_pictures(trained, home, tmp_path):
    atlas, _ = trained
    name = str(open_atlas(atlas).images.ids[0])
    wishes = ("--class", "upward", "--style", home / "mine.png", "--near", name, "--density", "low")
    said = command("generate", atlas, *wishes, "--seeds", "3,5", "--out", tmp_path / "new")
    assert "mine.png, 30 x 20 colour, was fitted like the images of the set: its centre square, 8 x 8 gray." in said
    note = json.loads(command("show", tmp_path / "new" / "00005.png", "--json"))
    assert (note["seed"], note["class"], note["density"]) == (5, "upward", "0.167")
    assert note["style"] == "picture mine.png"
    assert note["neighborhood"] == f"picture {Path(name).name}"


def test_where_codes_come_from_is_written_into_the_pictures(trained, tmp_path):
    atlas, _ = trained
    for source in ("prior", "bank"):
        command("generate", atlas, "--codes-from", source, "--count", 2, "--out", tmp_path / source)
        note = json.loads(command("show", tmp_path / source / "00001.png", "--json"))
        assert note["neighborhood"] == f"drawn from the {source}"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--class", "upwards"), "There is no class 'upwards'; nearest: upward; choose one of: downward, upward."),
        (("--class", "cat"), "There is no class 'cat'; choose one of: downward, upward."),
        (
            ("--cluster", "3"),
            "This model was not trained with cluster; it knows: class, style, neighborhood, map_place, density.",
        ),
        (("--cluster", "middle:99"), "This model was not trained with cluster_middle; it knows:"),
        (("--cluster", "fine:9"), "There is no level of clusters 'fine'; write a number, or coarse or middle:NUMBER."),
        (("--density", "1.5"), "The density '1.5' is neither low, middle, high nor a number from 0 (rarest) to 1; give one."),
        (("--near", "nowhere.png"), "nowhere.png"),
        (("--at", "3"), "is not 2 numbers; write x,y"),
        (("--codes-from", "luck"), "Codes cannot come from 'luck'; choose one of: none, labels, prior, bank"),
    ],
)
def test_a_wish_that_cannot_be_met_is_told_with_what_can(trained, tmp_path, words, sentence):
    atlas, _ = trained
    assert sentence in told("generate", atlas, *words, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_broken_picture_is_told(trained, home):
    atlas, _ = trained
    assert "broken.png cannot be used: not an image that can be read" in told("generate", atlas, "--style", home / "broken.png")


def test_a_condition_the_model_was_not_trained_with_is_told(trained, of_classes, home):
    atlas, _ = trained
    for words in (("--style", home / "mine.png"), ("--density", "low"), ("--at", "0,0")):
        said = told("generate", atlas, "--model", of_classes, *words)
        assert "This model was not trained with" in said
        assert "it knows: class." in said
    assert "the model was trained without neighborhoods" in told(
        "generate", atlas, "--model", of_classes, "--codes-from", "prior"
    )


def test_a_place_off_the_map_is_told_with_how_far_and_the_nearest_place(trained, tmp_path):
    """The place that is offered is taken."""
    atlas, _ = trained
    places = open_atlas(atlas).manifold.embedding.coordinates
    high = places.max(axis=0) + 100
    said = told("generate", atlas, "--at", f"{high[0]:.2f},{high[1]:.2f}")
    assert "is off the map:" in said
    assert "times the usual spacing from any image" in said
    offered = said.split("The nearest place on it is ")[1].split(";")[0]
    command("generate", atlas, "--at", offered, "--count", 1, "--out", tmp_path / "one")
