"""In how many directions generated images vary, beside real ones.

The intrinsic dimension (`geometry/dimension.py`, by maximum likelihood from 15 neighbors) of up to 4,000 generated images
is laid beside that of as many real stand-ins, since the estimate depends on how many there are. Fewer directions than the real
images have: detail is missing or modes are gone. More: noise, which has a direction for every pixel.
"""

from __future__ import annotations

from imatlas.checks import InputError
from imatlas.evaluation.judged import Comparison, compare
from imatlas.evaluation.nearest import some_rows
from imatlas.geometry import estimate_dimension
from imatlas.neighbors import knn_graph
from imatlas.values import Dimension, Score, Trial

__all__ = ["MIN_ROWS", "dimension_metric", "row_dimension"]

N_NEIGHBORS = 15
MAX_ROWS = 4_000
MIN_ROWS = 50


def row_dimension(comparison: Comparison) -> Dimension:
    """Estimate the intrinsic dimension of the generated rows, of at most 4,000 of them.

    Raises
    ------
    InputError
        If there are fewer than 50.
    """
    rows = comparison.generated
    if len(rows) < MIN_ROWS:
        raise InputError(f"{len(rows)} images a side; a dimension needs {MIN_ROWS} at least. Give more on both sides.")
    taken = rows[some_rows(len(rows), MAX_ROWS)]
    return estimate_dimension(knn_graph(taken, n_neighbors=N_NEIGHBORS, method="exact"))


def dimension_metric(trial: Trial, space: str) -> Score:
    """Score a trial by the intrinsic dimension of its images; the floor is that of as many real ones, which is best."""
    comparison = compare(trial, space)
    own, real = comparison.once(row_dimension), comparison.floor.once(row_dimension)
    low, high = own.interval
    return Score(
        name="dimension",
        space=space,
        value=own.value,
        interval=(min(low, own.value), max(high, own.value)),
        floor=real.value,
        better="higher",
        n=min(len(comparison.generated), MAX_ROWS),
        block="manifold",
        details=comparison.sizes
        | {
            "n_looked_at": min(len(comparison.generated), MAX_ROWS),
            "dimension_real": real.value,
            "interval_real": list(real.interval),
            "ratio_to_real": own.value / real.value if real.value else 0.0,
        },
    )
