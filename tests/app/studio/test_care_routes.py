"""Looking after the set: clusters named, merged and split, images taken out, all of it undone; kept in the atlas alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from small_studio import GATE, HOST, ORIGIN, TOKEN
from starlette.testclient import TestClient

from imatlas import open_atlas
from imatlas.app.studio import drawing
from imatlas.app.studio.application import make_app
from imatlas.geometry import outlier_scores


@pytest.fixture
def own(atlas, tmp_path) -> Path:
    """An atlas of one's own to change."""
    return Path(shutil.copytree(atlas, tmp_path / "shapes.atlas"))


@pytest.fixture
def page(own) -> TestClient:
    return TestClient(make_app(own, GATE, warm=False), base_url=HOST, headers=TOKEN | ORIGIN)


def change(page: TestClient, **made: object) -> dict:
    revision = page.get("/api/edits").json()["revision"]
    answer = page.post("/api/edits", json={"revision": revision, "change": made})
    assert answer.status_code == 200, answer.text
    return answer.json()


def finest(page: TestClient) -> dict:
    return page.get("/api/atlas").json()["fields"]["labels"][-1]


def flags(page: TestClient) -> np.ndarray:
    return np.frombuffer(page.get("/api/map/flags").content, dtype=np.uint8)


def test_clusters_are_listed_by_size_with_images_from_heart_to_edge(page, own):
    level = finest(page)["name"]
    listed = page.get(f"/api/clusters/{level}").json()
    manifold = open_atlas(own).manifold
    labels = manifold.clusters.levels[:, -1]
    sizes = [cluster["size"] for cluster in listed]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) == (labels >= 0).sum()
    for cluster in listed:
        members = manifold.rows[labels == cluster["label"]]
        strengths = manifold.clusters.strengths[np.searchsorted(manifold.rows, cluster["rows"])]
        assert set(cluster["rows"]) <= set(members.tolist())
        assert (np.diff(strengths) <= 0).all()
        assert "are of class" in cluster["says"]


def test_lists_hold_what_stands_out(page, own):
    manifold = open_atlas(own).manifold
    scores = outlier_scores(manifold.graph)
    listed = page.get("/api/lists/outliers").json()
    assert [one["row"] for one in listed] == manifold.rows[np.argsort(-scores, kind="stable")[: (scores > 1.5).sum()]].tolist()
    assert all(len(group) > 1 for group in page.get("/api/lists/duplicates").json())
    assert page.get("/api/lists/rejected").json() == []


def test_images_are_taken_out_and_in_again_and_nothing_else_changes(page, own):
    before = {path: path.read_bytes() for path in own.rglob("*") if path.is_file() and path.name != ".lock"}
    edited = change(page, exclude=[3, 5])
    assert edited["excluded"] == ["shapes/003.png", "shapes/005.png"]
    assert np.flatnonzero(flags(page) & 2).tolist() == [3, 5]
    assert page.get("/api/atlas").json()["counts"]["excluded"] == 2
    assert page.get("/api/images/3").json()["excluded"]
    assert change(page, undo=True)["excluded"] == []
    assert change(page, redo=True)["excluded"] == edited["excluded"]
    assert change(page, include=[3])["excluded"] == ["shapes/005.png"]
    assert {path: path.read_bytes() for path in before} == before


def test_a_name_is_shown_wherever_the_cluster_is(page):
    level = finest(page)["name"]
    label = page.get(f"/api/clusters/{level}").json()[0]["label"]
    edited = change(page, name={"level": level, "label": label, "name": "upright ones"})
    assert edited["names"] == {level: {str(label): "upright ones"}}
    assert finest(page)["groups"][label] == "upright ones"
    first = page.get(f"/api/clusters/{level}").json()[0]
    assert first["name"] == "upright ones"
    assert page.get(f"/api/images/{first['rows'][0]}").json()["clusters"][level] == "upright ones"


def test_a_model_that_is_loaded_hears_of_a_new_name(page, monkeypatch):
    """Its words are those of now, and its weights are not read again."""
    easel = page.app.state.desk.easel()
    model = easel.model(None)
    monkeypatch.setattr(drawing, "load_model", lambda folder: None)
    monkeypatch.setattr(drawing, "named_now", lambda conditions, folder: ("named",))
    assert easel.model(None) is model
    change(page, name={"level": finest(page)["name"], "label": 0, "name": "all of them"})
    named = page.app.state.desk.easel().model(None)
    assert named.conditions == ("named",)
    assert named.generator is model.generator


def test_merged_clusters_are_one_on_the_map_until_they_are_split(page):
    """The set has one cluster; it is split into halves, which are merged and split again."""
    level = finest(page)["name"]
    change(page, split={"level": level, "label": 0})
    found = page.get(f"/api/map/labels/{level}")
    assert sorted(cluster["label"] for cluster in page.get(f"/api/clusters/{level}").json()) == [0, 1]
    edited = change(page, merge={"level": level, "labels": [1, 0]})
    assert edited["merges"] == {level: [[0, 1]]}
    merged = page.get(f"/api/map/labels/{level}", headers={"if-none-match": found.headers["etag"]})
    before, after = (np.frombuffer(answer.content, dtype="<i4") for answer in (found, merged))
    np.testing.assert_array_equal(after, np.minimum(before, 0))
    assert "Merged from 1, 2." in page.get(f"/api/clusters/{level}").json()[0]["says"]
    change(page, split={"level": level, "label": 0})
    np.testing.assert_array_equal(np.frombuffer(page.get(f"/api/map/labels/{level}").content, dtype="<i4"), before)


def test_a_change_that_was_made_for_an_earlier_revision_is_refused_and_overwrites_nothing(page, own):
    change(page, exclude=[1])
    kept = (own / "edits.json").read_bytes()
    answer = page.post("/api/edits", json={"revision": 0, "change": {"exclude": [2]}})
    assert answer.status_code == 409
    assert "Look at what holds now" in answer.json()["error"]
    assert (own / "edits.json").read_bytes() == kept


@pytest.mark.parametrize(
    ("made", "status"),
    [
        ({"exclude": [130]}, 400),
        ({"merge": {"level": "cluster-9", "labels": [0, 1]}}, 400),
        ({"split": {"level": "cluster-0", "label": 99}}, 400),
        ({"name": {"level": "cluster-0", "label": 0, "name": "12"}}, 400),
        ({"undo": True}, 400),
        ({"undo": False}, 422),
        ({"exclude": [1], "include": [2]}, 422),
        ({"exclude": []}, 422),
        ({}, 422),
    ],
)
def test_a_change_that_cannot_be_made_is_said_in_words(page, made, status):
    answer = page.post("/api/edits", json={"revision": 0, "change": made})
    assert answer.status_code == status
    assert answer.json()["error"]


def test_edits_of_another_program_are_seen_at_once_and_scores_are_not_worked_out_again(page, own):
    page.get("/api/map/values/trust")
    view = page.app.state.desk.view()
    (own / "edits.json").write_text(json.dumps({"excluded": ["shapes/007.png"]}))
    assert np.flatnonzero(flags(page) & 2).tolist() == [7]
    assert page.app.state.desk.view() is not view
    assert page.app.state.desk.view().parts["trust"] is view.parts["trust"]
