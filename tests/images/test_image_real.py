import numpy as np
import pytest

from imatlas.images import find_duplicates, read_images


@pytest.fixture(scope="module")
def fashion(shared):
    return read_images(shared / "fashion-mnist")


def test_fashion_mnist_reads_as_published(fashion):
    train = ~fashion.held_out
    assert fashion.pixels.shape == (70_000, 28, 28, 1)
    assert fashion.held_out.sum() == 10_000
    assert np.bincount(fashion.labels[train]).tolist() == [6000] * 10
    assert fashion.pixels[train].mean() == pytest.approx(72.940, abs=0.001)


def test_fashion_mnist_is_not_merged_wholesale(fashion):
    """Looked at by eye: the pairs joined are the same article photographed once; there are about twenty."""
    groups = find_duplicates(fashion)
    joined = (groups != np.arange(len(groups))).sum()
    assert 10 <= joined <= 60


def test_photos_of_many_sizes_make_one_set(shared):
    images = read_images(shared / "clothing-photos", resolution=32)
    assert images.pixels.shape == (550, 32, 32, 3)
    assert np.bincount(images.labels).tolist() == [55] * 10
    assert images.held_out.sum() == 55
    assert images.rejected == ()


def test_emoji_lie_on_the_ground_asked_for(shared):
    images = read_images(shared / "emoji" / "noto-emoji-72px.zip", resolution=16, ground="black")
    assert images.pixels.shape == (1433, 16, 16, 3)
    assert images.labels is None
    assert np.median(images.pixels[:, 0, 0]) == 0


def test_an_npz_of_colour_photos_keeps_its_names_and_split(shared):
    images = read_images(shared / "cifar10" / "cifar10-jpeg-12k.npz")
    assert images.pixels.shape == (12_000, 32, 32, 3)
    assert images.class_names[3] == "cat"
    assert images.held_out.sum() == 2000
