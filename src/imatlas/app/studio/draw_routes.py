"""Drawing, asked from the page."""

from __future__ import annotations

from fastapi import APIRouter, Request

from imatlas.app.studio.answers import Drawing, Ways
from imatlas.app.studio.asks import DrawAsk, LineAsk, PathAsk
from imatlas.app.studio.desk import AtDesk

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["draw"])


@router.post("/draw")
async def draw(desk: AtDesk, request: Request, ask: DrawAsk) -> Drawing:
    """Draw new images; a place off the map draws none and says so."""
    return await desk.work.do(request, lambda: desk.easel().draw(ask))


@router.post("/line")
async def line(desk: AtDesk, request: Request, ask: LineAsk) -> Drawing:
    """Draw a morph along a line on the map."""
    return await desk.work.do(request, lambda: desk.easel().line(ask))


@router.post("/path")
async def path(desk: AtDesk, request: Request, ask: PathAsk) -> Ways:
    """Draw the way along the manifold from one picture to another, and the straight one."""
    return await desk.work.do(request, lambda: desk.easel().ways(ask))
