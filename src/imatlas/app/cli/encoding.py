"""The verb `encode`: a person's own pictures to codes, what the model makes of them, and how well."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imatlas.app.cli.asking import picture_of
from imatlas.app.cli.console import Console, sentences
from imatlas.app.cli.pathways import Task
from imatlas.app.cli.sources import model_of
from imatlas.checks import InputError
from imatlas.files import write_bytes
from imatlas.pictures import contact_sheet, write_png
from imatlas.recipes import Reconstruction, extractor_of, reconstruct
from imatlas.sampling import require_code
from imatlas.store import Atlas, open_atlas

__all__ = ["encode"]

SAID = 20
"""Most pictures that get a line of their own on the terminal."""


def encode(folder: Path, names: Sequence[str], *, task: Task) -> None:
    """Pictures and folders of them to codes.npz, and one PNG each: the picture, and what the model makes of it."""
    console = Console(as_json=task.as_json)
    with sentences(console):
        atlas = open_atlas(folder)
        model = model_of(atlas, task.model)
        require_code(model.generator)
        place = task.place("encoded")
        read, pixels, rejected = _read(console, atlas, names)
        found = reconstruct(model, atlas.images, atlas.manifold, extractor_of(atlas), pixels)
        for row, name in enumerate(read):
            how = {"model": model.name, "picture": name, "reconstruction": "right", "error": float(found.errors[row])}
            beside = np.stack([pixels[row], found.pixels[row]])
            write_png(place / f"{row:05d}-{Path(name).stem}.png", contact_sheet(beside, 2), how)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, codes=found.codes, names=np.array(read))
        write_bytes(place / "codes.npz", buffer.getvalue())
        console.say(*(_line(found, row, name) for row, name in enumerate(read[:SAID])), _summary(found, place))
        console.say(*(f"Not read: {reason}" for reason in rejected))
        pictures = [_facts(found, row, name) for row, name in enumerate(read)]
        console.give({"out": str(place), "pictures": pictures, "rejected": rejected, "compared": found.n_compared})


def _read(console: Console, atlas: Atlas, names: Sequence[str]) -> tuple[list[str], np.ndarray, list[str]]:
    """Read pictures by name, and those in folders; in a folder what cannot be read is passed over and told."""
    read, pixels, rejected = [], [], []
    for name in names:
        inside = sorted(str(file) for file in Path(name).rglob("*") if file.is_file()) if Path(name).is_dir() else []
        if not inside:
            pixels.append(picture_of(console, atlas, name))
            read.append(name)
        for file in inside:
            try:
                pixels.append(picture_of(console, atlas, file))
                read.append(file)
            except InputError as reason:
                rejected.append(str(reason))
    if not read:
        raise InputError(f"No picture in {', '.join(names)} could be read; the first: {rejected[0]}")
    return read, np.stack(pixels), rejected


def _line(found: Reconstruction, row: int, name: str) -> str:
    better = f"reconstructed better than {found.better_than[row]:.0%} of {found.compared_with} images"
    off = "; off the manifold: like no image of the set" if found.is_off[row] else ""
    return f"  {Path(name).name}: {better} (error {found.errors[row]:.1f} gray levels){off}"


def _summary(found: Reconstruction, place: Path) -> str:
    count = len(found.codes)
    off = f"{int(found.is_off.sum())} of {count} off the manifold."
    if not found.can_tell:
        off = f"Whether any is off the manifold cannot be told: {found.n_compared} images to compare with are too few."
    return (
        f"{count} code{'s' if count > 1 else ''} of {found.codes.shape[1]} numbers in {place / 'codes.npz'}; beside each "
        f"picture what the model makes of it. {off}"
    )


def _facts(found: Reconstruction, row: int, name: str) -> dict[str, object]:
    return {
        "picture": name,
        "error": float(found.errors[row]),
        "better_than": float(found.better_than[row]),
        "farther": float(found.farther[row]),
        "off_manifold": bool(found.is_off[row]) if found.can_tell else None,
    }
