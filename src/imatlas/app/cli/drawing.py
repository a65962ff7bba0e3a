"""The verbs that draw: new images, and the way from one picture to another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from imatlas.app.cli.asking import picture_of, read_wishes
from imatlas.app.cli.console import MISUSED, Console, read_seeds, sentences
from imatlas.app.cli.sources import model_of, source_of
from imatlas.pictures import refuse_taken, samples_to_folder, samples_to_npz, write_png
from imatlas.recipes import extractor_of, walk
from imatlas.store import open_atlas
from imatlas.values import Dials

__all__ = ["generate", "morph"]


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


def morph(folder: Path, first: str, last: str, *, frames: int, out: Path | None, model: str | None, as_json: bool) -> None:
    """Two pictures to the pictures between them."""
    console = Console(as_json=as_json)
    with sentences(console):
        atlas = open_atlas(folder)
        images, drawn_with = atlas.images, model_of(atlas, model)
        ends = np.stack([picture_of(console, atlas, name) for name in (first, last)])
        path = walk(drawn_with, images, atlas.manifold, extractor_of(atlas), ends, frames=frames)
        place = out or Path("morph")
        how = {"model": drawn_with.name, "from": first, "to": last}
        for name, pictures in (("geodesic", path.geodesic), ("straight", path.straight)):
            for number, pixels in enumerate(pictures):
                write_png(place / f"{name}-{number:03d}.png", pixels, how | {"path": name, "frame": number})
            write_png(place / f"{name}.png", np.concatenate(list(pictures), axis=1), how | {"path": name})
        if not len(path.stations):
            console.say("The two pictures lie in parts of the set that no neighbors connect: both ways are straight.")
        console.say(
            f"{frames} pictures each way in {place}. Mean distance to the nearest image, 1 = as among the images: "
            f"{path.off[0]:.2f} along the manifold, {path.off[1]:.2f} straight."
        )
        console.give({"out": str(place), "frames": frames, "off_manifold": {"geodesic": path.off[0], "straight": path.off[1]}})
