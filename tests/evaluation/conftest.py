"""Small trials whose truth is known: images of bright blobs, features that are linear in them."""

from collections.abc import Callable

import numpy as np
import pytest

from imatlas.evaluation import COSTS
from imatlas.values import Features, ImageSet, Trial

SIDE = 12
TIMING = dict.fromkeys(COSTS, 3.0) | {"images_per_second": 50.0, "latency_p50": 0.02, "latency_repeats": 9.0}


def blob_images(count: int, seed: int, *, spread: float = 1.0, n_kinds: int = 4) -> ImageSet:
    """Draw one soft blob per image; its kind sets its quadrant and its label, `spread` how far it strays."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(n_kinds, size=count)
    centres = np.array([[3, 3], [3, 8], [8, 3], [8, 8]])[kinds] + spread * rng.normal(0, 0.7, size=(count, 2))
    heights = 180 + spread * rng.normal(0, 20, size=count)
    grid = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij"), axis=-1)
    squares = np.square(grid[None] - centres[:, None, None]).sum(axis=-1)
    drawn = heights[:, None, None] * np.exp(-squares / 6) + rng.normal(0, 4, size=squares.shape)
    pixels = np.rint(drawn).clip(0, 255).astype(np.uint8)[..., None]
    return ImageSet(pixels, np.array([f"{seed}-{i}" for i in range(count)]), labels=kinds)


def projected(images: ImageSet, n_dims: int = 8) -> Features:
    axes = np.random.default_rng(99).normal(size=(SIDE * SIDE, n_dims)) / SIDE
    return Features((images.pixels.reshape(len(images), SIDE * SIDE) / 255) @ axes, "random projection")


def middle(images: ImageSet) -> np.ndarray:
    """Give the centre of light of every image, row and column, float64 (n, 2)."""
    light = images.pixels[..., 0] / images.pixels.sum(axis=(1, 2, 3), keepdims=True)[..., 0].clip(1)
    return np.stack([light.sum(axis=axis) @ np.arange(SIDE) for axis in (2, 1)], axis=1)


def trial_of(train: ImageSet, held_out: ImageSet, generated: ImageSet) -> Trial:
    parts = {"train": train, "held_out": held_out, "generated": generated}
    features = {"projection": {part: projected(images) for part, images in parts.items()}}
    codes = {
        "cluster": {part: parts[part].labels for part in ("train", "generated")},
        "map_place": {part: middle(parts[part]) for part in ("train", "generated")},
        "neighborhood": {part: features["projection"][part].rows[:, :3] for part in ("train", "generated")},
    }
    return Trial(train, held_out, generated, features, TIMING, codes if generated.labels is not None else {}, train.labels)


@pytest.fixture
def make_trial() -> Callable[..., Trial]:
    """Make a trial from generated images, or from a spread at which to draw them."""

    def make(
        generated: ImageSet | None = None,
        *,
        spread: float = 1.0,
        n_kinds: int = 4,
        n_train: int = 300,
        n_held_out: int = 100,
    ) -> Trial:
        drawn = blob_images(200, 3, spread=spread, n_kinds=n_kinds) if generated is None else generated
        return trial_of(blob_images(n_train, 1), blob_images(n_held_out, 2), drawn)

    return make
