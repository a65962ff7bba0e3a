"""Ctrl-C and SIGTERM are heard between two steps, so that none is left half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Interrupted", "stop_requests"]


class Interrupted(KeyboardInterrupt):
    """Training was stopped by the user, between two steps, after its state was saved where it has a folder.

    `number` is that of the signal; of Ctrl-C where another process was sent it.
    """

    number: int = signal.SIGINT


@contextmanager
def stop_requests() -> Iterator[list[int]]:
    """Collect Ctrl-C and SIGTERM in a list for as long as the context lasts; outside the main thread, none."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {
        number: signal.signal(number, lambda received, _: asked.append(received)) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield asked
    except Interrupted as stop:
        stop.number = asked[0] if asked else stop.number
        raise
    finally:
        for number, action in before.items():
            signal.signal(number, action)
