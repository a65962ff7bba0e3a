"""The verb compare and its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imatlas.app.cli.options import Count, Device, Features, Ground, Json, Kind, Out, Precision, Resolution, Seed, Steps

__all__ = ["compare"]


def compare(
    source: Annotated[Path | None, typer.Argument(help="Folder, zip, idx or npz of images.", metavar="DATA")] = None,
    arms: Annotated[str, typer.Option(help="What is compared, with commas between; the usual ones when not given.")] = "",
    list_arms: Annotated[bool, typer.Option("--list", help="Say which arms there are, and do nothing else.")] = False,
    budget: Annotated[str, typer.Option(help="Time of each training, all that is fitted for it included: 90s, 4m.")] = "4m",
    repeats: Annotated[int, typer.Option(help="Trainings of each arm; 5 or more give an interval to trust.")] = 5,
    out: Out = None,
    resolution: Resolution = None,
    ground: Ground = "white",
    features: Features = "auto",
    generator: Kind = "latent_flow",
    steps: Steps = 0,
    lengths: Annotated[str, typer.Option(help="Shares of the budget to train each arm for too, such as 0.25,0.5.")] = "",
    subset: Annotated[int, typer.Option(min=0, help="Train on so many images alone; 0 = all.")] = 0,
    morphs: Annotated[int, typer.Option(min=0, help="Score so many morphs between held-out images; 0 = none.")] = 0,
    judges: Annotated[str, typer.Option(help="Feature spaces to judge in, with commas between; two when not given.")] = "",
    count: Count = None,
    seed: Seed = 0,
    device: Device = "auto",
    precision: Precision = "auto",
    as_json: Json = False,
) -> None:
    """Does the manifold help? The same network with and without it, several times, judged and told with intervals."""
    # Loaded here so that other verbs do not wait for torch.
    from imatlas.app.cli import comparing, verbs

    if list_arms:
        comparing.list_arms(as_json=as_json)
        return
    if source is None:
        raise typer.BadParameter("Give DATA, or --list.")
    wishes = verbs.asked(
        budget,
        seed=seed,
        steps=steps,
        features=features,
        generator=generator,
        device=device,
        precision=precision,
        as_json=as_json,
    )
    written = {"arms": arms, "judges": judges, "lengths": lengths}
    counts = {"repeats": repeats, "count": count, "subset": subset, "paths": morphs}
    study = comparing.read_study(wishes, written, counts, as_json=as_json)
    comparing.compare_arms(verbs.Reading(source, out, resolution, ground), study, as_json=as_json)
