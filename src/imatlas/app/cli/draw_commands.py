"""The verb that draws new images, with its options."""

from __future__ import annotations

from typing import Annotated

import typer

from imatlas.app.cli.options import Json, ModelName, Out, Source

__all__ = ["generate"]


def generate(
    atlas: Source,
    count: Annotated[int | None, typer.Option(min=1, max=1_000_000, help="How many images; 64 when not given.")] = None,
    out: Out = None,
    seed: Annotated[int | None, typer.Option(min=0, max=2**32 - 1, help="Seed of the first image; 0 when not given.")] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds such as 0,4-6, one image each, in place of both.")] = None,
    class_: Annotated[str | None, typer.Option("--class", help="Name of a class.")] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Number or name of a cluster, as in the report; middle:7, coarse:3.")
    ] = None,
    style: Annotated[str | None, typer.Option(help="Like this picture in style: a file, or an image of the set.")] = None,
    near: Annotated[str | None, typer.Option(help="Near this picture on the manifold: a file, or an image of the set.")] = None,
    at: Annotated[str | None, typer.Option(help="A place on the map, x,y; imatlas show tells that of a grid picture.")] = None,
    density: Annotated[str | None, typer.Option(help="low (unusual), middle, high (ordinary), or 0 to 1.")] = None,
    codes_from: Annotated[str | None, typer.Option(help="What is not asked for: none, labels, prior, bank, ...")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of the sampler: more is finer and slower.")] = None,
    guidance: Annotated[float | None, typer.Option(help="How closely the condition is followed; 1 = as trained.")] = None,
    autoguidance: Annotated[float | None, typer.Option(help="How far to keep from the model's early faults; 1 = off.")] = None,
    diversity: Annotated[float | None, typer.Option(help="Vary more within a condition, 0 = off to 1.")] = None,
    typical: Annotated[float | None, typer.Option(help="Draw from this densest share of the codes, up to 1 = all.")] = None,
    model: ModelName = None,
    as_json: Json = False,
) -> None:
    """Draw new images: PNG files into a folder of their own, or one array into a file that ends in .npz."""
    from imatlas.app.cli import drawing

    wishes = {"class": class_, "cluster": cluster, "style": style, "neighborhood": near, "map_place": at, "density": density}
    asked = {name: wish for name, wish in wishes.items() if wish is not None}
    dials = {"steps": steps, "guidance": guidance, "autoguidance": autoguidance, "diversity": diversity, "typical": typical}
    turned = {name: value for name, value in dials.items() if value is not None}
    batch = drawing.Batch(asked, turned, count, seed, seeds, codes_from or "")
    drawing.generate(atlas, batch, out=out, model=model, as_json=as_json)
