import gzip
import struct

import numpy as np
import pytest
from PIL import Image

from imatlas.checks import InputError
from imatlas.images import digits, read_images


def stack(n, side=28, channels=None, seed=0):
    """Give n pictures of random blocks, uint8, none a copy of another."""
    small = np.random.default_rng(seed).integers(0, 256, (n, side // 4, side // 4, channels or 1), dtype=np.uint8)
    large = small.repeat(4, axis=1).repeat(4, axis=2)
    return large if channels else large[..., 0]


def write_idx(path, array, cut=0):
    content = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    content = content[: len(content) - cut]
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_an_idx_folder_gives_train_and_held_out_test_rows(tmp_path, ending):
    images, labels = stack(30), np.arange(30, dtype=np.uint8) % 10
    for part, rows in (("train", slice(0, 20)), ("t10k", slice(20, 30))):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte{ending}", images[rows])
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte{ending}", labels[rows])
    read = read_images(tmp_path)
    assert np.array_equal(read.pixels[..., 0], images)
    assert np.array_equal(read.labels, labels)
    assert read.held_out.tolist() == [False] * 20 + [True] * 10
    assert len(set(read.ids)) == 30


def test_one_idx_file_finds_its_labels_beside_it(tmp_path):
    write_idx(tmp_path / "train-images.idx3-ubyte", stack(12))
    write_idx(tmp_path / "train-labels.idx1-ubyte.gz", np.arange(12, dtype=np.uint8))
    images = read_images(tmp_path / "train-images.idx3-ubyte")
    assert images.labels.tolist() == list(range(12))
    write_idx(tmp_path / "more.gz", stack(12))
    alone = read_images(tmp_path / "more.gz")
    assert alone.labels is None
    assert any("No labels file" in note for note in alone.notes)
    with pytest.raises(InputError, match="give the images file"):
        read_images(tmp_path / "train-labels.idx1-ubyte.gz")


def test_idx_files_that_lie_about_their_size_are_refused(tmp_path):
    path = tmp_path / "train-images-idx3-ubyte"
    write_idx(path, stack(12), cut=50)
    with pytest.raises(InputError, match="It is cut short"):
        read_images(path)
    path.write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">3I", 4_000_000_000, 4_000_000, 4_000) + b"xxxx")
    with pytest.raises(InputError, match="more than the file can hold"):
        read_images(path)
    zipped = tmp_path / "a-idx3-ubyte.gz"
    write_idx(zipped, stack(50))
    zipped.write_bytes(zipped.read_bytes()[:-100])
    with pytest.raises(InputError, match="cut short"):
        read_images(zipped)
    zipped.write_bytes(gzip.compress(b"some text"))
    with pytest.raises(InputError, match="not an idx file"):
        read_images(zipped)


def test_idx_labels_of_another_set_are_refused(tmp_path):
    write_idx(tmp_path / "train-images-idx3-ubyte", stack(12))
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.zeros(11, dtype=np.uint8))
    with pytest.raises(InputError, match="They belong to different sets"):
        read_images(tmp_path)


def test_npz_of_one_part_and_of_two(tmp_path):
    colour = stack(24, 32, 3)
    labels = np.arange(24) % 3
    np.savez(tmp_path / "one.npz", images=colour, labels=labels)
    one = read_images(tmp_path / "one.npz")
    assert np.array_equal(one.pixels, colour)
    assert one.class_names == ("0", "1", "2")
    assert one.held_out.sum() == 2
    names = np.array(["red", "green", "blue"])
    parts = {"x_train": colour[:20], "y_train": labels[:20, None], "x_test": colour[20:], "y_test": labels[20:]}
    np.savez(tmp_path / "two.npz", **parts, class_names=names)
    two = read_images(tmp_path / "two.npz")
    assert two.held_out.sum() == 4
    assert two.held_out[20:].all()
    assert two.class_names == ("red", "green", "blue")
    assert np.array_equal(two.labels, labels)


def test_an_npz_without_names_gives_images_and_labels_in_turn(tmp_path):
    colour, labels = stack(6), np.arange(6) % 2
    np.savez(tmp_path / "named.npz", images=colour, labels=labels)
    np.savez(tmp_path / "unnamed.npz", colour, labels)
    named, unnamed = (read_images(tmp_path / f"{name}.npz") for name in ("named", "unnamed"))
    np.testing.assert_array_equal(unnamed.pixels, named.pixels)
    np.testing.assert_array_equal(unnamed.labels, named.labels)
    np.savez(tmp_path / "alone.npz", colour)
    assert read_images(tmp_path / "alone.npz").labels is None


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"images": stack(5), "labels": np.zeros(4, dtype=int)}, "give one label per image"),
        ({"images": stack(5), "labels": np.eye(5)}, "give one label per image"),
        ({"images": stack(5), "labels": np.full(5, 0.5)}, "not whole numbers"),
        ({"images": stack(5), "labels": np.full(5, np.nan)}, "not whole numbers"),
        ({"images": stack(5), "labels": np.full(5, -3)}, "go down to -3"),
        ({"images": stack(5), "labels": np.arange(5), "class_names": np.array(["a"])}, "there are 1 class names"),
        (
            {"images": stack(5), "labels": np.array(list("abcde")), "class_names": np.array(["a"])},
            "not among class_names",
        ),
        ({"pictures": stack(5)}, "has the keys pictures; wanted images and labels"),
        ({"images": np.array([{}, []], dtype=object)}, "never unpickled"),
        ({"images": stack(5), "labels": np.array([{}] * 5, dtype=object)}, "never unpickled"),
        ({"images": stack(5).reshape(5, -1)}, "wanted images"),
        ({"images": stack(5)[:0]}, "no images"),
        ({"images": stack(5)[:, :4, :4]}, "at least 8"),
        ({"images": np.full((5, 8, 8), np.nan)}, "without NaN"),
        ({"images": np.full((5, 8, 8), "a")}, "wanted numbers"),
        ({"x_train": stack(5), "x_test": stack(5, 32)}, "different shapes"),
    ],
)
def test_npz_that_does_not_fit_is_refused_in_words(tmp_path, arrays, told):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputError, match=told):
        read_images(tmp_path / "a.npz")


def test_a_broken_npz_or_npy_is_refused_in_words(tmp_path):
    np.savez(tmp_path / "a.npz", images=stack(5))
    content = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(content[: len(content) // 2])
    np.save(tmp_path / "b.npy", stack(5))
    (tmp_path / "b.npy").write_bytes((tmp_path / "b.npy").read_bytes()[:-9])
    np.save(tmp_path / "c.npy", np.array([{}], dtype=object))
    for name in ("a.npz", "b.npy"):
        with pytest.raises(InputError, match="broken or cut short"):
            read_images(tmp_path / name)
    with pytest.raises(InputError, match="never unpickled"):
        read_images(tmp_path / "c.npy")


def test_text_labels_and_gaps_are_kept(tmp_path):
    np.savez(tmp_path / "a.npz", images=stack(4), labels=np.array(["dog", "", "cat", "dog"]))
    images = read_images(tmp_path / "a.npz")
    assert images.class_names == ("cat", "dog")
    assert images.labels.tolist() == [1, -1, 0, 1]


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x / 255,
        lambda x: (x / 127.5 - 1).astype(np.float32),
        lambda x: x.astype(np.float64),
        lambda x: x.astype(np.int64),
        lambda x: x.astype(np.uint16) * 257,
        lambda x: x[..., None],
        lambda x: x[:, None],
    ],
)
def test_arrays_of_known_ranges_and_orders_give_the_same_pixels(change):
    pixels = stack(5)
    pixels[0, 0, :2] = (0, 255)
    images = read_images(change(pixels))
    assert np.array_equal(images.pixels[..., 0], pixels)


def test_an_array_is_cut_resized_and_laid_on_the_ground():
    pixels = np.zeros((3, 40, 60, 4), dtype=np.uint8)
    pixels[:, :, 30:] = (10, 20, 30, 255)
    images = read_images(pixels, resolution=16, ground="#ff0000")
    assert images.shape == (16, 16, 3)
    assert images.pixels[0, 0, 0].tolist() == [255, 0, 0]
    assert images.pixels[0, 0, -1].tolist() == [10, 20, 30]
    assert any("centre square" in note for note in images.notes)


def test_a_bare_npy_is_read_without_a_copy(tmp_path):
    np.save(tmp_path / "a.npy", stack(12)[..., None])
    images = read_images(tmp_path / "a.npy")
    assert np.array_equal(images.pixels[..., 0], stack(12))
    assert not images.pixels.flags.owndata


def test_colour_arrays_with_equal_channels_become_gray():
    assert read_images(stack(3)[..., None].repeat(3, axis=3)).shape == (28, 28, 1)


def test_an_image_set_passes_through_or_is_resized():
    images = digits()
    assert read_images(images) is images
    larger = read_images(images, resolution=16, channels=3)
    assert larger.shape == (16, 16, 3)
    assert np.array_equal(larger.labels, images.labels)
    assert np.array_equal(larger.held_out, images.held_out)


def test_the_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = digits()
    assert images.source == "digits"
    assert images.pixels.shape == (1797, 8, 8, 1)
    assert images.pixels.max() == 255
    assert np.array_equal(np.rint(images.pixels[..., 0] * (16 / 255)), bunch.images)
    assert np.array_equal(images.labels, bunch.target)
    assert images.held_out.sum() == 180


def test_a_picture_is_resized_by_the_stated_filters(texture):
    picture = texture(0, 48, 48)
    images = read_images(picture[None], resolution=16)
    wanted = Image.fromarray(picture).resize((16, 16), Image.Resampling.LANCZOS)
    assert np.array_equal(images.pixels[0], np.asarray(wanted))
