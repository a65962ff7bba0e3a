"""imatlas, as benchmarks/evaluation.py measures it: the functions anyone can call, on the same features."""

import time
from dataclasses import asdict

import numpy as np

from evaluation.cell import Answers, Cell
from evaluation.peers import K

JUDGES = ("random_convolutions", "principal_components")


def measure_shares(cell: Cell) -> None:
    from imatlas.evaluation import neighbor_shares

    real, generated = cell.features()
    low = cell.job.variant == "bfloat16"
    cell.measure(lambda: asdict(neighbor_shares(real, generated, k=K, low_precision=low)))


def measure_frechet(cell: Cell) -> None:
    from imatlas.evaluation import frechet_distance

    real, generated = cell.features()
    cell.measure(lambda: {"distance": frechet_distance(real, generated)})


def measure_vendi(cell: Cell) -> None:
    from imatlas.evaluation import vendi_score

    real, _ = cell.features()
    cell.measure(lambda: {"score": vendi_score(real)})


def measure_metrics(cell: Cell) -> None:
    """All default metrics of Fashion-MNIST images, extractors fitted and run within the time; reference rows apart.

    Generated, reference and stand-ins are 10,000 images each: training images, test images, other training images.
    """
    from imatlas.evaluation import DEFAULT_METRICS, evaluate_trial, gaussian_images, judge, training_copies, with_generated
    from imatlas.evaluation.costs import COST_METRICS
    from imatlas.features import make_judge
    from imatlas.images import read_images
    from imatlas.values import Trial

    images = read_images(cell.data / "fashion-mnist")
    n = cell.job.shape(cell.quick)[0]
    of_training = np.random.default_rng(0).permutation(images.training_rows)
    parts = {"train": of_training[:n], "held_out": images.held_out_rows[:n], "generated": of_training[n : 2 * n]}
    sets = {name: images.take(rows) for name, rows in parts.items()}
    metrics = tuple(name for name in DEFAULT_METRICS if name not in COST_METRICS)
    spent: dict[str, float] = {}

    def work() -> Answers:
        start = time.perf_counter()
        judges = [make_judge(name).fit(sets["train"]) for name in JUDGES]
        features = {one.name: {part: one.transform(held) for part, held in sets.items()} for one in judges}
        spent["extraction_seconds"] = time.perf_counter() - start
        trial = judge(Trial(sets["train"], sets["held_out"], sets["generated"], features))
        heard = []
        scores = evaluate_trial(trial, metrics=metrics, report=heard.append)
        passed = [0.0, *(progress.seconds for progress in heard)]
        spent.update({f"{p.stage} seconds": later - was for p, was, later in zip(heard, passed[:-1], passed[1:], strict=True)})
        start = time.perf_counter()
        gaussian = gaussian_images(trial.train, count=n)
        drawn = {one.name: one.transform(gaussian) for one in judges}
        for other in (training_copies(trial), with_generated(trial, gaussian, drawn)):
            evaluate_trial(other, metrics=metrics)
        spent["reference_rows_seconds"] = time.perf_counter() - start
        return {f"{score.name}_{score.space}": score.value for score in scores} | {"scores": len(scores)}

    cell.measure(work)
    cell.numbers |= spent
    cell.numbers["scored_seconds"] = cell.numbers["seconds"] - spent["reference_rows_seconds"]


CELLS = {"shares": measure_shares, "frechet": measure_frechet, "vendi": measure_vendi, "metrics": measure_metrics}
"""Group -> measurement."""
