"""Looking after the set, training, and a server that dies: what was decided lies in the atlas and is there again."""

import re

import pytest
from driving import NEEDS, lonely

expect = pytest.importorskip("playwright.sync_api", reason=NEEDS).expect

TRAINING = 180_000  # ms: a process of its own has to import torch and read the atlas


def test_a_cluster_is_named_and_the_name_outlasts_a_reload(visitor):
    name = f"round ones of {visitor.renderer}"
    visitor.open("tab=care")
    field = visitor.panel("Care").locator("input.name").first
    before = field.input_value()
    field.fill(name)
    field.press("Enter")
    expect(visitor.panel("Care").get_by_label(f"Name of cluster {name}")).to_be_visible()
    visitor.page.reload()
    visitor.see_map()
    expect(visitor.panel("Care").get_by_label(f"Name of cluster {name}")).to_be_visible()
    visitor.panel("Care").get_by_role("button", name="Undo").click()
    expect(visitor.panel("Care").get_by_label(f"Name of cluster {before}", exact=True)).to_be_visible()


def test_an_image_is_excluded_and_taken_back_by_undo(visitor, places):
    row, apart = lonely(places)
    visitor.look_at(places[row], 200 / apart)
    visitor.page.mouse.click(*visitor.middle)
    look = visitor.panel("Look")
    expect(look.locator("figcaption.id")).to_have_text(f"digits#{row:04d}")
    look.get_by_role("button", name="Exclude").click()
    expect(look).to_contain_text("excluded from the next training")
    expect(visitor.page.locator("#facts")).to_contain_text("1 excluded")
    visitor.page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(look.get_by_role("button", name="Exclude")).to_be_visible()
    expect(visitor.page.locator("#facts")).not_to_contain_text("excluded")


def test_a_training_is_started_and_stopped(visitor):
    visitor.open("tab=train")
    train = visitor.panel("Train")
    train.get_by_label("Generator").select_option("vae")
    train.get_by_role("button", name="Start the training").click()
    expect(train.get_by_role("heading", name=re.compile("^Training"))).to_be_visible(timeout=TRAINING)
    expect(train).to_contain_text(re.compile(r"step [1-9]"), timeout=TRAINING)
    train.get_by_role("button", name="Stop").click()
    expect(train.get_by_role("heading", name=re.compile("^Stopped"))).to_be_visible(timeout=TRAINING)
    expect(train.get_by_role("button", name="Resume")).to_be_visible()


def test_a_killed_server_that_starts_again_shows_all_that_was_decided(visitor, places):
    """A page that is open meanwhile may only complain that nobody answers."""
    row, apart = lonely(places)
    visitor.look_at(places[row], 200 / apart, f"&rows={row}")
    look = visitor.panel("Look")
    look.get_by_role("button", name="Exclude").click()
    expect(look).to_contain_text("excluded from the next training")
    visitor.server.kill()
    look.get_by_role("button", name="Take back in").click()
    expect(visitor.page.locator("#toasts .bad").first).to_be_visible()
    visitor.server.start()
    assert all("net::ERR_" in error for error in visitor.errors), visitor.errors
    visitor.page.reload()
    visitor.see_map()
    visitor.errors.clear()
    expect(look).to_contain_text("excluded from the next training")
    look.get_by_role("button", name="Take back in").click()
    expect(look.get_by_role("button", name="Exclude")).to_be_visible()
