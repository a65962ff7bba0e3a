"""A small atlas of digits with a model, the studio that serves it, and pages of Chromium in which nothing may go wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from driving import NEEDS, Server, Visitor, find_browser

from imatlas.images import digits
from imatlas.recipes import Wishes, map_images, train_atlas
from imatlas.values import ImageSet

if TYPE_CHECKING:
    from playwright.sync_api import Browser

N_IMAGES = 400
WAIT = 1000 * float(os.environ.get("IMATLAS_BROWSER_WAIT", "30"))  # ms for anything to show itself

LOADED = (
    "() => Promise.allSettled([...document.images].filter((one) => one.src && one.offsetParent).map((one) => one.decode()))"
)


@pytest.fixture(scope="session")
def atlas(tmp_path_factory) -> Path:
    """The atlas of 400 digits, with a model of a few steps."""
    every = digits(seed=0)
    few = slice(0, N_IMAGES)
    images = ImageSet(
        every.pixels[few],
        every.ids[few],
        every.labels[few],
        every.class_names,
        every.held_out[few],
        source=every.source,
    )
    wishes = Wishes(features="principal_components", generator="vae", steps=40)
    made = map_images(images, tmp_path_factory.mktemp("browser") / "digits.atlas", wishes)
    train_atlas(made, wishes)
    return made.folder


@pytest.fixture(scope="session")
def served(atlas, tmp_path_factory) -> Iterator[Server]:
    """The studio of it, in a process of its own."""
    with Server(atlas, tmp_path_factory.mktemp("served") / "studio.log") as server:
        yield server


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window; its WebGL is drawn by software."""
    sync_api = pytest.importorskip("playwright.sync_api", reason=NEEDS)
    path = find_browser()
    if path is None:
        pytest.skip("needs a browser: no chromium, chromium-browser or google-chrome on the PATH")
    sync_api.expect.set_options(timeout=WAIT)
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
        )
        yield launched
        launched.close()


@pytest.fixture(params=["webgl", "canvas"])
def renderer(request) -> str:
    """What the map is drawn by."""
    return request.param


@pytest.fixture
def visitor(browser, served, renderer, request) -> Iterator[Visitor]:
    """A person with a fresh browser who holds the address; at the end no error may stand in the console."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(WAIT)
    visitor = Visitor(context, served, renderer)
    yield visitor
    shots = os.environ.get("IMATLAS_SHOTS")
    if shots and not visitor.page.is_closed():
        visitor.page.evaluate(LOADED)
        visitor.page.screenshot(path=Path(shots) / f"{request.node.name.replace('[', '-').rstrip(']')}.png")
    context.close()
    assert visitor.errors == []


@pytest.fixture(scope="session")
def places(served) -> np.ndarray:
    """Where the images lie on the map, (n, 2)."""
    return np.frombuffer(served.get("/api/map/places"), "<f4").reshape(-1, 2).astype(float)
