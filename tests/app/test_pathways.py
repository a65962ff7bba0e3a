"""Ways, grids and own pictures on the command line: what they leave, and what they say to wrong input."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from imatlas import open_atlas
from imatlas.app.animation import write_gif
from imatlas.app.cli.main import app
from imatlas.checks import InputError
from imatlas.generators import CodeFlow
from imatlas.images import moving_shape
from imatlas.pictures import read_gif_text, read_png_text

SIDE = 8


def run(*words: object, code: int = 0) -> str:
    """Run the command line, expect an exit code, give what it said."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output if code == 0 else " ".join(result.output.split())


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Folder with 240 pictures, their atlas, a small VAE drawn by place, and a flow without any condition."""
    folder = tmp_path_factory.mktemp("ways")
    (folder / "shapes").mkdir()
    for row, pixels in enumerate(moving_shape(240, SIDE, seed=0)[0].pixels):
        Image.fromarray(pixels[:, :, 0]).save(folder / "shapes" / f"{row:03d}.png")
    atlas = folder / "shapes.atlas"
    run("map", folder / "shapes", "--features", "principal_components", "--out", atlas)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CodeFlow, "width", 32)
        patch.setattr(CodeFlow, "depth", 2)
        run("train", atlas, "--generator", "vae", "--conditions", "map_place", "--steps", 40)
        run("train", atlas, "--generator", "flow", "--conditions", "none", "--steps", 2)
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)).save(folder / "noise.png")
        yield folder


def drawn(home, verb: str, *words: object) -> dict:
    return json.loads(run(verb, home / "shapes.atlas", *words, "--model", "0001-vae", "--json"))


def test_a_loop_leaves_frames_a_strip_and_an_animation_that_say_how_they_were_made(home, tmp_path):
    said = drawn(home, "loop", "003.png", "100.png", "--frames", 9, "--gif", "--out", tmp_path / "way")
    assert said["through"] == ["003.png", "100.png"]
    assert sorted(path.name for path in (tmp_path / "way").glob("loop-*.png")) == [f"loop-{row:03d}.png" for row in range(9)]
    assert read_png_text(tmp_path / "way" / "loop-004.png") == {"model": "0001-vae", "through": said["through"], "frame": 4}
    assert Image.open(tmp_path / "way" / "loop.png").size == (9 * 68 + 4, 72)  # enlarged to 64 pixels, with gaps of 4
    with Image.open(tmp_path / "way" / "loop.gif") as moving:
        assert moving.n_frames == 9
        assert moving.info["loop"] == 0
    assert read_gif_text(tmp_path / "way" / "loop.gif")["through"] == said["through"]


def test_a_shorter_way_leaves_no_frame_of_a_longer_one(home, tmp_path):
    for frames in (9, 4):
        drawn(home, "loop", "003.png", "100.png", "--frames", frames, "--out", tmp_path)
    assert sorted(path.name for path in tmp_path.glob("loop-*.png")) == [f"loop-{row:03d}.png" for row in range(4)]


@pytest.mark.parametrize(
    "words",
    [
        ("generate",),
        ("morph", "003.png", "100.png"),
        ("walk",),
        ("loop",),
        ("grid",),
        ("encode", "003.png"),
    ],
)
def test_nothing_is_written_into_the_folder_of_the_set(home, words):
    verb, *pictures = words
    before = sorted(path.name for path in (home / "shapes").iterdir())
    told = run(verb, home / "shapes.atlas", *pictures, "--model", "0001-vae", "--out", home / "shapes", code=1)
    assert "holds 000.png, which is no picture by imatlas" in told
    assert sorted(path.name for path in (home / "shapes").iterdir()) == before


def test_a_walk_begins_at_the_picture_named_and_repeats_by_its_seed(home, tmp_path):
    words = ("--from", "003.png", "--steps", 20, "--seed", 4, "--out")
    one, again = (drawn(home, "walk", *words, tmp_path / name) for name in ("one", "again"))
    assert one["passed"] == again["passed"]
    assert len(one["passed"]) == 21
    assert one["frames"] == 41
    first, same = (np.asarray(Image.open(tmp_path / name / "walk-033.png")) for name in ("one", "again"))
    np.testing.assert_array_equal(first, same)
    assert len(drawn(home, "walk", "--steps", 3, "--out", tmp_path / "free")["passed"]) == 4


def test_a_grid_is_drawn_on_the_map_or_between_four_pictures(home, tmp_path):
    said = drawn(home, "grid", "--side", 6, "--out", tmp_path / "map")
    assert len(list((tmp_path / "map").glob("place-*.png"))) == said["drawn"] > 0
    note = read_png_text(next((tmp_path / "map").glob("place-*.png")))
    assert {"model", "seed", "map_place"} <= set(note)
    assert Image.open(tmp_path / "map" / "grid.png").mode == "RGB"
    said = drawn(home, "grid", "003.png", "100.png", "150.png", "200.png", "--side", 3, "--out", tmp_path / "four")
    assert said["drawn"] == 9
    drawn(home, "grid", "003.png", "100.png", "150.png", "200.png", "--side", 3, "--out", tmp_path / "map")
    assert [path.name for path in (tmp_path / "map").iterdir()] == ["grid.png"]


def test_own_pictures_are_encoded_fitted_and_compared(home, tmp_path):
    said = run("encode", home / "shapes.atlas", "003.png", home / "noise.png", "--model", "0001-vae", "--out", tmp_path / "one")
    assert "40 x 30 colour, was fitted like the images of the set" in said
    assert "like no image of the set" not in said
    assert "Whether any is off the manifold cannot be told: 24 images to compare with are too few." in " ".join(said.split())
    with np.load(tmp_path / "one" / "codes.npz") as stored:
        assert stored["codes"].shape[0] == len(stored["names"]) == 2
    assert Image.open(tmp_path / "one" / "00000-003.png").size == (2 * 68 + 4, 72)  # enlarged, with gaps
    (home / "shapes" / "broken.png").write_bytes(b"no picture")
    whole = drawn(home, "encode", home / "shapes", "--out", tmp_path / "many")
    assert (len(whole["pictures"]), len(whole["rejected"])) == (240, 1)
    assert {picture["off_manifold"] for picture in whole["pictures"]} == {None}
    assert "holds codes.npz" in run(
        "encode", home / "shapes.atlas", "003.png", "--out", tmp_path / "many", "--model", "0001-vae", code=1
    )


def test_morphs_are_scored_and_the_scores_kept_with_the_model(home):
    said = drawn(home, "morph", "--score", "--pairs", 30)
    assert set(said["scores"]) == {"geodesic", "straight", "samples", "reconstructions"}
    kept = json.loads((open_atlas(home / "shapes.atlas").model("0001-vae").folder / "path-scores.json").read_text())
    assert kept["scores"] == said["scores"]
    told = run("morph", home / "shapes.atlas", "--score", "--pairs", 30, "--model", "0001-vae")
    assert "group kept in random_convolutions (higher is better, real images" in told


def test_a_morph_from_a_picture_to_itself_says_that_nothing_moves(home, tmp_path):
    words = ("morph", home / "shapes.atlas", "003.png", "003.png", "--frames", 3, "--out", tmp_path, "--model", "0001-vae")
    assert "The two pictures are the same: nothing moves between them" in run(*words)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("morph", "ATLAS", "003.png", "003.png"), "A Flow draws from no code; train one with a code"),
        (("loop", "ATLAS", "003.png", "100.png"), "A Flow draws from no code"),
        (("walk", "ATLAS"), "A Flow draws from no code"),
        (("encode", "ATLAS", "003.png"), "A Flow draws from no code"),
        (("morph", "ATLAS", "--score"), "A Flow draws from no code"),
        (("grid", "ATLAS"), "not trained with map_place (it knows: no condition)"),
        (("loop", "ATLAS", "003.png", "--model", "0001-vae"), "A loop came with 1 picture; it needs 2 at least"),
        (("loop", "ATLAS", "nowhere.png", "--model", "0001-vae"), "The picture nowhere.png cannot be opened"),
        (("loop", "ATLAS", "3.png", "9.png", "--frames", "2", "--model", "none"), "has no model 'none'"),
    ],
)
def test_what_cannot_be_drawn_is_told_in_words(home, words, sentence):
    assert sentence in run(*(home / "shapes.atlas" if word == "ATLAS" else word for word in words), code=1)


@pytest.mark.parametrize(
    "words",
    [
        ("morph", "X"),
        ("morph", "X", "a.png"),
        ("morph", "X", "a.png", "b.png", "--score"),
        ("morph", "X", "a.png", "b.png", "--frames", "1"),
        ("walk", "X", "--steps", "0"),
        ("loop", "X", "--frames", "1"),
        ("grid", "X", "a.png", "b.png"),
        ("grid", "X", "--side", "1"),
        ("encode", "X"),
    ],
)
def test_misuse_is_told_before_anything_is_opened(words):
    run(*words, code=2)


def test_an_animation_of_others_is_never_overwritten(tmp_path):
    frames = np.zeros((2, SIDE, SIDE, 1), np.uint8)
    Image.fromarray(frames[0, :, :, 0]).save(tmp_path / "own.gif")
    with pytest.raises(InputError, match="is no animation that imatlas made; it was left as it is"):
        write_gif(tmp_path / "own.gif", frames, {})
    write_gif(tmp_path / "new.gif", frames, {"seed": 1})
    write_gif(tmp_path / "new.gif", frames, {"seed": 2})
    assert read_gif_text(tmp_path / "new.gif") == {"seed": 2}
