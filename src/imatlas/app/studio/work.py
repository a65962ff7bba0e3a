"""One worker and a short queue for all that computes long: drawing, features of a picture, a report.

Two drawings side by side would each take twice as long, so one thread draws and the others wait; who comes when the queue is
full is told so at once, and whoever has gone is left out when their turn comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from starlette.requests import Request

__all__ = ["Busy", "Gone", "Work"]

MOST_WAITING = 8
LOOKS = 0.1  # seconds between two looks whether who asked is still there

T = TypeVar("T")


class Busy(Exception):
    """The queue is full; its message is a sentence for people."""


class Gone(Exception):
    """Who asked has gone before their turn came."""


class Work:
    """A queue of jobs for one thread.

    Parameters
    ----------
    most : jobs that may wait or run at one time.
    """

    def __init__(self, most: int = MOST_WAITING) -> None:
        self.most, self.waiting = most, 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="studio-work")

    def begin(self, job: Callable[[], T]) -> Future[T]:
        """Queue a job that nobody waits for, such as loading a model before it is asked for."""
        return self._thread.submit(job)

    async def do(self, request: Request, job: Callable[[], T]) -> T:
        """Give what a job gives, once its turn has come.

        Parameters
        ----------
        request : of who asked; if they go before the job begins, it is left out.

        Raises
        ------
        Busy
            If the queue is full.
        Gone
            If who asked has gone.
        """
        if self.waiting >= self.most:
            raise Busy(f"The studio is drawing, and {self.waiting} requests wait already. Try again in a second.")
        running = self._thread.submit(job)
        self.waiting += 1
        answer = asyncio.wrap_future(running)
        try:
            while not (await asyncio.wait({answer}, timeout=LOOKS))[0]:
                if await request.is_disconnected() and running.cancel():
                    raise Gone("Who asked has gone.")
            return answer.result()
        finally:
            self.waiting -= 1

    def close(self) -> None:
        """Drop the jobs that have not begun."""
        self._thread.shutdown(wait=False, cancel_futures=True)
