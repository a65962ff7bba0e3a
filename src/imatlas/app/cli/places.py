"""Where verbs write: the atlas beside its source, and its report."""

from __future__ import annotations

from pathlib import Path

from imatlas.app.cli.console import Console
from imatlas.app.gather import gather_report
from imatlas.app.matrix_report import write_matrix_report
from imatlas.app.report import write_report
from imatlas.checks import InputError
from imatlas.files import is_atlas
from imatlas.store import holds_matrix, open_atlas, open_matrix_atlas

__all__ = ["atlas_beside", "refuse_atlas", "write_atlas_report"]


def atlas_beside(source: Path) -> Path:
    """photos/ -> photos.atlas in the working directory."""
    name = source.resolve().name or "images"
    for ending in (".zip", ".npz", ".npy", ".gz"):
        name = name.removesuffix(ending)
    return Path(f"{name}.atlas")


def refuse_atlas(source: Path) -> None:
    """Refuse an atlas where images or rows are wanted.

    Raises
    ------
    InputError
        If it is one; the message says what can be done with it.
    """
    if not is_atlas(source):
        return
    if holds_matrix(source):
        raise InputError(
            f"{source} is an atlas, not a set of images: that of a feature matrix. Go on with it: imatlas show {source}, "
            f"imatlas report {source} or imatlas map {source} --add MORE."
        )
    raise InputError(
        f"{source} is an atlas, not a set of images. Name the images it was made from, or go on with it: "
        f"imatlas train {source}, imatlas generate {source}, imatlas report {source} or imatlas map {source} --add MORE."
    )


def write_atlas_report(console: Console, folder: Path, out: Path | None) -> Path:
    """Write the report of an atlas, of images or of a matrix, and say where it is.

    Raises
    ------
    InputError
        If there is something else at that place, or it cannot be written.
    """
    if out is not None and out.exists() and not (out.is_file() and out.read_bytes()[:9].lower() == b"<!doctype"):
        raise InputError(f"{out} is there and is no report; it was left as it is. Choose another --out.")
    path = out or folder / "report.html"
    if holds_matrix(folder):
        write_matrix_report(open_matrix_atlas(folder), path)
    else:
        write_report(gather_report(open_atlas(folder)), path)
    console.say(f"Report: {path}")
    return path
