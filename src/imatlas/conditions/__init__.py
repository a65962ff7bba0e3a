"""What images can be generated from: class, cluster, a place on the map. All optional, all in one set of codes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imatlas.conditions.base import Condition
from imatlas.conditions.category import ClassCondition, ClusterCondition
from imatlas.conditions.map_place import MapPlaceCondition
from imatlas.values import Codes

__all__ = ["CONDITIONS", "ClassCondition", "ClusterCondition", "Condition", "MapPlaceCondition", "batch_codes"]

CONDITIONS: dict[str, type[Condition]] = {
    "class": ClassCondition,
    "cluster": ClusterCondition,
    "map_place": MapPlaceCondition,
}


def batch_codes(conditions: Sequence[Condition], rows: np.ndarray, rng: np.random.Generator) -> Codes:
    """Give the codes of some training rows under all conditions."""
    return Codes({condition.name: condition.codes(rows, rng) for condition in conditions})
