"""The options that several verbs share, each written once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path | None, typer.Option("--out", help="Where to write.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of everything random.")]
Budget = Annotated[str, typer.Option(help="Time for all that is fitted: 90s, 10m, 1.5h.")]
Resolution = Annotated[int | None, typer.Option(help="Side of the images, 8 to 64, a multiple of 4. Chosen when not given.")]
Ground = Annotated[str, typer.Option(help="Colour under transparent places, a name or #rrggbb.")]
Features = Annotated[str, typer.Option(help="auto, encoder, principal_components, pixels or random_convolutions.")]
Kind = Annotated[str, typer.Option("--generator", help="latent_flow, vae, flow or gan.")]
Steps = Annotated[int, typer.Option(min=0, help="Training steps; 0 = as many as fit into the budget.")]
Conditions = Annotated[
    str,
    typer.Option(
        help="all, none, or some, with commas between: class, cluster (the finest level), cluster_middle, cluster_coarse, "
        "style, neighborhood, map_place, density."
    ),
]
Precision = Annotated[
    str, typer.Option(help="Products in training: auto, float32 or bfloat16. auto measures with a budget, not with --steps.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Count = Annotated[
    int | None, typer.Option(min=20, max=1_000_000, help="Images drawn for judging; 10,000 or 2,000 when not given.")
]
ModelName = Annotated[str | None, typer.Option("--model", help="A model of the atlas; the one trained last when not given.")]
AtlasFolder = Annotated[Path, typer.Argument(help="An atlas folder, such as photos.atlas.", metavar="ATLAS")]
Source = Annotated[Path, typer.Argument(help="An atlas folder, or an exported model.", metavar="ATLAS")]
DataSource = Annotated[Path, typer.Argument(help="Folder, zip, idx or npz of images.", metavar="DATA")]
