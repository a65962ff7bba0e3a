"""Drawings that a person keeps: PNG files with their notes in the atlas folder, those discarded one folder deeper.

    kept/0001.png              a drawing, its note inside it
    kept/discarded/0002.png    one that was discarded; it can be brought back

A number is never given twice, so a name means one drawing for ever.
"""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from pathlib import Path

from imatlas.app.studio.answers import KeptDrawing
from imatlas.app.studio.uploads import read_drawn
from imatlas.checks import InputError
from imatlas.files import write_bytes
from imatlas.pictures import png_bytes, read_png_text

__all__ = ["Kept"]

_NAME = re.compile(r"\d{4,9}")


class Kept:
    """The kept drawings of an atlas.

    Parameters
    ----------
    folder : of the atlas.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder) / "kept"
        self.discarded = self.folder / "discarded"

    def all(self) -> list[KeptDrawing]:
        """Give the drawings, oldest first."""
        found = []
        for path in _pictures(self.folder):
            try:
                how = read_png_text(path)
            except InputError:
                continue  # claimed by one who is writing it, or not ours
            found.append(KeptDrawing(name=path.stem, url=f"/api/kept/{path.stem}.png", how=how))
        return found

    def path(self, name: str) -> Path | None:
        """Give the file of a drawing; None if there is none of this name."""
        return _there(self.folder, name)

    def keep(self, content: bytes) -> KeptDrawing:
        """Keep a drawing: its pixels and its note, and nothing else of the file that came.

        Raises
        ------
        InputError
            If it is none that imatlas drew, or cannot be written.
        """
        pixels, how = read_drawn(content)
        written = png_bytes(pixels, how)
        self.folder.mkdir(parents=True, exist_ok=True)
        numbers = [int(path.stem) for folder in (self.folder, self.discarded) for path in _pictures(folder)]
        number = max(numbers, default=0)
        while True:
            number += 1
            path = self.folder / f"{number:04d}.png"
            try:
                path.touch(exist_ok=False)  # another server may claim it first
                break
            except FileExistsError:
                continue
        write_bytes(path, written)
        return KeptDrawing(name=path.stem, url=f"/api/kept/{path.stem}.png", how=how)

    def discard(self, name: str) -> bool:
        """Put a drawing aside; whether there was one of this name."""
        return _move(_there(self.folder, name), self.discarded)

    def restore(self, name: str) -> bool:
        """Bring a discarded drawing back; whether there was one of this name."""
        return _move(_there(self.discarded, name), self.folder)

    def packed(self) -> bytes:
        """Give all drawings as a zip, with a list of how each was made."""
        buffer, drawings = io.BytesIO(), self.all()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for one in drawings:
                archive.writestr(f"{one.name}.png", (self.folder / f"{one.name}.png").read_bytes())
            archive.writestr("drawings.json", json.dumps({one.name: one.how for one in drawings}, indent=1, ensure_ascii=False))
        return buffer.getvalue()


def _pictures(folder: Path) -> list[Path]:
    return sorted((path for path in folder.glob("*.png") if _NAME.fullmatch(path.stem)), key=lambda path: int(path.stem))


def _there(folder: Path, name: str) -> Path | None:
    """Give the file of a name, which must be a number, so that no name leads elsewhere."""
    path = folder / f"{name}.png"
    return path if _NAME.fullmatch(name) and name.isascii() and path.is_file() else None


def _move(path: Path | None, folder: Path) -> bool:
    if path is None:
        return False
    folder.mkdir(parents=True, exist_ok=True)
    os.replace(path, folder / path.name)
    return True
