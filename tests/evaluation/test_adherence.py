from dataclasses import replace

import numpy as np
import pytest

from imatlas.checks import InputError
from imatlas.evaluation import evaluate_trial
from imatlas.evaluation.adherence import adherence_metric, code_adherence, share_found
from imatlas.evaluation.landing import majority


def test_the_majority_leaves_out_what_has_no_label():
    labels = np.array([[2, 1, 1, 0], [-1, -1, -1, 3], [-1, -1, -1, -1], [0, 1, 1, 0]])
    np.testing.assert_array_equal(majority(labels), [1, 3, -1, 0])


def test_the_share_found_is_one_minus_noise_over_spread():
    """Codes of unit variance seen with noise of variance 1/4: 3/4 is found; the interval holds it."""
    rng = np.random.default_rng(0)
    asked = rng.normal(size=(4000, 3))
    found = share_found(asked, asked + 0.5 * rng.normal(size=asked.shape), asked)
    assert found.value == pytest.approx(0.75, abs=0.02)
    assert found.interval[0] < 0.75 < found.interval[1]
    assert share_found(asked[:9] * 0, asked[:9] * 0, asked).value == 1.0, "one place may be asked for all the time"
    assert share_found(np.c_[asked, np.ones(4000)], np.c_[asked, np.zeros(4000)], np.c_[asked, np.ones(4000)]).value == 1.0
    assert share_found(np.r_[asked, [[np.nan] * 3]], np.r_[asked, [[0.0] * 3]], asked).details["n_asked"] == 4000
    with pytest.raises(InputError, match="same code"):
        share_found(np.ones((5, 2)), np.ones((5, 2)), np.ones((5, 2)))


@pytest.mark.parametrize("condition", ["cluster", "map_place", "neighborhood"])
def test_images_that_follow_their_codes_reach_the_floor_and_shuffled_codes_do_not(condition, make_trial):
    trial = make_trial()
    metric = code_adherence(condition)
    kept = metric(trial, "projection")
    assert kept.value == pytest.approx(kept.floor, abs=0.1)
    assert kept.floor > 0.8
    codes = trial.codes[condition]
    shuffled = np.random.default_rng(0).permutation(codes["generated"])
    lost = metric(replace(trial, codes={condition: {**codes, "generated": shuffled}}), "projection")
    assert lost.value < 0.4
    assert lost.floor == kept.floor
    with pytest.raises(InputError, match=condition):
        metric(replace(trial, codes={}), "projection")


def test_codes_are_judged_where_the_trial_holds_them(make_trial):
    trial = make_trial()
    trial = replace(trial, codes={"map_place": trial.codes["map_place"]})
    names = [score.name for score in evaluate_trial(trial, metrics=("adherence", "cluster_adherence", "map_place_adherence"))]
    assert names == ["adherence", "map_place_adherence"]


def test_classes_go_by_name_and_a_strange_one_is_refused_in_words(make_trial):
    trial = make_trial()
    straight = adherence_metric(trial, "projection")
    turned = replace(trial.generated, labels=3 - trial.generated.labels, class_names=("3", "2", "1", "0"))
    assert adherence_metric(replace(trial, generated=turned), "projection").value == straight.value
    strange = replace(trial.generated, class_names=("0", "1", "2", "dog"))
    with pytest.raises(InputError, match=r"class 'dog'.*classes of the training images: 0, 1, 2, 3"):
        adherence_metric(replace(trial, generated=strange), "projection")


def test_images_that_asked_for_nothing_are_not_counted(make_trial):
    trial = make_trial()
    labels = trial.generated.labels.copy()
    labels[:150] = -1
    score = adherence_metric(replace(trial, generated=replace(trial.generated, labels=labels)), "projection")
    assert score.n == 50
    assert score.floor > 0.8
