"""Images of the set: on sheets, one by one, by name, and near a picture."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, HTTPException, Path, Query, Request, Response

from imatlas.app.studio.answers import Found, ImageFacts, Near, Neighbor
from imatlas.app.studio.desk import AtDesk
from imatlas.app.studio.map_routes import file_of, kept_by_browser
from imatlas.app.studio.sheets import image_png, sheet_png, thumbs_of
from imatlas.app.studio.uploads import read_picture
from imatlas.app.studio.view import VALUES, View

__all__ = ["PNG", "router"]

router = APIRouter(prefix="/api", tags=["images"])

PNG = file_of("image/png")
ANY_PICTURE = {"requestBody": {"required": True, "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}}}

Number = Annotated[int, Path(ge=0, lt=2**31)]
NEIGHBORS = 15

QUICK = 200_000
"""Images up to which scores are worked out when one is asked for; of more they are told once they are there."""


@router.get("/thumbnails/{sheet}.png", response_class=Response, responses=PNG)
def thumbnails(desk: AtDesk, request: Request, sheet: Number) -> Response:
    """Give a sheet of thumbnails, in the order of /api/map/order."""
    view = desk.view()
    if sheet >= thumbs_of(view).sheets:
        raise HTTPException(404, f"There is no sheet {sheet}; wanted 0 to {thumbs_of(view).sheets - 1}. Ask for one of these.")
    return kept_by_browser(request, f"sheet-{sheet}-{view.stamp}", "image/png", lambda: sheet_png(view, sheet))


@router.get("/images/{row}.png", response_class=Response, responses=PNG)
def picture(desk: AtDesk, request: Request, row: Number) -> Response:
    """Give an image."""
    view = _view_with(desk, row)
    return kept_by_browser(request, f"image-{row}-{view.stamp}", "image/png", lambda: image_png(view, row))


@router.get("/images/{row}")
def facts(desk: AtDesk, row: Number) -> ImageFacts:
    """Give what is known of an image."""
    view = _view_with(desk, row)
    images, rank = view.images, int(view.rank_of[row])
    label = -1 if images.labels is None else int(images.labels[row])
    known = [name for name in VALUES if len(images) <= QUICK or view.is_known(name)]
    scores = {name: float(view.values(name)[row]) if name in known else np.nan for name in VALUES}
    return ImageFacts(
        row=row,
        id=str(images.ids[row]),
        class_=images.class_names[label] if label >= 0 else None,
        clusters={f"cluster-{level}": view.name_of(level, int(label)) for level, label in enumerate(view.levels[row])},
        place=[float(value) for value in view.places[row]],
        held_out=bool(images.held_out[row]),
        excluded=bool(images.excluded[row]),
        scores={name: score if np.isfinite(score) else None for name, score in scores.items()},
        neighbors=_neighbors(view, rank) if rank >= 0 else [],
    )


@router.get("/images/{row}/near")
async def near_image(desk: AtDesk, request: Request, row: Number, count: Annotated[int, Query(ge=1, le=200)] = 24) -> Near:
    """Give the images that are nearest to one of the set, held-out ones included among those that can be asked for."""
    _view_with(desk, row)
    return await desk.work.do(request, lambda: desk.easel().near(desk.easel().features_of_row(row), count))


@router.get("/search")
def search(
    desk: AtDesk,
    text: Annotated[str, Query(max_length=500)],
    limit: Annotated[int, Query(ge=1, le=10_000)] = 200,
) -> Found:
    """Give the images whose name holds a text, in small or capital letters."""
    sought = text.lower()
    rows = [row for row, name in enumerate(desk.view().lowered_ids) if sought in name]
    return Found(rows=rows[:limit], total=len(rows))


@router.post("/near", openapi_extra=ANY_PICTURE)
async def near(desk: AtDesk, request: Request, count: Annotated[int, Query(ge=1, le=200)] = 24) -> Near:
    """Give the images that are nearest to a picture, and where it belongs on the map."""
    content = await request.body()

    def find() -> Near:
        easel = desk.easel()
        return easel.near(easel.features_of(read_picture(content, easel.view.images.shape)), count)

    return await desk.work.do(request, find)


def _view_with(desk: AtDesk, row: int) -> View:
    view = desk.view()
    if row >= len(view.images):
        raise HTTPException(404, f"There is no image {row}; wanted 0 to {len(view.images) - 1}. Ask for one of these.")
    return view


def _neighbors(view: View, rank: int) -> list[Neighbor]:
    graph, rows = view.manifold.graph, view.manifold.rows
    pairs = zip(graph.indices[rank, :NEIGHBORS], graph.distances[rank, :NEIGHBORS], strict=True)
    return [Neighbor(row=int(rows[place]), distance=float(distance)) for place, distance in pairs]
