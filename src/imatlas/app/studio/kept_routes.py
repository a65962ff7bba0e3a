"""Drawings that are kept, and the files that leave the studio: a zip of them, an animation, the report."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, HTTPException, Path, Request, Response

from imatlas.app.animation import gif_bytes, webp_bytes
from imatlas.app.studio.answers import KeptDrawing
from imatlas.app.studio.asks import AnimationAsk, KeepAsk
from imatlas.app.studio.desk import AtDesk, Desk
from imatlas.app.studio.kept import Kept
from imatlas.app.studio.map_routes import file_of
from imatlas.app.studio.picture_routes import PNG
from imatlas.app.studio.uploads import from_base64, read_drawn
from imatlas.checks import InputError

__all__ = ["router"]

router = APIRouter(tags=["keep"])

Name = Annotated[str, Path(pattern=r"^[0-9]{4,9}$")]

ANIMATIONS = {"gif": gif_bytes, "webp": webp_bytes}
LEAST_MILLISECONDS = 20

REPORT_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts"
)
"""The report is one file with everything inside; in its frame it can reach neither the studio nor anything else."""


@router.get("/api/kept")
def kept(desk: AtDesk) -> list[KeptDrawing]:
    """List the kept drawings, oldest first."""
    return Kept(desk.folder).all()


@router.post("/api/kept")
def keep(desk: AtDesk, ask: KeepAsk) -> KeptDrawing:
    """Keep a drawing, as it came from here."""
    return Kept(desk.folder).keep(from_base64(ask.png))


@router.get("/api/kept.zip", response_class=Response, responses=file_of("application/zip"))
def packed(desk: AtDesk) -> Response:
    """Give all kept drawings as a zip."""
    headers = {"content-disposition": 'attachment; filename="kept.zip"'}
    return Response(Kept(desk.folder).packed(), media_type="application/zip", headers=headers)


@router.get("/api/kept/{name}.png", response_class=Response, responses=PNG)
def kept_picture(desk: AtDesk, name: Name) -> Response:
    """Give a kept drawing, its note inside it."""
    path = Kept(desk.folder).path(name)
    if path is None:
        raise _no_drawing(name)
    return Response(path.read_bytes(), media_type="image/png")


@router.delete("/api/kept/{name}", status_code=204, response_class=Response)
def discard(desk: AtDesk, name: Name) -> None:
    """Discard a drawing; it can be brought back."""
    if not Kept(desk.folder).discard(name):
        raise _no_drawing(name)


@router.post("/api/kept/{name}/restore", status_code=204, response_class=Response)
def restore(desk: AtDesk, name: Name) -> None:
    """Bring a discarded drawing back."""
    if not Kept(desk.folder).restore(name):
        raise _no_drawing(name)


@router.post("/api/animation", response_class=Response, responses=file_of("image/webp"))
async def animation(desk: AtDesk, request: Request, ask: AnimationAsk) -> Response:
    """Give frames as one moving picture."""
    content = await desk.work.do(request, lambda: _moving(ask))
    headers = {"content-disposition": f'attachment; filename="morph.{ask.format}"'}
    return Response(content, media_type=f"image/{ask.format}", headers=headers)


@router.get("/report", response_class=Response, responses=file_of("text/html"))
async def report(desk: AtDesk, request: Request) -> Response:
    """Give the report of the atlas, which is made if it is not there."""
    path = desk.folder / "report.html"
    if not path.is_file():
        await desk.work.do(request, lambda: _write_report(desk))
    headers = {"content-security-policy": REPORT_POLICY, "x-frame-options": "SAMEORIGIN"}
    return Response(path.read_bytes(), media_type="text/html", headers=headers)


def _no_drawing(name: str) -> HTTPException:
    return HTTPException(404, f"There is no drawing {name} there; wanted one that /api/kept lists. Look there again.")


def _moving(ask: AnimationAsk) -> bytes:
    read = [read_drawn(from_base64(png)) for png in ask.frames]
    if len({pixels.shape for pixels, _ in read}) > 1:
        raise InputError("The frames are of several sizes; wanted one size for all. Send the frames of one morph.")
    how = {name: value for name, value in read[0][1].items() if name != "frame"} | {"frames": len(read)}
    milliseconds = max(LEAST_MILLISECONDS, round(1000 * ask.seconds / len(read)))
    return ANIMATIONS[ask.format](np.stack([pixels for pixels, _ in read]), how, milliseconds=milliseconds)


def _write_report(desk: Desk) -> None:
    from imatlas.app.gather import gather_report
    from imatlas.app.report import write_report

    write_report(gather_report(desk.view().atlas), desk.folder / "report.html")
