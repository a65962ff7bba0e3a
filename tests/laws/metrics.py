"""What every metric keeps, whatever it measures."""

import json

import numpy as np

from imatlas.evaluation import METRICS, judge
from imatlas.values import Score, Trial

__all__ = ["check_metric"]

BLOCKS = {"quality", "diversity", "novelty", "manifold", "speed"}


def check_metric(name: str, trial: Trial, space: str) -> Score:
    """Check a metric on a trial in which it can be had, and give its score."""
    before = {part: features.rows.copy() for part, features in next(iter(trial.features.values())).items()}
    metric = METRICS[name]
    score = metric(trial, space)
    assert isinstance(score, Score)
    assert score.better in ("lower", "higher")
    assert score.block in BLOCKS
    assert score.n >= 1
    assert np.isfinite(score.value)
    if score.interval is not None:
        low, high = score.interval
        assert low <= score.value <= high
    if score.block != "speed":
        assert score.interval is not None, "every metric of images has an interval"
        assert score.floor is not None, "and a floor"
        assert "n_generated" in score.details, "and says how many images it looked at"
    json.dumps(dict(score.details), allow_nan=False)
    assert metric(trial, space) == score, "the same trial scores the same"
    judged = judge(trial)
    assert metric(judged, space) == metric(judged, space) == score, "remembering changes nothing"
    for part, rows in before.items():
        np.testing.assert_array_equal(rows, next(iter(trial.features.values()))[part].rows)
    return score
