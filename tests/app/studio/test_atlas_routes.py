"""What the page gets to see: facts, one number per image, sheets, images, names; equal to what the atlas holds."""

from __future__ import annotations

import io
import json
import os

import numpy as np
import pytest
from PIL import Image
from small_studio import N_IMAGES, SIDE

from imatlas import open_atlas
from imatlas.app.studio import picture_routes
from imatlas.app.studio.sheets import LARGEST_SHEET
from imatlas.app.studio.told import CODED, DIALS
from imatlas.app.studio.view import View, _spread
from imatlas.generators import GENERATORS, Vae
from imatlas.recipes import load_model
from imatlas.values import Dials


def numbers(client, path: str, kind: str) -> np.ndarray:
    answer = client.get(f"/api/map/{path}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    return np.frombuffer(answer.content, dtype=kind)


def picture(answer) -> np.ndarray:
    assert answer.headers["content-type"] == "image/png"
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_the_facts_are_those_of_the_atlas(client, atlas):
    facts, opened = client.get("/api/atlas").json(), open_atlas(atlas)
    assert (facts["name"], facts["n"], facts["shape"]) == ("shapes", N_IMAGES, [SIDE, SIDE, 1])
    assert facts["counts"] == {"held_out": 13, "excluded": 0, "rejected": 0}
    assert facts["fields"]["labels"][0]["groups"] == ["downward", "upward"]
    assert [model["name"] for model in facts["models"] if model["default"]] == [opened.default_model]
    assert facts["map"]["bounds"] == pytest.approx([*opened.places.min(axis=0), *opened.places.max(axis=0)])
    assert {row["name"] for row in facts["map"]["trust"]} >= {"trustworthiness", "continuity"}


def test_a_model_tells_the_dials_and_conditions_that_it_has(client, atlas):
    (told,) = client.get("/api/atlas").json()["models"]
    model = load_model(open_atlas(atlas).model(told["name"]))
    assert set(told["dials"]) == model.dials
    assert {one["name"]: one["kind"] for one in told["conditions"]} == {
        "class": "choice",
        "style": "example",
        "neighborhood": "example",
        "map_place": "place",
        "density": "number",
    }
    assert told["conditions"][0]["choices"] == ["downward", "upward"]


def test_a_model_of_another_format_is_left_out_and_said(client, atlas):
    config = open_atlas(atlas).model("0001-vae").folder / "config.json"
    kept = config.read_text()
    try:
        config.write_text(json.dumps(json.loads(kept) | {"format": 1}))
        os.utime(config.with_name("model.safetensors"))
        facts = client.get("/api/atlas").json()
        assert facts["models"] == []
        assert "has format 1" in facts["notes"][-1]
        assert client.get("/api/training").json()["state"] == "finished"
    finally:
        config.write_text(kept)
        os.utime(config.with_name("model.safetensors"))


def test_what_is_known_of_dials_and_codes_without_torch_is_what_the_generators_have():
    assert {name for name, kind in GENERATORS.items() if issubclass(kind, Vae)} == CODED
    for name, (low, high, _) in DIALS.items():
        assert Dials(**{name: low}).chosen() | Dials(**{name: high}).chosen() == {name: high}


def test_places_flags_and_labels_have_one_entry_per_image(client, atlas):
    opened = open_atlas(atlas)
    np.testing.assert_array_equal(numbers(client, "places", "<f4").reshape(-1, 2), opened.places)
    np.testing.assert_array_equal(numbers(client, "labels/class", "<i4"), opened.images.labels)
    np.testing.assert_array_equal(numbers(client, "flags", "u1"), opened.images.held_out)
    coarse = numbers(client, "labels/cluster-0", "<i4")
    np.testing.assert_array_equal(coarse[opened.manifold.rows], opened.manifold.clusters.levels[:, 0])
    assert (coarse[opened.images.held_out] == -1).all()


@pytest.mark.parametrize("name", ["density", "trust", "outlier", "dimension"])
def test_scores_are_known_for_the_images_that_were_learned_from_alone(client, atlas, name):
    values = numbers(client, f"values/{name}", "<f4")
    np.testing.assert_array_equal(np.isnan(values), open_atlas(atlas).images.held_out)


def test_trust_is_one_where_the_map_keeps_every_neighbor(atlas):
    """A map whose places are the features themselves keeps all neighbors; a map of random places hardly any."""
    view = View(atlas)
    manifold = view.manifold
    rows = manifold.features.rows
    kept = manifold.embedding.__class__(rows, "itself")
    lost = manifold.embedding.__class__(np.random.default_rng(0).normal(size=rows.shape).astype(np.float32), "random")
    trust = []
    for embedding in (kept, lost):
        view.parts = {"manifold": manifold.__class__(**{**manifold.__dict__, "embedding": embedding})}
        trust.append(np.nanmean(view.trust))
    assert trust[0] > 0.999  # ties may be ordered otherwise
    assert trust[1] < 0.4


def test_the_order_is_a_curve_on_which_images_of_a_region_stand_together(client, atlas):
    order, places = numbers(client, "order", "<i4"), open_atlas(atlas).places
    assert sorted(order) == list(range(N_IMAGES))
    steps = np.linalg.norm(np.diff(places[order], axis=0), axis=1)
    shuffled = np.linalg.norm(np.diff(places[np.random.default_rng(0).permutation(order)], axis=0), axis=1)
    assert steps.mean() < 0.5 * shuffled.mean()


def test_spreading_bits_leaves_a_zero_between_any_two():
    assert _spread(np.array([0, 1, 2, 3, 0xFFFF], dtype=np.uint64)).tolist() == [0, 1, 4, 5, 0x55555555]


def test_a_sheet_holds_the_images_in_this_order(client, atlas):
    facts, order = client.get("/api/atlas").json()["thumbs"], numbers(client, "order", "<i4")
    assert facts == {"side": SIDE, "columns": 32, "per_sheet": 1024, "sheets": 1}
    assert facts["side"] * facts["columns"] <= LARGEST_SHEET
    sheet = picture(client.get("/api/thumbnails/0.png"))
    place = 37
    line, column = divmod(place, 32)
    tile = sheet[line * SIDE : (line + 1) * SIDE, column * SIDE : (column + 1) * SIDE]
    np.testing.assert_array_equal(tile, open_atlas(atlas).images.pixels[order[place], ..., 0])


def test_what_a_browser_has_already_is_neither_made_nor_sent_again(client, monkeypatch):
    first = client.get("/api/thumbnails/0.png")
    monkeypatch.setattr(picture_routes, "sheet_png", None)
    again = client.get("/api/thumbnails/0.png", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_an_image_is_given_with_what_is_known_of_it(client, atlas):
    opened = open_atlas(atlas)
    row = int(opened.manifold.rows[5])
    np.testing.assert_array_equal(picture(client.get(f"/api/images/{row}.png")), opened.images.pixels[row, ..., 0])
    facts = client.get(f"/api/images/{row}").json()
    assert (facts["id"], facts["class"]) == (opened.images.ids[row], ("downward", "upward")[opened.images.labels[row]])
    nearest = opened.manifold.rows[opened.manifold.graph.indices[5, 0]]
    assert facts["neighbors"][0]["row"] == nearest
    held_out = client.get("/api/images/0").json()
    assert held_out["held_out"]
    assert (held_out["neighbors"], set(held_out["scores"].values())) == ([], {None})


@pytest.mark.parametrize(
    "path",
    ["images/130", "images/130.png", "thumbnails/1.png", "map/labels/none", "map/labels/cluster-99", "map/values/ids"],
)
def test_what_is_not_there_is_said_to_be_missing(client, path):
    answer = client.get(f"/api/{path}")
    assert answer.status_code == 404
    assert "Ask for one" in answer.json()["error"]


def test_names_are_searched_in_small_and_capital_letters(client):
    assert client.get("/api/search", params={"text": "SHAPES/07", "limit": 3}).json() == {"rows": [70, 71, 72], "total": 10}


def test_an_atlas_that_changes_on_disk_is_read_again(client, atlas):
    before = client.get("/api/atlas").json()["stamp"]
    index = atlas / "images" / "index.json"
    kept = json.loads(index.read_text())
    try:
        index.write_text(json.dumps(kept | {"notes": ["read again"]}))
        facts = client.get("/api/atlas").json()
        assert facts["notes"] == ["read again"]
        assert facts["stamp"] != before
    finally:
        index.write_text(json.dumps(kept))
