import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from imatlas.checks import InputError
from imatlas.files import locked
from imatlas.store import create_atlas, header, open_atlas
from imatlas.store.manifold_files import open_array
from imatlas.store.packed import read_packed, write_packed
from imatlas.values import Clusters, Dimension, Embedding, Features, Geodesics, ImageSet, KnnGraph, Manifold, Score

SCORE = Score("frechet_distance", "pixels", 2.5, (2.0, 3.0), 0.1, "lower", 40, "quality", {"shares": [0.5, 0.5]})


def make_images(n=12, seed=0, source="toys"):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (n, 6, 5, 3), dtype=np.uint8)
    held_out = np.arange(n) % 4 == 0
    return ImageSet(pixels, np.array([f"f/{i}.png" for i in range(n)]), held_out=held_out, source=source)


def make_manifold(rows, seed=0, d=4):
    rng = np.random.default_rng(seed)
    n = len(rows)
    graph = KnnGraph(np.stack([(np.arange(n) + 1) % n, (np.arange(n) + 2) % n], 1), np.tile([1.0, 2.0], (n, 1)))
    labels = np.arange(n) % 2
    return Manifold(
        rows=rows,
        features=Features(rng.normal(size=(n, d)), "pixels", {"d": d}),
        graph=graph,
        geodesics=Geodesics(np.array([0]), np.array([[0.0] + [np.inf] * (n - 1)], dtype=np.float32)),
        embedding=Embedding(rng.normal(size=(n, 2)), "SpectralMap", {"trustworthiness": np.float32(0.9)}),
        clusters=Clusters(labels, labels[:, None], np.ones(n, np.float32), rng.normal(size=(2, d)), "SpectralClusters"),
        dimension=Dimension(3.5, (3.0, 4.0), {"mle": 3.5}, np.full(n, 3.5, np.float32)),
        density=np.zeros(n, np.float32),
    )


@pytest.fixture
def atlas(tmp_path):
    return create_atlas(tmp_path / "toy.atlas", make_images(), {"seed": 3})


def test_an_atlas_gives_back_the_images_it_was_made_of(atlas):
    images, again = make_images(), open_atlas(atlas.folder)
    np.testing.assert_array_equal(again.images.pixels, images.pixels)
    np.testing.assert_array_equal(again.images.ids, images.ids)
    np.testing.assert_array_equal(again.images.held_out, images.held_out)
    assert again.settings == {"seed": 3}
    assert again.default_model is None


def test_a_manifold_survives_the_disk_bit_for_bit(atlas):
    manifold, places = make_manifold(atlas.images.training_rows), np.random.default_rng(1).normal(size=(12, 2))
    atlas.save_manifold(manifold, places)
    again = open_atlas(atlas.folder)
    assert again.has_manifold
    for part in ("rows", "density"):
        np.testing.assert_array_equal(getattr(again.manifold, part), getattr(manifold, part))
    np.testing.assert_array_equal(again.manifold.features.rows, manifold.features.rows)
    np.testing.assert_array_equal(again.manifold.graph.indices, manifold.graph.indices)
    np.testing.assert_array_equal(again.manifold.geodesics.distances, manifold.geodesics.distances)
    np.testing.assert_array_equal(again.manifold.clusters.levels, manifold.clusters.levels)
    np.testing.assert_array_equal(again.places, places.astype(np.float32))
    assert again.manifold.embedding.method == "SpectralMap"
    assert again.manifold.dimension.interval == (3.0, 4.0)
    assert again.manifold.graph.bridges.shape == (0, 2)


def test_large_arrays_are_opened_as_memory_maps_and_cannot_be_changed(tmp_path):
    np.save(tmp_path / "large.npy", np.zeros((1 << 19, 1), np.float32))
    rows = open_array(tmp_path / "large.npy")
    assert isinstance(rows, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        rows[0] = 1


def test_places_must_cover_held_out_images_too(atlas):
    manifold = make_manifold(atlas.images.training_rows)
    with pytest.raises(ValueError, match="held-out ones included"):
        atlas.save_manifold(manifold, manifold.embedding.coordinates)


def test_a_full_disk_leaves_the_old_manifold_whole(atlas):
    """A file-size limit makes writes fail as a full disk does, after the first small files went well."""
    resource = pytest.importorskip("resource")
    old = make_manifold(atlas.images.training_rows)
    atlas.save_manifold(old, np.zeros((12, 2)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(InputError, match="Free some space"):
            atlas.save_manifold(make_manifold(atlas.images.training_rows, seed=9, d=4000), np.ones((12, 2)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    again = open_atlas(atlas.folder)
    np.testing.assert_array_equal(again.manifold.features.rows, old.features.rows)
    assert again.places.sum() == 0
    assert not (atlas.folder / ".staging").exists()


def test_a_missing_array_is_reported_in_words(atlas):
    atlas.save_manifold(make_manifold(atlas.images.training_rows), np.zeros((12, 2)))
    (atlas.folder / "graph/indices.npy").unlink()
    with pytest.raises(InputError, match="Run imatlas map again"):
        _ = open_atlas(atlas.folder).manifold


def test_an_atlas_without_a_map_says_how_to_get_one(atlas):
    with pytest.raises(InputError, match="Run: imatlas map"):
        _ = atlas.manifold
    with pytest.raises(InputError, match="Run: imatlas map"):
        _ = atlas.places


def test_pickled_arrays_are_refused(tmp_path):
    np.save(tmp_path / "evil.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="Could not read"):
        open_array(tmp_path / "evil.npy")


def test_the_same_images_continue_an_atlas_and_keep_its_steps(atlas):
    atlas.mark("features", "abc", 1.5)
    again = create_atlas(atlas.folder, make_images(), {"budget": "10m"})
    assert again.is_fresh("features", "abc")
    assert again.settings == {"seed": 3, "budget": "10m"}
    assert again.seconds["features"] == 1.5


def test_a_step_with_other_inputs_is_not_fresh(atlas):
    assert not atlas.is_fresh("features", "abc")
    atlas.mark("features", "abc", 1.0)
    assert not atlas.is_fresh("features", "abd")


def test_other_images_are_refused(atlas):
    with pytest.raises(InputError, match=r"atlas of other images \(toys\)"):
        create_atlas(atlas.folder, make_images(seed=1, source="others"), {})
    moved = make_images()
    moved.held_out[1] = True
    with pytest.raises(InputError, match="was made from toys when its images, or the --resolution, --ground or --seed"):
        create_atlas(atlas.folder, moved, {})


def test_a_folder_with_something_else_is_refused_and_untouched(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match=r"thesis\.tex"):
        create_atlas(tmp_path, make_images(), {})
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_empty_folder_is_fine_and_a_file_is_not(tmp_path):
    (tmp_path / "empty").mkdir()
    assert len(create_atlas(tmp_path / "empty", make_images(), {}).images) == 12
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        create_atlas(tmp_path / "file", make_images(), {})
    with pytest.raises(InputError, match="Could not make the folder"):
        create_atlas(tmp_path / "file" / "below", make_images(), {})


def test_opening_what_is_no_atlas_says_so(tmp_path):
    with pytest.raises(InputError, match="is not an atlas"):
        open_atlas(tmp_path)
    (tmp_path / "atlas.json").write_text('{"kind": "a road atlas", "format": 1}')
    with pytest.raises(InputError, match="was not written by imatlas"):
        open_atlas(tmp_path)
    (tmp_path / "atlas.json").write_text('{"kind": ')
    with pytest.raises(InputError, match="JSON"):
        open_atlas(tmp_path)


def test_a_start_that_was_broken_off_is_named_and_then_continued(atlas):
    with header.changed_header(atlas.folder) as head:
        del head["steps"]["images"]
    with pytest.raises(InputError, match="broken off"):
        open_atlas(atlas.folder)
    create_atlas(atlas.folder, make_images(), {})
    assert len(open_atlas(atlas.folder).images) == 12


def test_a_newer_format_is_refused_and_an_older_one_migrated(atlas, monkeypatch):
    monkeypatch.setattr(header, "FORMAT", 2)
    with pytest.raises(InputError, match="no longer reads"):
        open_atlas(atlas.folder)
    monkeypatch.setitem(header.MIGRATIONS, 1, lambda head, folder: {**head, "settings": {"seed": 99}})
    assert open_atlas(atlas.folder).settings == {"seed": 99}
    atlas.mark("map", "k", 1.0)
    assert json.loads((atlas.folder / "atlas.json").read_text())["format"] == 2
    monkeypatch.setattr(header, "FORMAT", 1)
    with pytest.raises(InputError, match="Update imatlas"):
        open_atlas(atlas.folder)


def test_marks_made_at_the_same_time_are_all_kept(atlas):
    threads = [threading.Thread(target=atlas.mark, args=(f"step{i}", "k", i)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {f"step{i}" for i in range(8)} <= set(atlas.seconds)


def test_a_person_can_exclude_images(atlas):
    before = atlas.images_hash
    (atlas.folder / "edits.json").write_text(json.dumps({"excluded": ["f/1.png", "gone.png"]}))
    again = open_atlas(atlas.folder)
    assert np.flatnonzero(again.images.excluded).tolist() == [1]
    assert 1 not in again.images.training_rows
    assert "1 images that are not in this atlas" in again.images.notes[-1]
    assert again.images_hash != before


def test_packed_estimators_come_back_with_kinds_shapes_and_settings(atlas):
    arrays = {
        "rows": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
        "mask": np.array([True, False]),
        "one": np.int64(7),
        "none": np.zeros((0, 2)),
        "swapped": np.array([1.0, 2.0], dtype=">f8"),
    }
    atlas.save_packed("map", {"name": "SpectralMap", "k": np.int64(5), "half": np.float32(0.5)}, arrays)
    settings, again = atlas.load_packed("map")
    assert settings == {"name": "SpectralMap", "k": 5, "half": 0.5}
    assert set(again) == set(arrays)
    for name, values in arrays.items():
        np.testing.assert_array_equal(again[name], values)
        assert again[name].shape == np.shape(values)
    assert atlas.has_packed("map")
    assert not atlas.has_packed("clusters")


def test_text_arrays_and_odd_settings_are_refused(tmp_path):
    with pytest.raises(TypeError, match="Put text into the settings"):
        write_packed(tmp_path / "x", {}, {"names": np.array(["a"])})
    with pytest.raises(TypeError, match="wanted JSON values"):
        write_packed(tmp_path / "x", {"f": print}, {})


def test_damaged_weights_are_reported_in_words(tmp_path):
    write_packed(tmp_path / "w", {}, {"rows": np.zeros(100)})
    (tmp_path / "w").write_bytes((tmp_path / "w").read_bytes()[:-10])
    with pytest.raises(InputError, match="Could not read"):
        read_packed(tmp_path / "w")


def test_model_folders_are_numbered_and_the_newest_trained_one_is_default(atlas):
    first, second, third = (atlas.new_model(kind) for kind in ("vae", "flow", "flow"))
    assert atlas.models == ("0001-vae", "0002-flow", "0003-flow")
    for model in (first, second):
        model.write_config({"seed": 1})
        model.save_weights({"w": np.eye(2, dtype=np.float32)})
    assert not third.is_trained
    assert atlas.default_model == "0002-flow"
    atlas.choose_default("0001-vae")
    assert open_atlas(atlas.folder).default_model == "0001-vae"
    np.testing.assert_array_equal(atlas.model("0001-vae").load_weights()["w"], np.eye(2))
    with pytest.raises(InputError, match="0001-vae, 0002-flow"):
        atlas.model("../../etc")


def test_a_torch_state_dict_is_kept_as_it_is(atlas):
    torch = pytest.importorskip("torch")
    layer = torch.nn.Linear(3, 2)
    model = atlas.new_model("vae")
    model.save_weights(layer.state_dict())
    np.testing.assert_array_equal(model.load_weights()["weight"], layer.weight.detach().numpy())


def test_metrics_cut_off_by_a_crash_lose_only_the_cut_row(atlas):
    model = atlas.new_model("flow")
    assert model.metrics == []
    model.metrics_path.write_text('{"step": 1}\n{"step": 2}\n{"step": 3, "lo')
    assert [row["step"] for row in model.metrics] == [1, 2]


def test_scores_come_back_as_they_were(atlas):
    model = atlas.new_model("flow")
    model.save_scores([SCORE], {"real half against real half": [SCORE]})
    assert atlas.scores == {"0001-flow": (SCORE,)}
    assert model.references == {"real half against real half": (SCORE,)}


def test_the_model_card_tells_images_scores_and_settings(atlas):
    model = atlas.new_model("flow")
    model.write_config({"kind": "flow", "seed": 5})
    model.save_scores([SCORE])
    model.write_card(atlas.images)
    text = (model.folder / "README.md").read_text()
    assert "9 images, 5 x 6 colour" in text
    assert "| frechet distance | pixels | 2.5 | 2 to 3 | 0.1 | lower |" in text
    assert "Seed: 5" in text


def test_a_held_model_folder_refuses_a_second_process_and_a_dead_one_holds_nothing(atlas):
    model = atlas.new_model("flow")
    code = (
        "import sys; from imatlas.files import locked\n"
        "with locked(sys.argv[1]): print('held', flush=True); sys.stdin.readline()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, os.fspath(model.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout.readline().strip() == b"held"
    with pytest.raises(InputError, match="in use"), model.held():
        pass
    child.kill()
    child.communicate()
    with model.held():
        pass


def test_a_lock_held_for_long_is_reported_not_waited_for_forever(atlas, monkeypatch):
    monkeypatch.setattr(header, "_PATIENCE", 0.05)
    with locked(atlas.folder), pytest.raises(InputError, match="in use"):
        atlas.mark("map", "k", 1.0)


def test_a_map_whose_parts_do_not_fit_is_told_in_words(atlas):
    atlas.save_manifold(make_manifold(atlas.images.training_rows), np.zeros((12, 2)))
    np.save(atlas.folder / "map" / "rows.npy", np.arange(3))
    with pytest.raises(InputError, match=r"The map in .* is damaged .*Make it again"):
        _ = open_atlas(atlas.folder).manifold


def test_a_header_that_lacks_its_steps_is_told_in_words(atlas):
    header = json.loads((atlas.folder / "atlas.json").read_text())
    del header["steps"]
    (atlas.folder / "atlas.json").write_text(json.dumps(header))
    with pytest.raises(InputError, match="damaged: it lacks steps"):
        open_atlas(atlas.folder)


def test_an_image_cache_that_was_deleted_is_written_again(atlas):
    (atlas.folder / "images" / "pixels.npy").unlink()
    again = create_atlas(atlas.folder, make_images(), {})
    assert np.array_equal(again.images.pixels, make_images().pixels)
