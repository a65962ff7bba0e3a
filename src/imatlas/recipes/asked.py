"""What drawn images were asked to be, beside what every training image is: the codes that adherence is judged by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imatlas.conditions import ClusterCondition, Condition, MapPlaceCondition, NeighborhoodCondition
from imatlas.values import Codes

__all__ = ["asked_codes"]


def asked_codes(conditions: Sequence[Condition], codes: Codes) -> dict[str, dict[str, np.ndarray]]:
    """Give the codes of clusters, places and neighborhoods for `Trial.codes`, of those that were asked for.

    Parameters
    ----------
    conditions : of the model; a neighborhood that came from disk without its bank is left out.
    codes : what the drawn images were asked for.

    Returns
    -------
    condition name -> {"train", "generated"} -> int64 (n,) with -1 for none, or float32 (n, c).
    """
    found = {}
    for condition in conditions:
        own = _own(condition)
        if own is None or condition.name not in codes.fields:
            continue
        asked = codes.fields[condition.name]
        if own.ndim == 1:
            asked = np.where(np.isnan(asked[:, 0]), -1, asked[:, 0]).astype(np.int64)
        found[condition.name] = {"train": own, "generated": asked}
    return found


def _own(condition: Condition) -> np.ndarray | None:
    """Give the codes of the training images themselves, without the noise they are trained with."""
    if type(condition) is ClusterCondition:
        return condition.labels
    if isinstance(condition, MapPlaceCondition):
        return condition.code(condition.coordinates)
    if isinstance(condition, NeighborhoodCondition) and condition.has_bank:
        return condition.code(condition.bank)
    return None
