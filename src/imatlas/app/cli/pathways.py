"""The verbs that draw ways over the manifold: morph, walk, loop and grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from imatlas.app.animation import write_gif
from imatlas.app.cli.asking import picture_of
from imatlas.app.cli.console import Console, sentences
from imatlas.app.cli.sources import model_of
from imatlas.app.sheets import grid_sheet
from imatlas.files import write_json
from imatlas.neighbors import search
from imatlas.pictures import contact_sheet, refuse_others, remove_pictures, write_png
from imatlas.recipes import (
    Model,
    between_four,
    cluster_hearts,
    code_chart,
    draw_ways,
    extractor_of,
    loop_codes,
    map_grid,
    random_walk,
    score_paths,
    walk_codes,
    without_excluded,
)
from imatlas.sampling import draw_path, encode, require_code
from imatlas.store import Atlas, open_atlas
from imatlas.values import Score

__all__ = ["Task", "grid", "loop", "morph", "score", "walk"]

MOST_IN_A_ROW = 32
COLUMNS = 16
PLACES = r"place-\d{2}-\d{2}\.png"


@dataclass(frozen=True)
class Task:
    """What the verbs that draw ways have in common.

    Parameters
    ----------
    out : folder to write into; None for one named after the verb.
    model : name of the model; None for the atlas's default, the one trained last.
    gif : whether to write an animation too.
    as_json : whether the only output is one JSON object.
    """

    out: Path | None = None
    model: str | None = None
    gif: bool = False
    as_json: bool = False

    def place(self, usual: str) -> Path:
        """Give the folder to write into, `usual` when none is named.

        Raises
        ------
        InputError
            If it holds anything that imatlas did not write.
        """
        place = self.out or Path(usual)
        refuse_others(place)
        return place


def morph(folder: Path, ends: Sequence[str], *, frames: int, shorten: int, task: Task) -> None:
    """Two pictures to the pictures between them."""
    console = Console(as_json=task.as_json)
    with sentences(console):
        atlas = open_atlas(folder)
        model = model_of(atlas, task.model)
        require_code(model.generator)
        place = task.place("morph")
        pixels = np.stack([picture_of(console, atlas, name) for name in ends])
        extractor = extractor_of(atlas)
        path = draw_ways(model, atlas.images, atlas.manifold, extractor, pixels, frames=frames, shorten=shorten)
        how = {"model": model.name, "from": ends[0], "to": ends[1], "shorten": shorten}
        for name, pictures in (("geodesic", path.geodesic), ("straight", path.straight)):
            _write_frames(place, name, pictures, how | {"path": name}, gif=task.gif)
        if np.array_equal(pixels[0], pixels[1]):
            console.say("The two pictures are the same: nothing moves between them.")
        if not len(path.stations):
            console.say("The two pictures lie in parts of the set that no neighbors connect: the way crosses a gap.")
        console.say(
            f"{frames} pictures each way in {place}. Mean distance to the nearest image, 1 = as among the images: "
            f"{path.off[0]:.2f} along the manifold, {path.off[1]:.2f} straight."
        )
        stations = [str(name) for name in atlas.images.ids[path.stations]]
        off = {"geodesic": path.off[0], "straight": path.off[1]}
        console.give({"out": str(place), "frames": frames, "off_manifold": off, "graph_path": stations})


def score(folder: Path, *, pairs: int, seed: int, task: Task) -> None:
    """Many morphs to the scores of their midpoints, kept with the model."""
    console = Console(as_json=task.as_json)
    with sentences(console):
        atlas = open_atlas(folder)
        model = model_of(atlas, task.model)
        require_code(model.generator)
        console.say(f"Drawing the midpoints of {pairs} morphs, and of {pairs} within groups ...")
        scores = score_paths(model, atlas.images, atlas.manifold, count=pairs, seed=seed)
        place = atlas.model(model.name).folder / "path-scores.json"
        kept = {name: [asdict(one) for one in of_one] for name, of_one in scores.items()}
        write_json(place, {"pairs": pairs, "seed": seed, "scores": kept})
        console.say(*_score_lines(scores), f"Kept in {place}.")
        console.give({"pairs": pairs, "seed": seed, "scores": kept})


def walk(folder: Path, start: str | None, *, steps: int, frames: int, seed: int, task: Task) -> None:
    """A picture, or a random image, to the pictures of a random walk."""
    console = Console(as_json=task.as_json)
    with sentences(console):
        atlas = open_atlas(folder)
        images, manifold, model = atlas.images, atlas.manifold, model_of(atlas, task.model)
        chart, place = code_chart(model, images, manifold), task.place("walk")
        row, begun = int(np.random.default_rng([seed, 1]).integers(len(manifold))), None
        if start is not None:
            begun = picture_of(console, atlas, start)[None]
            row = int(search(extractor_of(atlas).rows(begun), manifold.features.rows, 1)[0][0, 0])
        way = manifold.rows[random_walk(manifold, row, steps=steps, seed=seed)]
        stations = encode(model.generator, images.pixels[way])
        if begun is not None:
            stations[0] = encode(model.generator, begun)[0]
        drawn = draw_path(model.generator, walk_codes(model.generator, chart, stations, frames=frames))
        begins = start or str(images.ids[way[0]])
        _write_frames(place, "walk", drawn, {"model": model.name, "from": begins, "steps": steps, "seed": seed}, gif=task.gif)
        console.say(f"{frames} pictures of a walk from {begins} to {images.ids[way[-1]]} in {place}.")
        console.give({"out": str(place), "frames": frames, "passed": [str(name) for name in images.ids[way]]})


def loop(folder: Path, pictures: Sequence[str], *, frames: int, task: Task) -> None:
    """Pictures, or the hearts of clusters, to a closed way through them."""
    console = Console(as_json=task.as_json)
    with sentences(console):
        atlas = open_atlas(folder)
        model, place = model_of(atlas, task.model), task.place("loop")
        left = without_excluded(atlas.manifold, atlas.images)
        names = list(pictures) or [str(name) for name in atlas.images.ids[cluster_hearts(left)]]
        pixels = np.stack([picture_of(console, atlas, name) for name in names])
        chart = code_chart(model, atlas.images, atlas.manifold)
        codes = loop_codes(model.generator, chart, encode(model.generator, pixels), frames=frames)
        how = {"model": model.name, "through": names}
        _write_frames(place, "loop", draw_path(model.generator, codes), how, gif=task.gif)
        console.say(f"{frames} pictures of a loop through {', '.join(names)} in {place}.")
        console.give({"out": str(place), "frames": frames, "through": names})


def grid(folder: Path, pictures: Sequence[str], *, side: int, seed: int, task: Task) -> None:
    """The map, or four pictures, to a sheet of images."""
    console = Console(as_json=task.as_json)
    with sentences(console):
        atlas = open_atlas(folder)
        model = model_of(atlas, task.model)
        sheet = task.place("grid") / "grid.png"
        if not pictures:
            _map_grid(console, atlas, model, sheet, side=side, seed=seed)
            return
        corners = np.stack([picture_of(console, atlas, name) for name in pictures])
        drawn = between_four(model, atlas.images, atlas.manifold, corners, side=side)
        how = {"model": model.name, "corners": list(pictures), "side": side}
        remove_pictures(sheet.parent, PLACES)
        write_png(sheet, grid_sheet(drawn, np.ones((side, side), dtype=bool)), how)
        console.say(f"{side} x {side} pictures between {', '.join(pictures)} in {sheet}.")
        console.give({"out": str(sheet), "side": side, "drawn": side * side})


def _map_grid(console: Console, atlas: Atlas, model: Model, sheet: Path, *, side: int, seed: int) -> None:
    found = map_grid(model, atlas.manifold, side=side, seed=seed)
    how = {"model": model.name, "seed": seed, "side": side}
    remove_pictures(sheet.parent, PLACES)
    for line, column in np.argwhere(found.drawn):
        place = ",".join(f"{value:.5g}" for value in found.places[line, column])
        name = f"place-{line:02d}-{column:02d}.png"
        write_png(sheet.parent / name, found.pixels[line, column], how | {"map_place": place})
    ends = {name: [float(value) for value in found.places[at]] for name, at in (("from", (-1, 0)), ("to", (0, -1)))}
    write_png(sheet, grid_sheet(found.pixels, found.drawn), how | {"map": ends})
    count = int(found.drawn.sum())
    console.say(f"{count} of {side * side} places of the map have images near them; they are drawn in {sheet}.")
    console.give({"out": str(sheet), "side": side, "drawn": count, "map": ends})


def _write_frames(place: Path, name: str, frames: np.ndarray, how: Mapping[str, object], *, gif: bool) -> None:
    """Write frames one by one, side by side and, if wished, as an animation; those of an earlier way go."""
    remove_pictures(place, rf"{name}-\d{{3,}}\.png")
    for number, pixels in enumerate(frames):
        write_png(place / f"{name}-{number:03d}.png", pixels, {**how, "frame": number})
    columns = len(frames) if len(frames) <= MOST_IN_A_ROW else COLUMNS
    strip = contact_sheet(frames, columns)
    write_png(place / f"{name}.png", strip, how)
    if gif:
        write_gif(place / f"{name}.gif", frames, how)


def _score_lines(scores: Mapping[str, Sequence[Score]]) -> list[str]:
    """One line per measure and space: the value of each kind of images, with what real images get."""
    lines = []
    for first in scores["geodesic"]:
        same = {
            name: one for name, of_one in scores.items() for one in of_one if (one.name, one.space) == (first.name, first.space)
        }
        values = ", ".join(f"{name} {one.value:.3g}{_reach(one)}" for name, one in same.items())
        wanted = f"{first.better} is better" + ("" if first.floor is None else f", real images {first.floor:.3g}")
        lines.append(f"  {first.name.replace('_', ' ')} in {first.space} ({wanted}): {values}")
    return lines


def _reach(score: Score) -> str:
    return "" if score.interval is None else f" +- {(score.interval[1] - score.interval[0]) / 2:.2g}"
