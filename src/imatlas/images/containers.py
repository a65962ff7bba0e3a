"""Where picture files lie: a folder or a zip, seen the same way.

Both list the names of their picture files and open one at a time; nothing is ever unpacked to disk. What cannot be
trusted (links that lead in circles, pipes, zip members that climb out or swell) is listed with a reason and skipped.
"""

from __future__ import annotations

import io
import lzma
import os
import stat
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from imatlas.checks import InputError
from imatlas.files import is_atlas
from imatlas.values import Rejected

__all__ = ["IMAGE_KINDS", "TABLE_NAMES", "Container", "Folder", "Single", "Zip", "is_image_name", "refuse_bomb"]

IMAGE_KINDS = (
    *("png", "apng", "jpg", "jpeg", "jpe", "jfif", "gif", "bmp", "dib", "tif", "tiff"),
    *("webp", "ppm", "pgm", "pbm", "pnm", "jp2", "avif", "heic", "heif"),
)
"""Endings that say "this is an image": such a file is read or rejected with a reason, others are ignored."""

TABLE_NAMES = frozenset({"metadata.csv", "metadata.jsonl", "dataset.json"})
"""Files that may carry labels."""

LARGEST_MEMBER = 256 * 2**20
"""Bytes one zip member may unpack to; a picture of the largest size read is about as large when not compressed."""

LARGEST_RATIO = 200
"""A zip may unpack to this many times its own size; pictures seldom shrink by more than 10."""

FREE_BYTES = 2**30
"""A zip that unpacks to less than this (2**20 for one member) is harmless whatever its ratio."""


class Container(ABC):
    """Names of picture files and label tables, and a way to open each.

    Attributes
    ----------
    source : what the user named.
    names : picture files, POSIX paths inside the source, sorted.
    tables : files that may carry labels, sorted.
    rejected : what was skipped while listing, with reasons.
    n_seen : files of any kind that were seen.
    """

    def __init__(self, source: Path) -> None:
        self.source = source
        self.names: list[str] = []
        self.tables: list[str] = []
        self.rejected: list[Rejected] = []
        self.n_seen = 0

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """Open one listed file for reading."""

    def close(self) -> None:
        """Let the files go; by default nothing is held."""
        return

    def _list(self, name: str) -> bool:
        """Count a file and say whether it is of interest; hidden files and system leftovers are not."""
        parts = PurePosixPath(name).parts
        if any(part == "__MACOSX" or (part.startswith(".") and part != "..") for part in parts):
            return False
        self.n_seen += 1
        return parts[-1].lower() in TABLE_NAMES or is_image_name(name)

    def _keep(self, name: str) -> None:
        (self.tables if PurePosixPath(name).name.lower() in TABLE_NAMES else self.names).append(name)

    def _reject(self, name: str, reason: str) -> None:
        self.rejected.append(Rejected(name, reason))


class Folder(Container):
    """A folder and all folders below it; links are followed, but no folder is entered twice.

    Parameters
    ----------
    source : an existing folder.
    """

    def __init__(self, source: Path) -> None:
        super().__init__(source)
        for name, status in self._walk():
            if self._list(name):
                self._admit(name, status)
        self.names.sort()
        self.tables.sort()

    def open(self, name: str) -> BinaryIO:
        """Open one listed file for reading."""
        return open(self.source / name, "rb")

    def _walk(self) -> Iterator[tuple[str, os.stat_result | None]]:
        """Give every file's name and status (None when it cannot be reached), depth first."""
        first = os.stat(self.source)
        entered = {(first.st_dev, first.st_ino)}
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            for entry in self._entries(folder):
                name = f"{folder}{entry.name}"
                try:
                    status = os.stat(self.source / name)
                except OSError:
                    yield name, None
                    continue
                if not stat.S_ISDIR(status.st_mode):
                    yield name, status
                elif (status.st_dev, status.st_ino) in entered:
                    self._reject(name, "a link to a folder that was already read")
                elif is_atlas(self.source / name):
                    self._reject(name, "an atlas that imatlas made; pictures in it are not part of the set")
                elif not entry.name.startswith(".") and entry.name != "__MACOSX":
                    entered.add((status.st_dev, status.st_ino))
                    waiting.append(f"{name}/")

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.source / folder) as entries:
                return sorted(entries, key=lambda entry: entry.name, reverse=True)
        except OSError as error:
            self._reject(folder, f"the folder cannot be opened ({error.strerror})")
            return []

    def _admit(self, name: str, status: os.stat_result | None) -> None:
        if status is None:
            self._reject(name, "a link that leads nowhere or in circles, or a file that cannot be reached")
        elif not stat.S_ISREG(status.st_mode):
            self._reject(name, "not a regular file (a pipe, socket or device)")
        elif status.st_size == 0:
            self._reject(name, "the file is empty (0 bytes)")
        else:
            self._keep(name)


class Zip(Container):
    """A zip archive, read member by member in memory.

    Parameters
    ----------
    source : an existing zip file.

    Raises
    ------
    InputError
        If it is not a readable zip, or unpacks to far more than a set of pictures would.
    """

    def __init__(self, source: Path) -> None:
        super().__init__(source)
        try:
            self._archive = zipfile.ZipFile(source)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise InputError(
                f"{source} is not a zip that can be read ({error}). Make it anew, or give the unpacked folder."
            ) from error
        self._members: dict[str, zipfile.ZipInfo] = {}
        for member in self._archive.infolist():
            name = member.filename.replace("\\", "/")
            if not member.is_dir() and self._list(name):
                self._admit(name, member)
        accepted = [self._members[name] for name in self.names + self.tables]
        refuse_bomb(source, sum(member.file_size for member in accepted))
        self.names.sort()
        self.tables.sort()

    def open(self, name: str) -> BinaryIO:
        """Unpack one listed member into memory.

        Raises
        ------
        OSError
            If the member is damaged.
        """
        try:
            return io.BytesIO(self._archive.read(self._members[name]))
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError) as error:
            raise OSError(f"damaged inside the archive: {error}") from error

    def close(self) -> None:
        """Let the archive go."""
        self._archive.close()

    def _admit(self, name: str, member: zipfile.ZipInfo) -> None:
        parts = name.split("/")
        if name.startswith("/") or ".." in parts or ":" in parts[0]:
            self._reject(name, "the name leads out of the archive")
        elif member.flag_bits & 1:
            self._reject(name, "it is locked with a password; unpack the zip first")
        elif member.file_size == 0:
            self._reject(name, "the file is empty (0 bytes)")
        elif member.file_size > LARGEST_MEMBER:
            self._reject(name, f"it unpacks to {member.file_size:,} bytes; {LARGEST_MEMBER:,} is the most")
        elif member.file_size > max(2**20, LARGEST_RATIO * member.compress_size):
            self._reject(name, f"it unpacks to {member.file_size // max(1, member.compress_size)} times its size")
        elif name in self._members:
            self._reject(name, "the archive holds this name twice; the first one was read")
        else:
            self._members[name] = member
            self._keep(name)


class Single(Container):
    """One picture file, seen as a folder that holds nothing else.

    Parameters
    ----------
    source : an existing file.
    """

    def __init__(self, source: Path) -> None:
        super().__init__(source)
        self.n_seen = 1
        self._keep(source.name)

    def open(self, name: str) -> BinaryIO:
        """Open the file for reading."""
        return open(self.source, "rb")


def is_image_name(name: str) -> bool:
    """Say whether a file name claims to be an image."""
    return PurePosixPath(name).suffix.lower().lstrip(".") in IMAGE_KINDS


def refuse_bomb(source: Path, unpacked: int) -> None:
    """Refuse an archive that unpacks to far more than it holds.

    Raises
    ------
    InputError
        If `unpacked` bytes are over 1 GiB and over 200 times the size of the file.
    """
    packed = source.stat().st_size
    if unpacked > max(FREE_BYTES, LARGEST_RATIO * packed):
        raise InputError(
            f"{source} holds {packed:,} bytes but would unpack to {unpacked:,}, {unpacked // max(1, packed)} times as "
            f"much; at most {LARGEST_RATIO} times is read. If you trust it, unpack it and give the folder."
        )
