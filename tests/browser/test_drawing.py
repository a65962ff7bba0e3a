"""Drawing on the map: a click gives an image there, a line gives a morph that plays."""

import re

import pytest
from driving import NEEDS, crowded

expect = pytest.importorskip("playwright.sync_api", reason=NEEDS).expect


def test_a_click_draws_an_image_there(visitor, places):
    row, within = crowded(places)
    visitor.look_at(places[row], 70 / within)
    visitor.tool("Draw")
    visitor.page.mouse.click(*visitor.middle)
    drawn = visitor.page.locator("#tray .tray-row button img")
    expect(drawn).to_have_count(1)
    assert drawn.evaluate("image => image.decode().then(() => image.naturalWidth)") == 8
    expect(visitor.page.locator("#pins .pin:not(.waiting)")).to_have_count(1)
    visitor.page.reload()
    visitor.see_map()
    expect(drawn).to_have_count(1)


def test_a_place_off_the_map_draws_nothing_and_says_so(visitor, places):
    far = places.max(axis=0) + 20 * (places.max(axis=0) - places.min(axis=0))
    visitor.look_at(far, 30)
    visitor.tool("Draw")
    visitor.page.mouse.click(*visitor.middle)
    expect(visitor.page.locator("#toasts").get_by_role("button", name="Draw at the nearest place")).to_be_visible()
    expect(visitor.page.locator("#tray")).to_be_hidden()


def test_a_line_gives_a_morph_that_plays_and_rests(visitor, places):
    row, within = crowded(places)
    visitor.look_at(places[row], 70 / within)
    visitor.tool("Line")
    visitor.drag((-50, 0), (0, 10), (50, 0))
    paths = visitor.panel("Paths")
    expect(paths.get_by_role("heading", name="The morph")).to_be_visible()
    frames = paths.locator(".strip button")
    assert frames.count() >= 8
    frame = paths.get_by_role("slider", name="Frame")
    expect(frame).not_to_have_value("0")  # it plays by itself
    paths.get_by_role("button", name="Pause", exact=True).click()
    frames.first.click()
    expect(frame).to_have_value("0")
    paths.get_by_role("button", name="Play", exact=True).click()
    expect(frame).not_to_have_value("0")


def test_two_images_give_the_way_between_them(visitor, places):
    row, _ = crowded(places)
    visitor.open(f"rows={row}")
    visitor.panel("Look").get_by_role("button", name="Path from here").click()
    visitor.open(f"rows={(row + 1) % len(places)}&tab=look")
    visitor.panel("Look").get_by_role("button", name="Path to here").click()
    paths = visitor.panel("Paths")
    paths.locator(".go").click()
    expect(paths.locator(".screens figcaption")).to_have_text([re.compile("Along the manifold"), re.compile("Straight")])
