"""What `imatlas map` does with a feature matrix, and with more images or rows for a finished map."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from imatlas.app.cli.console import MISUSED, Console, sentences
from imatlas.app.cli.places import atlas_beside, refuse_atlas, write_atlas_report
from imatlas.app.cli.wording import counted, matrix_summary, say_forecast, say_matrix, say_survey, summary
from imatlas.checks import InputError
from imatlas.images import is_matrix_file, read_matrix
from imatlas.recipes import Addition, MapWishes, Survey, add_images, add_rows, forecast_rows, map_matrix
from imatlas.store import holds_matrix, open_atlas, open_matrix_atlas, refuse_foreign

__all__ = ["Wanted", "add", "is_matrix", "map_matrix_only"]

KINDS = ("auto", "images", "matrix")
ENDINGS = (".npy", ".npz")


@dataclass(frozen=True)
class Wanted:
    """The options of `imatlas map` that are for feature matrices, None where not given."""

    neighbors: int | None = None
    metric: str | None = None
    embedding: str | None = None
    clustering: str | None = None
    components: int | None = None

    @property
    def given(self) -> list[str]:
        """Options that were given, as they are written on the command line."""
        words = {"embedding": "map", "clustering": "clusters"}
        return [f"--{words.get(one.name, one.name)}" for one in fields(self) if getattr(self, one.name) is not None]

    def refuse(self, *, as_json: bool) -> None:
        """End with a sentence and exit code 2 if any was given where it means nothing."""
        if self.given:
            with sentences(Console(as_json=as_json), code=MISUSED):
                raise InputError(
                    f"{', '.join(self.given)} shapes the map of a feature matrix (npy or npz of shape (n, d)); for images "
                    "choose --features and --budget, and for rows added to a map the options it was made with hold."
                )

    def wishes(self, seed: int) -> MapWishes:
        """Give the wishes, with what was not asked for left open."""
        return MapWishes(
            15 if self.neighbors is None else self.neighbors,
            self.metric or "",
            (self.embedding or "neighbor_map").replace("-", "_"),
            (self.clustering or "").replace("-", "_"),
            2 if self.components is None else self.components,
            seed,
        )


def is_matrix(source: Path, taken_as: str, *, as_json: bool) -> bool:
    """Decide whether a source is a feature matrix; `--as` overrides what its headers say."""
    with sentences(Console(as_json=as_json), code=MISUSED):
        if taken_as not in KINDS:
            raise InputError(f"--as is {taken_as!r}; choose one of: {', '.join(KINDS)}.")
        if taken_as == "matrix" and source.suffix.lower() not in ENDINGS:
            raise InputError(f"{source} is no npy or npz file, so it cannot be read as a matrix. Leave --as matrix out.")
    return taken_as == "matrix" or (taken_as == "auto" and is_matrix_file(source))


def map_matrix_only(source: Path, out: Path | None, wanted: Wanted, *, seed: int, as_json: bool) -> None:
    """A feature matrix to its atlas and report."""
    console = Console(as_json=as_json)
    with sentences(console):
        with sentences(console, code=MISUSED):
            wishes = wanted.wishes(seed)
        place = out or atlas_beside(source)
        refuse_foreign(place)
        console.say(f"Reading {source} as a feature matrix (--as images reads it as images) ...")
        matrix = read_matrix(source)
        say_matrix(console, matrix)
        say_forecast(console, forecast_rows(matrix, wishes))
        console.say(f"Mapping into {place} ...")
        atlas = map_matrix(matrix, place, wishes, report=console.report)
        console.say(*(f"  note: {note}" for note in atlas.summary["notes"] if note not in matrix.notes))
        say_survey(console, Survey(**atlas.summary["survey"]), "row")
        path = write_atlas_report(console, place, None)
        console.say(f"Done in {console.elapsed}. More rows onto this map: imatlas map {place} --add MORE.npy")
        console.give(matrix_summary(atlas) | {"report": str(path)})


def add(folder: Path, more: Path, wanted: Wanted, *, out: Path | None, ground: str, as_json: bool) -> None:
    """More images or rows onto the map of an atlas."""
    console = Console(as_json=as_json)
    wanted.refuse(as_json=as_json)
    with sentences(console):
        if out is not None:
            with sentences(console, code=MISUSED):
                raise InputError(f"--add writes into {folder} itself; leave --out away.")
        refuse_atlas(more)
        console.say(f"Reading {more} ...")
        if holds_matrix(folder):
            atlas = open_matrix_atlas(folder)
            _say_addition(console, add_rows(atlas, read_matrix(more)), "row")
            facts = matrix_summary(atlas)
        else:
            images = open_atlas(folder)
            _say_addition(console, add_images(images, more, ground=ground, report=console.report), "image")
            facts = summary(images)
        path = write_atlas_report(console, folder, None)
        console.give(facts | {"report": str(path)})


def _say_addition(console: Console, addition: Addition, noun: str) -> None:
    """Say what was added, what was there already, and what lies off the map."""
    console.say(*(f"  note: {note}" for note in addition.notes))
    known = f"{counted(addition.known, noun)} {'was' if addition.known == 1 else 'were'} there already"
    if addition.batch is None:
        console.say(f"Nothing new: {known}.")
        return
    items = addition.batch.items
    also = f", {known}" if addition.known else ""
    console.say(f"{counted(len(addition.batch), noun)} placed on the map; nothing on it moved{also}.")
    if addition.off_map:
        console.say(f"  {addition.off_map:,} of them off the map's points, where nothing like them was mapped.")
    for file in getattr(items, "rejected", ())[:5]:
        console.say(f"  left out: {file.path!r}: {file.reason}")
