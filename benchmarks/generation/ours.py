"""imatlas, as `imatlas run` does it: a fresh atlas, its map, its model, with labels unknown; the whole within the budget."""

import shutil
from pathlib import Path

from generation.cell import Cell
from generation.plan import atlas_folder
from imatlas.checks import InputError
from imatlas.generators import GENERATORS, Generator
from imatlas.images import read_images
from imatlas.recipes import Model, Wishes, load_model, map_images, train_atlas
from imatlas.store import Atlas, open_atlas

FIRST_SEED = 10**6
TRIAL_STEPS = 24
CODES_FROM = ("none", "prior", "bank")

VARIANTS: dict[str, tuple[str, dict[str, object]]] = {
    "flow-transformer": ("flow", {"network": "transformer"}),
    "flow-unet": ("flow", {"network": "unet", "width": 64, "depth": 2}),
    "gan": ("gan", {}),
}
"""Variant -> generator, and what it is built with in place of what it would choose itself."""


def measure(cell: Cell) -> None:
    """Train within the budget, draw as by default; the atlas is left for the groups that turn its dials."""
    variant = cell.job.method.partition(":")[2]
    folder = atlas_folder(cell.place.scratch, cell.job)
    shutil.rmtree(folder, ignore_errors=True)
    atlas, model = learn(cell, variant, folder)
    cell.numbers |= {f"{step}_step_seconds": seconds for step, seconds in atlas.seconds.items()}
    cell.numbers |= {"generator": model.kind, "precision": model.precision}
    cell.numbers["conditions"] = ", ".join(condition.name for condition in model.conditions)
    draw(cell, model)


def learn(cell: Cell, variant: str, folder: Path) -> tuple[Atlas, Model]:
    """Read, map and train, as the command line does."""
    images = read_images(cell.source)
    chosen = {"generator": use(variant)} if variant else {}
    # Reading is within our budget here; the product does not count it. A trial has steps instead, however slow the machine is.
    steps = 0 if cell.place.rows is None else TRIAL_STEPS
    wishes = Wishes(budget=cell.seconds - cell.clock(), steps=steps, **chosen)
    atlas = map_images(images, folder, wishes)
    shown: dict[str, tuple[float, float]] = {}

    def listen(progress) -> None:
        shown[progress.stage] = (progress.rate * progress.seconds, progress.seconds)

    model = train_atlas(atlas, wishes, report=listen)
    n_images, seconds = (sum(part) for part in zip(*shown.values()))
    networks = [part for part in (model.generator, model.prior) if part is not None]
    parameters = sum(parameter.numel() for network in networks for parameter in network.parameters())
    cell.trained(parameters=parameters, images=round(n_images), seconds=seconds)
    for stage, (images_shown, spent) in shown.items():
        cell.numbers[f"{stage.replace(' ', '_')}_images_per_second"] = images_shown / max(spent, 1e-9)
    return atlas, model


def draw(cell: Cell, model: Model) -> None:
    """Draw as by default, one seed per image; then, apart, from no codes, drawn codes, and codes of training images."""
    model.sample(range(64))
    seeds = range(FIRST_SEED, FIRST_SEED + cell.n_samples)
    with cell.timed("draw"):
        samples = model.sample(seeds).pixels
    cell.keep(samples)
    for way in CODES_FROM:
        try:
            model.sample([0], codes_from=way)
        except InputError:
            continue  # this model has no such codes
        with cell.timed(f"draw_{way}"):
            samples = model.sample(seeds, codes_from=way).pixels
        cell.keep(samples, name=way)


def left_behind(cell: Cell) -> Model:
    """Give the model of the cell that this one looks at."""
    variant = cell.job.method.partition(":")[2]
    if variant:
        use(variant)
    atlas = atlas_left_behind(cell)
    return load_model(atlas.model(str(atlas.default_model)))


def atlas_left_behind(cell: Cell) -> Atlas:
    """Give the atlas of the cell that this one looks at."""
    return open_atlas(atlas_folder(cell.place.scratch, cell.job.teacher))


def use(variant: str) -> str:
    """Let a generator of this process be built as a variant wants it; give its name."""
    kind, settings = VARIANTS[variant]
    if settings:
        GENERATORS[kind] = _with(GENERATORS[kind], settings)
    return kind


def _with(family: type[Generator], settings: dict[str, object]) -> type[Generator]:
    """Give the same family with some of its own choices taken from it."""

    class Chosen(family):
        @classmethod
        def sizes_for(cls, *facts: object) -> dict[str, object]:
            return super().sizes_for(*facts) | settings

    Chosen.__name__ = family.__name__
    return Chosen
