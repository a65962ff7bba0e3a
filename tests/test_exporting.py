"""A model leaves its atlas: what is in the folder, that it needs nothing else, and what can go wrong."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from laws.generators import shaken
from PIL import Image
from typer.testing import CliRunner

import imatlas
from imatlas.app.cli.main import app
from imatlas.checks import InputError
from imatlas.conditions import CONDITIONS
from imatlas.generators import CodeFlow, Generator, Vae
from imatlas.images import digits
from imatlas.pictures import read_png_text
from imatlas.recipes import Wishes, build_model, export_from, extractor_of, load_extractor, load_model, map_images, save_model
from imatlas.recipes.onnx_export import MOST_DIFFERENCE, PACKAGES
from imatlas.store import open_atlas
from imatlas.store.card import ASKED, model_card
from imatlas.values import Example, Score

LACKING = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
HARMLESS = {".safetensors", ".json", ".md", ".png"}
SCORE = Score("copy_rate", "pixels", 0.0, (0.0, 0.012), 0.0, "lower", 100, "novelty", {"pairs": [[0, 7, 0.5]]})


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    """An atlas of 240 digits with a VAE that was shaken instead of trained, and one whose training was broken off."""
    whole = digits(seed=0)
    images = whole.take(np.flatnonzero(whole.labels < 3)[:240])
    made = map_images(images, tmp_path_factory.mktemp("leave") / "digits.atlas", Wishes(features="principal_components"))
    model = build_model(made.images, made.manifold, kind="vae", seed=1)
    shaken(model.generator)
    shaken(model.prior)
    held = made.new_model("vae")
    stages = {name: {"steps": steps, "precision": "float32"} for name, steps in (("prior", 600), ("autoencoder", 1234))}
    save_model(model, held, {"key": "k", "seconds": 60.0, "budget": 90.0, "steps": 0, "seed": 5, "stages": stages})
    held.save_packed("prior", {}, model.prior.state_dict())
    held.save_scores([SCORE])
    unfinished = made.new_model("flow")
    unfinished.write_config(held.config)
    return made


@pytest.fixture(scope="module")
def exported(atlas):
    """That VAE, exported."""
    return export_from(atlas, atlas.folder.parent / "leave").folder


def damaged(exported: Path, place: Path) -> Path:
    """A copy that may be damaged."""
    return Path(shutil.copytree(exported, place / "damaged"))


def told(*words: object, code: int = 1) -> str:
    """Run the command line, expect it to fail in words, give the sentence."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert isinstance(result.exception, SystemExit), result.output
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


def test_an_exported_model_draws_the_same_bits_in_a_process_that_has_no_atlas(atlas, exported, tmp_path):
    alone = shutil.copytree(exported, tmp_path / "far" / "away")
    code = (
        "import sys, numpy as np, imatlas\n"
        "from imatlas.generators import Generator\n"
        "model = imatlas.load_model(sys.argv[1])\n"
        "np.save('wished.npy', model.sample([3, 9], {'class': '2'}).pixels)\n"
        "np.save('drawn.npy', model.sample([3, 9], codes_from='prior').pixels)\n"
        "network = Generator.load(sys.argv[1])\n"
        "import torch\n"
        "noise = network.draw_noise(2, torch.Generator().manual_seed(0))\n"
        "np.save('network.npy', network.sample(noise, {}).numpy())\n"
    )
    place = tmp_path / "elsewhere"
    place.mkdir()
    subprocess.run([sys.executable, "-c", code, os.fspath(alone)], cwd=place, check=True)
    model = load_model(atlas.model("0001-vae"))
    noise = model.generator.draw_noise(2, torch.Generator().manual_seed(0))
    np.testing.assert_array_equal(np.load(place / "wished.npy"), model.sample([3, 9], {"class": "2"}).pixels)
    np.testing.assert_array_equal(np.load(place / "drawn.npy"), model.sample([3, 9], codes_from="prior").pixels)
    np.testing.assert_array_equal(np.load(place / "network.npy"), model.generator.sample(noise, {}).numpy())


def test_an_exported_folder_holds_no_pickle_no_image_of_the_set_and_no_path_of_the_machine(atlas, exported):
    assert {path.suffix for path in exported.iterdir()} == HARMLESS
    assert not any(path.name.startswith(".") for path in exported.parent.iterdir())
    needed = {"model", "prior", "extractor", "condition-class", "condition-style", "condition-neighborhood"}
    assert {f"{name}.safetensors" for name in needed} < {path.name for path in exported.iterdir()}
    texts = "".join(path.read_text() for path in exported.iterdir() if path.suffix in {".md", ".json"})
    assert str(atlas.folder.parent) not in texts
    assert json.loads((exported / "scores.json").read_text())["scores"][0]["details"] == {}


def test_a_style_asked_for_by_a_picture_is_the_same_as_in_the_atlas(atlas, exported):
    pixels = np.asarray(atlas.images.pixels[4:5])
    found = load_extractor(exported).rows(pixels)[0]
    np.testing.assert_array_equal(found, extractor_of(atlas).rows(pixels)[0])
    ours = imatlas.load_model(exported).sample([1], {"style": Example(found, "four.png")})
    theirs = load_model(atlas.model("0001-vae")).sample([1], {"style": Example(found, "four.png")})
    np.testing.assert_array_equal(ours.pixels, theirs.pixels)


def test_the_lines_of_code_in_the_card_run_as_they_are_written(exported, monkeypatch, tmp_path):
    monkeypatch.chdir(damaged(exported, tmp_path))
    (code,) = re.findall(r"```python\n(.*?)```", Path("README.md").read_text(), flags=re.DOTALL)
    assert len(code.splitlines()) == 4
    exec(code, {})
    assert len(list(Path("new").glob("*.png"))) == 16


def test_the_card_tells_what_was_learned_how_well_and_how_to_ask(atlas, exported):
    text = (exported / "README.md").read_text()
    for words in (
        f"{len(atlas.images.training_rows)} images, 8 x 8 gray",
        "10 classes (0, 1, 2",
        "| copy rate | pixels | 0 | 0 to 0.012 | 0 | lower |",
        "Copies: at the held-out rate",
        '| class | which of the named classes is shown | `--class 0` | `"class": "0"` |',
        "`--near picture.png`",
        "Budget: 90 s, of which 60 s were for this model",
        "Steps: prior 600, autoencoder 1,234",
        "Seed: 5",
        "torch 2",
        "Precision of its products: float32",
        "Of these weights: not set.",
        "![Samples, none chosen](samples.png)",
    ):
        assert words in text


def test_the_card_knows_how_every_condition_is_asked_for():
    assert set(ASKED) == set(CONDITIONS)


def test_the_card_says_when_images_are_copied(atlas):
    copied = replace(SCORE, value=0.2, interval=(0.1, 0.3))
    assert "Copies: above the held-out rate. About 20.0%" in model_card("x", {"kind": "vae"}, [SCORE, copied], atlas.images)
    assert "Copies: not judged." in model_card("x", {"kind": "vae"}, [], atlas.images)


def test_names_of_classes_cannot_break_the_card(atlas):
    """A table keeps its four columns, a command its words, and nothing becomes markup; the first class has no image."""
    odd = ("unseen", "x|y `z` <b> [a](b)\n---")
    labels = np.where(atlas.images.labels == 0, 1, -1)
    images = replace(atlas.images, labels=labels, class_names=odd)
    text = model_card("x", {"kind": "vae", "fields": [["class", "category", 2]]}, [], images)
    (row,) = [line for line in text.splitlines() if line.startswith("| class |")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 5
    assert "`` --class 'x\\|y `z` <b> [a](b) ---' ``" in row
    assert r"2 classes (unseen, x\|y \`z\` \<b\> \[a\](b) ---)" in text


def test_the_sheet_of_samples_says_how_it_was_made(exported):
    assert read_png_text(exported / "samples.png") == {"model": "0001-vae", "seeds": [0, 63]}


def test_generate_draws_from_an_exported_folder_as_from_the_atlas(atlas, exported, tmp_path):
    picture = tmp_path / "mine.png"
    Image.fromarray(np.asarray(atlas.images.pixels[5, :, :, 0])).save(picture)
    for folder, out in ((atlas.folder, "a.npz"), (exported, "b.npz")):
        model = ["--model", "0001-vae"] if folder == atlas.folder else []
        words = ["generate", folder, "--count", 3, "--class", 2, "--near", picture, "--out", tmp_path / out, *model]
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exit_code == 0, result.output
    first, second = (np.load(tmp_path / name)["images"] for name in ("a.npz", "b.npz"))
    assert first.shape == (3, 8, 8)
    np.testing.assert_array_equal(first, second)


def test_the_verb_exports_and_says_how_to_go_on(atlas, tmp_path):
    words = ["export", str(atlas.folder), "--model", "0001-vae", "--out", str(tmp_path / "mine")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert f"imatlas generate {tmp_path / 'mine'} --count 16" in " ".join(result.output.split()).replace("- ", "-")
    assert "is there already and not empty" in told(*words)


@pytest.mark.skipif(bool(LACKING), reason=f"needs {LACKING}: run scripts/setup dev")
def test_the_verb_also_writes_onnx_and_the_card_says_how_to_draw_with_it(atlas, tmp_path, monkeypatch):
    """One step of the flow of codes, where fifteen would only take longer to record."""
    monkeypatch.setattr(CodeFlow, "steps", 1)
    words = ["export", atlas.folder, "--model", "0001-vae", "--out", tmp_path / "mine", "--onnx", "--json"]
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert "model.onnx" in facts["files"]
    assert 0 <= facts["onnx_difference"] <= MOST_DIFFERENCE
    monkeypatch.chdir(tmp_path / "mine")
    _, code = re.findall(r"```python\n(.*?)```", Path("README.md").read_text(), flags=re.DOTALL)
    known: dict = {}
    exec(code, known)
    generator = Generator.load(".")
    drawn = generator.sample(torch.from_numpy(known["noise"]), {}).numpy()
    np.testing.assert_allclose(known["images"], drawn, rtol=0, atol=MOST_DIFFERENCE)


@pytest.mark.parametrize(
    ("words", "sentence", "code"),
    [
        (("--out", "x", "--model", "0002-flow"), "is not trained to its end", 1),
        (("--out", "x", "--model", "0009-gan"), "has no model '0009-gan'", 1),
        ((), "Give a new folder", 2),
        (("--out", "x", "--steps", "4"), "Add --onnx", 2),
        (("--out", "x", "--autoguidance", "1", "--diversity", "0"), "autoguidance, diversity can be", 2),
        (("--out", "taken"), "is a file", 1),
    ],
)
def test_what_cannot_be_exported_is_told_in_words_and_leaves_nothing(atlas, tmp_path, monkeypatch, words, sentence, code):
    monkeypatch.chdir(tmp_path)
    Path("taken").write_text("")
    assert sentence in told("export", atlas.folder, *words, code=code)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_an_export_that_fails_underway_leaves_nothing(atlas, tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise InputError("Could not write it. Free some space.")

    monkeypatch.setattr("imatlas.recipes.exporting.write_png", full)
    with pytest.raises(InputError, match="Free some space"):
        export_from(atlas, tmp_path / "deep" / "leave")
    assert list((tmp_path / "deep").iterdir()) == []


def test_an_empty_folder_may_be_filled(atlas, tmp_path):
    assert (export_from(open_atlas(atlas.folder), tmp_path).folder / "README.md").is_file()


@pytest.mark.parametrize("load", [imatlas.load_model, Generator.load])
@pytest.mark.parametrize(
    ("file", "change", "sentence"),
    [
        ("config.json", None, "is no model: it has no config.json"),
        ("config.json", lambda text: b"{", "Could not read"),
        ("config.json", lambda text: b'{"model_type": "bert"}', "was not written by imatlas"),
        ("config.json", lambda text: text.replace(b'"format": 2', b'"format": 9'), "has format 9, made by imatlas"),
        ("config.json", lambda text: text.replace(b'"format": 2', b'"format": 1'), "reads format 2 alone"),
        ("config.json", lambda text: text.replace(b'"vae"', b'"diffuser"', 1), "Update imatlas"),
        ("config.json", lambda text: text.replace(b'"image_shape"', b'"shape"'), "is damaged"),
        ("config.json", lambda text: text.replace(b'"code_dim": ', b'"code_dim": 1'), "is damaged"),
        ("model.safetensors", lambda text: text[:-50], "Could not read"),
    ],
)
def test_a_damaged_model_is_told_in_words(exported, tmp_path, load, file, change, sentence):
    folder = damaged(exported, tmp_path)
    if change is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(change((folder / file).read_bytes()))
    with pytest.raises(InputError, match=re.escape(sentence)):
        load(folder)


@pytest.mark.parametrize("file", ["condition-class", "prior", "model"])
def test_a_missing_file_is_named(exported, tmp_path, file):
    folder = damaged(exported, tmp_path)
    (folder / f"{file}.safetensors").unlink()
    with pytest.raises(InputError, match="not trained to its end" if file == "model" else f"{file}.safetensors"):
        imatlas.load_model(folder)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--near", "0012.png"), "no picture file 0012.png, and an exported model brings no images"),
        (("--codes-from", "bank"), "the training images are not at hand"),
        (("--model", "0001-vae"), "leave out --model"),
        (("--class", "eleven"), "'eleven'"),
    ],
)
def test_a_wish_that_needs_the_atlas_is_told_so(exported, words, sentence):
    assert sentence in told("generate", exported, "--count", 1, *words)


def test_what_only_an_atlas_can_do_is_told_so(exported):
    assert f"is a model by itself, not an atlas: it can draw (imatlas generate {exported})" in told("evaluate", exported)


def test_a_missing_extractor_is_told_when_a_picture_is_shown(exported, tmp_path):
    folder = damaged(exported, tmp_path)
    (folder / "extractor.safetensors").unlink()
    said = told("generate", folder, "--near", folder / "samples.png", "--count", 1)
    assert "has no extractor.safetensors" in said
    assert "imatlas export ATLAS --model NAME --out NEW" in said.replace("- ", "-")


def test_a_network_is_built_without_a_touch_on_the_global_generator(exported):
    torch.manual_seed(7)
    before = torch.get_rng_state()
    assert isinstance(Generator.load(exported), Vae)
    assert torch.equal(torch.get_rng_state(), before)
