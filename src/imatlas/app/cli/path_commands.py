"""Verbs that draw ways and grids over the manifold, and a person's own pictures through the model, with their options."""

from __future__ import annotations

from typing import Annotated

import typer

from imatlas.app.cli.options import AtlasFolder, Json, ModelName, Out, Seed

__all__ = ["PATH_VERBS", "encode", "grid", "loop", "morph", "walk"]

Picture = Annotated[str | None, typer.Argument(help="A picture file, or the name of an image of the set.")]
Pictures = Annotated[list[str] | None, typer.Argument(help="Picture files, or names of images of the set.")]
Gif = Annotated[bool, typer.Option("--gif", help="Also write an animated GIF.")]
Frames = Annotated[int, typer.Option(min=2, max=2_000, help="Pictures drawn.")]


def morph(
    atlas: AtlasFolder,
    first: Picture = None,
    last: Picture = None,
    frames: Annotated[int, typer.Option(min=2, max=200, help="Pictures on the way, both ends included.")] = 16,
    shorten: Annotated[int, typer.Option(min=0, max=1_000, help="Steps of shortening: less changes, but plainer.")] = 0,
    score: Annotated[bool, typer.Option("--score", help="Judge the midpoints of many morphs, instead.")] = False,
    pairs: Annotated[int, typer.Option(min=20, max=10_000, help="Morphs that --score draws.")] = 300,
    gif: Gif = False,
    seed: Seed = 0,
    out: Out = None,
    model: ModelName = None,
    as_json: Json = False,
) -> None:
    """Draw the way from one picture to another along the manifold, and the straight one beside it; or score such ways."""
    if (last is None) != score or (score and first is not None):
        raise typer.BadParameter("Give two pictures, where the morph begins and ends; or --score and none.")
    from imatlas.app.cli import pathways

    task = pathways.Task(out, model, gif, as_json)
    if first is None or last is None:
        pathways.score(atlas, pairs=pairs, seed=seed, task=task)
    else:
        pathways.morph(atlas, (first, last), frames=frames, shorten=shorten, task=task)


def walk(
    atlas: AtlasFolder,
    start: Annotated[str | None, typer.Option("--from", help="Where the walk begins; a random image when not given.")] = None,
    steps: Annotated[int, typer.Option(min=1, max=1_000, help="Links of the neighbor graph to pass.")] = 32,
    frames: Annotated[int | None, typer.Option(min=2, max=2_000, help="Pictures drawn; else twice the steps.")] = None,
    gif: Gif = False,
    seed: Seed = 0,
    out: Out = None,
    model: ModelName = None,
    as_json: Json = False,
) -> None:
    """Draw a random walk over the manifold, from neighbor to neighbor, smoothly."""
    from imatlas.app.cli import pathways

    task = pathways.Task(out, model, gif, as_json)
    pathways.walk(atlas, start, steps=steps, frames=frames or 2 * steps + 1, seed=seed, task=task)


def loop(
    atlas: AtlasFolder,
    pictures: Pictures = None,
    frames: Frames = 60,
    gif: Gif = False,
    out: Out = None,
    model: ModelName = None,
    as_json: Json = False,
) -> None:
    """Draw a closed way through pictures, or through the hearts of the largest clusters when none are given."""
    from imatlas.app.cli import pathways

    pathways.loop(atlas, pictures or [], frames=frames, task=pathways.Task(out, model, gif, as_json))


def grid(
    atlas: AtlasFolder,
    pictures: Annotated[list[str] | None, typer.Argument(help="Four pictures for the corners; the map when not given.")] = None,
    side: Annotated[int, typer.Option(min=2, max=64, help="Pictures along each side.")] = 12,
    seed: Seed = 0,
    out: Out = None,
    model: ModelName = None,
    as_json: Json = False,
) -> None:
    """Draw images all over the map, all from one noise, so that only the place varies, and none where no image lies; or between
    four pictures."""
    if pictures and len(pictures) != 4:
        raise typer.BadParameter(f"A grid has 4 corners, {len(pictures)} pictures were given; name 4, or none for the map.")
    from imatlas.app.cli import pathways

    pathways.grid(atlas, pictures or [], side=side, seed=seed, task=pathways.Task(out, model, False, as_json))


def encode(
    atlas: AtlasFolder,
    pictures: Annotated[list[str], typer.Argument(help="Picture files, folders of them, or names of images of the set.")],
    out: Out = None,
    model: ModelName = None,
    as_json: Json = False,
) -> None:
    """Give the codes of pictures, what the model makes of them, and how well beside held-out images."""
    from imatlas.app.cli import encoding, pathways

    encoding.encode(atlas, pictures, task=pathways.Task(out, model, False, as_json))


PATH_VERBS = (morph, walk, loop, grid, encode)
