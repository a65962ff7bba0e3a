"""Adherence: does an image land where its condition asked?

What an image shows is told by its 10 nearest training images in a feature space. For a class or a cluster that is the
one most common among them, and adherence is the share of images for which it is the one asked for. For a place on the
map, a neighborhood or another vector it is their mean v, and adherence is how much of what was asked, a, is found in it,

    1 - mean |a - v|^2 / variance of training codes :    1 all of it, 0 what the mean training image would meet.

The floor is what training images get for their own class or code, each judged by the others.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from imatlas.checks import InputError
from imatlas.evaluation.intervals import Estimate, wilson_interval
from imatlas.evaluation.landing import Landing, asked_classes, land, majority
from imatlas.values import Score, Trial

__all__ = ["CODE_METRICS", "adherence_metric", "code_adherence", "share_found"]

MIN_ASKED = 2


def share_found(asked: np.ndarray, found: np.ndarray, train: np.ndarray) -> Estimate:
    """Give how much of what was asked is found: 1 less the mean square miss over the variance of training codes.

    Parameters
    ----------
    asked, found : (m, c) codes; rows with NaN are left out.
    train : (n, c) codes of training images; columns in which all are alike are left out.

    Raises
    ------
    InputError
        If fewer than 2 rows are known on both sides, or all training codes are alike.

    Examples
    --------
    >>> import numpy as np
    >>> train = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> share_found(train, np.full((4, 1), 1.5), train).value
    0.0
    """
    known = np.isfinite(asked).all(axis=1) & np.isfinite(found).all(axis=1)
    if known.sum() < MIN_ASKED:
        raise InputError(f"{known.sum()} images ask for a code; adherence needs {MIN_ASKED} at least. Generate more.")
    spread = np.nanvar(train, axis=0, dtype=np.float64)
    varied = spread > 0
    if not varied.any():
        raise InputError("All training images have the same code, so how well one is met cannot be told. Ask for another.")
    missed = np.square(asked[known][:, varied].astype(np.float64) - found[known][:, varied]).sum(axis=1) / spread[varied].sum()
    return Estimate.from_error(1 - missed.mean(), missed.std() / np.sqrt(len(missed)), n_asked=len(missed))


def adherence_metric(trial: Trial, space: str) -> Score:
    """Score a trial by the share of generated images whose neighbors bear the class that was asked for.

    Raises
    ------
    InputError
        If training or generated images carry no labels, or their classes have other names.
    """
    asked = asked_classes(trial)
    return _score("adherence", trial, space, _judge_category(np.asarray(trial.train.labels), asked))


def code_adherence(condition: str) -> Callable[[Trial, str], Score]:
    """Give the metric of how well images land where the codes of a condition, beyond the class, asked."""

    def metric(trial: Trial, space: str) -> Score:
        if condition not in trial.codes:
            raise InputError(
                f"The trial holds no codes of {condition!r}; adherence needs what was asked. Put it in Trial.codes."
            )
        train, asked = trial.codes[condition]["train"], trial.codes[condition]["generated"]
        judged_by = _judge_category if train.ndim == 1 else _judge_vector
        return _score(f"{condition}_adherence", trial, space, judged_by(train, asked))

    return metric


CODE_METRICS = {f"{name}_adherence": name for name in ("cluster", "map_place", "neighborhood")}
"""Metrics of what codes asked, with the name of their condition in `Trial.codes`."""

_Judge = Callable[[Landing, bool], Estimate]
"""How well rows land on what they asked for; True for training rows."""


def _judge_category(train: np.ndarray, asked: np.ndarray) -> _Judge:
    def judge(landing: Landing, is_real: bool) -> Estimate:
        wanted = (train if is_real else asked)[landing.rows]
        known = wanted >= 0
        if not known.any():
            raise InputError("No image that was looked at asks for a class or cluster. Generate more of those that do.")
        hits = int((majority(train[landing.found[known]]) == wanted[known]).sum())
        n = int(known.sum())
        return Estimate(hits / n, wilson_interval(hits, n), {"n_asked": n})

    return judge


def _judge_vector(train: np.ndarray, asked: np.ndarray) -> _Judge:
    def judge(landing: Landing, is_real: bool) -> Estimate:
        return share_found((train if is_real else asked)[landing.rows], train[landing.found].mean(axis=1), train)

    return judge


def _score(name: str, trial: Trial, space: str, judged_by: _Judge) -> Score:
    estimate, floor = (judged_by(land(trial, space, part), part == "train") for part in ("generated", "train"))
    return Score(
        name=name,
        space=space,
        value=estimate.value,
        interval=estimate.interval,
        floor=floor.value,
        better="higher",
        n=int(estimate.details["n_asked"]),
        block="manifold",
        details={
            "n_train": len(trial.train),
            "n_generated": int(estimate.details["n_asked"]),
            "n_generated_available": len(trial.generated),
            "n_real_looked_at": int(floor.details["n_asked"]),
        },
    )
