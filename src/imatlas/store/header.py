"""The file atlas.json: who made the folder, from which images, with which settings, and which steps are done.

The header is the folder's contract: a folder without one is not an atlas, one of an older format is migrated when it
is opened, one of a newer format is refused. Changes are read-modify-write under a short lock, so that two processes
that finish a step at once both keep their mark.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from imatlas import __version__
from imatlas.checks import InputError
from imatlas.files import ATLAS_KIND, is_leftover, is_model, locked, read_json, write_json

__all__ = [
    "FORMAT",
    "MIGRATIONS",
    "changed_header",
    "claim_folder",
    "has_header",
    "holds_matrix",
    "read_header",
    "refuse_foreign",
    "shortly_locked",
]

FORMAT = 1
"""The format this version writes."""

MIGRATIONS: dict[int, Callable[[dict, Path], dict]] = {}
"""Format -> function (header, folder) that gives the header of the next format; a new format adds one line here."""

_PARTS = {"hashes": dict, "settings": dict, "steps": dict}
_PATIENCE = 10.0  # seconds to wait for another process's header change, which takes milliseconds


def has_header(folder: Path) -> bool:
    """Say whether a folder calls itself an atlas."""
    return (Path(folder) / "atlas.json").is_file()


def read_header(folder: Path) -> dict:
    """Read atlas.json, migrated to the present format.

    Raises
    ------
    InputError
        If there is no atlas, the file is not one of ours, or its format is newer than this version.
    """
    folder = Path(folder)
    if is_model(folder):
        raise InputError(
            f"{folder} is a model by itself, not an atlas: it can draw (imatlas generate {folder}) and no more. Name the atlas "
            "it came from."
        )
    if not has_header(folder):
        raise InputError(
            f"{folder} is not an atlas: it has no atlas.json. Name an atlas folder, or make one: imatlas map IMAGES."
        )
    header = read_json(folder / "atlas.json")
    version = header.get("format") if isinstance(header, dict) and header.get("kind") == ATLAS_KIND else None
    if not isinstance(version, int) or isinstance(version, bool):
        raise InputError(f"{folder}/atlas.json was not written by imatlas. Name another folder; nothing there was touched.")
    if version > FORMAT:
        raise InputError(
            f"{folder} has format {version}, made by {header.get('made_by', 'a newer imatlas')}; this version reads "
            f"up to format {FORMAT}. Update imatlas, or make the atlas anew with --out elsewhere."
        )
    header = _migrated(header, folder)
    lacks = [name for name, kind in _PARTS.items() if not isinstance(header.get(name), kind)]
    if lacks:
        raise InputError(f"{folder}/atlas.json is damaged: it lacks {', '.join(lacks)}. Restore it from a copy.")
    return header


def holds_matrix(folder: Path) -> bool:
    """Say whether an atlas was made of a feature matrix rather than of images."""
    return read_header(folder).get("holds", "images") == "rows"


def refuse_foreign(folder: Path) -> None:
    """Refuse a place that holds anything but an atlas or leftovers of the system or of a broken-off start.

    Raises
    ------
    InputError
        If it is a file, or a folder with something else in it.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; an atlas needs a folder. Choose another place with --out.")
    if has_header(folder) or not folder.exists():
        return
    foreign = sorted(entry.name for entry in folder.iterdir() if not is_leftover(entry.name))
    if foreign:
        shown = ", ".join(foreign[:3]) + (f" and {len(foreign) - 3} more" if len(foreign) > 3 else "")
        raise InputError(
            f"{folder} holds something else ({shown}); an atlas wants a new or an empty folder. "
            "Choose another place with --out; nothing there was touched."
        )


def claim_folder(folder: Path, source: str, hashes: dict, settings: dict) -> dict:
    """Make a folder an atlas of some images or rows, or continue the atlas of the same ones.

    Parameters
    ----------
    hashes : {"images": hash} or {"rows": hash}; its key says what the atlas holds.

    Returns
    -------
    The header now on disk, with `settings` merged into what was there.

    Raises
    ------
    InputError
        If the folder holds something else, an atlas of other images or rows, or cannot be written.
    """
    folder = Path(folder)
    kind = next(iter(hashes))
    refuse_foreign(folder)
    _make_folder(folder)
    if not has_header(folder):
        header: dict = {
            "kind": ATLAS_KIND,
            "format": FORMAT,
            "made_by": f"imatlas {__version__}",
            "holds": kind,
            "source": source,
            "hashes": hashes,
            "settings": settings,
            "steps": {},
            "default_model": "",
        }
        with shortly_locked(folder):
            write_json(folder / "atlas.json", header)
        return header
    header = read_header(folder)
    if header["hashes"].get(kind) != hashes[kind]:
        raise InputError(_of_others(folder, header, source, kind))
    with changed_header(folder) as header:
        header["settings"].update(settings)
    return header


@contextmanager
def changed_header(folder: Path) -> Iterator[dict]:
    """Read the header, let the caller change it, write it back, all under the short lock."""
    with shortly_locked(folder):
        header = read_header(folder)
        yield header
        write_json(Path(folder) / "atlas.json", header)


@contextmanager
def shortly_locked(folder: Path) -> Iterator[None]:
    """Hold the folder for the milliseconds of a header change, waiting for others who do the same."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            lock = locked(folder)
            lock.__enter__()
            break
        except InputError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        except OSError as error:
            raise InputError(
                f"Could not write in {folder} ({error.strerror or error}). Make it writable, or choose another --out."
            ) from error
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def _of_others(folder: Path, header: dict, source: str, kind: str) -> str:
    """Say that an atlas was made of other images or rows, or of the same source in another way."""
    had, seed = str(header.get("source", "")), header["settings"].get("seed", "not recorded")
    if had and had == source:
        way = ", or the --resolution, --ground or --seed they were read with," if kind == "images" else ""
        return (
            f"{folder} was made from {source} when its {kind}{way} were others (its seed: {seed}). Give the options of then to "
            "go on with it, or another place with --out; nothing there was touched."
        )
    return (
        f"{folder} is an atlas of other {kind} ({had or 'source unknown'}), not of {source or 'these'}. Choose another place "
        "with --out; nothing there was touched."
    )


def _migrated(header: dict, folder: Path) -> dict:
    """Bring an older header up to the present format, one format at a time."""
    while header["format"] < FORMAT:
        version = header["format"]
        if version not in MIGRATIONS:
            raise InputError(
                f"{folder} has format {version}, which this version no longer reads (it reads up to {FORMAT}). "
                "Make the atlas anew from its images."
            )
        header = {**MIGRATIONS[version](header, folder), "format": version + 1}
    return header


def _make_folder(folder: Path) -> None:
    """Create the folder, or say why that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"Could not make the folder {folder} ({error.strerror or error}). Choose a writable place with --out."
        ) from error
