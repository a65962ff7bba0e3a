"""`imatlas map ATLAS --add MORE`: new images and rows on a finished map, on which nothing moves."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import sparse
from typer.testing import CliRunner

from imatlas import open_atlas
from imatlas.app.cli.main import app
from imatlas.images import moving_shape
from imatlas.store import list_batches

SIDE = 12


def command(*words: object) -> str:
    """Run the command line, expect success, give what it printed."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def told(*words: object, code: int = 1) -> str:
    """Run the command line, expect it to fail in words, give the sentence."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert isinstance(result.exception, SystemExit), result.output
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return " ".join(result.output.split())


def contents(folder: Path) -> dict[str, bytes]:
    """Give the bytes of every file of an atlas but its report and additions."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in ("report.html", ".lock")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if "added" not in path.relative_to(folder).parts}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A file of 60 pictures of a moving shape, and their atlas."""
    home = tmp_path_factory.mktemp("made")
    np.savez(home / "x.npz", images=moving_shape(60, SIDE, seed=0)[0].pixels)
    command("map", home / "x.npz", "--features", "pixels", "--out", home / "x.atlas")
    return home


@pytest.fixture
def atlas(made, tmp_path):
    """A copy of that atlas, to be changed."""
    shutil.copytree(made / "x.atlas", tmp_path / "x.atlas")
    return tmp_path / "x.atlas"


@pytest.fixture
def more(tmp_path):
    """A folder of six other pictures, one of them twice, one that is in the atlas already, and one that is broken."""
    folder = tmp_path / "more"
    folder.mkdir()
    new, old = moving_shape(6, SIDE, seed=9)[0].pixels, moving_shape(60, SIDE, seed=0)[0].pixels
    for name, pixels in [*((f"{row}", pixels) for row, pixels in enumerate(new)), ("again", new[0]), ("old", old[17])]:
        Image.fromarray(pixels[:, :, 0]).save(folder / f"{name}.png")
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


def test_images_are_added_and_not_a_byte_of_the_atlas_changes(atlas, more):
    before = contents(atlas)
    said = command("map", atlas, "--add", more)
    assert "6 images placed on the map; nothing on it moved, 2 images were there already." in said
    assert "left out: 'broken.png'" in said
    assert contents(atlas) == before
    [batch] = open_atlas(atlas).added
    assert batch.places.shape == (6, 2)
    assert np.isfinite(batch.places).all()
    assert (batch.clusters >= 0).all()
    assert batch.items.held_out.all(), "nothing is ever fitted to them"
    page = (atlas / "report.html").read_text(encoding="utf-8")
    assert "6 images added later" in page


def test_a_copy_of_a_fitted_image_would_lie_on_its_place(atlas):
    """What is added goes through the fitted features and map: a training image comes to its own place and cluster."""
    from imatlas.recipes import place_images

    opened = open_atlas(atlas)
    rows = opened.manifold.rows[:5]
    places, clusters = place_images(opened, opened.images.take(rows))
    np.testing.assert_array_equal(places, opened.places[rows])
    np.testing.assert_array_equal(clusters, opened.manifold.clusters.labels[:5])


def test_adding_the_same_again_adds_nothing_and_adding_more_makes_a_second_batch(atlas, more):
    command("map", atlas, "--add", more)
    assert "Nothing new: 8 images were there already." in command("map", atlas, "--add", more)
    Image.fromarray(moving_shape(1, SIDE, seed=77)[0].pixels[0, :, :, 0]).save(more / "0.png")
    assert "1 image placed" in command("map", atlas, "--add", more / "0.png")
    batches = open_atlas(atlas).added
    assert [len(batch) for batch in batches] == [6, 1]
    ids = np.concatenate([open_atlas(atlas).images.ids, *(batch.items.ids for batch in batches)])
    assert len(set(ids.tolist())) == len(ids), "another picture under a name that is taken gets a name of its own"
    assert json.loads(CliRunner().invoke(app, ["show", str(atlas), "--json"]).stdout)["added"] == 7


def test_training_knows_nothing_of_what_was_added(atlas, more):
    """The model's key, its images and its conditions are those of the atlas without the additions."""
    words = ("train", atlas, "--generator", "vae", "--steps", 5)
    command(*words)
    before = contents(atlas)
    command("map", atlas, "--add", more)
    hash_before = open_atlas(atlas).images_hash
    command(*words)
    assert open_atlas(atlas).models == ("0001-vae",)
    changed = {name for name, content in contents(atlas).items() if before.get(name) != content}
    assert changed <= {"atlas.json"}
    assert open_atlas(atlas).images_hash == hash_before
    name = str(open_atlas(atlas).added[0].items.ids[0])
    command("morph", atlas, name, open_atlas(atlas).images.ids[0], "--frames", 3, "--out", more.parent / "way")
    assert len(list((more.parent / "way").glob("geodesic-*.png"))) == 3


def test_a_map_that_is_made_anew_takes_its_additions_along(made, atlas, more):
    command("map", atlas, "--add", more)
    [first] = open_atlas(atlas).added
    command("map", made / "x.npz", "--features", "principal_components", "--out", atlas)
    [second] = open_atlas(atlas).added
    assert second.map_key != first.map_key
    assert not np.array_equal(first.places, second.places)


def test_other_sizes_and_colours_are_brought_to_those_of_the_atlas(atlas, tmp_path):
    np.savez(tmp_path / "y.npz", images=np.random.default_rng(0).integers(0, 256, (3, 40, 20, 3), dtype=np.uint8))
    said = command("map", atlas, "--add", tmp_path / "y.npz")
    assert "the centre square was kept" in said
    assert open_atlas(atlas).added[0].items.shape == (SIDE, SIDE, 1)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty", None, "holds no image files"),
        ("gone", "", "There is no file or folder"),
        ("x.txt", "words", "is not a kind of source that can be read"),
    ],
)
def test_nothing_usable_to_add_is_told_and_changes_nothing(atlas, tmp_path, name, content, sentence):
    if content is None:
        (tmp_path / name).mkdir()
    elif content:
        (tmp_path / name).write_text(content)
    before = contents(atlas)
    assert sentence in told("map", atlas, "--add", tmp_path / name)
    assert contents(atlas) == before


def test_misuse_of_add_is_told(atlas, more, tmp_path):
    assert "leave --out away" in told("map", atlas, "--add", more, "--out", tmp_path / "z", code=2)
    assert "--metric shapes the map" in told("map", atlas, "--add", more, "--metric", "cosine", code=2)
    assert "is an atlas, not a set of images" in told("map", atlas, "--add", atlas)
    assert "is not an atlas" in told("map", more, "--add", more)


@pytest.mark.parametrize("is_sparse", [False, True])
def test_rows_are_added_to_the_map_of_a_matrix(tmp_path, is_sparse):
    table = sparse.random(90, 20, 0.4, random_state=0).tocsr()
    parts = {"x": table[:70], "more": table[60:]}
    for name, part in parts.items():
        if is_sparse:
            sparse.save_npz(tmp_path / f"{name}.npz", part)
        else:
            np.savez(tmp_path / f"{name}.npz", X=part.toarray())
    words = ("--map", "spectral_map", "--out", tmp_path / "a")
    command("map", tmp_path / "x.npz", *words)
    before = contents(tmp_path / "a")
    said = command("map", tmp_path / "a", "--add", tmp_path / "more.npz")
    assert "20 rows placed on the map; nothing on it moved, 10 rows were there already." in said
    assert contents(tmp_path / "a") == before
    assert "Nothing new: 30 rows" in command("map", tmp_path / "a", "--add", tmp_path / "more.npz")
    [batch] = list_batches(tmp_path / "a")
    assert batch.items.is_sparse is is_sparse
    assert "20 rows added later" in (tmp_path / "a" / "report.html").read_text(encoding="utf-8")
    command("map", tmp_path / "x.npz", *words, "--neighbors", 6)
    assert list_batches(tmp_path / "a")[0].map_key != batch.map_key


@pytest.mark.parametrize("clustering", ["density_clusters", "balanced_clusters", "spectral_clusters"])
def test_rows_may_come_sparse_to_a_dense_map_and_dense_to_a_sparse_one(tmp_path, clustering):
    """The three rows that are there already are known in either form."""
    table = sparse.random(70, 20, 0.4, random_state=0).tocsr()
    sparse.save_npz(tmp_path / "sparse.npz", table)
    np.savez(tmp_path / "dense.npz", X=table.toarray())
    more = sparse.vstack([table[:3], sparse.random(4, 20, 0.4, random_state=1)]).tocsr()
    sparse.save_npz(tmp_path / "more_sparse.npz", more)
    np.savez(tmp_path / "more_dense.npz", X=more.toarray())
    for one, other in (("sparse", "dense"), ("dense", "sparse")):
        place = tmp_path / one
        command("map", tmp_path / f"{one}.npz", "--map", "spectral_map", "--clusters", clustering, "--out", place)
        said = command("map", place, "--add", tmp_path / f"more_{other}.npz")
        assert "4 rows placed on the map; nothing on it moved, 3 rows were there already." in said


def test_a_map_whose_remaking_failed_still_takes_rows(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(30, 4)))
    np.save(tmp_path / "y.npy", np.random.default_rng(1).normal(size=(3, 4)))
    words = ("map", tmp_path / "x.npy", "--clusters", "none", "--out", tmp_path / "a")
    command(*words, "--map", "spectral_map")
    assert "Raise n_neighbors" in told(*words, "--map", "tangent_alignment", "--neighbors", 5, "--components", 5)
    assert "3 rows placed on the map" in command("map", tmp_path / "a", "--add", tmp_path / "y.npy")


def test_rows_of_another_width_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(30, 4)))
    np.save(tmp_path / "y.npy", np.ones((3, 5)))
    command("map", tmp_path / "x.npy", "--map", "spectral_map", "--clusters", "none", "--out", tmp_path / "a")
    assert "has 5 columns, the rows on the map 4" in told("map", tmp_path / "a", "--add", tmp_path / "y.npy")
    np.save(tmp_path / "y.npy", np.full((3, 4), np.nan))
    assert "NaN or infinite values in 3 of 3 rows" in told("map", tmp_path / "a", "--add", tmp_path / "y.npy")
