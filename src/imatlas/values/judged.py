"""Generated images laid beside real ones, and what was measured of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from imatlas.values.graphs import Features
from imatlas.values.images import ImageSet

__all__ = ["Score", "Trial"]


@dataclass(frozen=True)
class Trial:
    """One generator's images laid beside real ones, ready to be scored.

    Parameters
    ----------
    train, held_out, generated : the three image sets; `generated` carries asked-for labels if there were any.
    features : space name -> {"train", "held_out", "generated"} -> Features.
    timing : named numbers of what the generator costs, e.g. "images_per_second", "latency_p50", and in words what they were
        measured on, e.g. "device".
    codes : condition name -> {"train", "generated"} -> what each image is, and was asked to be, beyond its class: int64 (n,)
        with -1 for unknown, or float32 (n, c) with rows of NaN.
    clusters : int64 (n,) cluster of each training image, -1 = in none; None where nobody made clusters.
    """

    train: ImageSet
    held_out: ImageSet
    generated: ImageSet
    features: Mapping[str, Mapping[str, Features]]
    timing: Mapping[str, float | str] = field(default_factory=dict)
    codes: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    clusters: np.ndarray | None = None


@dataclass(frozen=True)
class Score:
    """One measured number with everything needed to believe it.

    Parameters
    ----------
    name : the metric, e.g. "frechet_distance".
    space : the feature space it was measured in, "" if none.
    value : the number.
    interval : 95 % interval (low, high), or None where none can be given.
    floor : what a perfect generator would get at this sample size (real half against real half), or None.
    better : "lower" or "higher".
    n : sample size.
    block : "quality", "diversity", "novelty", "manifold" or "speed".
    details : further numbers, JSON values only.
    """

    name: str
    space: str
    value: float
    interval: tuple[float, float] | None
    floor: float | None
    better: str
    n: int
    block: str
    details: Mapping[str, object] = field(default_factory=dict)
