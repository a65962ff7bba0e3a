"""What the server has at hand between two requests, all of it read from the atlas folder, and read again when that changes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from imatlas.app.studio.told import ModelShelf
from imatlas.app.studio.training import Training
from imatlas.app.studio.view import VALUES, View, edits_stamp_of, stamp_of
from imatlas.app.studio.work import Work

if TYPE_CHECKING:
    from imatlas.app.studio.drawing import Easel

__all__ = ["AtDesk", "Desk"]


class Desk:
    """An open atlas: its view, its models in words, its training, and the queue of what computes long.

    Parameters
    ----------
    folder : of an atlas with a map.

    Raises
    ------
    InputError
        If it is no atlas of images, or has no map.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.work = Work()
        self.shelf = ModelShelf()
        self.training = Training(self.folder)
        self.listeners, self.closing = 0, False
        self._lock = threading.Lock()
        self._view = View(self.folder)
        self._easel: Easel | None = None

    def view(self) -> View:
        """Give the atlas as it stands now."""
        with self._lock:
            if (self._view.stamp, self._view.edits_stamp) != (stamp_of(self.folder), edits_stamp_of(self.folder)):
                self._view = View(self.folder, self._view)
            return self._view

    def easel(self) -> Easel:
        """Give what draws; to be called by the worker alone, since torch is loaded by the first call."""
        from imatlas.app.studio.drawing import Easel

        view = self.view()
        with self._lock:
            if self._easel is None or self._easel.view.stamp != view.stamp:
                self._easel = Easel(view)
            self._easel.view = view  # after an edit, what is loaded stays
            return self._easel

    def warm(self) -> None:
        """Begin to load what the first click needs: torch, the default model and one image drawn with it; and the scores."""
        self.work.begin(self.easel)
        drawn = self.work.begin(lambda: self.easel().warm())
        scores = threading.Thread(target=self._score, name="studio-scores", daemon=True)
        drawn.add_done_callback(lambda _: scores.start())

    def _score(self) -> None:
        """Work out what takes longest, so that it is there when it is asked for."""
        view = self.view()
        for name in ("places", "order", "levels", "lowered_ids", *VALUES):
            getattr(view, name)

    def close(self) -> None:
        """End what would never end by itself, and drop what waits."""
        self.closing = True
        self.work.close()


def _desk_of(request: Request) -> Desk:
    return request.app.state.desk


AtDesk = Annotated[Desk, Depends(_desk_of)]
"""Type of a parameter that is the desk of the server."""
