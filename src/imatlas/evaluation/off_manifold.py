"""How far generated images lie off the manifold of the real ones.

The 20 real images nearest to an image y span a tangent plane of q directions, q the intrinsic dimension of the real
images (1 to 10). The residual of y is the part of its offset from their mean that lies across the plane, as a share of their
width. The score is

    mean residual of generated images / mean residual of real stand-ins :

1 on the manifold, above 1 off it by that factor, below 1 where images are smoother than real ones. The stand-ins are no
part of the reference, so their residuals are those of left-out images.
"""

from __future__ import annotations

import numpy as np

from imatlas.checks import InputError
from imatlas.evaluation.dimension import row_dimension
from imatlas.evaluation.intervals import Estimate
from imatlas.evaluation.judged import Comparison, compare
from imatlas.evaluation.nearest import nearest_rows, some_rows
from imatlas.geometry import plane_residuals
from imatlas.values import Score, Trial

__all__ = ["off_manifold_metric"]

N_NEIGHBORS = 20
MOST_DIRECTIONS = 10
MAX_ASKED = 2_000


def off_manifold_metric(trial: Trial, space: str) -> Score:
    """Score a trial by how far its images lie off the tangent planes of real images, in units of what real images do.

    Raises
    ------
    InputError
        If there are fewer than 50 images a side, or the real images lie in their planes exactly.
    """
    comparison = compare(trial, space)
    own, real = (part.once(_residuals) for part in (comparison, comparison.floor))
    if real.mean() < 1e-6:
        raise InputError(
            f"The real images lie in their tangent planes exactly in the space {space!r}, so there is no unit for how far "
            "others lie off them. Choose another feature space."
        )
    ratio = own.mean() / real.mean()
    error = ratio * np.sqrt(own.var() / len(own) / own.mean() ** 2 + real.var() / len(real) / real.mean() ** 2)
    estimate = Estimate.from_error(ratio, error, n_looked_at=len(own), directions=_directions(comparison))
    details = comparison.sizes | dict(estimate.details)
    return Score("off_manifold", space, estimate.value, estimate.interval, 1.0, "lower", len(own), "manifold", details)


def _residuals(comparison: Comparison) -> np.ndarray:
    rows = comparison.generated
    asked = rows[some_rows(len(rows), MAX_ASKED)]
    _, found = nearest_rows(asked, comparison.real, n_neighbors=N_NEIGHBORS)
    return plane_residuals(asked, comparison.real, found, n_components=_directions(comparison)).astype(np.float64)


def _directions(comparison: Comparison) -> int:
    """Give the directions of a plane: the dimension of the real images, fewer than their columns so that some lie across."""
    dimension = comparison.floor.once(row_dimension).value
    return int(np.clip(round(dimension), 1, min(MOST_DIRECTIONS, max(1, comparison.real.shape[1] - 1))))
