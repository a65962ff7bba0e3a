"""Whether each kind of image has its share among the generated ones, and which kinds are missing.

Kinds are classes or clusters, told by the neighbors of an image (real images likewise, so that what neighbors get wrong
cancels), or k-means cells of the real images, which need neither. With the shares p of the real and q of the generated images,

    overlap = sum_c min(p_c, q_c) ,

1 where every kind has its share, 1 - p_c where kind c is missing. By chance alone two samples of one distribution, of
sizes n and m, fall short of 1 by (1/2) sum_c sqrt((2/pi) p_c (1 - p_c) (1/n + 1/m)), which is the floor of classes and
clusters; for cells, which were fitted to one side, real stand-ins set it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import erf
from sklearn.cluster import KMeans

from imatlas.checks import InputError
from imatlas.evaluation.intervals import NORMAL_95, Estimate, wilson_interval
from imatlas.evaluation.judged import Comparison, compare, split_real
from imatlas.evaluation.landing import land, majority
from imatlas.values import Score, Trial

__all__ = [
    "class_share_metric",
    "cluster_share_metric",
    "expected_overlap",
    "mode_share_metric",
    "share_overlap",
    "shares_of_kinds",
]

MAX_CELLS = 50
IMAGES_PER_CELL = 20
MIN_KINDS = 2


def share_overlap(real_counts: np.ndarray, generated_counts: np.ndarray) -> float:
    """Give sum_c min(p_c, q_c) of two histograms (c,): 1 for equal shares, 0 for disjoint ones."""
    return float(np.minimum(real_counts / real_counts.sum(), generated_counts / generated_counts.sum()).sum())


def expected_overlap(real_counts: np.ndarray, n_generated: int) -> float:
    """Give the overlap a perfect generator of m images is expected to reach beside real counts (c,)."""
    n = real_counts.sum()
    p = real_counts / n
    return float(1 - np.sqrt(2 / np.pi * p * (1 - p) * (1 / n + 1 / n_generated)).sum() / 2)


def shares_of_kinds(real_counts: np.ndarray, generated_counts: np.ndarray, names: Sequence[str]) -> Estimate:
    """Give the overlap of the shares of c kinds with its interval, and the share of each kind.

    Parameters
    ----------
    real_counts, generated_counts : int (c,), images of each kind.
    names : of the kinds.

    Returns
    -------
    Estimate in [0, 1]; details hold the shares of both sides, the 95 % interval of each generated share, and by name the kinds
    that are missing (real ones of which no image was generated), rarer and commoner than among the real (intervals apart).

    Examples
    --------
    >>> import numpy as np
    >>> found = shares_of_kinds(np.array([50, 50, 100]), np.array([100, 0, 100]), ("cat", "dog", "owl"))
    >>> round(found.value, 2), found.details["missing"]
    (0.75, ['dog'])
    """
    n, m = real_counts.sum(), generated_counts.sum()
    p, q = real_counts / n, generated_counts / m
    falling, rising = (q < p).astype(float), (q > p).astype(float)
    variance = ((q * falling).sum() - (q * falling).sum() ** 2) / m + ((p * rising).sum() - (p * rising).sum() ** 2) / n
    folded = _folded(q - p, p * (1 - p) / n + q * (1 - q) / m)
    reach = NORMAL_95 * float(np.sqrt(max(variance - folded / 4, (1 - 2 / np.pi) * variance)))
    value = share_overlap(real_counts, generated_counts)
    real, own = (
        np.array([wilson_interval(count, counts.sum()) for count in counts]) for counts in (real_counts, generated_counts)
    )
    named = np.array(list(names))
    details = {
        "kinds": list(names),
        "shares_real": p.tolist(),
        "shares": q.tolist(),
        "share_intervals": own.tolist(),
        "missing": named[(generated_counts == 0) & (real_counts > 0)].tolist(),
        "rarer": named[(own[:, 1] < real[:, 0]) & (generated_counts > 0)].tolist(),
        "commoner": named[own[:, 0] > real[:, 1]].tolist(),
    }
    return Estimate(value, (max(0.0, value - reach), min(1.0, value + reach)), details)


def _folded(gaps: np.ndarray, variances: np.ndarray) -> float:
    """Give the variance that gaps (c,) of normal errors lose with their sign: 2/pi of it at no gap, none at large ones.

    What chance alone adds to the sum of squared gaps is taken off first.
    """
    squares = np.square(gaps)
    sizes = np.sqrt(squares * max(0.0, 1 - variances.sum() / max(squares.sum(), 1e-300)))
    errors = np.sqrt(np.maximum(variances, 1e-300))
    ratios = sizes / errors
    means = errors * np.sqrt(2 / np.pi) * np.exp(-np.square(ratios) / 2) + sizes * erf(ratios / np.sqrt(2))
    return float((np.square(means) - np.square(sizes)).sum())


def class_share_metric(trial: Trial, space: str) -> Score:
    """Score a trial by how far the classes of the training images keep their shares among the generated ones.

    Raises
    ------
    InputError
        If the training images carry labels of fewer than two classes.
    """
    labels, names = trial.train.labels, trial.train.class_names
    if labels is None or len(np.unique(labels[labels >= 0])) < MIN_KINDS:
        raise InputError(f"Shares of classes need training images of {MIN_KINDS} classes at least; label some.")
    there = np.bincount(labels[labels >= 0], minlength=len(names)) > 0
    empty = [name for name, is_there in zip(names, there, strict=True) if not is_there]
    return _landed_score("class_share", trial, space, labels, names, {"classes_without_training_images": empty})


def cluster_share_metric(trial: Trial, space: str) -> Score:
    """Score a trial by how far the clusters of the training images keep their shares among the generated ones.

    Images in no cluster are a kind of their own.

    Raises
    ------
    InputError
        If the trial holds no clusters, or fewer than two.
    """
    labels = np.zeros(0, dtype=np.int64) if trial.clusters is None else trial.clusters
    if len(np.unique(labels[labels >= 0])) < MIN_KINDS:
        raise InputError(f"Shares of clusters need {MIN_KINDS} clusters at least; judge an atlas, or give Trial.clusters.")
    names = [*(f"cluster {number + 1}" for number in range(int(labels.max()) + 1)), "in no cluster"]
    return _landed_score("cluster_share", trial, space, np.where(labels < 0, len(names) - 1, labels), names, {})


def mode_share_metric(trial: Trial, space: str) -> Score:
    """Score a trial by how far the shares of real kinds of images (k-means cells) are kept; a cell goes by its middle image."""
    comparison = compare(trial, space)
    cells = comparison.floor.once(_cells)
    own, stand_ins = (
        np.bincount(cells.kmeans.predict(rows), minlength=len(cells.counts))
        for rows in (comparison.generated, comparison.floor.generated)
    )
    reference, _ = split_real(len(trial.train), len(trial.held_out))
    ids = np.concatenate([trial.train.ids, trial.held_out.ids])[reference[cells.middles]]
    estimate = shares_of_kinds(cells.counts, own, [f"like {name}" for name in ids])
    floor = share_overlap(cells.counts, stand_ins)
    sizes = comparison.sizes | {"cells": len(own), "missing_cells": len(estimate.details["missing"])}
    return _score("mode_share", space, estimate, floor=floor, sizes=sizes)


@dataclass(frozen=True)
class _Cells:
    """K-means cells of the reference, how many reference rows are in each, and the row nearest to each centre."""

    kmeans: KMeans
    counts: np.ndarray
    middles: np.ndarray


def _cells(comparison: Comparison) -> _Cells:
    n_cells = int(np.clip(len(comparison.real) // IMAGES_PER_CELL, MIN_KINDS, MAX_CELLS))
    kmeans = KMeans(n_clusters=n_cells, n_init=1, max_iter=50, random_state=0).fit(comparison.real)
    return _Cells(
        kmeans,
        np.bincount(kmeans.labels_, minlength=n_cells),
        kmeans.transform(comparison.real).argmin(axis=0),
    )


def _landed_score(
    name: str, trial: Trial, space: str, labels: np.ndarray, names: Sequence[str], told: Mapping[str, object]
) -> Score:
    """Score the shares of kinds that the nearest training images tell; labels (n,) of these, -1 = none."""
    counts = []
    for part in ("train", "generated"):
        shown = majority(labels[land(trial, space, part).found])
        counts.append(np.bincount(shown[shown >= 0], minlength=len(names)))
    real, own = counts
    if not own.sum():
        raise InputError("No generated image lies beside a labelled training image, so its kind cannot be told. Label more.")
    there = np.flatnonzero(np.bincount(labels[labels >= 0], minlength=len(real)))
    estimate = shares_of_kinds(real[there], own[there], [names[number] for number in there.tolist()])
    sizes = {"n_real": int(real.sum()), "n_generated": int(own.sum()), "n_generated_available": len(trial.generated)}
    floor = expected_overlap(real[there], int(own.sum()))
    return _score(name, space, estimate, floor=floor, sizes=sizes | dict(told))


def _score(name: str, space: str, estimate: Estimate, *, floor: float, sizes: dict[str, object]) -> Score:
    return Score(
        name=name,
        space=space,
        value=estimate.value,
        interval=estimate.interval,
        floor=floor,
        better="higher",
        n=int(str(sizes["n_generated"])),
        block="diversity",
        details=sizes | dict(estimate.details),
    )
