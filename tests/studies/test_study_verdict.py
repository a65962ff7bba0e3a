"""What a study claims: no more than was shown, and nothing where the comparison is not valid."""

import numpy as np
import pytest

from imatlas.studies import mean_interval
from imatlas.studies.cells import CellResult
from imatlas.studies.differences import arm_differences, one_sided
from imatlas.studies.morphs import morph_sentences
from imatlas.studies.verdict import study_verdict, times_to_quality
from imatlas.values import Score

PLANTED = {"planted": 0.05, "detected": True}
BASE = [10.0, 11.0, 9.0, 10.5, 9.5]
MEASURE = "kernel_distance"


def cells(arm, values, *, length=1.0, copies=0.0, spaces=("a", "b")):
    """Results of an arm: one repeat for each value, or pair of values of the two spaces."""
    found = []
    for repeat, value in enumerate(values, start=1):
        each = dict(zip(spaces, np.broadcast_to(value, len(spaces)), strict=True))
        scores = [Score(MEASURE, space, float(one), None, 0.0, "lower", 100, "quality") for space, one in each.items()]
        scores += [Score("copy_rate", spaces[0], copies + 0.001 * repeat, None, 0.0, "lower", 100, "novelty")]
        facts = {"code": "1", "precision": {"train": "float32"}}
        found.append(CellResult(arm, repeat, length, tuple(scores), {"charged": 0.0, "trained": 1.0}, facts))
    return found


def told(*groups, planted=PLANTED):
    results = [result for group in groups for result in group]
    said, notes = study_verdict(results, arm_differences(results), MEASURE, planted)
    return " ".join(said), " ".join(notes)


def scaled(share, jitter=0.0):
    rng = np.random.default_rng(0)
    return [value * (share + jitter * rng.normal()) for value in BASE]


def base(name="unconditional-longer"):
    return cells(name, BASE)


def test_a_difference_that_stands_in_every_repeat_and_space_is_claimed():
    said, _ = told(base(), cells("clusters", scaled(0.7, 0.01)))
    assert "clusters is better than unconditional-longer: kernel distance 30 % lower in a (95 % interval -3" in said
    assert "Every interval is clear of 10 %." in said
    said, _ = told(base(), cells("clusters", scaled(0.88, 0.05)))
    assert "clusters is better" in said
    assert "clear of" not in said
    said, _ = told(base(), cells("clusters", scaled(1.3, 0.01)))
    assert "clusters is worse than unconditional-longer" in said


def test_repeats_are_paired_so_that_what_they_share_cancels():
    """The baselines spread by 8 %, and a difference of 12 % is still sure, since each arm follows its own baseline."""
    said, _ = told(base(), cells("clusters", scaled(0.88)))
    assert "clusters is better" in said
    shuffled = np.array(scaled(0.88))[[0, 2, 1, 4, 3]]
    assert "clusters is better" not in told(base(), cells("clusters", shuffled))[0]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (scaled(0.95), "a difference, but less than the 10 % that would count"),
        (scaled(1.0, 0.3), "no difference was shown"),
        ([(0.7 * value, value * (1 + 0.1 * (-1) ** row)) for row, value in enumerate(BASE)], "the judges do not agree"),
        ([(0.7 * value, 1.3 * value) for value in BASE], "the judges do not agree"),
    ],
)
def test_what_was_not_shown_is_not_claimed(values, sentence):
    said, _ = told(base(), cells("clusters", values))
    assert sentence in said
    assert "is better" not in said


def test_a_baseline_that_is_no_worse_than_real_images_allows_no_claim():
    flat = cells("unconditional-longer", [(10.0, -0.1)] * 5)
    said, notes = told(flat, cells("clusters", [(5.0, 1.0)] * 5))
    assert "is better" not in said
    assert "The difference of clusters in every space could not be told as a share" in notes


def test_one_training_each_claims_nothing():
    said, notes = told(cells("unconditional-longer", [10.0]), cells("clusters", [1.0]))
    assert "no difference was shown" in said
    assert "nothing here is a claim" in notes


def test_a_placebo_that_helps_makes_the_comparison_invalid():
    said, _ = told(base(), cells("placebo", scaled(0.7, 0.01)), cells("clusters", scaled(0.6, 0.01)))
    assert said.startswith("The comparison is invalid: placebo")
    assert "invalid" not in told(base(), cells("placebo", scaled(1.1, 0.01)))[0]


def test_copies_that_were_planted_and_not_found_are_said():
    said, _ = told(base(), cells("clusters", scaled(0.7)), planted=PLANTED | {"detected": False})
    assert "(5 %) were not found: the copy rates of this study show nothing" in said


def test_an_arm_that_copies_more_is_named():
    said, _ = told(base(), cells("clusters", scaled(0.7), copies=0.1))
    assert said.startswith("Beside unconditional-longer, better: clusters (but it copies more).")
    assert "clusters copies training images more than unconditional-longer: 10.3 % against 0.3 % in a" in said


def test_the_true_labels_are_compared_with_one_sided():
    said, _ = told(base(), cells("clusters", scaled(0.7)), cells("classes", scaled(0.7)))
    assert "clusters against the true labels: kernel distance +0 %, at most +0 %, in a" in said


def test_judges_that_order_arms_in_opposite_ways_are_named():
    _, notes = told(base(), cells("clusters", [(5.0, 8.0)] * 5), cells("neighborhood", [(8.0, 5.0)] * 5))
    assert "The judges disagree on the order of clusters and neighborhood." in notes


def test_how_much_sooner_an_arm_is_there_is_read_between_lengths():
    """From 15 at a quarter of the time to 5 at all of it: 10 is reached at half of it, on the way of a logarithm."""
    results = [*cells("unconditional-longer", [10.0]), *cells("clusters", [5.0]), *cells("clusters", [15.0], length=0.25)]
    sooner = times_to_quality(results, MEASURE, "clusters", "unconditional-longer")
    assert sooner == {"a": pytest.approx(2.0), "b": pytest.approx(2.0)}
    said, _ = told(results)
    assert "clusters reached the final kernel distance of unconditional-longer 2 times as soon in a" in said


def test_an_arm_that_is_there_at_the_shortest_length_is_at_least_so_much_sooner():
    results = [*cells("unconditional-longer", [10.0]), *cells("clusters", [5.0]), *cells("clusters", [9.0], length=0.25)]
    assert "reached the final kernel distance of unconditional-longer at least 4 times as soon in a" in told(results)[0]


def test_clusters_are_held_against_groups_that_need_no_manifold():
    said, _ = told(base(), cells("clusters", scaled(0.6)), cells("pixel-clusters", scaled(0.8)))
    assert "clusters against pixel-clusters (whether it takes a manifold): kernel distance 25 % lower in a" in said
    assert said.count("clusters is better") == 2, "each beside the baseline, and neither beside the other"


def test_intervals_are_those_of_student():
    """Of 1, 2, 3: mean 2, standard error 1 / sqrt(3); t is 4.303 two-sided at 95 % and 2.920 one-sided, on 2 degrees."""
    low, high = mean_interval(np.array([1.0, 2.0, 3.0]))
    assert (low, high) == (pytest.approx(2 - 4.3027 / 3**0.5, abs=1e-3), pytest.approx(2 + 4.3027 / 3**0.5, abs=1e-3))
    assert one_sided(np.array([1.0, 2.0, 3.0])) == pytest.approx(2 + 2.92 / 3**0.5, abs=1e-3)
    assert mean_interval(np.array([1.0])) is None


def test_morphs_are_told_beside_straight_lines():
    def rows(value, copies):
        return [{"name": MEASURE, "space": "a", "value": value}, {"name": "copy_rate", "space": "a", "value": copies}]

    morphs = {str(row): {"geodesic": rows(6.0 + row, 0.02), "straight": rows(12.0 + 2 * row, 0.01)} for row in (1, 2)}
    [said] = morph_sentences(morphs, MEASURE)
    assert "kernel distance: -50 % in a (95 % interval -50 % to -50 %)" in said
    assert "2.0 % along the manifold, 1.0 % straight" in said
