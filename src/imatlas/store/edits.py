"""What a person changed of a set, kept in edits.json: images taken out, clusters named, merged, split.

    atlas.edits                              what holds now, with a revision that every change raises
    atlas.edit(Exclude(("a.png", "b.png")))  a change, written at once; `Undo()` and `Redo()` are changes as well
    atlas.edit(Merge(2, (3, 7)), revision=5) refused as `StaleEdits` unless revision 5 is what is on disk

Nothing that was read or learned is touched. A level is a column of `Clusters.levels`, 0 the coarsest; a label is a number of
that level, from 0. Numbers never move: merged clusters go by the lowest of theirs, the largest part of a split one keeps its
number and the others get new ones behind the last. A file that holds no more than {"excluded": [ids]} is read as well.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from imatlas.checks import InputError
from imatlas.files import read_json, reading, write_json
from imatlas.store.header import shortly_locked

__all__ = [
    "Change",
    "Edits",
    "Exclude",
    "Include",
    "Merge",
    "Name",
    "Redo",
    "Regrouping",
    "Split",
    "StaleEdits",
    "Undo",
    "change_edits",
    "read_edits",
    "require_name",
    "write_edits",
]

MOST_REMEMBERED = 200
"""Changes that can be undone; older ones are forgotten."""

LONGEST_NAME = 80


class StaleEdits(InputError):
    """A change was made to edits that someone else has changed since."""


@dataclass(frozen=True)
class Exclude:
    """Take images out, by their ids; those that are out already are passed over."""

    ids: tuple[str, ...]


@dataclass(frozen=True)
class Include:
    """Take images in again."""

    ids: tuple[str, ...]


@dataclass(frozen=True)
class Name:
    """Name a cluster; an empty name takes its name away.

    Parameters
    ----------
    was : the name before; filled in when the change is made.
    """

    level: int
    label: int
    name: str
    was: str = ""


@dataclass(frozen=True)
class Merge:
    """Make one cluster of several; it goes by the lowest of their numbers."""

    level: int
    labels: tuple[int, ...]


@dataclass(frozen=True)
class Split:
    """Take a cluster apart.

    Parameters
    ----------
    by : filled in when the change is made: "merged" into what it was merged from, "finer" into its clusters of the level
        `finer`, "halves" into the rows nearer to either of two `centers`.
    """

    level: int
    label: int
    by: str = ""
    finer: int = -1
    centers: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True)
class Undo:
    """Take the last change back."""


@dataclass(frozen=True)
class Redo:
    """Make the change again that was taken back last."""


Remembered = Exclude | Include | Name | Merge | Split
Change = Remembered | Undo | Redo
Regrouping = Merge | Split

KINDS: dict[str, type] = {"exclude": Exclude, "include": Include, "name": Name, "merge": Merge, "split": Split}
"""Name in the file -> kind of change."""


@dataclass(frozen=True)
class Edits:
    """All that a person changed.

    Parameters
    ----------
    excluded : ids of images taken out, in the order in which they were.
    names : level -> label -> name, also of clusters that were merged into others since.
    regroupings : merges and splits, in the order in which they were made.
    map_key : `Manifold.key` of the map whose clusters are named, merged and split; empty without such changes.
    revision : raised by every change; 0 without a file.
    past, future : changes that can be undone and done again, the next one last.
    notes : what could not be carried over to the present map, in words.
    """

    excluded: tuple[str, ...] = ()
    names: Mapping[int, Mapping[int, str]] = field(default_factory=dict)
    regroupings: tuple[Regrouping, ...] = ()
    map_key: str = ""
    revision: int = 0
    past: tuple[Remembered, ...] = ()
    future: tuple[Remembered, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self.past)

    @property
    def can_redo(self) -> bool:
        """Whether a change that was taken back can be made again."""
        return bool(self.future)

    @property
    def touches_clusters(self) -> bool:
        """Whether clusters have names, or were merged or split."""
        return bool(self.regroupings) or any(self.names.values())

    def after(self, change: Change) -> Edits:
        """Give the edits after a change, which can then be undone; a change that changes nothing is not remembered.

        Raises
        ------
        InputError
            If there is nothing to undo or to do again.
        """
        if isinstance(change, Undo | Redo):
            return self._moved(isinstance(change, Undo))
        change = self._settled(change)
        if change in (Exclude(()), Include(())) or (isinstance(change, Name) and change.name == change.was):
            return self
        past = (*self.past, change)[-MOST_REMEMBERED:]
        return replace(self._with(change), revision=self.revision + 1, past=past, future=())

    def of_map(self, key: str, notes: Iterable[str] = ()) -> Edits:
        """Give the edits without what they say of the clusters of another map, and without the history of that."""
        past, future = (tuple(one for one in some if isinstance(one, Exclude | Include)) for some in (self.past, self.future))
        return replace(self, names={}, regroupings=(), map_key=key, past=past, future=future, notes=tuple(notes))

    def _moved(self, back: bool) -> Edits:
        of, what = (self.past, "undo") if back else (self.future, "do again")
        if not of:
            raise InputError(f"There is nothing to {what}. Every change is {'taken back' if back else 'made'} already.")
        change, left = of[-1], of[:-1]
        if back:
            moved = replace(self._with(change, back=True), past=left, future=(*self.future, change))
        else:
            moved = replace(self._with(change), past=(*self.past, change), future=left)
        return replace(moved, revision=self.revision + 1)

    def _settled(self, change: Remembered) -> Remembered:
        """Give a change that says what it changes and what was there before, so that it can be undone."""
        if isinstance(change, Exclude):
            return Exclude(_each_once(change.ids, without=self.excluded))
        if isinstance(change, Include):
            return Include(tuple(name for name in self.excluded if name in set(change.ids)))
        if isinstance(change, Name):
            return replace(change, was=self.names.get(change.level, {}).get(change.label, ""))
        return change

    def _with(self, change: Remembered, *, back: bool = False) -> Edits:
        """Give the edits with a change made, or with the last one taken back."""
        if isinstance(change, Exclude | Include):
            if isinstance(change, Exclude) != back:
                return replace(self, excluded=self.excluded + _each_once(change.ids, without=self.excluded))
            out = set(change.ids)
            return replace(self, excluded=tuple(name for name in self.excluded if name not in out))
        if isinstance(change, Name):
            of_level = dict(self.names.get(change.level, {}))
            of_level[change.label] = change.was if back else change.name
            named = {label: name for label, name in of_level.items() if name}
            return replace(self, names={**self.names, change.level: named})
        return replace(self, regroupings=self.regroupings[:-1] if back else (*self.regroupings, change))


def read_edits(folder: Path) -> Edits:
    """Read the edits of an atlas; none where there is no file.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    path = Path(folder) / "edits.json"
    if not path.is_file():
        return Edits()
    with reading(str(path), "Restore it from a copy, or move it away, and with it all that it says."):
        return _of_json(read_json(path))


def change_edits(folder: Path, change: Callable[[Edits], Edits], *, revision: int | None = None) -> Edits:
    """Change the edits of an atlas on disk, so that of two changes made at once both hold.

    Parameters
    ----------
    change : gives the new edits from those on disk.
    revision : which ones the change was made for; None = whatever is there.

    Raises
    ------
    StaleEdits
        If another revision is on disk.
    InputError
        If the file is damaged or cannot be written.
    """
    with shortly_locked(Path(folder)):
        before = read_edits(folder)
        if revision is not None and revision != before.revision:
            raise StaleEdits(
                f"The change was made for revision {revision} of the edits, and {before.revision} is there by now. Look at "
                "what holds now, and make it again."
            )
        after = change(before)
        if after != before:
            write_edits(folder, after)
        return after


def write_edits(folder: Path, edits: Edits) -> None:
    """Write edits as they are; those of an atlas are changed by `change_edits` alone."""
    write_json(Path(folder) / "edits.json", _as_json(edits))


def require_name(name: str, taken: Collection[str] = ()) -> str:
    """Give a cluster's name back, without blanks around it, if it can be told from numbers and from other names.

    Raises
    ------
    InputError
        If it is too long, a number, already another cluster's, or has signs that are not printed or a colon.
    """
    name = " ".join(name.split())
    wrong = "is a number, and numbers name clusters already" if name.isdecimal() else ""
    if len(name) > LONGEST_NAME or not name.isprintable() or ":" in name:
        wrong = f"is longer than {LONGEST_NAME} signs, or has a colon or signs that are not printed"
    if name.casefold() in {other.casefold() for other in taken}:
        wrong = "is the name of another cluster of this level"
    if wrong:
        raise InputError(f"The name {name[:LONGEST_NAME]!r} {wrong}. Choose another, such as striped shirts.")
    return name


def _each_once(ids: Iterable[str], *, without: Collection[str]) -> tuple[str, ...]:
    out = set(without)
    return tuple(name for name in dict.fromkeys(ids) if name not in out)


def _as_json(edits: Edits) -> dict:
    return {
        "revision": edits.revision,
        "excluded": list(edits.excluded),
        "map": edits.map_key,
        "names": {str(level): {str(label): name for label, name in names.items()} for level, names in edits.names.items()},
        "regroupings": [_change_as_json(change) for change in edits.regroupings],
        "past": [_change_as_json(change) for change in edits.past],
        "future": [_change_as_json(change) for change in edits.future],
        "notes": list(edits.notes),
    }


def _change_as_json(change: Remembered) -> dict:
    kind = next(name for name, kind in KINDS.items() if isinstance(change, kind))
    return {kind: {one.name: getattr(change, one.name) for one in fields(change) if getattr(change, one.name) != one.default}}


def _of_json(content: dict) -> Edits:
    excluded = content.get("excluded", [])
    if not isinstance(excluded, list) or not all(isinstance(name, str) for name in excluded):
        raise ValueError('"excluded" is no list of the ids of images')
    names = {
        int(level): {int(label): str(name) for label, name in named.items()}
        for level, named in content.get("names", {}).items()
    }
    return Edits(
        tuple(excluded),
        names,
        tuple(_change_of_json(change) for change in content.get("regroupings", [])),  # type: ignore[misc]
        str(content.get("map", "")),
        int(content.get("revision", 0)),
        tuple(_change_of_json(change) for change in content.get("past", [])),
        tuple(_change_of_json(change) for change in content.get("future", [])),
        tuple(map(str, content.get("notes", []))),
    )


def _change_of_json(row: dict) -> Remembered:
    ((kind, parts),) = row.items()
    return KINDS[kind](**{name: _as_tuples(value) for name, value in parts.items()})


def _as_tuples(value: object) -> object:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value
