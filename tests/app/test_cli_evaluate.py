"""The verb evaluate on any generator's images: what it says, writes and gives to machines, and how it refuses."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from imatlas.app.cli.main import app
from imatlas.app.interval_words import INTERVALS
from imatlas.evaluation import COSTS, METRICS
from imatlas.images import moving_shape
from imatlas.recipes import judging

FEW = ("kernel_distance", "coverage", "copy_rate", "pixel_copy_rate", "adherence")


def command(*words: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["evaluate", *map(str, words)])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


def told(*words: object, code: int = 0) -> dict:
    return json.loads(command(*words, "--json", code=code))


@pytest.fixture(scope="module", autouse=True)
def few_metrics():
    """What is measured plays no part here, so a few quick metrics stand for all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judging, "DEFAULT_METRICS", FEW)
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Real images in class folders, generated ones of two generators, one of them noise."""
    home = tmp_path_factory.mktemp("evaluate")
    write(home / "real", moving_shape(120, 8, seed=0)[0].pixels, ("up", "down"))
    write(home / "good", moving_shape(60, 8, seed=1)[0].pixels, ("down", "up"))
    write(home / "noise", np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), dtype=np.uint8))
    return home


def write(folder, pixels, classes=("",), ending="png", **options):
    for row, image in enumerate(pixels):
        place = folder / classes[row % len(classes)]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[:, :, 0]).save(place / f"{row:03d}.{ending}", **options)
    return folder


@pytest.fixture(scope="module")
def judged(home):
    """What was told of two generators, and the folder it was written into."""
    words = ("--real", home / "real", "--generated", home / "good", "--against", home / "noise", "--out", home / "out")
    return told(*words), home / "out"


def test_json_holds_all_that_is_needed_to_believe_a_number(judged):
    said, _ = judged
    assert (said["name"], said["warnings"], said["shape"]) == ("good", [], [8, 8, 1])
    assert (
        said["real"] | {"images": 120, "train": 108, "held_out": 12, "formats": {"PNG": 120}, "sizes": {"8 x 8": 120}}
        == said["real"]
    )
    assert said["resize"].startswith("centre square, Lanczos")
    assert set(said["spaces"]) == {"random_convolutions", "pixels"}
    assert {"images", "split", "resize", "extractors", "all", "generated"} <= set(said["fingerprint"])
    assert {score["name"] for score in said["scores"]} == {"kernel_distance", "coverage", "copy_rate", "adherence"}
    for score in said["scores"]:
        assert None not in (score["value"], score["interval"], score["floor"], score["n"])
        assert score["interval_method"]
        if score["name"] != "adherence":
            assert None not in score["references"].values()
        assert set(score["references"]) == {"training copies", "Gaussian in PCA space"}
    assert not any("adherence" in sentence for sentence in said["left_out"])


def test_generators_are_compared_on_the_same_real_images(judged):
    said, out = judged
    [other] = said["against"]
    assert other["name"] == "noise"
    rows = {(row["name"], row["space"]): row for row in other["differences"]["rows"]}
    distance = rows["kernel_distance", "random_convolutions"]
    assert (distance["favours"], distance["is_paired"]) == ("first", True)
    assert "same real rows" in distance["interval_method"]
    assert any("good is better" in sentence for sentence in other["differences"]["sentences"])
    assert json.loads((out / "2" / "table.json").read_text())["differences"] == other["differences"]


def test_a_folder_holds_table_page_and_pairs(judged):
    _, out = judged
    assert {path.name for path in (out / "1").iterdir()} == {"table.json", "table.csv", "table.md", "report.html", "pairs.png"}
    with open(out / "1" / "table.csv", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    first = next(row for row in rows if row["measure"] == "kernel_distance")
    assert all(first[name] for name in ("value", "95 % interval", "real images", "Gaussian in PCA space", "n"))
    assert f"| quality | kernel_distance | random_convolutions | {first['value']} |" in (out / "1" / "table.md").read_text()
    page = (out / "1" / "report.html").read_text(encoding="utf-8")
    for part in ("Real beside generated", "Are they copies?", "Gaussian in PCA space", "fingerprint"):
        assert part in page
    assert Image.open(out / "1" / "pairs.png").size[0] > 600


def test_people_get_a_table_beside_the_words(home):
    text = command("--real", home / "real", "--generated", home / "noise", "--extractors", "pixels")
    assert "60 generated images against 108 real ones and 12 held out, 8 x 8 gray, in the features pixels." in text
    lines = text.splitlines()
    head = next(line for line in lines if "95 % interval" in line)
    row = next(line for line in lines if line.startswith("quality") and "kernel_distance" in line)
    assert row[head.index("space") :].startswith("pixels")
    assert "not measured: adherence in pixels: Adherence needs labels" in text


def test_suspicions_reach_people_and_machines(home, tmp_path):
    real = moving_shape(120, 8, seed=0)[0].pixels
    write(tmp_path / "mixed", np.concatenate([moving_shape(45, 8, seed=2)[0].pixels, real[:5]]), ("up", "left"))
    write(tmp_path / "packed", real[:48], ending="jpg", quality=50)
    mixed = " ".join(told("--real", home / "real", "--generated", tmp_path / "mixed", "--extractors", "pixels")["warnings"])
    assert "5 of 50 generated images (10 %) are real images pixel for pixel" in mixed
    assert "Classes of the generated images that no real image has: left" in mixed
    assert "no generated image: down" in mixed
    packed = command("--real", home / "real", "--generated", tmp_path / "packed", "--extractors", "pixels")
    assert "warning: There are 48 generated images" in packed
    assert "warning: Real images were stored as PNG (120), generated ones as JPEG 50 (48)" in packed


def test_one_set_given_twice_is_refused_and_one_copied_is_said(home, tmp_path):
    assert "was given twice" in told("--real", home / "real", "--generated", home / "real", code=1)["error"]
    write(tmp_path / "copy", moving_shape(120, 8, seed=0)[0].pixels)
    same = told("--real", home / "real", "--generated", tmp_path / "copy", "--extractors", "pixels")
    assert any("Both sides hold the same 120 images" in sentence for sentence in same["warnings"])


def test_images_without_any_difference_and_numbers_that_are_none_are_refused(home, tmp_path):
    np.save(tmp_path / "flat.npy", np.full((60, 8, 8), 9, np.uint8))
    np.save(tmp_path / "nan.npy", np.full((60, 8, 8), np.nan))
    assert "without any difference" in told("--real", tmp_path / "flat.npy", "--generated", home / "good", code=1)["error"]
    assert "without NaN" in told("--real", home / "real", "--generated", tmp_path / "nan.npy", code=1)["error"]


def test_a_kept_real_set_is_refused_for_other_images_and_is_no_place_for_other_files(home, tmp_path):
    keep = tmp_path / "real.safetensors"
    words = ("--generated", home / "noise", "--extractors", "pixels")
    first = told("--real", home / "real", "--keep", keep, *words)
    assert told("--real", keep, *words)["scores"] == first["scores"]
    assert "what differs: images" in told("--real", home / "good", "--keep", keep, *words, code=1)["error"]
    assert "Let it end in .safetensors" in told("--real", home / "real", "--keep", tmp_path / "k.npz", *words, code=1)["error"]


def test_what_the_system_leaves_in_a_folder_is_no_obstacle_and_a_file_is_none(home, tmp_path):
    (tmp_path / ".DS_Store").write_bytes(b"")
    words = ("--real", home / "real", "--generated", home / "noise", "--extractors", "pixels")
    command(*words, "--out", tmp_path)
    assert (tmp_path / "table.json").is_file()
    assert "table.csv is a file; a judgement goes into a folder" in command(*words, "--out", tmp_path / "table.csv", code=2)


def test_a_place_that_no_real_set_can_be_kept_in_is_refused_before_anything_is_read(tmp_path):
    (tmp_path / "place.safetensors").mkdir()
    for name, sentence in (("place.safetensors", "is a folder; the real set is kept as one file"), ("k.npz", "Let it end in")):
        words = ("--real", tmp_path / "not there", "--generated", tmp_path / "nor this", "--keep", tmp_path / name)
        assert sentence in told(*words, code=1)["error"]


def test_files_that_could_not_be_read_are_said(home, tmp_path):
    write(tmp_path / "broken", moving_shape(50, 8, seed=3)[0].pixels)
    (tmp_path / "broken" / "007.png").write_bytes(b"no picture")
    said = told("--real", home / "real", "--generated", tmp_path / "broken", "--extractors", "pixels")
    assert any(
        "1 of the generated files could not be read" in sentence and "007.png" in sentence for sentence in said["warnings"]
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--extractors", "nonsense"), "There is no extractor 'nonsense'; choose from:"),
        (("--model", "0001-vae"), "--model goes with an ATLAS"),
        (("--out", "."), "which is no judgement; it was left as it is"),
    ],
)
def test_misuse_is_told_before_anything_is_read(words, sentence):
    said = " ".join(command("--real", "not there", "--generated", "nor this", *words, code=2).split())
    assert sentence in said.replace("│ ", "")


def test_every_interval_has_words_for_how_it_was_made():
    names = {name.removeprefix("pixel_").removeprefix("patch_") for name in METRICS}
    assert names == set(INTERVALS) | set(COSTS)
