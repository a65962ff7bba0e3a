"""What the command line says: progress bars on a terminal, one line per finished step elsewhere, errors as sentences."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from imatlas.checks import FailedRun, InputError
from imatlas.progress import Progress

__all__ = ["FAILED", "MISUSED", "STOPPED", "Console", "read_duration", "read_seeds", "sentences"]

FAILED, MISUSED, STOPPED = 1, 2, 128
"""Exit codes: something could not be done; something was asked for that does not exist; 128 and the number of the signal that
stopped the program, as shells have it: 130 after Ctrl-C, 143 after SIGTERM."""

MOST_SEEDS = 1_000_000

USUAL_COLUMNS = 80
"""Of a terminal that does not know its width."""

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
_SMALLER = "There is not enough memory. Use fewer images, or a lower --resolution."


class Console:
    """Says things to a person, or keeps quiet and gives one JSON value at the end.

    Parameters
    ----------
    as_json : whether the only output is one JSON object.

    Of several processes that torchrun started the first one speaks for all.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.started = time.monotonic()
        self.speaks = os.environ.get("RANK", "0") == "0"
        self._bar = _Bar() if self.speaks and sys.stderr.isatty() and not as_json else None
        self._last = ""

    def say(self, *lines: str) -> None:
        """Print lines, unless the output is JSON."""
        if self._bar:
            self._bar.close()
        if self.speaks and not self.as_json:
            for line in lines:
                print(line, flush=True)

    def give(self, value: dict[str, object]) -> None:
        """Print the final JSON value, if that was asked for."""
        if self.speaks and self.as_json:
            print(json.dumps(_strict(value), ensure_ascii=False, default=str), flush=True)

    def report(self, progress: Progress) -> None:
        """Show progress: a bar on a terminal, a line for each finished stage and each note."""
        if progress.note:
            self.say(f"  {self.elapsed:>6}  {progress.note}")
        if self._bar:
            self._bar.show(progress)
        if progress.total and progress.done >= progress.total and progress.stage != self._last:
            self._last = progress.stage
            losses = ", ".join(f"{name} {value:.3g}" for name, value in progress.values.items() if name.startswith("loss"))
            self.say(f"  {self.elapsed:>6}  {progress.stage}" + (f" ({progress.done} steps, {losses})" if losses else ""))

    @property
    def elapsed(self) -> str:
        """Time since the start, as m:ss."""
        seconds = int(time.monotonic() - self.started)
        return f"{seconds // 60}:{seconds % 60:02d}"


class _Terminated(KeyboardInterrupt):
    """SIGTERM came where nothing was listening for it."""

    number = signal.SIGTERM


class _Bar:
    """One line on standard error that is drawn over."""

    def __init__(self) -> None:
        self.shown = 0.0

    def show(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self.shown < 0.1 and progress.done < progress.total:
            return
        self.shown = now
        share = progress.done / progress.total if progress.total else 0.0
        filled = round(30 * share)
        left = "" if progress.remaining is None else f"  {progress.remaining:5.0f} s left"
        line = f"  {progress.stage:<14.14} [{'=' * filled}{' ' * (30 - filled)}] {share:4.0%}{left}"
        columns = os.get_terminal_size(sys.stderr.fileno()).columns or USUAL_COLUMNS
        sys.stderr.write("\r" + line[: columns - 1] + "\x1b[K")
        sys.stderr.flush()

    def close(self) -> None:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


@contextmanager
def sentences(console: Console, *, code: int = FAILED) -> Iterator[None]:
    """Turn what a user can cause into one sentence and an exit code; SIGTERM is heard as Ctrl-C is.

    Parameters
    ----------
    console : says the sentence.
    code : exit code for input that cannot be used; stops have their own, everything else exits with 1.

    Raises
    ------
    SystemExit
        After an error, an interruption, a full disk or too little memory.
    """
    try:
        with _hearing_sigterm():
            yield
    except InputError as error:
        _fail(console, str(error), code)
    except FailedRun as error:
        _fail(console, str(error))
    except KeyboardInterrupt as stop:
        where = str(stop).removeprefix("stopped ") or "by Ctrl-C"
        number = getattr(stop, "number", signal.SIGINT)
        _fail(console, f"Stopped {where}. Everything finished is kept; the same command goes on from there.", STOPPED + number)
    except BrokenPipeError:
        # Whoever read the output has gone, as `head` does; there is nobody left to tell, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(FAILED) from None
    except OSError as error:
        _fail(console, _refusal(error))
    except MemoryError:
        _fail(console, _SMALLER)
    except RuntimeError as error:
        # torch has no error of its own for a CPU without memory.
        if not any(words in str(error).lower() for words in _NO_MEMORY):
            raise
        _fail(console, _SMALLER)


@contextmanager
def _hearing_sigterm() -> Iterator[None]:
    """Raise when SIGTERM comes, for as long as the context lasts; outside the main thread nothing is heard."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise _Terminated("stopped by SIGTERM")

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _refusal(error: OSError) -> str:
    place = f" {error.filename}" if error.filename else ""
    return f"The system refused{place}: {error.strerror or error}. Free some space or choose another place with --out."


def _fail(console: Console, sentence: str, code: int = FAILED) -> None:
    if console.speaks and console.as_json:
        print(json.dumps({"error": sentence}, ensure_ascii=False))
    elif console.speaks:
        console.say()
        print(f"error: {sentence}", file=sys.stderr)
    raise SystemExit(code)


def _strict(value: object) -> object:
    """Give JSON values in which numbers that JSON does not know (NaN, infinity) are null."""
    if isinstance(value, dict):
        return {name: _strict(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_duration(text: str) -> float:
    """Give the seconds of "90", "90s", "10m" or "1.5h".

    Raises
    ------
    InputError
        If it is none of these, or not above 0.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip().lower())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if seconds <= 0:
        raise InputError(f"The budget {text!r} is not a duration; write 90s, 10m or 1.5h.")
    return seconds


def read_seeds(text: str) -> list[int]:
    """Give the seeds of "0,4-6": 0, 4, 5, 6.

    Raises
    ------
    InputError
        If it is not a list of whole numbers and ranges, or names more than a million.
    """
    seeds: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if not found:
            raise InputError(f"Seeds {text!r} are not numbers and ranges; write for example 0,4-6.")
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first:
            raise InputError(f"Seeds {text!r} have a range that runs backwards, {first}-{last}; write {last}-{first}.")
        if len(seeds) + last - first >= MOST_SEEDS:
            raise InputError(f"Seeds {text!r} name over {MOST_SEEDS:,} images; ask for fewer at a time.")
        seeds += range(first, last + 1)
    return seeds
