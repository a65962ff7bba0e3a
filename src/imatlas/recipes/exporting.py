"""A trained model as a folder that needs nothing else: to be kept, handed on, published, or run by other programs.

It holds the weights, the configuration, the small fits of the conditions, the prior of neighborhoods, the extractor that
turns a picture into a style or a neighborhood, the scores, the model card and a sheet of samples; no image of the set, no
feature row of one, and nothing that runs code when it is read. The folder appears as a whole or not at all.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from imatlas.checks import InputError
from imatlas.features import EXTRACTORS, Extractor
from imatlas.files import reading
from imatlas.pictures import contact_sheet, write_png
from imatlas.recipes.journeys import extractor_of
from imatlas.recipes.modeling import Model, load_model, require_same_map, save_model
from imatlas.recipes.onnx_export import export_onnx, onnx_dials, require_onnx
from imatlas.store import Atlas, ModelFolder
from imatlas.values import AS_TRAINED, Dials, ImageSet, Score

__all__ = ["Exported", "Origin", "export_from", "export_model", "load_extractor"]

SHEET = 64
"""Images on the sheet of samples, eight a row."""


@dataclass(frozen=True)
class Origin:
    """Where a model comes from: what its card tells, and what its wishes need.

    Parameters
    ----------
    images : the set it was trained on; only its size, shape, split, class names and source are told.
    extractor : the fitted one that made the features of its manifold.
    scores : measured of it.
    config : configuration of its model folder, which tells how it was trained; empty for a model that never had one.
    """

    images: ImageSet
    extractor: Extractor
    scores: Sequence[Score] = ()
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Parameters
    ----------
    folder : where it is.
    model : name of the model.
    files : names of the files, in order.
    size : bytes of them all.
    difference : largest difference in [-1, 1] between ONNX and torch, or None without an ONNX file.
    """

    folder: Path
    model: str
    files: tuple[str, ...]
    size: int
    difference: float | None = None


def export_model(
    model: Model, folder: str | Path, origin: Origin, *, onnx: bool = False, dials: Dials = AS_TRAINED
) -> Exported:
    """Write a trained model into a new folder that `imatlas.load_model` and `Generator.load` read.

    Parameters
    ----------
    model : with everything it can be asked for.
    folder : a place where nothing is yet, or an empty folder.
    origin : where the model comes from.
    onnx : also write `model.onnx`, generator and sampler in one, checked against torch; see `export_onnx`.
    dials : what the sampler in the ONNX file is fixed to.

    Raises
    ------
    InputError
        If the place is taken or cannot be written, or the ONNX file cannot be had; then nothing is left.
    """
    place = Path(folder)
    _refuse_taken(place)
    if onnx:
        require_onnx()
        onnx_dials(model.generator, dials)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
    except OSError as error:
        raise InputError(
            f"Could not make the folder {place} ({error.strerror or error}). Choose a writable place with --out."
        ) from error
    try:
        difference = export_onnx(model.generator, made / "model.onnx", dials) if onnx else None
        _write(model, ModelFolder(made), origin)
        made.chmod(0o755)
        if place.exists():
            place.rmdir()
        made.rename(place)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    files = sorted(path for path in place.iterdir())
    size = sum(path.stat().st_size for path in files)
    return Exported(place, model.name or model.kind, tuple(path.name for path in files), size, difference)


def export_from(
    atlas: Atlas, folder: str | Path, *, name: str | None = None, onnx: bool = False, dials: Dials = AS_TRAINED
) -> Exported:
    """Export a trained model of an atlas; see `export_model`.

    Parameters
    ----------
    name : of the model; None = the one used when none is named.

    Raises
    ------
    InputError
        If there is no such model, it is not trained to its end, its map was made again since, so that the extractor its styles
        and neighborhoods need is gone, or what `export_model` refuses.
    """
    _refuse_taken(Path(folder))
    held = atlas.model_or_default(name)
    model = load_model(held)
    require_same_map(model, atlas.manifold)
    origin = Origin(atlas.images, extractor_of(atlas), held.scores, held.config)
    return export_model(model, folder, origin, onnx=onnx, dials=dials)


def load_extractor(folder: str | Path) -> Extractor:
    """Give the extractor of an exported model, which turns pictures into the features that its examples are made of.

    Raises
    ------
    InputError
        If it is missing or damaged.
    """
    held = ModelFolder(Path(folder))
    if not held.has_packed("extractor"):
        raise InputError(
            f"{folder} has no extractor.safetensors, which turns a picture into what is wished for. Model folders of an atlas "
            "have none: name the atlas and --model, or make a whole one: imatlas export ATLAS --model NAME --out NEW."
        )
    with reading(f"The extractor in {folder}", "Restore its files, or export the model again."):
        settings, arrays = held.load_packed("extractor")
        return EXTRACTORS[settings["extractor"]].unpack(settings["packed"], arrays)


def _write(model: Model, made: ModelFolder, origin: Origin) -> None:
    """Write everything but the ONNX file."""
    plan = {name: value for name, value in origin.config.get("plan", {}).items() if name != "key"}
    save_model(model, made, plan)
    kept = {name: origin.config[name] for name in ("made_by", "versions") if name in origin.config}
    made.write_config(made.config | kept | {"name": model.name or model.kind})
    if model.prior is not None:
        made.save_packed("prior", {}, model.prior.state_dict())
    settings, arrays = origin.extractor.pack()
    made.save_packed("extractor", {"extractor": origin.extractor.name, "packed": settings}, arrays)
    if origin.scores:
        made.save_scores([_without_rows(score) for score in origin.scores])
    drawn = model.sample(range(SHEET))
    how = {"model": drawn.source, "seeds": [0, SHEET - 1]}
    write_png(made.folder / "samples.png", contact_sheet(drawn.pixels, 8), how)
    made.write_card(origin.images)


def _without_rows(score: Score) -> Score:
    """Leave out which images of the set a score names; without the set they say nothing."""
    return replace(score, details={name: value for name, value in score.details.items() if name != "pairs"})


def _refuse_taken(place: Path) -> None:
    if place.is_file():
        raise InputError(f"{place} is a file; an exported model is a folder. Choose another place with --out.")
    if place.is_dir() and any(place.iterdir()):
        raise InputError(f"{place} is there already and not empty; it was left as it is. Choose another place with --out.")
