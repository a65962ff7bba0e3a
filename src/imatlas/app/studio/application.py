"""The application: every route behind the wall, every failure a sentence, and the files of the page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException as NoRoute

from imatlas import __version__
from imatlas.app.studio import care_routes, draw_routes, kept_routes, map_routes, picture_routes, training_routes
from imatlas.app.studio.answers import Error
from imatlas.app.studio.desk import Desk
from imatlas.app.studio.map_routes import kept_by_browser
from imatlas.app.studio.security import Gate, Wall
from imatlas.app.studio.training import AlreadyTraining
from imatlas.app.studio.work import Busy, Gone
from imatlas.checks import InputError
from imatlas.files import content_hash
from imatlas.store import StaleEdits

__all__ = ["WEB", "make_app"]

WEB = Path(__file__).parent / "web"

ROUTERS = (map_routes, picture_routes, draw_routes, kept_routes, care_routes, training_routes)
KINDS = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
REFUSALS = {number: {"model": Error} for number in (400, 403, 404, 409, 413, 415, 422, 429)}


def make_app(folder: Path, gate: Gate, *, warm: bool = True) -> FastAPI:
    """Give the application of an atlas.

    Parameters
    ----------
    folder : of an atlas with a map.
    gate : who is let in.
    warm : load torch and the default model as soon as the server is up, so that the first click need not wait.

    Raises
    ------
    InputError
        If it is no atlas of images, or has no map.
    """
    desk = Desk(folder)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        if warm:
            desk.warm()
        yield
        desk.close()

    app = FastAPI(
        title="imatlas studio",
        version=__version__,
        lifespan=life,
        docs_url=None,  # FastAPI's own pages load from outside
        redoc_url=None,
        openapi_url="/api/openapi.json",
        responses=REFUSALS,  # type: ignore[arg-type]
    )
    app.state.desk = desk
    for module in ROUTERS:
        app.include_router(module.router)
    app.add_api_route("/{path:path}", _web_file, methods=["GET"], include_in_schema=False)
    for kind, answer in _ANSWERS.items():
        app.add_exception_handler(kind, answer)
    app.add_middleware(Wall, gate=gate)
    return app


def _web_file(request: Request, path: str) -> Response:
    """Give a file of the page; only names that a listing of its folder has are served."""
    files = {file.relative_to(WEB).as_posix(): file for file in WEB.rglob("*") if file.suffix in KINDS}
    found = files.get(path or "index.html")
    if found is None:
        raise HTTPException(404, f"There is nothing at /{path[:200]}. Open the page at / instead.")
    content = found.read_bytes()
    return kept_by_browser(request, content_hash(content.hex()), KINDS[found.suffix], lambda: content)


def _say(status: int, sentence: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": sentence}, status_code=status, headers=headers)


def _of_input(request: Request, error: Exception) -> Response:
    return _say(400, str(error))


def _of_conflict(request: Request, error: Exception) -> Response:
    return _say(409, str(error))


def _of_busy(request: Request, error: Exception) -> Response:
    return _say(429, str(error), {"retry-after": "1"})


def _of_gone(request: Request, error: Exception) -> Response:
    return _say(400, str(error))


def _of_route(request: Request, error: Exception) -> Response:
    if not isinstance(error, NoRoute):
        raise error
    return _say(error.status_code, str(error.detail), dict(error.headers or {}))


def _of_shape(request: Request, error: Exception) -> Response:
    """Say the first thing that does not fit."""
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return _say(422, f"The request does not fit at {where[:200]}: {first['msg']}. See /api/openapi.json for what is wanted.")


_ANSWERS = {
    InputError: _of_input,
    AlreadyTraining: _of_conflict,
    StaleEdits: _of_conflict,
    Busy: _of_busy,
    Gone: _of_gone,
    NoRoute: _of_route,
    RequestValidationError: _of_shape,
}
