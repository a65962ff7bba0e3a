"""What the verb export does: a model out of its atlas, into a folder that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from imatlas.app.cli.console import MISUSED, Console, sentences
from imatlas.checks import InputError
from imatlas.recipes import export_from
from imatlas.store import open_atlas
from imatlas.values import Dials

__all__ = ["export"]


def export(
    folder: Path, out: Path | None, *, model: str | None, onnx: bool, turned: Mapping[str, float], as_json: bool
) -> None:
    """A model of an atlas to a folder of its own; `turned` holds the dials of the ONNX file by name."""
    console = Console(as_json=as_json)
    with sentences(console):
        with sentences(console, code=MISUSED):
            dials = Dials(**turned)  # type: ignore[arg-type]
            if out is None:
                raise InputError("No place for the model was named. Give a new folder: --out my-model")
            if turned and not onnx:
                raise InputError(f"{', '.join(turned)} can be fixed in an ONNX file only. Add --onnx, or leave it out.")
        atlas = open_atlas(folder)
        if onnx:
            console.say("Writing the ONNX file and drawing from it to check it; a minute or a few ...")
        made = export_from(atlas, out, name=model, onnx=onnx, dials=dials)
        console.say(f"{made.model} is in {made.folder}: {', '.join(made.files)}; {made.size / 2**20:.1f} MB.")
        if made.difference is not None:
            console.say(f"The ONNX file draws what torch draws, to {made.difference:.1g} in [-1, 1].")
        console.say(f"It needs no atlas: imatlas generate {made.folder} --count 16, or imatlas.load_model in Python.")
        facts = {"out": str(made.folder), "model": made.model, "files": list(made.files), "bytes": made.size}
        console.give(facts | {"onnx_difference": made.difference})
