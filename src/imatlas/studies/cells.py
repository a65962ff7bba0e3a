"""One cell of a study, one arm of one repeat: trained, drawn, judged and kept as JSON, with its images beside it.

The JSON is written last and whole, so a cell is either done or not begun; a training inside it goes on from its own checkpoint.
"""

from __future__ import annotations

import hashlib
import io
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from imatlas import __version__
from imatlas.files import read_json, reading, write_bytes, write_json
from imatlas.progress import Report, silent
from imatlas.studies.bench import Bench
from imatlas.studies.drawing import draw, seeds_of
from imatlas.studies.fits import Ground, train_fit
from imatlas.studies.judging import as_score, score_images
from imatlas.studies.plan import Cell, length_words
from imatlas.values import Score

__all__ = ["CellResult", "code_hash", "pixels_of", "read_cell", "run_cell", "weights_of"]

FOLDERS = (
    "conditions",
    "evaluation",
    "features",
    "generators",
    "geometry",
    "manifold",
    "neighbors",
    "networks",
    "recipes",
    "training",
)
FILES = ("sampling.py", "studies/code_samplers.py", "studies/drawing.py", "studies/fits.py", "studies/partitions.py")
"""Folders and files of the package that decide the numbers of a cell."""


@dataclass(frozen=True)
class CellResult:
    """What came of a cell.

    Parameters
    ----------
    arm, repeat, length : which cell it is.
    scores : against the real images, in each space; with images_per_second.
    seconds : "charged" and "trained", together the time the arm had; "drawing" and "judging".
    facts : of its training, machine and date, JSON values.
    """

    arm: str
    repeat: int
    length: float
    scores: tuple[Score, ...]
    seconds: Mapping[str, float]
    facts: Mapping[str, Any]

    def value(self, name: str, space: str) -> float | None:
        """Give a score by its name and space; None where it was not measured."""
        return next((score.value for score in self.scores if (score.name, score.space) == (name, space)), None)


def run_cell(bench: Bench, cell: Cell, ground: Ground, *, report: Report = silent) -> CellResult:
    """Train, draw and judge a cell, and keep it.

    Parameters
    ----------
    bench : of the study.
    cell : what is to be done.
    ground : of its repeat.
    """
    home, count = bench.home, bench.count
    trained = train_fit(ground, cell.arm.fit, weights_of(home, cell), length=cell.length, report=report)
    start = time.monotonic()
    pixels = draw(trained.model, cell.arm, ground, seeds_of(cell.repeat, count), report=report)
    drawing = time.monotonic() - start
    scores = score_images(bench.real, pixels, report=report)
    judging = time.monotonic() - start - drawing
    speed = Score("images_per_second", "", count / max(drawing, 1e-9), None, None, "higher", count, "speed")
    seconds = trained.seconds | {"drawing": drawing, "judging": judging}
    facts = trained.facts | {"map_seconds": float(ground.seconds["map"])} | _here()
    result = CellResult(cell.arm.name, cell.repeat, cell.length, (*scores, speed), seconds, facts)
    _write_pixels(home, cell, pixels)
    write_json(_path(home, cell), asdict(result))
    return result


def read_cell(home: Path, cell: Cell) -> CellResult | None:
    """Give what came of a cell; None where it was not finished.

    Raises
    ------
    InputError
        If its file is damaged.
    """
    path = _path(home, cell)
    if not path.is_file() or not _pixels_path(home, cell).is_file():
        return None
    with reading(f"{path}", "Delete it, and the cell is made again."):
        told = read_json(path)
        scores = tuple(as_score(row) for row in told["scores"])
        return CellResult(told["arm"], told["repeat"], told["length"], scores, told["seconds"], told["facts"])


def pixels_of(home: Path, cell: Cell) -> np.ndarray:
    """Give the images uint8 (n, H, W, C) that a finished cell was judged by."""
    path = _pixels_path(home, cell)
    with reading(f"{path}", "Delete it, and the cell is made again."), np.load(path) as kept:
        return kept["images"]


def weights_of(home: Path, cell: Cell) -> Path:
    """Give the folder of the model that a cell draws from; arms of one fit share it."""
    return home / "weights" / f"{cell.repeat}-{cell.arm.fit.name}{length_words(cell.length)}"


@cache
def code_hash() -> str:
    """Give a hash of the code that decides the numbers of a cell, kept with it: cells of other code are told apart."""
    house = Path(__file__).parents[1]
    files = [house / name for name in FILES]
    files += [path for name in FOLDERS for path in sorted((house / name).rglob("*.py"))]
    digest = hashlib.blake2b(digest_size=6)
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _here() -> dict[str, object]:
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"made_by": f"imatlas {__version__}", "code": code_hash(), "finished": now, "load": load}


def _path(home: Path, cell: Cell) -> Path:
    return home / "cells" / f"{cell.name}.json"


def _pixels_path(home: Path, cell: Cell) -> Path:
    return home / "cells" / f"{cell.name}.npz"


def _write_pixels(home: Path, cell: Cell, pixels: np.ndarray) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, images=pixels)
    write_bytes(_pixels_path(home, cell), buffer.getvalue())
