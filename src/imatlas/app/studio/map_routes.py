"""What the map is made of: facts as JSON, and one number per image as binary, little-endian, in the order of the images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from fastapi import APIRouter, HTTPException, Request, Response

from imatlas.app.studio.answers import AtlasFacts
from imatlas.app.studio.desk import AtDesk
from imatlas.app.studio.told import atlas_facts
from imatlas.app.studio.view import VALUES, View

__all__ = ["file_of", "kept_by_browser", "router"]

router = APIRouter(prefix="/api", tags=["map"])


def file_of(kind: str) -> dict[int | str, dict[str, Any]]:
    """Describe an answer that is a file of some kind, for `responses` of a route."""
    return {200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}}}}}


BINARY = file_of("application/octet-stream")


@router.get("/atlas")
def atlas(desk: AtDesk) -> AtlasFacts:
    """Give all that the page needs before it draws."""
    return atlas_facts(desk.view(), desk.shelf)


@router.get("/map/places", response_class=Response, responses=BINARY)
def places(desk: AtDesk, request: Request) -> Response:
    """Give the places on the map, float32 (n, 2)."""
    view = desk.view()
    return _numbers(request, view, "places", lambda: view.places.astype("<f4"))


@router.get("/map/order", response_class=Response, responses=BINARY)
def order(desk: AtDesk, request: Request) -> Response:
    """Give the rows along a curve over the map, int32 (n,); thumbnails lie on their sheets in this order."""
    view = desk.view()
    return _numbers(request, view, "order", lambda: view.order.astype("<i4"))


@router.get("/map/labels/{name}", response_class=Response, responses=BINARY)
def labels(desk: AtDesk, request: Request, name: str) -> Response:
    """Give a group per image, int32 (n,), -1 = none."""
    view = desk.view()
    if not view.has_labels(name):
        raise HTTPException(404, f"There are no labels {name!r}; wanted one of those that /api/atlas lists. Ask for one.")
    return _numbers(request, view, f"labels-{name}-{view.edits_stamp}", lambda: view.labels(name).astype("<i4"))


@router.get("/map/values/{name}", response_class=Response, responses=BINARY)
def values(desk: AtDesk, request: Request, name: str) -> Response:
    """Give a score per image, float32 (n,), NaN = none."""
    view = desk.view()
    if name not in VALUES:
        raise HTTPException(404, f"There are no values {name!r}; wanted one of those that /api/atlas lists. Ask for one.")
    return _numbers(request, view, f"values-{name}", lambda: view.values(name).astype("<f4"))


@router.get("/map/flags", response_class=Response, responses=BINARY)
def flags(desk: AtDesk) -> Response:
    """Give uint8 (n,): bit 0 held out, bit 1 excluded."""
    images = desk.view().images
    marks = images.held_out.astype(np.uint8) | (images.excluded.astype(np.uint8) << 1)
    return Response(marks.tobytes(), media_type="application/octet-stream")


def _numbers(request: Request, view: View, name: str, make: Callable[[], np.ndarray]) -> Response:
    return kept_by_browser(request, f"{name}-{view.stamp}", "application/octet-stream", lambda: make().tobytes())


def kept_by_browser(request: Request, tag: str, kind: str, make: Callable[[], bytes]) -> Response:
    """Give an answer that a browser may keep and ask about again, which then costs nothing.

    Parameters
    ----------
    tag : plain ASCII that changes when the answer does.
    kind : media type.
    make : gives the answer; not called where the browser has it already.
    """
    headers = {"etag": f'"{tag}"', "cache-control": "private, no-cache"}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(make(), media_type=kind, headers=headers)
