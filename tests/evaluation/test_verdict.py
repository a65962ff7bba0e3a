from dataclasses import replace

import pytest

from imatlas.evaluation import METRICS, evaluate_trial, verdict
from imatlas.values import Score

GAUSSIAN = "Gaussian in PCA space"


def distance(value, interval, space="pixels", floor=0.0):
    return Score("kernel_distance", space, value, interval, floor, "lower", 2000, "quality")


def share(name, value, interval, space="pixels"):
    block = "quality" if name == "clipped_density" else "diversity"
    return Score(name, space, value, interval, 1.0, "higher", 2000, block)


def said(*scores, gaussian=1.0):
    spaces = {score.space for score in scores}
    return verdict(scores, {GAUSSIAN: [distance(gaussian, None, space) for space in spaces]})


def test_a_narrow_interval_that_holds_the_floor_cannot_be_told_from_real():
    text = said(distance(0.02, (-0.03, 0.07)))[0]
    assert "cannot tell them from real" in text
    assert "at most 0.07" in text


def test_a_wide_interval_that_holds_the_floor_is_uncertain_not_good():
    text = said(distance(0.3, (-0.1, 0.7)))[0]
    assert "uncertain" in text
    assert "cannot tell" not in text
    assert "0.7" in text


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        ((1.1, 1.4), "no better than the Gaussian"),
        ((0.6, 1.2), "not certainly better than the Gaussian"),
        ((0.1, 0.3), "80 % of the way from the Gaussian to real, between 70 % and 90 %"),
    ],
)
def test_words_about_the_gaussian_follow_the_interval(interval, words):
    value = 0.2 if interval == (0.1, 0.3) else sum(interval) / 2
    assert words in said(distance(value, interval))[0]


def test_the_headline_praises_what_its_intervals_bear_out():
    text = said(share("clipped_density", 0.95, (0.9, 1.0)), share("coverage", 0.9, (0.8, 1.0)))[0]
    assert text.startswith("The images look much like real ones (grade 95 %) and show nearly all of their variety")


def test_the_headline_calls_wide_intervals_uncertain():
    text = said(share("clipped_density", 0.9, (0.2, 1.6)), share("coverage", 0.9, (0.8, 1.0)))[0]
    assert "How much the images look like real ones is uncertain (90 %, between 20 % and 100 %)" in text
    assert "They show nearly all of the variety" in text
    text = said(share("clipped_density", 0.9, (0.8, 1.0)), share("coverage", 0.5, (0.1, 0.9)))[0]
    assert "The images look much like real ones" in text
    assert "variety of real ones they show is uncertain (50 %, between 10 % and 90 %)" in text


def test_a_far_kernel_distance_lowers_the_headline_and_its_interval_counts():
    good = share("clipped_density", 0.95, (0.9, 1.0)), share("coverage", 0.95, (0.9, 1.0))
    assert "look only partly like" in said(*good, distance(0.5, (0.45, 0.55)))[0]
    assert "uncertain" in said(*good, distance(0.5, (0.1, 0.9)))[0]


def test_spaces_that_order_generator_and_gaussian_differently_are_named():
    near, far = distance(0.2, (0.1, 0.3)), distance(1.5, (1.2, 1.8), "random_convolutions")
    text = " ".join(said(near, far))
    assert "better than the Gaussian in pixels, worse in random_convolutions" in text
    vague = distance(1.5, (0.9, 2.1), "random_convolutions")
    assert "disagree" not in " ".join(said(near, vague)), "chance could do this"


def test_coverage_of_two_spaces_disagrees_only_beyond_chance():
    low, high = share("coverage", 0.4, (0.3, 0.5)), share("coverage", 0.9, (0.8, 1.0), "random_convolutions")
    assert "so the spaces disagree" in " ".join(said(low, high))
    wide = share("coverage", 0.4, (0.1, 0.9))
    assert "so the spaces disagree" not in " ".join(said(wide, high))


def shares(space, missing=(), rarer=()):
    kinds = ["ant", "bee", "cat"]
    details = {"kinds": kinds, "shares_real": [0.4, 0.3, 0.01], "share_intervals": [(0.0, 0.1), (0.0, 0.1), (0.0, 0.1)]}
    details |= {"missing": list(missing), "rarer": list(rarer), "commoner": []}
    return Score("class_share", space, 0.5, (0.4, 0.6), 0.9, "higher", 40, "diversity", details)


def test_kinds_are_named_where_all_spaces_agree_beyond_chance():
    """Cats are missing, but of so few real ones none may be drawn by chance; bees are rarer in one space alone."""
    told = verdict([shares("pixels", ["ant", "cat"], ["bee"]), shares("other", ["ant", "cat"])])
    assert "Classes, beside their shares of the real images: missing ant." in told
    assert not any("Classes" in sentence for sentence in verdict([shares("pixels", ["cat"])]))


def test_a_share_of_copies_that_chance_may_have_made_is_none_for_certain():
    for value, words in ((0.0, "Copies: none were found"), (0.05, "Copies: none for certain")):
        rate = Score("copy_rate", "patches", value, (0.0, 0.12), 0.0, "lower", 200, "novelty")
        assert any(sentence.startswith(words) for sentence in verdict([rate]))


def test_a_number_without_its_floor_is_left_out_and_the_reason_said(make_trial, monkeypatch):
    bare = replace(distance(0.2, (0.1, 0.3)), floor=None)
    monkeypatch.setitem(METRICS, "kernel_distance", lambda trial, space: bare)
    heard = []
    scores = evaluate_trial(make_trial(), metrics=("kernel_distance", "precision"), report=heard.append)
    assert [score.name for score in scores] == ["precision"]
    assert "kernel_distance in projection left out: there is nothing to say what real images get" in heard[0].note
