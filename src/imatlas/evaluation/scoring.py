"""All metrics of a trial, in every feature space, in an order that puts the most trustworthy first.

A metric is a function (trial, space) -> Score. Below 5,000 images the kernel distance leads, because its error is
known at any size; above, the Fréchet distance does. A metric that cannot be had (no labels, too few held-out images)
raises InputError; it is left out and the reason reported.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from imatlas.checks import InputError
from imatlas.evaluation.adherence import CODE_METRICS, adherence_metric, code_adherence
from imatlas.evaluation.copies import (
    PATCH_SPACE,
    PIXEL_SPACE,
    copy_metric,
    duplicate_metric,
    patch_copy_metric,
    pixel_copy_metric,
)
from imatlas.evaluation.costs import COST_METRICS
from imatlas.evaluation.coverage import (
    clipped_density_metric,
    coverage_metric,
    density_metric,
    precision_metric,
    recall_metric,
)
from imatlas.evaluation.dimension import dimension_metric
from imatlas.evaluation.frechet import frechet_metric
from imatlas.evaluation.judged import judge
from imatlas.evaluation.kernel_distance import kernel_metric
from imatlas.evaluation.modes import modes_metric, vendi_metric
from imatlas.evaluation.off_manifold import off_manifold_metric
from imatlas.evaluation.shares import class_share_metric, cluster_share_metric, mode_share_metric
from imatlas.evaluation.sliced import sliced_metric
from imatlas.evaluation.spacing import spacing_metric
from imatlas.progress import Progress, Report, silent
from imatlas.values import Score, Trial

__all__ = ["DEFAULT_METRICS", "ENOUGH_FOR_FRECHET", "METRICS", "NEAREST", "SPACELESS", "Metric", "evaluate_trial"]

Metric = Callable[[Trial, str], Score]

METRICS: dict[str, Metric] = {
    "kernel_distance": kernel_metric,
    "frechet_distance": frechet_metric,
    "sliced_distance": sliced_metric,
    "clipped_density": clipped_density_metric,
    "precision": precision_metric,
    "density": density_metric,
    "coverage": coverage_metric,
    "recall": recall_metric,
    "mode_ratio": modes_metric,
    "vendi_ratio": vendi_metric,
    "spacing": spacing_metric,
    "mode_share": mode_share_metric,
    "class_share": class_share_metric,
    "cluster_share": cluster_share_metric,
    "copy_rate": copy_metric,
    "pixel_copy_rate": pixel_copy_metric,
    "patch_copy_rate": patch_copy_metric,
    "duplicate_rate": duplicate_metric,
    "dimension": dimension_metric,
    "off_manifold": off_manifold_metric,
    "adherence": adherence_metric,
    **{name: code_adherence(condition) for name, condition in CODE_METRICS.items()},
    **COST_METRICS,
}
"""Every metric by name."""

SPACELESS: Mapping[str, str] = {
    "pixel_copy_rate": PIXEL_SPACE,
    "patch_copy_rate": PATCH_SPACE,
    **dict.fromkeys(COST_METRICS, ""),
}
"""Metrics that look at no feature space of the trial, with the space their score names."""

DEFAULT_METRICS = tuple(name for name in METRICS if name not in ("density", "recall"))
"""What `evaluate_trial` computes: all but plain density, which one stray real image lifts far, and plain recall, which one
generated image near the mean lifts from 0 to 1; clipped density and calibrated coverage say the same and cannot be lifted."""

NEAREST = frozenset({"dimension", "off_manifold", "spacing"})
"""Metrics that are best where real images are: less is blur or shrunken kinds, more is noise; which of two is better they do
not say."""

ENOUGH_FOR_FRECHET = 5_000


def evaluate_trial(trial: Trial, *, metrics: tuple[str, ...] = DEFAULT_METRICS, report: Report = silent) -> tuple[Score, ...]:
    """Score a trial by every metric in each of its feature spaces.

    Parameters
    ----------
    trial : real and generated images with their features. Give `judge(trial)`, and make reference trials from that,
        to have what is worked out for the real images shared.
    metrics : names from `METRICS`; those that judge codes or clusters count only where the trial holds these.
    report : hears of each metric, and of those left out and why, which is said in a note too.

    Returns
    -------
    Scores, each with interval, floor and n, in the order of the journey: quality, diversity, novelty, manifold, speed;
    those of one metric in all spaces together.

    Raises
    ------
    InputError
        If no metric at all could be computed; the message is the first reason.
    """
    judged = judge(trial)
    wanted = [name for name in METRICS if name in metrics and CODE_METRICS.get(name) in (None, *judged.codes)]
    if judged.clusters is None:
        wanted = [name for name in wanted if name != "cluster_share"]
    if len(trial.generated) >= ENOUGH_FOR_FRECHET:
        wanted.sort(key=lambda name: name != "frechet_distance")
    plan = [(name, space) for name in wanted for space in _spaces(judged, name)]
    scores, reasons = [], []
    started = time.perf_counter()
    for done, (name, space) in enumerate(plan):
        stage, note = f"{name} in {space}" if space else name, ""
        try:
            scores.append(_with_floor(METRICS[name](judged, space)))
        except InputError as reason:
            reasons.append(reason)
            stage = note = f"{stage} left out: {reason}"
        seconds = time.perf_counter() - started
        left = seconds / (done + 1) * (len(plan) - done - 1)
        report(Progress(stage, done + 1, len(plan), seconds, (done + 1) / max(seconds, 1e-9), left, note=note))
    if not scores and reasons:
        raise reasons[0]
    return tuple(scores)


def _with_floor(score: Score) -> Score:
    """Refuse a number that nobody could read, since nothing says what real images get."""
    if score.floor is None and score.block != "speed":
        raise InputError("there is nothing to say what real images get. Give more real images.")
    return score


def _spaces(trial: Trial, name: str) -> list[str]:
    return [SPACELESS[name]] if name in SPACELESS else list(trial.features)
