"""What images can be generated from: class, clusters, style, neighborhood, map place, density; any of them together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imatlas.conditions.bank import bank_codes
from imatlas.conditions.base import Condition, FeatureCondition, WordCondition
from imatlas.conditions.category import CategoryCondition
from imatlas.conditions.class_label import ClassCondition
from imatlas.conditions.cluster import (
    ClusterCoarseCondition,
    ClusterCondition,
    ClusterMiddleCondition,
    cluster_wish,
    level_columns,
)
from imatlas.conditions.density import DensityCondition
from imatlas.conditions.map_place import MapPlaceCondition
from imatlas.conditions.neighborhood import NeighborhoodCondition
from imatlas.conditions.style import StyleCondition
from imatlas.values import Codes

__all__ = [
    "CONDITIONS",
    "CategoryCondition",
    "ClassCondition",
    "ClusterCoarseCondition",
    "ClusterCondition",
    "ClusterMiddleCondition",
    "Condition",
    "DensityCondition",
    "FeatureCondition",
    "MapPlaceCondition",
    "NeighborhoodCondition",
    "StyleCondition",
    "WordCondition",
    "bank_codes",
    "batch_codes",
    "cluster_wish",
    "level_columns",
]

CONDITIONS: dict[str, type[Condition]] = {
    "class": ClassCondition,
    "cluster": ClusterCondition,
    "cluster_middle": ClusterMiddleCondition,
    "cluster_coarse": ClusterCoarseCondition,
    "style": StyleCondition,
    "neighborhood": NeighborhoodCondition,
    "map_place": MapPlaceCondition,
    "density": DensityCondition,
}


def batch_codes(conditions: Sequence[Condition], rows: np.ndarray, rng: np.random.Generator) -> Codes:
    """Give the codes of some training rows under all conditions."""
    return Codes({condition.name: condition.codes(rows, rng) for condition in conditions})
