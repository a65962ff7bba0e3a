"""Verbs and their options; every verb opens an atlas folder, does one step, and says what it did."""

from __future__ import annotations

import io
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from imatlas.app.cli.compare_command import compare
from imatlas.app.cli.draw_commands import generate
from imatlas.app.cli.options import (
    AtlasFolder,
    Budget,
    Conditions,
    Count,
    DataSource,
    Device,
    Features,
    Ground,
    Json,
    Kind,
    ModelName,
    Out,
    Precision,
    Resolution,
    Seed,
    Steps,
)
from imatlas.app.cli.path_commands import PATH_VERBS

__all__ = ["app", "main"]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Learn the manifold that a set of images lies on, and generate new images from it.\n\n"
    "Start with: imatlas demo. Then: imatlas run PHOTOS --budget 10m",
)


@app.command()
def demo(out: Out = None, budget: Budget = "45s", seed: Seed = 0, as_json: Json = False) -> None:
    """From images to a report in about a minute, on the digits that come with scikit-learn."""
    from imatlas.app.cli import verbs

    verbs.demo(out or Path("digits.atlas"), verbs.asked(budget, seed=seed, as_json=as_json), as_json=as_json)


@app.command()
def run(
    source: DataSource,
    out: Out = None,
    budget: Budget = "10m",
    resolution: Resolution = None,
    ground: Ground = "white",
    features: Features = "auto",
    generator: Kind = "latent_flow",
    conditions: Conditions = "all",
    steps: Steps = 0,
    seed: Seed = 0,
    count: Count = None,
    device: Device = "auto",
    precision: Precision = "auto",
    as_json: Json = False,
) -> None:
    """The main job: read, map, cluster, train, generate, evaluate, report."""
    from imatlas.app.cli import verbs

    asked = verbs.asked(
        budget,
        seed=seed,
        steps=steps,
        features=features,
        generator=generator,
        conditions=conditions,
        device=device,
        precision=precision,
        as_json=as_json,
    )
    verbs.run(verbs.Reading(source, out, resolution, ground), asked, count=count, as_json=as_json)


@app.command("map")
def map_(
    source: Annotated[Path, typer.Argument(help="Images, a matrix (npy, npz), or an atlas with --add.", metavar="DATA")],
    add: Annotated[Path | None, typer.Option(help="More images or rows, placed on a finished map; moves nothing.")] = None,
    out: Out = None,
    taken_as: Annotated[str, typer.Option("--as", help="What DATA is: auto, images or matrix.")] = "auto",
    budget: Budget = "10m",
    resolution: Resolution = None,
    ground: Ground = "white",
    features: Features = "auto",
    neighbors: Annotated[int | None, typer.Option(help="Matrix: links per row; 15 when not given.")] = None,
    metric: Annotated[str | None, typer.Option(help="Matrix: euclidean, cosine or correlation.")] = None,
    embedding: Annotated[str | None, typer.Option("--map", help="Matrix: neighbor_map, spectral_map, ...")] = None,
    clustering: Annotated[str | None, typer.Option("--clusters", help="Matrix: density_clusters, ..., or none.")] = None,
    components: Annotated[int | None, typer.Option(help="Matrix: coordinates per row; 2 when not given.")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Learn a manifold: neighbors, dimension, map, clusters, and how far to trust them; of images or of any matrix."""
    from imatlas.app.cli import mapping, verbs

    wanted = mapping.Wanted(neighbors, metric, embedding, clustering, components)
    if add is not None:
        mapping.add(source, add, wanted, out=out, ground=ground, as_json=as_json)
    elif mapping.is_matrix(source, taken_as, as_json=as_json):
        mapping.map_matrix_only(source, out, wanted, seed=seed, as_json=as_json)
    else:
        wanted.refuse(as_json=as_json)
        asked = verbs.asked(budget, seed=seed, features=features, as_json=as_json)
        verbs.map_only(verbs.Reading(source, out, resolution, ground), asked, as_json=as_json)


@app.command()
def train(
    atlas: AtlasFolder,
    budget: Budget = "10m",
    generator: Kind = "latent_flow",
    conditions: Conditions = "all",
    steps: Steps = 0,
    seed: Seed = 0,
    device: Device = "auto",
    precision: Precision = "auto",
    as_json: Json = False,
) -> None:
    """Train a generator on an atlas, or go on where training was stopped."""
    from imatlas.app.cli import verbs

    asked = verbs.asked(
        budget,
        seed=seed,
        steps=steps,
        generator=generator,
        conditions=conditions,
        device=device,
        precision=precision,
        as_json=as_json,
    )
    verbs.train(atlas, asked, as_json=as_json)


for verb in (generate, *PATH_VERBS, compare):
    app.command()(verb)


@app.command()
def evaluate(
    atlas: Annotated[Path | None, typer.Argument(help="An atlas folder.", metavar="[ATLAS]")] = None,
    real: Annotated[Path | None, typer.Option(help="Real images, an atlas, or a file of --keep.")] = None,
    generated: Annotated[Path | None, typer.Option(help="Images of any generator, or a model, to judge.")] = None,
    against: Annotated[list[Path] | None, typer.Option(help="Another generator, to compare with; may be repeated.")] = None,
    extractors: Annotated[str, typer.Option(help="Feature spaces to judge in, with commas between; two when not given.")] = "",
    resolution: Annotated[int | None, typer.Option(help="Side of the images, 8 to 512, a multiple of 4.")] = None,
    weights: Annotated[Path | None, typer.Option(help="File or folder of published weights (inception, dinov2, clip).")] = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch published weights that are not there.")] = False,
    keep: Annotated[Path | None, typer.Option(help="FILE.safetensors to keep the real set in, or to use if it fits.")] = None,
    count: Count = None,
    seed: Seed = 0,
    model: ModelName = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Measure quality, diversity, novelty and speed of an atlas's model, or of any generator's images."""
    if (atlas is None) == (real is None) or (real is None) != (generated is None):
        raise typer.BadParameter("Give an ATLAS, or both --real and --generated.")
    if atlas is not None and (against or keep or resolution):
        raise typer.BadParameter("--against, --keep and --resolution go with --real and --generated.")
    if model is not None and atlas is None:
        raise typer.BadParameter("--model goes with an ATLAS; of --generated give the model's own folder.")
    from imatlas.app.cli import judging
    from imatlas.features import make_judge

    giving = judging.Giving(out, as_json)
    make = partial(make_judge, weights=weights, download=download)
    terms = judging.read_terms(extractors, make, resolution=resolution, count=count, seed=seed, keep=keep, giving=giving)
    if atlas is not None:
        judging.evaluate_atlas(atlas, terms, model=model, giving=giving)
    elif real is not None and generated is not None:
        judging.evaluate_sets(real, [generated, *(against or [])], terms, giving)


@app.command()
def export(
    atlas: AtlasFolder,
    out: Annotated[Path | None, typer.Option("--out", help="A new folder for the model.")] = None,
    model: ModelName = None,
    onnx: Annotated[bool, typer.Option("--onnx", help="Also one ONNX file of generator and sampler, checked.")] = False,
    steps: Annotated[int | None, typer.Option(help="Steps of the sampler in the ONNX file.")] = None,
    guidance: Annotated[float | None, typer.Option(help="Guidance in the ONNX file.")] = None,
    autoguidance: Annotated[float | None, typer.Option(help="Autoguidance in the ONNX file.")] = None,
    diversity: Annotated[float | None, typer.Option(help="Diversity in the ONNX file, which can do 0 only.")] = None,
    as_json: Json = False,
) -> None:
    """Leave with a model: one folder of weights, conditions, card and samples that needs nothing else."""
    from imatlas.app.cli import leaving

    dials = {"steps": steps, "guidance": guidance, "autoguidance": autoguidance, "diversity": diversity}
    turned = {name: value for name, value in dials.items() if value is not None}
    leaving.export(atlas, out, model=model, onnx=onnx, turned=turned, as_json=as_json)


@app.command()
def report(atlas: AtlasFolder, out: Out = None, as_json: Json = False) -> None:
    """Write the report of an atlas, one HTML file that opens without a network."""
    from imatlas.app.cli import verbs

    verbs.report(atlas, out, as_json=as_json)


@app.command()
def show(
    what: Annotated[Path, typer.Argument(help="A generated PNG, or an atlas folder.", metavar="PNG|ATLAS")],
    as_json: Json = False,
) -> None:
    """Say how a generated image was made, or what an atlas holds."""
    from imatlas.app.cli import verbs

    verbs.show(what, as_json=as_json)


@app.command()
def studio(
    atlas: AtlasFolder,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 = a free one; 8642 when not given.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; another one than loopback needs --token.")] = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option(envvar="IMATLAS_STUDIO_TOKEN", help="What opens the page, 16 signs or more; random when not given."),
    ] = None,
    opens: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
    as_json: Json = False,
) -> None:
    """Open an atlas in the browser: look through the images, draw on the map, watch training."""
    from imatlas.app.cli import studio as page

    page.studio(atlas, host=host, port=port, token=token, opens=opens, as_json=as_json)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check what this machine has: versions, cores, memory, devices, speed."""
    from imatlas.app.cli import doctor as checkup

    checkup.doctor(as_json=as_json)


@app.callback(invoke_without_command=True)
def version(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    """Learn the manifold that a set of images lies on, and generate new images from it."""
    if version:
        from imatlas import __version__

        print(f"imatlas {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; exit code 0, 1 after a failure, 2 after misuse, 130 after Ctrl-C, 143 after SIGTERM."""
    # A terminal that cannot show a name shows its escapes.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # Of no columns rich would make tables of no width, in which nothing can be read.
    if os.environ.get("COLUMNS") == "0":
        del os.environ["COLUMNS"]
    # Threads that wait by spinning for long make two programs on one machine many times slower, and threads that sleep at
    # once make one program a third slower. GNU's OpenMP counts turns; these are some tens of microseconds.
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
    if "--json" not in sys.argv[1:]:
        app(prog_name="imatlas")
        return
    try:
        raise SystemExit(app(prog_name="imatlas", standalone_mode=False) or 0)
    except Exception as misuse:
        # typer gives its errors of usage no public class; what tells them from others is that they word themselves.
        if not hasattr(misuse, "format_message"):
            raise
        print(json.dumps({"error": misuse.format_message()}, ensure_ascii=False))
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
