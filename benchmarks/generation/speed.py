"""How fast a trained model draws, by number of steps, and what fewer steps cost in distance.

Each setting draws 1,000 images three times and counts the median; the distance is that of 10,000 samples by the first judge.
"Many" steps are 50, the reference of the loss; "default" is what the model does when nobody asks. The rate of the few-step mode
is that of the fastest of 1 to 4 steps that costs at most 15 %.
"""

import statistics
import time

from generation.cell import Cell
from generation.judge import score
from generation.ours import FIRST_SEED, left_behind
from imatlas.recipes import Model
from imatlas.values import AS_TRAINED, Dials

FEW = (1, 2, 3, 4)
OTHERS = (8,)
MANY = 50
MOST_LOSS = 0.15
N_TIMED, N_ROUNDS = 1000, 3
VIEW = "labels-0"


def measure(cell: Cell) -> None:
    model = left_behind(cell)
    settings = {"default": AS_TRAINED}
    if "steps" in model.generator.dials:
        settings |= {f"{steps} steps": Dials(steps=steps) for steps in (*FEW, *OTHERS, MANY)}
    cell.numbers["default_steps"] = model.generator.defaults().steps
    for name, dials in settings.items():
        cell.numbers[f"{name}: images_per_second"] = _rate(model, dials, min(N_TIMED, cell.n_samples))
        samples = model.sample(range(FIRST_SEED, FIRST_SEED + cell.n_samples), dials=dials).pixels
        found = score(samples, cell.job.set_name, views=(VIEW,), place=cell.place)
        cell.numbers |= {f"{name}: {score_name}": value for score_name, value in found.items()}
    for name in settings:
        cell.numbers[f"{name}: loss"] = _loss(cell.numbers, name)
    few = [name for name in (f"{steps} steps" for steps in FEW) if name in settings]
    near = [cell.numbers[f"{name}: images_per_second"] for name in few if cell.numbers[f"{name}: loss"] <= MOST_LOSS]
    if few:
        cell.numbers["few_steps_images_per_second"] = max(near, default=0.0)


def _rate(model: Model, dials: Dials, n: int) -> float:
    model.sample(range(64), dials=dials)
    seconds = []
    for _ in range(N_ROUNDS):
        start = time.perf_counter()
        model.sample(range(n), dials=dials)
        seconds.append(time.perf_counter() - start)
    return n / statistics.median(seconds)


def _loss(numbers: dict[str, object], name: str) -> float | None:
    """Give the share by which the distance exceeds that of many steps; None for a model without steps."""
    many = numbers.get(f"{MANY} steps: {VIEW}_frechet")
    return None if many is None else float(numbers[f"{name}: {VIEW}_frechet"]) / float(many) - 1
