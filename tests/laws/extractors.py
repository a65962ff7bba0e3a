"""What every extractor keeps, whatever it looks at."""

import json
from collections.abc import Callable

import numpy as np
from laws.random_state import global_generators_untouched

from imatlas.features import Extractor
from imatlas.values import ImageSet

__all__ = ["check_extractor", "check_images_of_shape", "random_images"]


def random_images(n: int, size: int = 8, channels: int = 1, seed: int = 0) -> ImageSet:
    """Smooth random images, uint8 (n, size, size, channels): a coarse grid of grays, enlarged."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, size=(n, 4, 4, channels), dtype=np.uint8)
    pixels = coarse.repeat(size // 4, axis=1).repeat(size // 4, axis=2)
    return ImageSet(pixels, np.array([f"{seed}-{row}" for row in range(n)]))


def check_extractor(make: Callable[[], Extractor]) -> Extractor:
    """Hold an extractor to its family's law; `make()` gives an unfitted one.

    Rows alone and in company: sums in another order, 1e-5 of the largest feature.
    """
    images, new = random_images(60), random_images(9, seed=1)
    before = images.pixels.copy()
    with global_generators_untouched():
        extractor = make()
        assert extractor.fit(images) is extractor
        features = extractor.transform(images)
    np.testing.assert_array_equal(images.pixels, before)
    assert features.rows.dtype == np.float32
    assert features.rows.ndim == 2
    assert len(features) == len(images)
    assert np.isfinite(features.rows).all()
    assert features.extractor == extractor.name
    assert features.settings == extractor.settings() == json.loads(json.dumps(make().settings()))
    assert len(np.unique(features.rows, axis=0)) == len(images), "different images, different rows"
    np.testing.assert_array_equal(extractor.transform(images).rows, features.rows)
    np.testing.assert_array_equal(make().fit(images).transform(images).rows, features.rows)
    rows = extractor.rows(new.pixels)
    assert rows.dtype == np.float32
    assert rows.shape == (9, features.rows.shape[1])
    alone = np.concatenate([extractor.rows(new.pixels[row : row + 1]) for row in range(9)])
    assert np.abs(alone - rows).max() <= 1e-5 * np.abs(rows).max()
    np.testing.assert_array_equal(extractor.transform(new).rows, rows)
    assert extractor.transform(new.take(np.arange(0))).rows.shape == (0, rows.shape[1])
    check_packing(extractor, new.pixels)
    return extractor


def check_packing(extractor: Extractor, pixels: np.ndarray) -> None:
    """What `pack` gives is JSON and numeric arrays, and is all that is needed for the same rows, bit for bit."""
    settings, arrays = extractor.pack()
    assert all(array.dtype.kind in "fiub" for array in arrays.values())
    arrays = {name: np.array(array) for name, array in arrays.items()}
    for array in arrays.values():
        array.flags.writeable = False
    again = type(extractor).unpack(json.loads(json.dumps(settings)), arrays)
    assert again.settings() == extractor.settings()
    np.testing.assert_array_equal(again.rows(pixels), extractor.rows(pixels))
    assert json.dumps(again.pack()[0]) == json.dumps(settings)


def check_images_of_shape(make: Callable[[], Extractor], size: int, channels: int) -> None:
    """An extractor takes images of this shape, also only two of them, and read-only ones."""
    for n in (2, 25):
        images = random_images(n, size, channels)
        images.pixels.flags.writeable = False
        features = make().fit(images).transform(images)
        assert len(features) == n
        assert np.isfinite(features.rows).all()
        assert np.ptp(features.rows, axis=0).max() > 0
