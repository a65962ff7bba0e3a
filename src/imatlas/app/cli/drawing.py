"""The verb that draws new images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from imatlas.app.cli.asking import read_wishes
from imatlas.app.cli.console import MISUSED, Console, read_seeds, sentences
from imatlas.app.cli.sources import source_of
from imatlas.pictures import refuse_taken, samples_to_folder, samples_to_npz
from imatlas.values import Dials

__all__ = ["generate"]


def generate(
    folder: Path,
    wishes: Mapping[str, str],
    turned: Mapping[str, float],
    *,
    count: int,
    seed: int,
    seeds: str | None,
    out: Path | None,
    model: str | None,
    codes_from: str | None,
    as_json: bool,
) -> None:
    """A model to new images; `turned` holds dials by name."""
    console = Console(as_json=as_json)
    with sentences(console):
        with sentences(console, code=MISUSED):
            dials = Dials(**turned)  # type: ignore[arg-type]
            numbers = list(range(seed, seed + count)) if seeds is None else read_seeds(seeds)
        source = source_of(console, folder, model, with_images="bank" in (codes_from or ""))
        drawn_with = source.model
        asked = read_wishes(wishes, source.features_of)
        place = out or source.samples
        if place.suffix == ".npz":
            refuse_taken(place)
        samples = drawn_with.sample(numbers, asked, dials, codes_from=codes_from or "", report=console.report)
        if place.suffix == ".npz":
            samples_to_npz(samples, place)
        else:
            samples_to_folder(samples, place)
        console.say(f"{len(samples):,} images from {drawn_with.name} are in {place}")
        console.give({"count": len(samples), "out": str(place), "model": drawn_with.name, "seeds": [numbers[0], numbers[-1]]})
