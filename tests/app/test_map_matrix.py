"""`imatlas map` on a feature matrix, as people use it: dense and sparse, reopened, and what can go wrong."""

import json
import os

import numpy as np
import pytest
from scipy import sparse
from typer.testing import CliRunner

from imatlas import MapWishes, map_rows
from imatlas.app.cli.main import app
from imatlas.checks import InputError
from imatlas.images import moving_shape, read_matrix
from imatlas.recipes import map_matrix
from imatlas.store import open_matrix_atlas


def command(*words: object) -> str:
    """Run the command line, expect success, give what it printed."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.stdout


def told(*words: object, code: int = 1) -> str:
    """Run the command line, expect it to fail in words, give the sentence."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert isinstance(result.exception, SystemExit), result.output
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return " ".join(result.output.split())


def groups(n: int, d: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows in three groups that overlap a little, and the group of each."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    return rng.normal(size=(n, d)) + 3 * np.eye(3, d)[labels], labels


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    """A file of 150 labelled rows, its atlas, and what `map --json` said."""
    home = tmp_path_factory.mktemp("matrix")
    rows, labels = groups(150)
    np.savez(home / "x.npz", X=rows, labels=labels, ids=np.array([f"item {row}" for row in range(150)]))
    return home / "x.npz", home / "x.atlas", json.loads(command("map", home / "x.npz", "--out", home / "x.atlas", "--json"))


def test_a_matrix_becomes_an_atlas_with_map_clusters_graph_and_report(mapped):
    _, atlas, said = mapped
    assert (said["rows"], said["columns"], said["sparse"], said["classes"]) == (150, 6, False, ["0", "1", "2"])
    assert (said["metric"], said["map"], said["neighbors"]) == ("euclidean", "neighbor_map", 15)
    assert np.load(atlas / "map" / "coordinates.npy").shape == (150, 2)
    assert np.load(atlas / "graph" / "indices.npy").shape == np.load(atlas / "graph" / "distances.npy").shape == (150, 15)
    assert np.load(atlas / "clusters" / "labels.npy").max() + 1 == said["clusters"]
    assert {"trustworthiness", "trustworthiness_error", "geodesic_rank_correlation"} <= set(said["trust"])
    page = (atlas / "report.html").read_text(encoding="utf-8")
    for part in ('id="map"', 'id="trust"', 'id="clusters"', "by label", "item 1", "Intrinsic dimension", "Outliers", "Hubs"):
        assert part in page
    assert 'src="http' not in page


def test_map_says_forecast_parts_recall_dimension_and_trust(tmp_path):
    np.save(tmp_path / "x.npy", groups(60)[0])
    said = " ".join(command("map", tmp_path / "x.npy", "--out", tmp_path / "a", "--map", "spectral-map").split())
    for words in (
        "60 rows of 6 numbers, dense, no labels",
        "Forecast for 60 x 6: exact neighbors",
        "15 each by euclidean distance, exact",
        "Connected parts all in one connected part",
        "Intrinsic dimension",
        "95 % interval",
        "trustworthiness",
        "what is near on the map is near among the features",
        "Outliers",
        "Near-duplicates 0 rows",
    ):
        assert words in said.replace("\u00a0", " ")


def test_the_same_command_again_keeps_the_map_and_other_wishes_make_it_anew(mapped, tmp_path):
    source, *_ = mapped
    words = ("map", source, "--out", tmp_path / "a", "--map", "spectral_map", "--clusters", "none", "--json")
    first = json.loads(command(*words))
    before = os.stat(tmp_path / "a" / "map" / "coordinates.npy").st_mtime_ns
    assert json.loads(command(*words)) == first
    assert os.stat(tmp_path / "a" / "map" / "coordinates.npy").st_mtime_ns == before
    again = json.loads(command(*words, "--neighbors", 7, "--components", 3))
    assert again["neighbors"] == 7
    assert np.load(tmp_path / "a" / "map" / "coordinates.npy").shape == (150, 3)
    assert "first two of 3 coordinates" in (tmp_path / "a" / "report.html").read_text(encoding="utf-8")


def test_a_deleted_part_is_made_again(mapped, tmp_path):
    source, *_ = mapped
    words = ("map", source, "--out", tmp_path / "a", "--map", "spectral_map", "--json")
    first = json.loads(command(*words))
    (tmp_path / "a" / "graph" / "indices.npy").unlink()
    assert json.loads(command(*words))["trust"] == first["trust"]
    assert (tmp_path / "a" / "graph" / "indices.npy").is_file()


def test_the_atlas_can_be_shown_and_its_report_written_elsewhere(mapped, tmp_path):
    _, atlas, said = mapped
    assert json.loads(command("show", atlas, "--json")) == {name: said[name] for name in said if name != "report"}
    command("report", atlas, "--out", tmp_path / "r.html")
    assert (tmp_path / "r.html").read_bytes() == (atlas / "report.html").read_bytes()


@pytest.mark.parametrize("verb", ["train", "generate", "evaluate"])
def test_nothing_can_be_drawn_from_a_matrix_and_that_is_said(mapped, verb):
    assert "is the atlas of a feature matrix, not of images" in told(verb, mapped[1])


def test_sparse_rows_are_mapped_by_cosine_and_in_parts(tmp_path):
    """Two sets of rows without a column in common have no neighbors across."""
    blocks = [sparse.random(40, 30, 0.3, random_state=seed) for seed in (0, 1)]
    sparse.save_npz(tmp_path / "x.npz", sparse.block_diag(blocks).tocsr())
    said = json.loads(command("map", tmp_path / "x.npz", "--out", tmp_path / "a", "--neighbors", 5, "--json"))
    assert (said["metric"], said["sparse"], said["part_sizes"]) == ("cosine", True, [40, 40])
    again = json.loads(
        command("map", tmp_path / "x.npz", "--out", tmp_path / "b", "--metric", "euclidean", "--clusters", "none", "--json")
    )
    assert (again["metric"], again["clusters"]) == ("euclidean", 0)


def test_python_gives_the_same_map_as_the_command_line(mapped):
    source, atlas, _ = mapped
    learned = map_rows(str(source))
    np.testing.assert_array_equal(learned.embedding.coordinates, np.load(atlas / "map" / "coordinates.npy"))
    assert learned.wishes.metric == "euclidean"
    assert learned.clusters.n_clusters == open_matrix_atlas(atlas).summary["survey"]["clusters"]


@pytest.mark.parametrize("n", [4, 5, 12])
def test_few_rows_have_fewer_neighbors_than_asked_for_and_that_is_said(n):
    learned = map_rows(groups(n)[0])
    assert learned.graph.n_neighbors == n - 1
    assert any("neighbors were asked for" in note for note in learned.notes)


@pytest.mark.parametrize("components", [1, 2, 5])
def test_a_map_of_any_number_of_coordinates_has_a_report(tmp_path, components):
    np.save(tmp_path / "x.npy", groups(40)[0])
    command("map", tmp_path / "x.npy", "--out", tmp_path / "a", "--components", components, "--clusters", "none")
    assert np.load(tmp_path / "a" / "map" / "coordinates.npy").shape == (40, components)


@pytest.mark.parametrize(
    ("option", "wish", "sentence"),
    [
        ("--metric", "manhattan", "There is no metric 'manhattan'; choose one of: euclidean"),
        ("--map", "umap", "There is no map 'umap'; choose one of: neighbor_map"),
        ("--clusters", "x", "There is no clustering 'x'; choose one of"),
        ("--neighbors", "1", "wanted 3 or more"),
        ("--components", "0", "wanted 1 or more"),
        ("--as", "graph", "choose one of: auto, images, matrix"),
    ],
)
def test_a_wrong_option_is_misuse(mapped, option, wish, sentence):
    assert sentence in told("map", mapped[0], option, wish, code=2)
    assert sentence in json.loads(told("map", mapped[0], option, wish, "--json", code=2))["error"]


def test_options_of_a_matrix_mean_nothing_for_images_and_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", images=moving_shape(20, 8)[0].pixels)
    assert "--metric, --map shapes the map of a feature matrix" in told(
        "map", tmp_path / "x.npz", "--metric", "cosine", "--map", "spectral_map", code=2
    )


def test_images_can_be_mapped_as_rows_on_demand(tmp_path):
    np.savez(tmp_path / "x.npz", images=moving_shape(40, 8)[0].pixels)
    said = json.loads(command("map", tmp_path / "x.npz", "--as", "matrix", "--out", tmp_path / "a", "--json"))
    assert (said["rows"], said["columns"]) == (40, 64)
    assert "is no npy or npz file" in told("map", tmp_path, "--as", "matrix", code=2)


def write(path, values):
    """Write values as npy, and give the path."""
    np.save(path, values)
    return path


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (np.full((20, 3), np.nan), "NaN or infinite values in 20 of 20 rows"),
        (np.zeros((20, 3)), "All 20 rows"),
        (np.ones((1, 3)), "has 1 row; a map needs 4 at least"),
        (np.array([["a", "b"]] * 9), "wanted real numbers"),
        (np.zeros(7), "wanted a matrix (n, d)"),
    ],
)
def test_a_matrix_that_cannot_be_mapped_leaves_no_map_behind(tmp_path, values, sentence):
    assert sentence in told("map", write(tmp_path / "x.npy", values), "--out", tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_truncated_file_is_told_in_words(tmp_path):
    content = write(tmp_path / "x.npy", groups(80)[0]).read_bytes()
    (tmp_path / "x.npy").write_bytes(content[:1000])
    assert "broken or cut short" in told("map", tmp_path / "x.npy", "--out", tmp_path / "a")


def test_a_folder_of_something_else_or_of_other_rows_is_refused(mapped, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "thesis.tex").write_text("years of work")
    assert "thesis.tex" in told("map", mapped[0], "--out", tmp_path / "a")
    other = write(tmp_path / "x.npy", groups(30, seed=5)[0])
    assert "is an atlas of other rows" in told("map", other, "--out", mapped[1])
    assert "Go on with it: imatlas show" in told("map", mapped[1])


def test_a_full_disk_leaves_the_earlier_map_whole(tmp_path):
    """A file-size limit makes writes fail as a full disk does."""
    resource = pytest.importorskip("resource")
    matrix = read_matrix(groups(60)[0])
    wishes = MapWishes(embedding="spectral_map", clustering="none")
    atlas = map_matrix(matrix, tmp_path / "a", wishes)
    before = atlas.array("map/coordinates")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
    try:
        with pytest.raises(InputError, match="Free some space"):
            map_matrix(matrix, tmp_path / "a", MapWishes(embedding="spectral_map", clustering="none", seed=1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    np.testing.assert_array_equal(open_matrix_atlas(tmp_path / "a").array("map/coordinates"), before)
