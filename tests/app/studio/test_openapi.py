"""The OpenAPI description, and a small storm of requests made of it: each is answered as described, and none ends in a 5xx."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance
from small_studio import GATE, HOST, ORIGIN, TOKEN

from imatlas.app.studio.application import make_app
from imatlas.app.studio.training import AlreadyTraining, Training

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 4


@pytest.fixture(scope="module")
def own_app(atlas, tmp_path_factory) -> FastAPI:
    """The studio of an atlas of its own, whose trainings are never begun."""
    folder = tmp_path_factory.mktemp("storm") / "shapes.atlas"
    shutil.copytree(atlas, folder)
    (Path(folder) / "report.html").write_text("<!doctype html><title>Report</title>")

    def runs(*_: object) -> None:
        raise AlreadyTraining("A training runs already. Stop it first, or wait until it ends.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "begin", runs)
        yield make_app(folder, GATE, warm=False)


@pytest.fixture(scope="module")
def described(own_app) -> BaseSchema:
    """Its description; the stream, which does not end, is left out."""
    schema = schemathesis.openapi.from_dict(own_app.openapi()).exclude(path="/api/events")
    schema.app = own_app
    return schema


STORM = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_no_request_brings_the_server_down(described):
    for result in described.get_all_operations():
        operation = result.ok()

        @STORM
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            case.call_and_validate(base_url=HOST, headers=TOKEN | ORIGIN, checks=CHECKS)

        ask()


def test_every_answer_and_request_of_the_page_is_described(client):
    described = client.get("/api/openapi.json").json()
    paths = described["paths"]
    assert {"/api/atlas", "/api/draw", "/api/line", "/api/path", "/api/near", "/api/kept", "/api/training", "/report"} <= set(
        paths
    )
    for path, methods in paths.items():
        for method, told in methods.items():
            assert told["summary"] or told["description"], f"{method} {path}"
            assert {"400", "403", "422", "429"} <= set(told["responses"]), f"{method} {path}"
