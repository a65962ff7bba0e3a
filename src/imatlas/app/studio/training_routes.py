"""Training from the page, and the stream of what happens in the atlas meanwhile."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from imatlas.app.studio.answers import TrainingFacts
from imatlas.app.studio.asks import TrainingAsk
from imatlas.app.studio.desk import AtDesk, Desk
from imatlas.app.studio.map_routes import file_of
from imatlas.app.studio.picture_routes import PNG
from imatlas.app.studio.work import Busy

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["training"])

MOST_LISTENERS = 16
LOOKS, QUIET = 0.5, 15.0  # seconds between two looks at the folder, and between two words where nothing happens

STREAM = file_of("text/event-stream")


@router.get("/training")
def training(desk: AtDesk) -> TrainingFacts:
    """Tell how the training stands that runs, or that was the last."""
    return desk.training.facts()


@router.post("/training")
def begin(desk: AtDesk, ask: TrainingAsk) -> TrainingFacts:
    """Begin a training in a process of its own, or go on with one."""
    desk.training.begin(ask)
    return desk.training.facts()


@router.post("/training/stop")
def stop(desk: AtDesk) -> TrainingFacts:
    """Ask the training to stop; it finishes its step and keeps its state."""
    desk.training.stop()
    return desk.training.facts()


@router.get("/training/samples.png", response_class=Response, responses=PNG)
async def samples(desk: AtDesk, request: Request) -> Response:
    """Give a sheet of images as the model in training draws them, by the state it kept last."""
    name = (await run_in_threadpool(desk.training.facts)).model
    sheet = None if name is None else await desk.work.do(request, lambda: desk.easel().in_training(name))
    if sheet is None:
        raise HTTPException(404, "No model in training has kept a state yet. Ask again in a minute.")
    return Response(sheet, media_type="image/png")


@router.get("/events", response_class=StreamingResponse, responses=STREAM)
async def events(desk: AtDesk) -> StreamingResponse:
    """Give server-sent events `training`, `edits` and `models`: each as it stands now, then whenever it changes."""
    if desk.listeners >= MOST_LISTENERS:
        raise Busy(f"{desk.listeners} pages listen already. Close one of them.")
    return StreamingResponse(_stream(desk), media_type="text/event-stream", headers={"cache-control": "no-store"})


async def _stream(desk: Desk) -> AsyncIterator[str]:
    told: dict[str, str] = {}
    spoken = time.monotonic()
    desk.listeners += 1
    try:
        yield "retry: 1000\n\n"
        while not desk.closing:
            for name, facts in (await run_in_threadpool(_news, desk)).items():
                if told.get(name) != facts:
                    told[name], spoken = facts, time.monotonic()
                    yield f"event: {name}\ndata: {facts}\n\n"
            if time.monotonic() - spoken > QUIET:
                spoken = time.monotonic()
                yield ": still here\n\n"
            await asyncio.sleep(LOOKS)
    finally:
        desk.listeners -= 1


def _news(desk: Desk) -> dict[str, str]:
    """What there is to tell now, by the name of its event, as JSON; curves are left to /api/training."""
    atlas = desk.view().atlas
    models = {"trained": [name for name in atlas.models if atlas.model(name).is_trained], "default": atlas.default_model}
    edits = {"revision": atlas.edits.revision}
    return {
        "training": desk.training.facts().model_dump_json(exclude={"curves"}),
        "edits": json.dumps(edits),
        "models": json.dumps(models),
    }
