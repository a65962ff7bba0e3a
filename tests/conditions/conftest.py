"""Tests of conditions run on one thread, over one small set."""

import pytest
from laws.threads import one_thread
from small_set import some_images, some_manifold

from imatlas.values import ImageSet, Manifold

__all__ = ["images", "manifold", "one_thread"]


@pytest.fixture(scope="package")
def images() -> ImageSet:
    return some_images()


@pytest.fixture(scope="package")
def manifold(images: ImageSet) -> Manifold:
    return some_manifold(images)
