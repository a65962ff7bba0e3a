"""What is kept and what leaves the studio: drawings with their notes, a zip, an animation, the report in a frame of its own."""

from __future__ import annotations

import base64
import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image
from small_studio import SIDE

from imatlas.app.animation import gif_bytes
from imatlas.app.studio.kept import Kept
from imatlas.pictures import png_bytes, read_gif_text, read_png_text

HOW = {"model": "0001-vae", "seed": 3, "class": "upward"}


def drawing(seed: int, side: int = SIDE) -> tuple[np.ndarray, str]:
    pixels = np.random.default_rng(seed).integers(0, 256, size=(side, side, 1), dtype=np.uint8)
    return pixels, base64.b64encode(png_bytes(pixels, HOW)).decode()


@pytest.fixture
def kept(app, tmp_path, monkeypatch) -> Kept:
    """Kept drawings in a folder that is empty at first."""
    monkeypatch.setattr(app.state.desk, "folder", tmp_path)
    return Kept(tmp_path)


def test_a_drawing_is_kept_with_its_note_and_given_back(client, kept):
    pixels, png = drawing(0)
    told = client.post("/api/kept", json={"png": png}).json()
    assert told == {"name": "0001", "url": "/api/kept/0001.png", "how": HOW}
    assert client.get("/api/kept").json() == [told]
    given = client.get(told["url"]).content
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(given))), pixels[..., 0])
    assert read_png_text(io.BytesIO(given)) == HOW


def test_a_discarded_drawing_can_be_brought_back_and_its_number_is_not_given_again(client, kept):
    for seed in range(2):
        client.post("/api/kept", json={"png": drawing(seed)[1]})
    assert client.delete("/api/kept/0002").status_code == 204
    assert client.delete("/api/kept/0002").status_code == 404
    assert [one["name"] for one in client.get("/api/kept").json()] == ["0001"]
    assert client.post("/api/kept", json={"png": drawing(2)[1]}).json()["name"] == "0003"
    assert client.post("/api/kept/0002/restore").status_code == 204
    assert [one["name"] for one in client.get("/api/kept").json()] == ["0001", "0002", "0003"]


def test_the_zip_holds_every_drawing_and_how_it_was_made(client, kept):
    client.post("/api/kept", json={"png": drawing(0)[1]})
    archive = zipfile.ZipFile(io.BytesIO(client.get("/api/kept.zip").content))
    assert archive.namelist() == ["0001.png", "drawings.json"]
    assert read_png_text(io.BytesIO(archive.read("0001.png"))) == HOW
    assert json.loads(archive.read("drawings.json")) == {"0001": HOW}


def test_nothing_of_a_kept_file_but_pixels_and_note_is_written(client, kept):
    """What hangs behind the picture, or in chunks of others, could be a page or a program."""
    _, png = drawing(0)
    behind = base64.b64encode(base64.b64decode(png) + b"<script>alert(1)</script>").decode()
    client.post("/api/kept", json={"png": behind})
    assert b"script" not in kept.path("0001").read_bytes()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no picture", "cannot be read as PNG"),
        (png_bytes(np.zeros((600, 600, 1), np.uint8), HOW), "wanted one that was drawn here"),
        (gif_bytes(np.zeros((2, 8, 8, 1), np.uint8), HOW), "cannot be read as PNG"),
    ],
)
def test_what_was_not_drawn_here_is_not_kept(client, kept, content, said):
    answer = client.post("/api/kept", json={"png": base64.b64encode(content).decode()})
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert not kept.folder.exists()


def test_a_picture_without_a_note_is_not_kept(client, kept):
    buffer = io.BytesIO()
    Image.new("L", (8, 8)).save(buffer, "PNG")
    answer = client.post("/api/kept", json={"png": base64.b64encode(buffer.getvalue()).decode()})
    assert "no note of how it was made" in answer.json()["error"]


@pytest.mark.parametrize("kind", ["webp", "gif"])
def test_frames_become_a_moving_picture_that_says_how_it_was_made(client, tmp_path, kind):
    frames = [drawing(seed)[1] for seed in range(4)]
    answer = client.post("/api/animation", json={"frames": frames, "format": kind, "seconds": 2})
    assert answer.headers["content-type"] == f"image/{kind}"
    moving = Image.open(io.BytesIO(answer.content))
    assert (moving.format, moving.n_frames) == (kind.upper(), 4)
    moving.seek(1)
    moving.load()
    assert moving.info["duration"] == 500
    path = tmp_path / "moving"
    path.write_bytes(answer.content)
    told = read_gif_text(path) if kind == "gif" else json.loads(Image.open(path).getexif()[0x010E])["imatlas"]
    assert told == HOW | {"frames": 4}


def test_frames_of_several_sizes_are_refused_in_words(client):
    frames = [drawing(0)[1], drawing(1, side=16)[1]]
    answer = client.post("/api/animation", json={"frames": frames})
    assert answer.status_code == 400
    assert "several sizes" in answer.json()["error"]


def test_the_report_may_be_framed_by_the_page_and_reaches_nothing(client, app, tmp_path, monkeypatch):
    monkeypatch.setattr(app.state.desk, "folder", tmp_path)
    (tmp_path / "report.html").write_text("<!doctype html><title>Report</title>")
    answer = client.get("/report")
    policy = answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert "default-src 'none'" in policy
    assert "sandbox allow-scripts" in policy
    assert "connect-src" not in policy
    assert "<title>Report</title>" in answer.text
