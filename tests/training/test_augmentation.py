"""Changes of images: that they are what the numbers beside them say, and that they do not leak."""

import numpy as np
import pytest
import torch
from small_models import BATCH_SIZE

from imatlas.networks.condition import ConditionEmbedding, drop_fields
from imatlas.training.augmentation import AUGMENTATION, CHANCE, changed, half_mirrored
from imatlas.values import Field


def spots(b: int, row: int, column: int) -> torch.Tensor:
    """Dark 16 x 16 images with a bright square of 2 x 2 pixels that begins at (row, column)."""
    images = -torch.ones(b, 1, 16, 16)
    images[:, :, row : row + 2, column : column + 2] = 1
    return images


def middle(image: torch.Tensor) -> np.ndarray:
    """Where the light of an image (1, 16, 16) is on average, in pixels from its middle: right, down."""
    light = image[0] + 1
    places = torch.arange(16) - 7.5
    return np.array([float((light.sum(0) * places).sum() / light.sum()), float((light.sum(1) * places).sum() / light.sum())])


def test_half_of_the_images_are_mirrored() -> None:
    images = spots(2000, 7, 3)
    mirrored = half_mirrored(images, np.random.default_rng(0))
    flipped = (mirrored != images).flatten(1).any(dim=1)
    assert 0.45 < float(flipped.float().mean()) < 0.55
    assert torch.equal(mirrored[flipped], images[flipped].flip(-1))


def test_images_are_mirrored_where_they_are() -> None:
    """A device without memory stands for a GPU."""
    assert half_mirrored(spots(8, 7, 3).to("meta"), np.random.default_rng(0)).device.type == "meta"


def test_changes_are_as_rare_and_as_large_as_they_are_said_to_be() -> None:
    images = spots(4000, 7, 7)
    result, values = changed(images, np.random.default_rng(0), mirrors=True)
    made = values != 0
    assert made[:, :3].mean(axis=0) == pytest.approx(CHANCE, abs=0.02)
    assert np.array_equal(made[:, 2], made[:, 3])
    assert values[made[:, 1], 1].std() == pytest.approx(1, abs=0.1)
    alike = (result == images).flatten(1).all(dim=1).numpy()
    assert alike[~made.any(axis=1)].all(), "an image without a change is the same bits"
    assert not alike[made[:, 2] & (np.abs(values[:, 2]) > 0.5)].any()
    _, unmirrored = changed(images, np.random.default_rng(0), mirrors=False)
    assert not unmirrored[:, 0].any()
    assert unmirrored[:, 1:].any()


def test_the_numbers_say_where_a_spot_goes() -> None:
    """A spot 2 pixels right of and 1 below the middle goes to (+-2 z + 2 r, z + 2 d) for zoom z = 2^(0.2 v), shifts r, d.

    An eighth of 16 pixels is 2 pixels. Tolerance: a bilinear spot of 2 x 2 pixels keeps its middle only about.
    """
    result, values = changed(spots(3000, 8, 9), np.random.default_rng(1), mirrors=True)
    inside = (np.abs(values) < 1.2).all(axis=1) & values.any(axis=1)
    assert inside.sum() > 500
    for image, (flip, zoom, right, down) in zip(result[inside], values[inside], strict=True):
        z = 2 ** (0.2 * zoom)
        np.testing.assert_allclose(middle(image), [2 * z * (1 - 2 * flip) + 2 * right, z + 2 * down], atol=0.25)


def test_what_was_changed_is_never_dropped_and_absent_is_unchanged() -> None:
    """Beside it another field is dropped in about half of the rows; zeros, NaN and no field at all are one condition."""
    generator = torch.Generator().manual_seed(0)
    codes = {"place": torch.randn(400, 2, generator=generator), AUGMENTATION.name: torch.randn(400, 4, generator=generator)}
    kept = drop_fields(codes, generator)
    assert torch.equal(kept[AUGMENTATION.name], codes[AUGMENTATION.name])
    assert 0.4 < float(kept["place"].isnan().any(dim=1).float().mean()) < 0.6
    with torch.random.fork_rng():
        torch.manual_seed(0)
        embedding = ConditionEmbedding((Field("place", "vector", 2), AUGMENTATION), 8, timed=False)
    place = {"place": codes["place"][:BATCH_SIZE]}
    none = embedding(place, BATCH_SIZE)
    for values in (torch.zeros(BATCH_SIZE, 4), torch.full((BATCH_SIZE, 4), torch.nan)):
        assert torch.equal(embedding(place | {AUGMENTATION.name: values}, BATCH_SIZE), none)
    assert not torch.allclose(embedding(place | {AUGMENTATION.name: torch.ones(BATCH_SIZE, 4)}, BATCH_SIZE), none)
