"""Each metric alone, on feature rows from anywhere."""

import numpy as np
import pytest

from imatlas.checks import InputError
from imatlas.evaluation import METRICS, kernel_distance, score_rows
from imatlas.evaluation.scoring import SPACELESS

RNG = np.random.default_rng(0)
REAL, HELD_OUT, DRAWN = (RNG.normal(size=(n, 6)) for n in (300, 100, 200))
OF_LABELS = {"cluster_share", "adherence", "class_share", "cluster_adherence", "map_place_adherence", "neighborhood_adherence"}


@pytest.mark.parametrize("name", sorted(set(METRICS) - set(SPACELESS) - OF_LABELS))
def test_every_metric_of_features_stands_alone_with_interval_and_floor(name):
    score = score_rows(name, REAL, DRAWN, held_out=HELD_OUT)
    low, high = score.interval
    assert low <= score.value <= high
    assert score.floor is not None
    assert abs(score.value - score.floor) < high - low, "rows of one distribution score as real ones do"


def test_a_shift_is_seen_and_measured_as_by_the_plain_function():
    """Both estimate 3 delta + 3 delta^2 + delta^3 + ... for the shift; the metric also centres and scales, hence the width."""
    score = score_rows("kernel_distance", REAL, DRAWN + 1.0)
    assert score.interval[0] > score.floor + 1
    assert score.value == pytest.approx(kernel_distance(REAL, DRAWN + 1.0).value, rel=0.5)


@pytest.mark.parametrize("name", ["adherence", "class_share"])
def test_metrics_of_labels_refuse_rows_alone(name):
    with pytest.raises(InputError, match="label"):
        score_rows(name, REAL, DRAWN)


def test_other_names_and_rows_that_are_no_numbers_are_refused_in_words():
    for name in ("pixel_copy_rate", "images_per_second", "beauty"):
        with pytest.raises(InputError, match=f"no metric '{name}' of feature rows; choose from: kernel_distance"):
            score_rows(name, REAL, DRAWN)
    with pytest.raises(InputError, match="1 of 200 rows of features are not finite"):
        score_rows("precision", REAL, np.where(np.arange(200)[:, None] == 7, np.nan, DRAWN))
    with pytest.raises(InputError, match="6 and 7 columns"):
        score_rows("precision", REAL, np.ones((200, 7)))
