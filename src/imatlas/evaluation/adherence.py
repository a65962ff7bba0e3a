"""Adherence: does an image land where its condition asked?

Each generated image is given the class (or cluster) most common among its 10 nearest training images in a feature
space; adherence is the share for which that is the one asked for. Held-out real images set what can be reached.
"""

from __future__ import annotations

import numpy as np

from imatlas.checks import InputError
from imatlas.evaluation.intervals import wilson_interval
from imatlas.evaluation.nearest import nearest_rows
from imatlas.values import Score, Trial

__all__ = ["adherence_metric", "neighbor_labels"]

N_NEIGHBORS = 10
MAX_QUERIES = 5_000


def neighbor_labels(rows: np.ndarray, train: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Give each row (b, d) the label most common among its 10 nearest training rows (n, d); ties to the nearest one."""
    _, found = nearest_rows(rows, train, n_neighbors=N_NEIGHBORS)
    near = labels[found]  # (b, k)
    votes = (near[:, :, None] == near[:, None, :]).sum(axis=2)
    return near[np.arange(len(near)), votes.argmax(axis=1)]


def adherence_metric(trial: Trial, space: str) -> Score:
    """Score a trial by the share of generated images whose neighbors bear the label that was asked for.

    Raises
    ------
    InputError
        If training or generated images carry no labels.
    """
    known, asked = trial.train.labels, trial.generated.labels
    if known is None or asked is None or not (known >= 0).any() or not (asked >= 0).any():
        raise InputError("Adherence needs labels of both training and generated images; generate by class or cluster.")
    parts = trial.features[space]
    of_class = np.flatnonzero(known >= 0)
    train = parts["train"].rows[of_class]
    hits, n = _hits(parts["generated"].rows, asked, train, known[of_class])
    floor = None
    real = trial.held_out.labels
    if real is not None and (real >= 0).any():
        real_hits, n_real = _hits(parts["held_out"].rows, real, train, known[of_class])
        floor = real_hits / n_real
    return Score(
        name="adherence",
        space=space,
        value=hits / n,
        interval=wilson_interval(hits, n),
        floor=floor,
        better="higher",
        n=n,
        block="manifold",
        details={"n_train": len(train), "n_generated": n, "n_generated_available": len(asked)},
    )


def _hits(rows: np.ndarray, asked: np.ndarray, train: np.ndarray, known: np.ndarray) -> tuple[int, int]:
    taken = np.random.default_rng(0).permutation(np.flatnonzero(asked >= 0))[:MAX_QUERIES]
    return int((neighbor_labels(rows[taken], train, known) == asked[taken]).sum()), len(taken)
