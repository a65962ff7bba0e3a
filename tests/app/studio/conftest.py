"""A small atlas with a trained model, the studio that shows it, and a client that has its token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from small_studio import GATE, HOST, N_IMAGES, ORIGIN, SIDE, TOKEN
from starlette.testclient import TestClient

from imatlas.app.studio.application import make_app
from imatlas.generators import CodeFlow, NeighborhoodPrior, Vae
from imatlas.images import moving_shape
from imatlas.recipes import Wishes, map_images, train_atlas
from imatlas.values import ImageSet


def shrink(patch: pytest.MonkeyPatch) -> None:
    """Make networks of a size that trains in a second; those that are read again must have it too."""
    for network in (NeighborhoodPrior, CodeFlow):
        patch.setattr(network, "width", 32)
        patch.setattr(network, "depth", 1)
    patch.setattr(Vae, "sizes_for", classmethod(lambda cls, *about: {"code_dim": 4, "width": 8}))


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """Networks are small in these modules, and in no other."""
    with pytest.MonkeyPatch.context() as patch:
        shrink(patch)
        yield


@pytest.fixture(scope="session")
def atlas(tmp_path_factory) -> Path:
    """The atlas of 130 moving shapes of two classes, with a model of all conditions."""
    images, parameters = moving_shape(N_IMAGES, SIDE, seed=0)
    labels = (parameters[:, 0] < np.pi).astype(np.int64)
    ids = np.array([f"shapes/{row:03d}.png" for row in range(N_IMAGES)])
    held_out = np.arange(N_IMAGES) % 10 == 0
    shapes = ImageSet(images.pixels, ids, labels, ("downward", "upward"), held_out, source="shapes")
    wishes = Wishes(features="principal_components", generator="vae", steps=20)
    with pytest.MonkeyPatch.context() as patch:
        shrink(patch)
        made = map_images(shapes, tmp_path_factory.mktemp("studio") / "shapes.atlas", wishes)
        train_atlas(made, wishes)
    return made.folder


@pytest.fixture(scope="session")
def app(atlas) -> FastAPI:
    """The studio of it."""
    return make_app(atlas, GATE, warm=False)


@pytest.fixture
def stranger(app) -> TestClient:
    """A client without the token."""
    return TestClient(app, base_url=HOST, follow_redirects=False)


@pytest.fixture
def client(app) -> TestClient:
    """A client with the token, that comes from the studio's own page."""
    return TestClient(app, base_url=HOST, headers=TOKEN | ORIGIN)
