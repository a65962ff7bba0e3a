import json

import numpy as np
import pytest

from imatlas.checks import InputError
from imatlas.images import read_images
from imatlas.images.layouts import encode_labels


def names_of(images):
    return {name: None if label < 0 else images.class_names[label] for name, label in zip(images.ids, images.labels)}


def test_a_flat_folder_has_ids_and_no_labels(paint, tmp_path):
    for seed, name in enumerate(["b.png", "a.png", "with space.png", "new\nline.png", "große 写真.png"]):
        paint(name, seed)
    images = read_images(tmp_path)
    assert sorted(images.ids) == sorted(["a.png", "b.png", "new\nline.png", "with space.png", "große 写真.png"])
    assert images.labels is None
    assert images.pixels.shape == (5, 32, 32, 3)


def test_sub_folders_are_classes_whatever_wraps_them(paint, tmp_path):
    for seed, name in enumerate(["set/dog/a.png", "set/cat/deep/a.png", "set/cat/b.png"]):
        paint(name, seed)
    images = read_images(tmp_path)
    assert images.class_names == ("cat", "dog")
    assert names_of(images) == {"set/dog/a.png": "dog", "set/cat/deep/a.png": "cat", "set/cat/b.png": "cat"}


def test_one_sub_folder_makes_no_classes_and_one_per_image_neither(paint, tmp_path):
    paint("one/only/a.png", 0)
    paint("one/only/b.png", 1)
    for seed in range(4):
        paint(f"many/{seed}/a.png", seed)
    assert read_images(tmp_path / "one").labels is None
    many = read_images(tmp_path / "many")
    assert many.labels is None
    assert any("holds one image" in note for note in many.notes)


def test_train_and_test_folders_make_the_split_and_classes_lie_below(paint, tmp_path):
    for seed, name in enumerate(["train/x/1.png", "train/y/2.png", "test/x/3.png", "val/y/4.png"]):
        paint(name, seed)
    images = read_images(tmp_path)
    assert images.ids[images.held_out].tolist() == ["test/x/3.png", "val/y/4.png"]
    assert images.class_names == ("x", "y")
    assert images.labels.tolist() == [0, 0, 1, 1]


def test_folders_named_by_numbers_are_sorted_by_value():
    labels, class_names = encode_labels(["10", "9", None, "0"])
    assert class_names == ("0", "9", "10")
    assert labels.tolist() == [2, 1, -1, 0]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_metadata_gives_labels_and_gaps_stay_unlabeled(paint, tmp_path, kind):
    for seed in range(4):
        paint(f"images/{seed}.png", seed)
    rows = [("images/0.png", "cat"), ("images/1.png", "dog"), ("images/2.png", "")]
    if kind == "csv":
        text = "\ufefffile_name,label\n" + "".join(f"{name},{label}\n" for name, label in rows)
    else:
        text = "".join(json.dumps({"file_name": name, "class": label or None}) + "\n" for name, label in rows)
    (tmp_path / f"metadata.{kind}").write_text(text, encoding="utf-8")
    images = read_images(tmp_path)
    assert images.class_names == ("cat", "dog")
    assert images.labels.tolist() == [0, 1, -1, -1]
    assert any("2 of 4 images have no label" in note for note in images.notes)


def test_metadata_inside_split_folders_is_read_relative_to_them(paint, tmp_path):
    for part, seed in (("train", 0), ("test", 1)):
        paint(f"{part}/a.png", seed)
        (tmp_path / part / "metadata.csv").write_text(f"file_name,label\na.png,{part}ing\n")
    images = read_images(tmp_path)
    assert names_of(images) == {"test/a.png": "testing", "train/a.png": "training"}
    assert images.held_out.tolist() == [True, False]


def test_metadata_that_names_absent_files_is_told_and_listed(paint, tmp_path):
    paint("a.png", 0)
    paint("b.png", 1)
    (tmp_path / "metadata.csv").write_text("file_name,label\na.png,x\ngone.png,y\n")
    images = read_images(tmp_path)
    assert [one.path for one in images.rejected] == ["gone.png"]
    assert any("names 1 files that are not" in note for note in images.notes)
    assert images.class_names == ("x",)


def test_metadata_that_names_no_file_at_all_is_refused(paint, tmp_path):
    paint("a.png", 0)
    (tmp_path / "metadata.csv").write_text("file_name,label\nx/a.png,x\n")
    with pytest.raises(InputError, match="none of them is there"):
        read_images(tmp_path)


def test_metadata_that_contradicts_itself_is_refused(paint, tmp_path):
    paint("a.png", 0)
    (tmp_path / "metadata.csv").write_text("file_name,label\na.png,x\na.png,y\n")
    with pytest.raises(InputError, match="the label y, and before that x"):
        read_images(tmp_path)


def test_a_table_about_something_else_is_noted_and_not_used(paint, tmp_path):
    paint("a.png", 0)
    (tmp_path / "metadata.csv").write_text("author,year\nme,2020\n")
    images = read_images(tmp_path)
    assert images.labels is None
    assert any("author, year" in note for note in images.notes)


def test_a_broken_table_is_refused_in_words(paint, tmp_path):
    paint("a.png", 0)
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "a.png", "label": "x"\n')
    with pytest.raises(InputError, match=r"metadata\.jsonl cannot be read"):
        read_images(tmp_path)


def test_stylegan_labels_are_read_and_keep_their_numbers_as_names(paint, tmp_path):
    for seed in range(3):
        paint(f"00000/img{seed}.png", seed)
    labels = [["00000/img0.png", 7], ["00000/img1.png", 3], ["00000/img2.png", 7]]
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
    images = read_images(tmp_path)
    assert images.class_names == ("3", "7")
    assert images.labels.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"labels": [["00000/img0.png"]]}', "list of pairs"),
        ('{"labels": [["00000/img0.png", [0, 1]]]}', "one class name or whole number"),
        ('{"labels": [["00000/other.png", 1]]}', "none of them is there"),
        ("[", "cannot be read"),
    ],
)
def test_stylegan_labels_that_do_not_fit_are_refused(paint, tmp_path, content, told):
    paint("00000/img0.png", 0)
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(InputError, match=told):
        read_images(tmp_path)


def test_stylegan_file_without_labels_is_noted(paint, tmp_path):
    paint("img0.png", 0)
    (tmp_path / "dataset.json").write_text('{"labels": null}')
    images = read_images(tmp_path)
    assert images.labels is None
    assert any("holds no" in note for note in images.notes)


def test_a_class_whose_only_image_is_broken_is_no_class(paint, tmp_path):
    for seed, name in enumerate(["a/1.png", "a/2.png", "b/3.png"]):
        paint(name, seed)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "4.png").write_text("no picture")
    images = read_images(tmp_path)
    assert images.class_names == ("a", "b")
    assert images.labels.dtype == np.int64
