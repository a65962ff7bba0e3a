from dataclasses import replace

import numpy as np
import pytest

from imatlas.checks import InputError
from imatlas.evaluation import Difference, compare_trials, difference_sentences
from imatlas.evaluation.intervals import NORMAL_95, Traced
from imatlas.evaluation.judged import compare, judge
from imatlas.evaluation.paired import TRACED
from imatlas.evaluation.scoring import METRICS


def difference(first, second, interval, **other):
    named = {"name": "kernel_distance", "space": "pixels", "better": "lower", "n": 400, "is_paired": True}
    return Difference(first=first, second=second, interval=interval, **(named | other))


def test_the_better_of_two_is_found_and_swapping_them_swaps_the_answer(make_trial):
    good, bad = judge(make_trial()), make_trial(spread=2.0)
    metrics = ("kernel_distance", "sliced_distance")
    found, swapped = compare_trials(good, bad, metrics=metrics), compare_trials(bad, good, metrics=metrics)
    for one, other in zip(found, swapped, strict=True):
        assert one.favours == "first"
        assert other.favours == "second"
        assert one.interval == pytest.approx((-other.interval[1], -other.interval[0]))
        assert one.is_paired


@pytest.mark.parametrize("name", TRACED)
def test_a_traced_number_is_the_metric_s_own(name, make_trial):
    trial = make_trial(spread=1.5)
    traced, score = TRACED[name](compare(trial, "projection")), METRICS[name](trial, "projection")
    assert traced.value == pytest.approx(score.value)
    itself = traced.minus(traced)
    assert itself.value == 0
    assert np.all(itself.shared == 0), "what the real images add cancels"


def test_pairing_narrows_the_interval_of_similar_generators(make_trial):
    """Both err in the same way, so most of the error of the real images is in both numbers."""
    first, second = (TRACED["kernel_distance"](compare(make_trial(spread=s), "projection")) for s in (2.0, 2.1))
    assert first.minus(second).error < 0.9 * np.hypot(first.error, second.error)


def test_other_intervals_are_joined_and_the_sentence_says_so(make_trial):
    trial = make_trial()
    found = compare_trials(trial, make_trial(spread=2.0), metrics=("adherence", "images_per_second"))
    assert [(d.name, d.is_paired) for d in found] == [("adherence", False)], "speed has no interval of draws"
    assert "(joined)" in difference_sentences(found)[0]
    same = compare_trials(trial, trial, metrics=("adherence",))[0]
    score = METRICS["adherence"](trial, "projection")
    assert same.interval[1] == pytest.approx(np.hypot(score.interval[1] - score.value, score.value - score.interval[0]))


def test_the_larger_set_is_cut_to_the_smaller(make_trial):
    trial = make_trial()
    half = make_trial(trial.generated.take(np.arange(100)))
    found = compare_trials(trial, half, metrics=("kernel_distance",))
    assert found[0].n == 100
    assert found[0].second == pytest.approx(METRICS["kernel_distance"](half, "projection").value)


def test_trials_of_other_real_images_are_refused_in_words(make_trial):
    with pytest.raises(InputError, match="do not share their held-out images"):
        compare_trials(make_trial(), make_trial(n_held_out=90))
    trial = make_trial()
    with pytest.raises(InputError, match="feature spaces"):
        compare_trials(trial, replace(trial, features={"other": trial.features["projection"]}))


def test_a_generator_is_not_called_better_for_images_that_are_smoother_or_closer_together(make_trial):
    found = compare_trials(make_trial(), make_trial(spread=0.1))
    assert {"kernel_distance", "coverage"} <= {difference.name for difference in found}
    assert not {difference.name for difference in found} & {"dimension", "off_manifold", "spacing"}


def test_words_follow_the_interval():
    clear = difference(0.1, 0.3, (-0.25, -0.15))
    unclear = difference(0.1, 0.12, (-0.06, 0.02))
    said = difference_sentences([clear, unclear], names=("ours", "theirs"))
    assert "ours is better" in said[0]
    assert "cannot be told apart" in said[1]
    assert "images of each would be needed" in said[1]
    assert difference(0.9, 0.5, (0.2, 0.6), better="higher").favours == "first"
    named = difference(0.1, 0.3, (-0.25, -0.15), name="frechet_distance")
    assert difference_sentences([named])[0].startswith("Fréchet distance in pixels: A is better")


def test_spaces_that_order_two_generators_differently_are_named():
    pixels, other = difference(0.1, 0.3, (-0.25, -0.15)), difference(0.3, 0.1, (0.1, 0.3), space="other")
    assert any("spaces disagree" in sentence for sentence in difference_sentences([pixels, other]))
    vague = difference(0.3, 0.1, (-0.1, 0.5), space="other")
    assert not any("spaces disagree" in sentence for sentence in difference_sentences([pixels, vague]))


def test_the_images_needed_have_four_chances_in_five():
    """A gap of 2.8 errors is found four times in five: one of 1.4 errors needs four times the images."""
    error = 1.4 / (NORMAL_95 + 0.8416)
    unclear = difference(1.4, 0.0, (1.4 - NORMAL_95 * error * 2, 1.4 + NORMAL_95 * error * 2))
    assert unclear.n_needed == 1600
    assert difference(0.1, 0.1, (-1.0, 1.0)).n_needed is None


def test_a_distance_s_interval_is_narrow_at_zero_and_wide_upwards():
    """With Q = 1 only pairs vary at 0; what grows with the truth is solved for: (v - t)^2 = z^2 (Q + L t / v)."""
    null = Traced(0.0, 2.0, np.zeros(1), own_pairs=1.0).distance()
    assert null.interval == pytest.approx((-NORMAL_95, NORMAL_95))
    far = Traced(10.0, 3.0, np.array([1.0]), own_pairs=1.0).distance()
    for end in far.interval:
        assert (10 - end) ** 2 == pytest.approx(NORMAL_95**2 * (1.0 + 2.0 * end / 10))
    assert far.interval[1] - 10 > 10 - far.interval[0]
