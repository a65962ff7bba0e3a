"""What the map is made of: facts as JSON, and one number per image as binary, little-endian, in the order of the images."""

from __future__ import annotations

from typing import Any

import numpy as np
from fastapi import APIRouter, HTTPException, Request, Response

from imatlas.app.studio.answers import AtlasFacts
from imatlas.app.studio.desk import AtDesk
from imatlas.app.studio.told import atlas_facts
from imatlas.app.studio.view import View

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
    return _numbers(request, view, view.places.astype("<f4"), "places")


@router.get("/map/order", response_class=Response, responses=BINARY)
def order(desk: AtDesk, request: Request) -> Response:
    """Give the rows along a curve over the map, int32 (n,); thumbnails lie on their sheets in this order."""
    view = desk.view()
    return _numbers(request, view, view.order.astype("<i4"), "order")


@router.get("/map/labels/{name}", response_class=Response, responses=BINARY)
def labels(desk: AtDesk, request: Request, name: str) -> Response:
    """Give a group per image, int32 (n,), -1 = none."""
    view = desk.view()
    found = view.labels(name)
    if found is None:
        raise HTTPException(404, f"There are no labels {name!r}; wanted one of those that /api/atlas lists. Ask for one.")
    tag = f"labels-{name}-{view.edits_stamp}"  # found names are plain ASCII
    return _numbers(request, view, found.astype("<i4"), tag)


@router.get("/map/values/{name}", response_class=Response, responses=BINARY)
def values(desk: AtDesk, request: Request, name: str) -> Response:
    """Give a score per image, float32 (n,), NaN = none."""
    view = desk.view()
    found = view.values(name)
    if found is None:
        raise HTTPException(404, f"There are no values {name!r}; wanted one of those that /api/atlas lists. Ask for one.")
    return _numbers(request, view, found.astype("<f4"), f"values-{name}")


@router.get("/map/flags", response_class=Response, responses=BINARY)
def flags(desk: AtDesk) -> Response:
    """Give uint8 (n,): bit 0 held out, bit 1 excluded."""
    images = desk.view().images
    marks = images.held_out.astype(np.uint8) | (images.excluded.astype(np.uint8) << 1)
    return Response(marks.tobytes(), media_type="application/octet-stream")


def _numbers(request: Request, view: View, numbers: np.ndarray, name: str) -> Response:
    return kept_by_browser(request, numbers.tobytes(), f"{name}-{view.stamp}", "application/octet-stream")


def kept_by_browser(request: Request, content: bytes, tag: str, kind: str) -> Response:
    """Give an answer that a browser may keep and ask about again, which then costs nothing; a tag is plain ASCII."""
    headers = {"etag": f'"{tag}"', "cache-control": "private, no-cache"}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=kind, headers=headers)
