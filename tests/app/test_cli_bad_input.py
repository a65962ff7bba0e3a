"""What a user can get wrong on the command line: one sentence, the right exit code, nothing lost."""

import io
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image
from typer.testing import CliRunner

from imatlas.app.cli.console import Console, sentences
from imatlas.app.cli.main import app, main
from imatlas.checks import FailedRun
from imatlas.images import moving_shape
from imatlas.progress import Progress
from imatlas.training.stopping import Interrupted, stop_requests


class Terminal(io.StringIO):
    """Standard error of a terminal."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 2


def told(*words: object, code: int = 1) -> str:
    """Run the command line, expect it to fail in words, give the sentence."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert isinstance(result.exception, SystemExit), result.output
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return " ".join(result.output.split())


def write_pictures(folder, n: int, *, side: int = 8):
    """Write n pictures of a moving shape into a folder."""
    folder.mkdir(parents=True)
    for row, pixels in enumerate(moving_shape(n, side, seed=0)[0].pixels):
        Image.fromarray(pixels[:, :, 0]).save(folder / f"{row:03d}.png")
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Forty small pictures."""
    return write_pictures(tmp_path_factory.mktemp("set") / "pictures", 40)


@pytest.fixture(scope="module")
def mapped(pictures):
    """An atlas of them that has a map and no model."""
    folder = pictures.parent / "mapped.atlas"
    result = CliRunner().invoke(app, ["map", str(pictures), "--out", str(folder)])
    assert result.exit_code == 0, result.output
    return folder


@pytest.mark.parametrize(
    ("option", "wish", "sentence"),
    [
        ("--budget", "abc", "not a duration; write 90s, 10m or 1.5h"),
        ("--resolution", "30", "wanted a multiple of 4 from 8 to 64"),
        ("--ground", "nocolour", "is not a colour"),
        ("--features", "x", "choose auto or one of: encoder"),
        ("--generator", "x", "choose one of: latent_flow"),
        ("--conditions", "x", "choose all, none, or some of: class"),
        ("--conditions", ",,", "choose all, none, or some of: class"),
        ("--device", "tpu", "it has: cpu"),
    ],
)
def test_a_wrong_option_is_misuse_and_is_told_before_anything_is_read(option, wish, sentence):
    assert sentence in told("run", "a folder that is not there", option, wish, code=2)
    assert sentence in json.loads(told("run", "a folder that is not there", option, wish, "--json", code=2))["error"]


@pytest.mark.parametrize("words", [["run"], ["run", "x", "--count", "1"], ["evaluate"], ["nope"]])
def test_misuse_with_json_is_told_as_json(words, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["imatlas", *words, "--json"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert json.loads(capsys.readouterr().out)["error"]


@pytest.mark.parametrize("seeds", ["5-2", "", "1,x", "0-99999999"])
def test_wrong_seeds_are_misuse(mapped, seeds):
    assert "Seeds" in told("generate", mapped, "--seeds", seeds, code=2)


def test_seeds_that_run_backwards_are_offered_forwards(mapped):
    assert "a range that runs backwards, 5-2; write 2-5." in told("generate", mapped, "--seeds", "1,5-2", code=2)


@pytest.mark.parametrize("twofold", ["--count", "--seed"])
def test_seeds_named_in_two_ways_are_misuse(mapped, twofold):
    assert f"--seeds 4-6 came with {twofold};" in told("generate", mapped, "--seeds", "4-6", twofold, 5, code=2)


@pytest.mark.parametrize("words", [(), ("--real", "a"), ("--generated", "a"), ("x.atlas", "--real", "a", "--generated", "b")])
def test_evaluate_wants_an_atlas_or_two_sets(words):
    assert "Give an ATLAS, or both --real and --generated" in told("evaluate", *words, code=2)


@pytest.mark.parametrize(("verb", "n", "fewest"), [("map", 1, 10), ("map", 2, 10), ("run", 2, 20), ("run", 12, 20)])
def test_too_few_images_leave_no_atlas_behind(tmp_path, verb, n, fewest):
    assert f"needs {fewest} at least" in told(verb, write_pictures(tmp_path / "few", n), "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_images_that_are_all_the_same_leave_no_atlas_behind(tmp_path):
    (tmp_path / "same").mkdir()
    for row in range(30):
        Image.new("L", (8, 8), 9).save(tmp_path / "same" / f"{row}.png")
    assert "the same picture" in told("map", tmp_path / "same", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_place_that_holds_something_else_is_refused_before_reading(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    said = told("run", "a folder that is not there", "--out", tmp_path / "out")
    assert "thesis.tex" in said
    assert "Reading" not in said
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.tex"]


def test_a_place_below_a_file_is_told_in_words(pictures, tmp_path):
    (tmp_path / "file").write_text("")
    assert "Choose a writable place with --out" in told("map", pictures, "--out", tmp_path / "file" / "out")


def test_an_atlas_is_no_set_of_images(mapped):
    assert "is an atlas, not a set of images" in told("run", mapped)


def test_an_atlas_inside_a_set_of_images_is_not_read_as_part_of_it(tmp_path):
    """Run where the pictures are, the atlas lies among them; images generated into it must not be trained on later."""
    folder = write_pictures(tmp_path / "set", 20)
    CliRunner().invoke(app, ["map", str(folder), "--out", str(folder / "set.atlas")])
    Image.new("L", (8, 8)).save(folder / "set.atlas" / "generated.png")
    result = CliRunner().invoke(app, ["map", str(folder), "--out", str(folder / "set.atlas"), "--json"])
    assert json.loads(result.stdout)["images"] == 20


def test_the_same_source_read_in_another_way_is_told_from_other_images(mapped, pictures):
    said = told("map", pictures, "--seed", 1, "--out", mapped)
    assert "--seed they were read with, were others (its seed: 0). Give the options of then to go on" in said


def test_a_deleted_part_of_a_map_is_made_again_by_the_same_command(pictures, tmp_path):
    words = ["map", str(pictures), "--out", str(tmp_path / "a"), "--json"]
    CliRunner().invoke(app, words)
    (tmp_path / "a" / "features" / "rows.npy").unlink()
    assert "Run imatlas map again" in told("report", tmp_path / "a")
    assert CliRunner().invoke(app, words).exit_code == 0
    assert CliRunner().invoke(app, ["report", str(tmp_path / "a")]).exit_code == 0


def test_a_report_replaces_nothing_but_a_report(mapped, tmp_path):
    (tmp_path / "notes.html").write_text("my notes")
    assert "is there and is no report" in told("report", mapped, "--out", tmp_path / "notes.html")
    assert (tmp_path / "notes.html").read_text() == "my notes"


@pytest.mark.parametrize("verb", ["train", "generate", "report", "show"])
def test_a_folder_that_is_no_atlas_is_told_so(verb, pictures):
    assert "is not an atlas" in told(verb, pictures)


def test_a_model_that_is_not_there_is_told_with_the_way_to_one(mapped):
    assert "Run: imatlas train" in told("generate", mapped)


def test_a_terminal_that_does_not_know_its_width_shows_help_and_progress(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "0")
    monkeypatch.setattr(sys, "argv", ["imatlas", "--help"])
    with pytest.raises(SystemExit):
        main()
    assert "Learn the manifold" in capsys.readouterr().out
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(os, "get_terminal_size", lambda number: os.terminal_size((0, 0)))
    Console().report(Progress("map", 1, 10, 0.0, remaining=3.0))
    assert "3 s left" in sys.stderr.getvalue()


def test_json_holds_no_number_that_json_does_not_know(capsys):
    Console(as_json=True).give({"value": float("nan"), "ends": (1.0, float("inf"))})
    assert json.loads(capsys.readouterr().out) == {"value": None, "ends": [1.0, None]}


@pytest.mark.parametrize(
    ("error", "sentence", "code"),
    [
        (KeyboardInterrupt(), "Stopped by Ctrl-C.", 130),
        (KeyboardInterrupt("stopped at step 3 of 9"), "Stopped at step 3 of 9.", 130),
        (FailedRun("The loss became nan."), "The loss became nan.", 1),
        (MemoryError(), "not enough memory", 1),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "not enough memory", 1),
        (OSError(28, "No space left on device", "/x"), "/x: No space left on device", 1),
    ],
)
def test_what_can_happen_underway_ends_in_a_sentence(error, sentence, code, capsys):
    with pytest.raises(SystemExit) as stop, sentences(Console()):
        raise error
    assert stop.value.code == code
    assert sentence in capsys.readouterr().err


def in_training() -> None:
    """SIGTERM where training listens for it, and ends the step first."""
    with stop_requests():
        signal.raise_signal(signal.SIGTERM)
        raise Interrupted("stopped at step 3 of 9")


@pytest.mark.parametrize(
    ("stopped", "sentence"),
    [(lambda: signal.raise_signal(signal.SIGTERM), "Stopped by SIGTERM."), (in_training, "Stopped at step 3 of 9.")],
)
def test_sigterm_is_told_in_training_and_elsewhere(stopped, sentence, capsys):
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as stop, sentences(Console()):
        stopped()
    assert stop.value.code == 143
    assert sentence in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_programming_error_is_not_dressed_up():
    with pytest.raises(RuntimeError, match="shapes"), sentences(Console()):
        raise RuntimeError("shapes do not match")


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_ctrl_c_in_training_saves_and_the_same_command_goes_on(mapped):
    options = ["--generator", "vae", "--conditions", "map_place", "--steps"]
    words = [sys.executable, "-m", "imatlas.app.cli.main", "train", str(mapped), *options]
    training = subprocess.Popen([*words, "100000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    rows = mapped / "models" / "0001-vae" / "metrics.jsonl"
    until = time.monotonic() + 60
    while not rows.exists() and training.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    second = told("train", mapped, *options, "100000")
    training.send_signal(signal.SIGINT)
    _, err = training.communicate(timeout=60)
    assert "in use by another imatlas process" in second
    assert training.returncode == 130
    assert "Stopped at step" in err
    assert "the same command goes on" in err
    assert (rows.parent / "state.safetensors").is_file()
    for model in ((), ("--model", "0001-vae")):
        assert "0001-vae is not trained to its end. Give the command that began it once" in told("generate", mapped, *model)
