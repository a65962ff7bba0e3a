"""Every dial a model has, turned: chosen on validation images, equally many trials an arm, each choice scored once.

An arm turns its own dials and leaves the others off; "as trained" turns none and takes the model's own defaults. A trial's
score is the Frechet distance of 2,000 samples to the images that the model's atlas held out, in the features of the second
judge; the test images and the first judge see nothing but the chosen setting of each arm, with 10,000 samples of other seeds.
"""

import numpy as np

from generation.cell import Cell
from generation.judge import features, judge, score
from generation.ours import FIRST_SEED, atlas_left_behind, left_behind
from imatlas.evaluation import frechet_distance
from imatlas.recipes import Model
from imatlas.values import Dials

OFF: dict[str, float] = {"guidance": 1.0, "autoguidance": 1.0, "diversity": 0.0, "typical": 1.0}

ARMS: dict[str, tuple[dict[str, float], ...]] = {
    "guidance": tuple({"guidance": weight} for weight in (1.15, 1.3, 1.5, 2.0, 2.5, 3.0)),
    "autoguidance": tuple({"autoguidance": weight} for weight in (1.15, 1.3, 1.5, 2.0, 2.5, 3.0)),
    "diversity": tuple({"diversity": share} for share in (0.05, 0.1, 0.2, 0.35, 0.6, 1.0)),
    "typical": tuple({"typical": share} for share in (0.95, 0.9, 0.8, 0.7, 0.5, 0.3)),
    "both guidances": tuple({"guidance": w, "autoguidance": v} for w in (1.15, 1.5, 2.0) for v in (1.3, 2.0)),
}
"""Arm -> its trials, as dials; an arm whose dials a model lacks is left out."""

CHOOSING, SCORING = "labels-1", "labels-0"
N_TRIAL = 2000


def measure(cell: Cell) -> None:
    model, images = left_behind(cell), atlas_left_behind(cell).images
    set_name, place = cell.job.set_name, cell.place
    chooser = judge(set_name, CHOOSING, place)
    validation = features(chooser, images.pixels[images.held_out_rows])
    off = {dial: value for dial, value in OFF.items() if dial in model.dials}

    def distance(dials: dict[str, float]) -> float:
        return frechet_distance(validation, features(chooser, _drawn(model, dials, 0, min(N_TRIAL, cell.n_samples))))

    chosen: dict[str, dict[str, float]] = {"as trained": {}, "all off": off}
    for arm, dials in chosen.items():
        cell.numbers[f"validation_{arm}"] = distance(dials)
    for arm, turned in ARMS.items():
        if set(turned[0]) <= model.dials:
            trials = [off | dials for dials in turned]
            distances = [distance(trial) for trial in trials]
            best = int(np.argmin(distances))
            chosen[arm] = trials[best]
            cell.numbers[f"validation_{arm}"] = distances[best]
            cell.numbers[f"trials_{arm}"] = dict(zip(map(str, turned), distances))
    for arm, dials in chosen.items():
        found = score(_drawn(model, dials, FIRST_SEED, cell.n_samples), set_name, views=(SCORING,), place=place)
        cell.numbers |= {f"{arm}: {name}": value for name, value in found.items()} | {f"{arm}: dials": dials}


def _drawn(model: Model, dials: dict[str, float], first: int, n: int) -> np.ndarray:
    return model.sample(range(first, first + n), dials=Dials(**dials)).pixels
