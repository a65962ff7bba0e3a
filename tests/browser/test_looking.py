"""Looking at the map: it opens, comes closer, names what is under the hand, and finds what is like a picture."""

import base64
import io
import re

import numpy as np
import pytest
from driving import NEEDS, crowded, lonely
from PIL import Image

expect = pytest.importorskip("playwright.sync_api", reason=NEEDS).expect

FILE_IN_HAND = """(text) => {
  const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  const held = new DataTransfer();
  held.items.add(new File([bytes], "digit.png", { type: "image/png" }));
  return held;
}"""


def painted_share(picture: bytes) -> float:
    """Give the share of pixels that are not of the commonest colour."""
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).reshape(-1, 3)
    counts = np.unique(pixels, axis=0, return_counts=True)[1]
    return float(1 - counts.max() / counts.sum())


def test_the_printed_address_opens_the_map(visitor):
    """The token leaves the address; the points of 400 images take more than a thousandth of the map."""
    visitor.page.goto(visitor.server.address)
    expect(visitor.page).to_have_url(re.compile(r"/(#.*)?$"))
    visitor.open()
    expect(visitor.page.locator("#facts")).to_contain_text("400 images")
    assert painted_share(visitor.page.locator("#map").screenshot()) > 0.001


def test_the_wheel_and_the_buttons_come_closer(visitor):
    visitor.open()
    visitor.page.mouse.move(*visitor.middle)
    visitor.page.mouse.wheel(0, -600)
    expect(visitor.page).to_have_url(re.compile("at="))
    before = visitor.page.url
    visitor.page.get_by_role("button", name="Closer").click()
    expect(visitor.page).not_to_have_url(before)
    assert scale_of(visitor.page.url) > scale_of(before)
    visitor.page.get_by_role("button", name="Show all").click()
    expect(visitor.page).not_to_have_url(re.compile("at="))


def scale_of(address: str) -> float:
    """Give the pixels per unit of the map that stand in an address."""
    return float(re.search(r"at=[^_]+_[^_]+_([^&]+)", address).group(1))


def test_a_hovered_point_shows_its_image_and_its_file(visitor, places):
    row, apart = lonely(places)
    visitor.look_at(places[row], 200 / apart)
    visitor.page.mouse.move(*visitor.middle)
    card = visitor.page.locator("#hover")
    expect(card).to_contain_text(f"digits#{row:04d}")
    expect(card.locator("img")).to_have_attribute("src", re.compile(f"/{row}.png"))


def test_a_loop_chooses_what_lies_in_it(visitor, places):
    """The loop is a square of 160 pixels that holds the 20 nearest of a crowded place."""
    row, within = crowded(places)
    visitor.look_at(places[row], 70 / within)
    visitor.tool("Lasso")
    visitor.drag((-80, -80), (80, -80), (80, 80), (-80, 80), (-80, -78))
    inside = int((np.abs(places - places[row]).max(axis=1) < 80 * within / 70).sum())
    heading = visitor.panel("Look").get_by_role("heading", name="chosen")
    expect(heading).to_be_visible()
    assert abs(int(heading.inner_text().split()[0]) - inside) <= 2  # points on the rim


def test_a_dropped_picture_lights_up_its_neighbors(visitor):
    picture = base64.b64encode(visitor.server.get("/api/images/5.png")).decode()
    visitor.open()
    held = visitor.page.evaluate_handle(FILE_IN_HAND, picture)
    for event in ("dragenter", "dragover", "drop"):
        visitor.page.dispatch_event("#map", event, {"dataTransfer": held})
    look = visitor.panel("Look")
    expect(look.get_by_role("heading", name="Your picture")).to_be_visible()
    expect(look.locator(".sheet li")).to_have_count(24)
    expect(look.get_by_role("button", name=re.compile(r"^Image 5\b"))).to_be_visible()


def test_a_reload_shows_what_was_looked_at(visitor, places):
    row, apart = lonely(places)
    visitor.look_at(places[row], 200 / apart, "&tab=care&tool=lasso")
    visitor.page.reload()
    visitor.see_map()
    expect(visitor.page.get_by_role("tab", name="Care")).to_have_attribute("aria-selected", "true")
    expect(visitor.page.get_by_role("radio", name="Lasso")).to_be_checked()
    visitor.page.mouse.move(*visitor.middle)
    expect(visitor.page.locator("#hover")).to_contain_text(f"digits#{row:04d}")


def test_another_address_in_the_open_page_keeps_the_usual_colours(visitor):
    """What stands behind the # alone is changed, as by a bookmark of the same page; it names no colour."""
    visitor.open()
    visitor.page.goto(f"{visitor.page.url.split('#')[0]}#rows=3")
    expect(visitor.panel("Look").locator("figcaption.id")).to_have_text("digits#0003")
    expect(visitor.page.get_by_label("Colour by")).to_have_value("class")
