"""How far generated images lie apart from those most like them: what shrinking modes lose, and coverage does not see.

With d_10(y) the distance of an image to its 10th nearest among its own m images, the spacing is

    exp( mean log d_10(generated) - mean log d_10(real stand-ins) ),

m stand-ins beside m generated images. Modes that shrink by a factor s give s; of modes that were dropped the others are
filled the denser, as (share kept)^(1/dimension); above 1 the images scatter more widely than real ones, as noise does.
A geometric mean, so that a few outliers cannot make up for many images that huddle.
"""

from __future__ import annotations

import numpy as np

from imatlas.checks import InputError
from imatlas.evaluation.intervals import NORMAL_95
from imatlas.evaluation.judged import Comparison, compare
from imatlas.evaluation.nearest import nearest_rows, some_rows, without_self
from imatlas.values import Score, Trial

__all__ = ["OwnNeighbors", "own_neighbors", "spacing_metric"]

N_NEIGHBORS = 10
MAX_ASKED = 2_000
# Rows that share neighbors share distances: as in geometry/dimension.py, 0.6 of them count as independent.
INDEPENDENT = 0.6

OwnNeighbors = tuple[np.ndarray, np.ndarray]
"""int64 (q,) rows, at most 2,000 chosen at random, and float64 (q, 10) distances to the nearest others of their own set."""


def own_neighbors(comparison: Comparison) -> OwnNeighbors:
    """Find the nearest generated rows of generated rows."""
    rows = comparison.generated
    asked = some_rows(len(rows), MAX_ASKED)
    distances, found = nearest_rows(rows[asked], rows, n_neighbors=N_NEIGHBORS + 1)
    return asked, without_self(distances, found, asked)[0]


def spacing_metric(trial: Trial, space: str) -> Score:
    """Score a trial by how far its images lie apart from those most like them, as a share of what real images do.

    Raises
    ------
    InputError
        If most generated or real images repeat ten others exactly, so that no distance is left.
    """
    comparison = compare(trial, space)
    logs = []
    for part in (comparison, comparison.floor):
        apart = part.once(own_neighbors)[1][:, -1]
        if (apart > 0).mean() < 0.5:
            raise InputError("Most images repeat ten others exactly, so they have no spacing. See the rate of duplicates.")
        logs.append(np.log(np.maximum(apart, apart[apart > 0].min())))
    own, real = logs
    error = np.sqrt((own.var() / len(own) + real.var() / len(real)) / INDEPENDENT)
    ends = own.mean() - real.mean() + np.array([-NORMAL_95, 0.0, NORMAL_95]) * error
    low, value, high = (float(end) for end in np.exp(ends))
    details = comparison.sizes | {"n_looked_at": len(own), "n_real_looked_at": len(real)}
    return Score("spacing", space, value, (low, high), 1.0, "higher", len(own), "diversity", details)
