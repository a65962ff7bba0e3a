"""Copies: are generated images nearer to a training image than new images ever are?

Each image y is judged by a ratio that ignores how spread out images are,
    rho(y) = d_1 / mean(d_2 .. d_10),    d_i = distance to its i-th nearest training image,
so that a generator that is too narrow or too wide is not mistaken for one that copies; the distance to each training image
counts relative to how far that usually is (`relative.py`), since a smooth one is near to all. The threshold is the alpha
quantile of rho over held-out real images (alpha = 1 % from 1,000 of them on, else 5 %):
    copy rate = (share of generated below it - alpha) / (1 - alpha).
The interval joins the error of the share with the threshold's own: alpha behaves like a Beta(r, n + 1 - r) draw when
r of n held-out images lie at or below it. The cure for the confusions is ours, after the faults that Stein et al.
(2023, arXiv 2306.04675) found in earlier memorisation measures. It is asked in three kinds of space: features, pixels under
small shifts and flips, and patches, which find copies of a part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import cast

import numpy as np

from imatlas.checks import InputError
from imatlas.evaluation.intervals import Estimate
from imatlas.evaluation.judged import Comparison, JudgedTrial, compare
from imatlas.evaluation.nearest import nearest_rows, without_self
from imatlas.evaluation.patches import nearest_in_parts
from imatlas.evaluation.relative import nearest_relative
from imatlas.evaluation.shifts import nearest_shifted, usual_differences
from imatlas.evaluation.spacing import own_neighbors
from imatlas.values import Score, Trial

__all__ = [
    "PATCH_SPACE",
    "PIXEL_SPACE",
    "CopyPair",
    "closest_pairs",
    "copy_metric",
    "copy_rate",
    "copy_ratios",
    "duplicate_metric",
    "pairs_in_turns",
    "patch_copy_metric",
    "pixel_copy_metric",
]

N_NEIGHBORS = 10
MIN_HELD_OUT = 10
MAX_QUERIES = 5_000
MAX_PIXEL_QUERIES = 4_000
MAX_PATCH_QUERIES = 2_000
MAX_SOURCES = 400
N_PAIRS = 20
N_DRAWS = 20_000
PIXEL_SPACE = "pixels, shifted"
PATCH_SPACE = "patches"

Search = Callable[[str, np.ndarray, int], tuple[np.ndarray, np.ndarray]]
"""Distances and rows of the k nearest training images to some rows of a named part of the trial."""


@dataclass(frozen=True)
class CopyPair:
    """A generated image beside its nearest training image of a space; ratio near 0 means a copy, near 1 nothing special."""

    generated_row: int
    train_row: int
    ratio: float
    space: str


def copy_ratios(distances: np.ndarray, *, least: np.ndarray | float = 0.0) -> np.ndarray:
    """Give rho = d_1 / mean(d_2 .. d_k) of distances (q, k) that rise along each row; 0 where all are 0.

    A mean below `least`, a number or one for each row, counts as that.
    """
    if distances.shape[1] < 2:
        raise InputError(f"{distances.shape[1]} neighbors; a copy ratio needs 2 at least. Train on more images.")
    others = np.maximum(distances[:, 1:].mean(axis=1, dtype=np.float64), least)
    return np.divide(distances[:, 0], others, out=np.zeros(len(distances)), where=others > 0)


def copy_rate(generated: np.ndarray, held_out: np.ndarray, *, together: int = 1, seed: int = 0) -> Estimate:
    """Give the share of generated images that are copies, from ratios of generated and of held-out images.

    Parameters
    ----------
    generated, held_out : (m,) and (h,) copy ratios.
    together : ratios that stand or fall together, such as 2 where both images of a pair are asked; more widen the interval.
    seed : of the draws behind the interval.

    Returns
    -------
    Estimate in [0, 1]; details hold alpha, the threshold, the share below it and the rate before clipping at 0.

    Raises
    ------
    InputError
        If fewer than 10 held-out ratios are given.

    Examples
    --------
    >>> import numpy as np
    >>> ratios = np.random.default_rng(0).uniform(0.5, 1.0, size=3000)
    >>> half_copied = np.concatenate([ratios[:1000], np.zeros(1000)])
    >>> round(copy_rate(half_copied, ratios[1000:]).value, 1)
    0.5
    """
    n = len(held_out)
    if n < MIN_HELD_OUT:
        raise InputError(f"{n} held-out images; a copy rate needs {MIN_HELD_OUT} at least. Hold out more images.")
    alpha = 0.01 if n >= 1_000 else 0.05
    threshold = float(np.sort(held_out)[max(1, int(alpha * n)) - 1])
    n_below = int((held_out <= threshold).sum())  # more than alpha * n where ratios tie
    expected = n_below / (n + 1)
    n_flagged = int((generated <= threshold).sum())
    rng = np.random.default_rng(seed)
    base = rng.beta(n_below / together, (n + 1 - n_below) / together, N_DRAWS)
    shares = rng.beta(n_flagged / together + 0.5, (len(generated) - n_flagged) / together + 0.5, N_DRAWS)
    rate = (n_flagged / len(generated) - expected) / (1 - expected)
    low, high = np.clip(np.quantile((shares - base) / (1 - base), [0.025, 0.975]), 0.0, 1.0)
    high = max(high, 1 - 0.025 ** (together / len(generated)))  # the most that could hide where no image was flagged
    details = {
        "alpha": expected,
        "threshold": threshold,
        "share_below": n_flagged / len(generated),
        "unclipped": rate,
        "n_held_out": n,
    }
    value = max(0.0, rate)
    return Estimate(value, (min(float(low), value), max(float(high), value)), details)


def copy_metric(trial: Trial, space: str) -> Score:
    """Score a trial by its copy rate in one feature space."""
    parts = {part: features.rows for part, features in trial.features[space].items()}

    def search(part: str, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        return nearest_relative(parts[part][rows], parts["train"], n_neighbors=k)

    return _copy_score(trial, space, search, limit=MAX_QUERIES)


def pixel_copy_metric(trial: Trial, space: str = PIXEL_SPACE) -> Score:
    """Score a trial by its copy rate in pixels under mild blur, shifts of up to 2 pixels and flips."""

    def search(part: str, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        asked, train = getattr(trial, part).pixels[rows], trial.train.pixels
        return nearest_shifted(asked, train, usual_differences(asked, train), n_neighbors=k)

    return _copy_score(trial, space, search, limit=MAX_PIXEL_QUERIES)


def patch_copy_metric(trial: Trial, space: str = PATCH_SPACE) -> Score:
    """Score a trial by its rate of whole or partial copies: images that agree with one training image in some patches."""

    def search(part: str, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        return nearest_in_parts(getattr(trial, part).pixels[rows], trial.train.pixels, n_neighbors=k)

    return _copy_score(trial, space, search, limit=MAX_PATCH_QUERIES)


def closest_pairs(score: Score) -> tuple[CopyPair, ...]:
    """Give the generated images nearest to a training image, nearest first, from a copy score."""
    pairs = cast(list[tuple[int, int, float]], score.details["pairs"])
    return tuple(CopyPair(row, train_row, ratio, score.space) for row, train_row, ratio in pairs)


def pairs_in_turns(scores: Iterable[Score]) -> tuple[CopyPair, ...]:
    """Give the closest pairs of all copy scores: the nearest of each space, then the second nearest, and so on; a pair once."""
    by_space = [closest_pairs(score) for score in scores if score.name == "copy_rate"]
    shown: dict[tuple[int, int], CopyPair] = {}
    for pair in (pair for place in zip_longest(*by_space) for pair in place if pair is not None):
        shown.setdefault((pair.generated_row, pair.train_row), pair)
    return tuple(shown.values())


def duplicate_metric(trial: Trial, space: str) -> Score:
    """Score a trial by how many generated images nearly repeat another one, beyond what real images do.

    The ratio is that of copies, among the generated images themselves and against real stand-ins among themselves. Where
    many repeat one image, all its neighbors are near, so at least a third of the distance to real images is taken for usual.
    """
    comparison = compare(trial, space)
    own, real = comparison.once(_ratios_among), comparison.floor.once(_ratios_among)
    estimate = copy_rate(own, real, together=2)
    n_exact = len(comparison.generated) - len(np.unique(comparison.generated, axis=0))
    details = comparison.sizes | dict(estimate.details) | {"n_looked_at": len(own), "exact_repeats": n_exact}
    details["n_real_compared"] = details.pop("n_held_out")
    return _novelty_score("duplicate_rate", space, estimate, n=len(own), details=details)


def _ratios_among(comparison: Comparison) -> np.ndarray:
    asked, among = comparison.once(own_neighbors)
    to_real, _ = nearest_rows(comparison.generated[asked], comparison.real, n_neighbors=N_NEIGHBORS)
    return copy_ratios(among, least=to_real[:, 1:].mean(axis=1) / 3)


def _copy_score(trial: Trial, space: str, search: Search, *, limit: int) -> Score:
    if len(trial.held_out) < MIN_HELD_OUT:
        raise InputError(
            f"{len(trial.held_out)} held-out images; a copy rate needs {MIN_HELD_OUT} at least. Hold out more images."
        )
    rng = np.random.default_rng(0)
    asked = {part: np.sort(rng.permutation(len(getattr(trial, part)))[:limit]) for part in ("held_out", "generated")}
    known = trial.real_results if isinstance(trial, JudgedTrial) else {}
    key = ("held-out copy ratios", space)
    if key not in known:
        known[key] = copy_ratios(search("held_out", asked["held_out"], N_NEIGHBORS)[0])
    distances, found = search("generated", asked["generated"], N_NEIGHBORS)
    ratios = copy_ratios(distances)
    estimate = copy_rate(ratios, known[key])  # type: ignore[arg-type]
    order = np.argsort(ratios, kind="stable")
    pairs = [[int(asked["generated"][i]), int(found[i, 0]), float(ratios[i])] for i in order[:N_PAIRS]]
    flagged = order[ratios[order] <= estimate.details["threshold"]]
    details = {
        "n_train": len(trial.train),
        "n_generated": len(ratios),
        "n_generated_available": len(trial.generated),
        "n_held_out_available": len(trial.held_out),
        "pairs": pairs,
    }
    details |= _sources(found[flagged, 0], search, float(estimate.details["threshold"]))
    return _novelty_score("copy_rate", space, estimate, n=len(ratios), details=dict(estimate.details) | details)


def _sources(copied: np.ndarray, search: Search, threshold: float) -> dict[str, object]:
    """Say how many training images were copied, how often, and how many of them repeat another training image.

    What stands in a training set more than once is learned by heart first: a copied duplicate is likely.
    """
    sources, times = np.unique(copied, return_counts=True)
    if not len(sources):
        return {"n_sources": 0}
    looked_at = np.sort(np.random.default_rng(0).permutation(sources)[:MAX_SOURCES])
    distances, found = search("train", looked_at, N_NEIGHBORS + 1)
    ratios = copy_ratios(without_self(distances, found, looked_at)[0])
    return {
        "n_sources": len(sources),
        "most_copies_of_one_source": int(times.max()),
        "share_of_sources_repeated_in_training": float((ratios <= threshold).mean()),
        "n_sources_looked_at": len(looked_at),
    }


def _novelty_score(name: str, space: str, estimate: Estimate, *, n: int, details: dict[str, object]) -> Score:
    score = Score(name, space, estimate.value, estimate.interval, 0.0, "lower", n, "novelty")
    return replace(score, details=details)
