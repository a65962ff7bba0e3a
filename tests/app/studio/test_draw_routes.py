"""Drawing from the page: the same images as the model draws, no pretending off the map, and what is said when it cannot be."""

from __future__ import annotations

import asyncio
import base64
import io
import struct
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imatlas import open_atlas
from imatlas.app.studio import drawing, uploads
from imatlas.app.studio.drawing import _along
from imatlas.app.studio.view import View
from imatlas.app.studio.work import Gone, Work
from imatlas.pictures import png_bytes, read_png_text
from imatlas.recipes import load_model


def pixels_of(png: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))))


@pytest.fixture(scope="module")
def place(atlas) -> np.ndarray:
    """A place on the map."""
    return np.asarray(open_atlas(atlas).manifold.embedding.coordinates[7])


def words(place: np.ndarray) -> str:
    return ",".join(f"{value:.3f}" for value in place)


def test_what_is_drawn_is_what_the_model_draws_and_says_how(client, atlas, place):
    asked = {"count": 3, "seed": 5, "wishes": {"class": "upward", "map_place": words(place)}, "place": True}
    drawn = client.post("/api/draw", json=asked).json()
    expected = load_model(open_atlas(atlas).model_or_default(None)).sample([5, 6, 7], asked["wishes"])
    assert [image["seed"] for image in drawn["images"]] == [5, 6, 7]
    for image, pixels, how in zip(drawn["images"], expected.pixels, expected.how, strict=True):
        np.testing.assert_array_equal(pixels_of(image["png"]), pixels[..., 0])
        assert image["how"] == how == read_png_text(io.BytesIO(base64.b64decode(image["png"])))
        assert np.shape(image["place"]) == (2,)


def test_off_the_map_nothing_is_drawn_and_the_nearest_place_is_offered(client, place):
    drawn = client.post("/api/draw", json={"wishes": {"map_place": "1000,1000"}}).json()
    assert drawn["images"] == []
    assert "off the map" in drawn["off"]["says"]
    again = client.post("/api/draw", json={"wishes": {"map_place": words(np.array(drawn["off"]["nearest"]))}}).json()
    assert len(again["images"]) == 1


def test_pictures_of_the_set_and_of_ones_own_are_examples(client, atlas):
    content = png_bytes(np.asarray(open_atlas(atlas).images.pixels[3]), {})
    of_set, own = (
        client.post("/api/draw", json={"wishes": {"neighborhood": wish, "style": wish}}).json()["images"][0]
        for wish in ({"row": 3}, {"picture": base64.b64encode(content).decode()})
    )
    np.testing.assert_array_equal(pixels_of(of_set["png"]), pixels_of(own["png"]))
    assert of_set["how"]["neighborhood"] == "picture shapes/003.png"


def test_a_line_draws_what_a_click_at_each_place_draws(client, place):
    """All frames have the noise of one seed, so an end of the line is the image of a click there with that seed."""
    drawn = client.post("/api/line", json={"points": [place.tolist()] * 2, "frames": 2, "seed": 9}).json()
    click = client.post("/api/draw", json={"seed": 9, "wishes": {"map_place": ",".join(map(str, place.tolist()))}}).json()
    assert drawn["off"] is None
    for image in drawn["images"]:
        np.testing.assert_array_equal(pixels_of(image["png"]), pixels_of(click["images"][0]["png"]))
        assert image["place"] == pytest.approx(place.tolist())


def test_a_line_that_leaves_the_map_draws_the_part_on_it_and_says_so(client, place):
    far = (place + 1000).tolist()
    drawn = client.post("/api/line", json={"points": [place.tolist(), far], "frames": 4}).json()
    assert len(drawn["images"]) == 1
    assert drawn["off"]["says"].startswith("3 of 4 places")


def test_places_lie_evenly_along_a_line_with_corners():
    """A way right by 1 and up by 3 has length 4; its quarters are at 0, 1, 2, 3 and 4."""
    along = _along(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 3.0]]), 5)
    np.testing.assert_allclose(along, [[0, 0], [1, 0], [1, 1], [1, 2], [1, 3]])


def test_a_path_begins_and_ends_at_its_pictures_both_ways(client, atlas):
    ways = client.post("/api/path", json={"from": {"row": 1}, "to": {"row": 2}, "frames": 4}).json()
    assert (len(ways["geodesic"]), len(ways["straight"]), len(ways["places"])) == (4, 4, 4)
    for end in (0, -1):
        np.testing.assert_array_equal(pixels_of(ways["geodesic"][end]), pixels_of(ways["straight"][end]))
    assert len(ways["off"]) == 2


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"model": "0009-none"}, "has no model '0009-none'"),
        ({"wishes": {"class": "sideways"}}, "There is no class 'sideways'"),
        ({"wishes": {"colour": "red"}}, "This model was not trained with colour"),
        ({"wishes": {"style": "thick"}}, "asked for by a picture"),
        ({"wishes": {"class": {"row": 2}}}, "asked for in words"),
        ({"wishes": {"style": {"row": 130}}}, "There is no image 130"),
        ({"wishes": {"style": {"picture": "no base64!"}}}, "no base64"),
        ({"wishes": {"style": {"picture": base64.b64encode(b"no picture").decode()}}}, "The picture cannot be used"),
        ({"wishes": {"map_place": "here"}}, "is not 2 numbers"),
        ({"dials": {"steps": 7}}, "has no dial steps"),
        ({"count": 2, "seed": 2**32 - 1}, "Seed 4294967296 is outside"),
    ],
)
def test_a_wish_that_cannot_be_met_is_said_in_words(client, asked, said):
    answer = client.post("/api/draw", json=asked)
    assert answer.status_code == 400
    assert said in answer.json()["error"]


@pytest.mark.parametrize(
    "asked",
    [{"count": 65}, {"seed": -1}, {"count": "2"}, {"colour": 1}, {"dials": {"guidance": 99}}, {"wishes": {"class": 3}}, []],
)
def test_a_request_of_another_shape_is_refused_before_anything_is_done(client, asked):
    answer = client.post("/api/draw", json=asked)
    assert answer.status_code == 422
    assert "does not fit" in answer.json()["error"]


def png_of(width: int, height: int) -> bytes:
    """A PNG of few bytes that says it has many pixels, all of them zero."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(20_000, 20_000), (8_000, 7_000), (60_000, 9)])
def test_a_small_file_of_a_huge_picture_is_refused_by_its_header(client, monkeypatch, width, height):
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("it was unpacked")

    monkeypatch.setattr(uploads, "decode", fail)
    answer = client.post("/api/near", content=png_of(width, height), headers={"content-type": "image/png"})
    assert answer.status_code == 400
    assert "too l" in answer.json()["error"]


def test_a_picture_finds_itself_and_its_place(client, atlas, place):
    opened = open_atlas(atlas)
    row = int(opened.manifold.rows[7])
    content = png_bytes(np.asarray(opened.images.pixels[row]), {})
    near = client.post("/api/near?count=3", content=content, headers={"content-type": "image/png"}).json()
    assert (near["rows"][0], near["on_map"], len(near["rows"])) == (row, True, 3)
    assert near["place"] == pytest.approx(place.tolist(), abs=1e-3)
    of_set = client.get(f"/api/images/{row}/near?count=3").json()
    assert of_set["rows"] == near["rows"]


def test_a_picture_of_another_kind_is_told_to_be_one(client):
    noise = np.random.default_rng(0).integers(0, 256, size=(8, 8, 1), dtype=np.uint8)
    near = client.post("/api/near", content=png_bytes(noise, {}), headers={"content-type": "image/png"}).json()
    assert near["off"] > 2
    assert not near["on_map"]
    assert "nothing in the set is like it" in near["says"]


def test_who_comes_when_the_queue_is_full_is_told_to_wait(client, app, monkeypatch):
    monkeypatch.setattr(app.state.desk, "work", Work(most=0))
    answer = client.post("/api/draw", json={})
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1"


class _Leaving:
    """A request whose client has gone."""

    async def is_disconnected(self) -> bool:
        return True


def test_who_has_gone_before_their_turn_is_left_out():
    """The first job holds the worker until the second, whose client has gone, was given up."""
    work, done = Work(), []
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        release.wait(10)

    async def ask(job: Callable[[], None]) -> None:
        await work.do(_Leaving(), job)  # type: ignore[arg-type]

    first = work.begin(hold)
    held.wait(10)
    with pytest.raises(Gone):
        asyncio.run(ask(lambda: done.append(1)))
    release.set()
    first.result(10)
    assert (done, work.waiting) == ([], 0)


def test_models_stay_loaded_the_two_used_last(atlas: Path, monkeypatch):
    easel = drawing.Easel(View(atlas))
    loaded = []
    monkeypatch.setattr(drawing, "load_model", lambda folder: loaded.append(folder.name) or object())
    monkeypatch.setattr(type(easel.view.atlas), "model_or_default", lambda self, name: _Folder(atlas, name))
    for name in "abacab":
        easel.model(name)
    assert loaded == ["a", "b", "c", "b"]


class _Folder:
    """A model folder of some name, of weights that never change."""

    def __init__(self, atlas: Path, name: str) -> None:
        self.folder, self.name = atlas, name
