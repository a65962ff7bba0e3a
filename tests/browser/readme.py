"""The picture of the studio in the README: the digits that come with scikit-learn, some images drawn among them.

    python tests/browser/readme.py docs/images/studio.png

The model is trained for 10 minutes, or as many seconds as IMATLAS_README_SECONDS says. IMATLAS_BROWSER_WAIT=90 lets a busy
machine take 90 seconds in place of 30 for anything to show itself.
"""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from driving import Server, Visitor, find_browser
from playwright.sync_api import expect, sync_playwright
from scipy.spatial import cKDTree
from sklearn.cluster import KMeans

from imatlas.images import digits
from imatlas.recipes import Wishes, map_images, train_atlas

BUDGET = float(os.environ.get("IMATLAS_README_SECONDS", "600"))  # of the training
N_DRAWN = 5


def main(picture: Path) -> None:
    path = find_browser()
    if path is None:
        sys.exit("There is no chromium, chromium-browser or google-chrome on the PATH. Install one (Debian: chromium).")
    picture.parent.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=1000 * float(os.environ.get("IMATLAS_BROWSER_WAIT", "30")))
    with tempfile.TemporaryDirectory() as folder:
        wishes = Wishes(features="principal_components", budget=BUDGET)
        atlas = map_images(digits(), Path(folder) / "digits.atlas", wishes)
        train_atlas(atlas, wishes)
        with Server(atlas.folder, Path(folder) / "studio.log") as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
            context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light")
            show(Visitor(context, server, "canvas"), picture)
            browser.close()


def show(visitor: Visitor, picture: Path) -> None:
    """Draw at some places of the map that lie apart, look at the last of them, and keep the page as a picture."""
    page = visitor.page
    places = np.frombuffer(visitor.server.get("/api/map/places"), "<f4").reshape(-1, 2).astype(float)
    visitor.open()
    box = page.locator("#map").bounding_box()
    low, high = places.min(axis=0), places.max(axis=0)
    scale = min((box["width"] - 290) / (high[0] - low[0]), (box["height"] - 200) / (high[1] - low[1]))
    centre = (low + high) / 2 - np.array([79, 22]) / scale  # the legend stands left, what was drawn lies below
    visitor.look_at(centre, scale, "&tool=draw&tab=draw")
    for n_drawn, place in enumerate(apart(places), start=1):
        x, y = visitor.middle
        dx, dy = (place - centre) * scale
        page.mouse.click(x + dx, y - dy)
        expect(page.locator("#tray .tray-row button img")).to_have_count(n_drawn)
    expect(page.locator("#panel-draw figure.large img")).to_be_visible()
    page.mouse.move(2, 2)
    page.screenshot(path=picture)
    if visitor.errors:
        sys.exit(f"The console is not clean: {visitor.errors}")


def apart(places: np.ndarray) -> np.ndarray:
    """Give a few places that lie far from each other, each that of an image."""
    centres = KMeans(N_DRAWN, n_init=3, random_state=0).fit(places).cluster_centers_
    return places[cKDTree(places).query(centres)[1]]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
