"""Where images land: the training images nearest to them in a feature space, and what those are.

Real images are looked up too, each among the others, so that whatever neighbors get wrong stands on both sides of a
comparison. At most 5,000 of a set are looked up, chosen at random.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imatlas.checks import InputError
from imatlas.evaluation.judged import JudgedTrial
from imatlas.evaluation.nearest import nearest_rows, some_rows, without_self
from imatlas.values import Trial

__all__ = ["Landing", "asked_classes", "land", "majority"]

N_NEIGHBORS = 10
MAX_LOOKED_UP = 5_000


@dataclass(frozen=True)
class Landing:
    """Some rows of a set and the training images nearest to them.

    Parameters
    ----------
    rows : int64 (q,), rising, which rows were looked up.
    found : int64 (q, k) training rows, nearest first, never a training row itself.
    """

    rows: np.ndarray
    found: np.ndarray


def land(trial: Trial, space: str, part: str) -> Landing:
    """Find the nearest training images of the "train" or "generated" part, at most once for a judged trial.

    Raises
    ------
    InputError
        If there are fewer than 2 training images.
    """
    if len(trial.train) < 2:
        raise InputError(f"{len(trial.train)} training images; finding where an image lands needs 2 at least. Give more.")
    known: dict[tuple, object] = {}
    if isinstance(trial, JudgedTrial):
        known = trial.real_results if part == "train" else trial.own_results
    key = ("landing", space)
    if key not in known:
        train, own = (trial.features[space][which].rows for which in ("train", part))
        rows = some_rows(len(own), MAX_LOOKED_UP)
        is_own = part == "train"
        distances, found = nearest_rows(own[rows], train, n_neighbors=N_NEIGHBORS + is_own)
        known[key] = Landing(rows, without_self(distances, found, rows)[1] if is_own else found)
    return known[key]  # type: ignore[return-value]


def majority(labels: np.ndarray) -> np.ndarray:
    """Give the label most common along each row of labels (q, k), -1 not counted; ties to the first; -1 if there is none.

    Examples
    --------
    >>> import numpy as np
    >>> majority(np.array([[3, 1, 1, -1], [-1, 2, 0, -1], [-1, -1, -1, -1]]))
    array([ 1,  2, -1])
    """
    votes = (labels[:, :, None] == labels[:, None, :]).sum(axis=2) * (labels >= 0)
    return labels[np.arange(len(labels)), votes.argmax(axis=1)]


def asked_classes(trial: Trial) -> np.ndarray:
    """Give the class each generated image was asked for as a training label, int64 (m,), -1 = none; classes go by name.

    Raises
    ------
    InputError
        If training or generated images carry no labels, or a class was asked for that no training image is named by.
    """
    known, asked = trial.train.labels, trial.generated.labels
    if known is None or asked is None or not (known >= 0).any() or not (asked >= 0).any():
        raise InputError("Adherence needs labels of both training and generated images; generate by class or cluster.")
    numbers = {name: number for number, name in enumerate(trial.train.class_names)}
    wanted = [trial.generated.class_names[label] for label in np.unique(asked[asked >= 0])]
    strange = [name for name in wanted if name not in numbers]
    if strange:
        raise InputError(
            f"Generated images are of the class {strange[0]!r}, and no training image is; classes of the training images: "
            f"{', '.join(list(numbers)[:10])}. Name the classes of both sides alike."
        )
    translated = np.array([numbers.get(name, -1) for name in trial.generated.class_names])
    return np.where(asked >= 0, translated[asked], -1)
