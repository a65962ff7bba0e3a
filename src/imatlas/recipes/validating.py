"""How good a model is while it trains: its images beside training images that are kept out of the fit.

The score is the kernel distance in the features that made the map, standardised by the training rows, and never in a
judge's; its error is the jackknife's. Drawn images that lie much closer together than as many real ones are too few
pictures over and over: the collapse of a game between two players.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial.distance import pdist, squareform

from imatlas.evaluation import kernel_distance
from imatlas.generators import Generator
from imatlas.networks.pixels import to_images
from imatlas.training import Trainable, Validate, Validation
from imatlas.values import Manifold

__all__ = ["kept_out", "validation_of"]

FEWEST_KEPT_OUT, MOST_KEPT_OUT, KEPT_OUT_SHARE = 20, 500, 0.05
FEWEST_FITTED = 60
COLLAPSED = 0.2
MOST_ASKED = 64
"""Drawn images of which a generator says what ails it."""


def kept_out(n_rows: int, seed: int) -> np.ndarray:
    """Choose the training rows a fit does not see, so that it can be scored on them.

    Parameters
    ----------
    n_rows : training rows there are.
    seed : of the choice.

    Returns
    -------
    int64 (v,), rising: one in twenty, 20 to 500; none where fewer than 60 would be left to fit.
    """
    n_kept = int(np.clip(KEPT_OUT_SHARE * n_rows, FEWEST_KEPT_OUT, MOST_KEPT_OUT))
    if n_rows - n_kept < FEWEST_FITTED:
        n_kept = 0
    return np.sort(np.random.default_rng([seed, 4]).permutation(n_rows)[:n_kept])


def validation_of(
    draw: Callable[[Generator, int], np.ndarray],
    manifold: Manifold,
    extract: Callable[[np.ndarray], np.ndarray],
    rows: np.ndarray,
) -> Validate:
    """Give what scores averaged weights of a generator.

    Parameters
    ----------
    draw : gives the pixels uint8 (b, H, W, C) of b images that a generator draws, its conditions drawn as in the set.
    manifold : of the training rows.
    extract : gives rows of its features, of other pixels; see `Features.extract`.
    rows : training rows (v,) the fit does not see.
    """
    features = np.asarray(manifold.features.rows)
    center = features.mean(axis=0)
    scale = max(float(np.sqrt(np.square(features - center).mean())), 1e-12)
    real = (features[rows] - center) / scale
    usual = _nearest_other(real)

    def validate(average: Trainable) -> Validation:
        if not isinstance(average, Generator):
            raise TypeError(f"A {type(average).__name__} came to be validated; wanted a Generator.")
        drawn = draw(average, len(rows))
        placed = (extract(drawn) - center) / scale
        distance = kernel_distance(real, placed)
        share = _nearest_other(placed) / max(usual, 1e-12)
        warnings = [average.complaint(to_images(drawn[:MOST_ASKED]).to(average.device))]
        if share < COLLAPSED:
            warnings.append(
                f"The images drawn are collapsing: they lie less than {COLLAPSED:.0%} as far apart as real ones do. "
                "If samples look alike at the end, train longer, or take another seed or another generator."
            )
        return Validation(distance.value, distance.details["standard_error"], " ".join(filter(None, warnings)))

    return validate


def _nearest_other(rows: np.ndarray) -> float:
    """Median distance from a row of (n, d) to its nearest other one."""
    distances = squareform(pdist(rows))
    np.fill_diagonal(distances, np.inf)
    return float(np.median(distances.min(axis=1)))
