"""What the places of files say: classes, the held-out split, and label tables.

Class names come from the first of these that is there: a StyleGAN `dataset.json`, a `metadata.csv` or `metadata.jsonl`
with a `file_name` and a `label` (or `class`) column, or sub-folders. Folders named train, test and val make the split.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np

from imatlas.checks import InputError
from imatlas.images.containers import Container
from imatlas.values import Rejected

__all__ = ["Listing", "arrange", "encode_labels"]

TRAIN_NAMES = frozenset({"train", "training"})
HELD_OUT_NAMES = frozenset({"test", "testing", "val", "valid", "validation"})
NAME_COLUMNS = ("file_name", "filename", "file")
LABEL_COLUMNS = ("label", "class")


@dataclass(frozen=True)
class Listing:
    """Picture files with what is known of each before it is opened.

    Parameters
    ----------
    names : picture files, sorted.
    classes : class name of each, None where it has none; or None when the source has no classes.
    held_out : bool of each, or None when the source has no split.
    rejected : entries of label tables that name no file.
    notes : what was decided, for people.
    """

    names: list[str]
    classes: list[str | None] | None
    held_out: list[bool] | None
    rejected: list[Rejected] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def arrange(container: Container) -> Listing:
    """Find classes and split of the picture files of a folder or zip.

    Raises
    ------
    InputError
        If a label table is broken, contradicts itself, or fits none of the pictures.
    """
    names = container.names
    listing = Listing(names, None, None)
    inner = _below_common_folder(names)
    held_out, inner = _split(inner)
    if held_out is not None:
        listing.notes.append(f"The source's own split was kept: {sum(held_out):,} images in test or val folders.")
    classes = _from_tables(container, listing)
    if classes is None:
        classes = _from_folders(inner, listing.notes)
    return Listing(names, classes, held_out, listing.rejected, listing.notes)


def encode_labels(classes: Iterable[str | None]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Number class names: sorted by name, or by value if all are whole numbers; None becomes -1.

    Returns
    -------
    labels : int64 (n,).
    class_names : one name per label value.
    """
    classes = list(classes)
    found = {name for name in classes if name is not None}
    whole = all(name.lstrip("-").isdecimal() for name in found)
    class_names = sorted(found, key=lambda name: (int(name), name)) if whole else sorted(found)
    numbers: dict[str | None, int] = {name: number for number, name in enumerate(class_names)}
    numbers[None] = -1
    return np.array([numbers[name] for name in classes], dtype=np.int64), tuple(class_names)


def _below_common_folder(names: list[str]) -> list[tuple[str, ...]]:
    """Give each name's parts without the folders that all of them share (a zip often wraps everything in one)."""
    parts = [PurePosixPath(name).parts for name in names]
    if not parts:
        return []
    depth, low, high = 0, min(parts), max(parts)
    while depth < min(len(low), len(high)) - 1 and low[depth] == high[depth]:
        depth += 1
    return [path[depth:] for path in parts]


def _split(paths: list[tuple[str, ...]]) -> tuple[list[bool] | None, list[tuple[str, ...]]]:
    """Find train, test and val folders at the top; give the mask and the paths below them."""
    tops = {path[0].lower() for path in paths if len(path) > 1}
    if not (tops & TRAIN_NAMES and tops & HELD_OUT_NAMES and tops <= TRAIN_NAMES | HELD_OUT_NAMES):
        return None, paths
    nested = [len(path) > 1 for path in paths]
    held_out = [deep and path[0].lower() in HELD_OUT_NAMES for path, deep in zip(paths, nested)]
    return held_out, [path[1:] if deep else path for path, deep in zip(paths, nested)]


def _from_folders(paths: list[tuple[str, ...]], notes: list[str]) -> list[str | None] | None:
    """Take the first folder as class name, unless that would make one class, or one per image."""
    classes = [path[0] if len(path) > 1 else None for path in paths]
    found = {name for name in classes if name is not None}
    n_labeled = sum(name is not None for name in classes)
    if len(found) < 2:
        return None
    if len(found) == n_labeled and n_labeled > 2:
        notes.append(f"Each of the {n_labeled:,} sub-folders holds one image, so folders were not taken as classes.")
        return None
    if n_labeled < len(classes):
        notes.append(f"{len(classes) - n_labeled:,} images lie in no class folder and have no label.")
    return classes


def _from_tables(container: Container, listing: Listing) -> list[str | None] | None:
    """Merge all label tables; None when none of them names classes."""
    known = set(listing.names)
    merged: dict[str, str | None] = {}
    tables = [name for name in container.tables if PurePosixPath(name).name.lower() == "dataset.json"]
    tables = tables or container.tables
    for table in tables:
        entries = _read_table(container, table, listing.notes)
        if entries is None:
            continue
        folder = PurePosixPath(table).parent
        absent = 0
        for entry, label in entries:
            name = str(folder / entry)
            if name not in known:
                absent += 1
                listing.rejected.append(Rejected(name, f"{table} names it, but it is not among the images"))
            elif merged.setdefault(name, label) != label:
                raise InputError(f"{table} gives {name} the label {label}, and before that {merged[name]}; keep one of them.")
        if entries and absent == len(entries) and known:
            raise InputError(
                f"{table} names {absent:,} files, the first is {entries[0][0]}, and none of them is there. "
                "Names must be paths relative to the table's folder; mend them, or take the table away."
            )
        if absent:
            listing.notes.append(f"{table} names {absent:,} files that are not among the images.")
    if all(label is None for label in merged.values()):
        return None
    classes = [merged.get(name) for name in listing.names]
    if None in classes:
        listing.notes.append(f"{classes.count(None):,} of {len(classes):,} images have no label in {', '.join(tables)}.")
    return classes


def _read_table(container: Container, table: str, notes: list[str]) -> list[tuple[str, str | None]] | None:
    """Give (file name, class name) pairs of one table, or None when it is about something else."""
    try:
        with container.open(table) as stream:
            text = stream.read().decode("utf-8-sig")
        if table.lower().endswith("dataset.json"):
            return _stylegan_entries(json.loads(text), table, notes)
        if table.lower().endswith(".jsonl"):
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        else:
            rows = list(csv.DictReader(io.StringIO(text)))
    except (OSError, UnicodeDecodeError, ValueError, csv.Error) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"The label table {table} cannot be read ({error}). Mend it, or take it away.") from error
    return _metadata_entries(rows, table, notes)


def _metadata_entries(rows: list, table: str, notes: list[str]) -> list[tuple[str, str | None]] | None:
    if not all(isinstance(row, dict) for row in rows):
        raise InputError(f'Every line of {table} must be one JSON object such as {{"file_name": "a.png", "label": "cat"}}.')
    columns = sorted({str(column) for row in rows for column in row if column is not None})
    name_column = next((column for column in NAME_COLUMNS if column in columns), None)
    label_column = next((column for column in LABEL_COLUMNS if column in columns), None)
    if name_column is None or label_column is None:
        notes.append(
            f"{table} was not used for labels: it has the columns {', '.join(columns) or '(none)'}, and it would need "
            "file_name and label (or class)."
        )
        return None
    entries = []
    for number, row in enumerate(rows, start=1):
        name = row.get(name_column)
        if not name:
            raise InputError(f"Entry {number} of {table} has no {name_column}; give every entry one, or take the entry out.")
        entries.append((str(name), _class_name(row.get(label_column), f"entry {number} of {table}")))
    return entries


def _stylegan_entries(content: object, table: str, notes: list[str]) -> list[tuple[str, str | None]] | None:
    pairs = content.get("labels") if isinstance(content, dict) else None
    if pairs is None:
        notes.append(f'{table} holds no "labels", so it was not used.')
        return None
    whole = isinstance(pairs, list) and all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs)
    if not whole:
        raise InputError(f'"labels" of {table} must be a list of pairs like ["00000/img0.png", 6]; mend it, or set it to null.')
    return [(str(name), _class_name(label, f"{name} in {table}")) for name, label in pairs]


def _class_name(label: object, where: str) -> str | None:
    """Give a label as text; nothing, "" and -1 mean no label.

    Raises
    ------
    InputError
        If the label is neither text nor a whole number.
    """
    if isinstance(label, float) and label.is_integer():
        label = int(label)
    if label is None or label in ("", -1) or (isinstance(label, str) and not label.strip()):
        return None
    if not isinstance(label, str | int):
        raise InputError(f"The label of {where} is {label!r}; wanted one class name or whole number per image.")
    return str(label).strip()
