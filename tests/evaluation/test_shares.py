from dataclasses import replace

import numpy as np
import pytest

from imatlas.checks import InputError
from imatlas.evaluation import METRICS, evaluate_trial
from imatlas.evaluation.intervals import NORMAL_95
from imatlas.evaluation.shares import (
    class_share_metric,
    cluster_share_metric,
    expected_overlap,
    mode_share_metric,
    share_overlap,
    shares_of_kinds,
)
from imatlas.values import Features, ImageSet, Trial


def toy_trial(generated, labels, *, n_modes=10, n_real=800):
    """Ten well separated Gaussians in 16 dimensions, as many training as held-out rows, beside generated rows."""

    def part(rows, kinds):
        blank = ImageSet(np.zeros((len(rows), 1, 1, 1), np.uint8), np.arange(len(rows)), kinds)
        return blank, Features(rows, "as they are")

    real = [part(*modes(n_real, seed)) for seed in (1, 2)]
    sets = dict(zip(("train", "held_out", "generated"), [*real, part(generated, labels)], strict=True))
    return Trial(*(images for images, _ in sets.values()), {"rows": {name: rows for name, (_, rows) in sets.items()}})


def modes(count, seed, *, kept=10, spread=1.0):
    rng = np.random.default_rng(seed)
    centres = 12 * np.eye(16)[:10]
    kinds = rng.integers(kept, size=count)
    return centres[kinds] + spread * rng.normal(size=(count, 16)), kinds


def test_share_overlap_is_one_for_equal_and_zero_for_disjoint_shares():
    assert share_overlap(np.array([10, 30]), np.array([1, 3])) == pytest.approx(1.0)
    assert share_overlap(np.array([10, 0]), np.array([0, 3])) == 0.0


def test_the_expected_overlap_is_the_mean_over_draws_of_one_distribution():
    """1 - (1/2) sum E|p_c - q_c| with normal differences; 400 draws leave an error of 0.001."""
    rng = np.random.default_rng(0)
    p = np.array([0.4, 0.3, 0.2, 0.1])
    drawn = [share_overlap(rng.multinomial(400, p), rng.multinomial(200, p)) for _ in range(400)]
    assert expected_overlap(400 * p, 200) == pytest.approx(np.mean(drawn), abs=0.004)


def test_the_interval_of_shares_holds_the_true_overlap():
    rng = np.random.default_rng(0)
    p, q = np.array([0.4, 0.3, 0.3, 0.0]), np.array([0.1, 0.3, 0.2, 0.4])
    held = 0
    for _ in range(200):
        low, high = shares_of_kinds(rng.multinomial(500, p), rng.multinomial(500, q), "abcd").interval
        held += low <= 0.6 <= high
    assert held >= 180, "95 % intended; 180 of 200 is three sigma below"


def test_missing_rare_and_common_kinds_are_named():
    found = shares_of_kinds(np.array([100, 100, 100, 100]), np.array([0, 30, 100, 270]), ("ant", "bee", "cat", "dog")).details
    assert (found["missing"], found["rarer"], found["commoner"]) == (["ant"], ["bee"], ["dog"])
    low, high = found["share_intervals"][1]
    assert low < 30 / 400 < high


@pytest.mark.parametrize("metric", [class_share_metric, mode_share_metric])
def test_dropped_modes_are_ranked_and_counted(metric):
    """Overlap is 1 - share dropped: of 10 modes, 0, 3, 6, 9. Cells are finer than modes, and chance costs them a tenth."""
    values = []
    for dropped in (0, 3, 6, 9):
        score = metric(toy_trial(*modes(600, 3, kept=10 - dropped)), "rows")
        values.append(score.value)
        assert score.value == pytest.approx(1 - dropped / 10, abs=0.12)
        if metric is class_share_metric:
            assert len(score.details["missing"]) == dropped
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("name", ["coverage", "mode_ratio", "recall", "spacing"])
def test_diversity_falls_with_every_dropped_mode(name):
    scores = [METRICS[name](toy_trial(*modes(600, 3, kept=kept)), "rows").value for kept in (10, 7, 4, 1)]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("name", ["recall", "spacing"])
def test_diversity_falls_as_modes_shrink(name):
    scores = [METRICS[name](toy_trial(*modes(600, 3, spread=spread)), "rows").value for spread in (1.0, 0.6, 0.3, 0.1)]
    assert scores == sorted(scores, reverse=True)
    if name == "spacing":
        np.testing.assert_allclose(scores, [1, 0.6, 0.3, 0.1], rtol=0.05)


def test_the_interval_of_spacing_holds_one_for_a_perfect_generator():
    held = 0
    for seed in range(60):
        low, high = METRICS["spacing"](toy_trial(*modes(200, 10 + seed), n_real=200), "rows").interval
        held += low <= 1 <= high
    assert held >= 52, "95 % intended; 52 of 60 is three sigma below"


def test_shares_of_classes_need_no_labels_of_the_generated_images(make_trial):
    full, narrow = make_trial(), make_trial(n_kinds=2)
    score = class_share_metric(full, "projection")
    assert score.value == pytest.approx(score.floor, abs=0.08)
    unlabelled = replace(narrow, generated=replace(narrow.generated, labels=None))
    lost = class_share_metric(unlabelled, "projection")
    assert lost.value == pytest.approx(0.5, abs=0.1)
    assert lost.details["missing"] == ["2", "3"]
    unknown = replace(full, train=replace(full.train, labels=None))
    with pytest.raises(InputError, match=r"training images of 2 classes"):
        class_share_metric(unknown, "projection")


def test_a_class_without_training_images_is_said_and_takes_no_share(make_trial):
    trial = make_trial()
    names = ("a", "b", "c", "d", "never")
    details = class_share_metric(replace(trial, train=replace(trial.train, class_names=names)), "projection").details
    assert details["classes_without_training_images"] == ["never"]
    assert details["kinds"] == list("abcd")


def test_shares_of_clusters_are_those_of_the_training_images_that_are_nearest(make_trial):
    """Three clusters and a kind in none; of the two kinds that are drawn one has a cluster and one has not."""
    trial = replace(make_trial(n_kinds=2), clusters=None)
    with pytest.raises(InputError, match=r"Shares of clusters need 2 clusters"):
        cluster_share_metric(trial, "projection")
    assert evaluate_trial(trial, metrics=("cluster_share", "spacing"))[0].name == "spacing", "nobody asked without clusters"
    kinds = trial.train.labels
    score = cluster_share_metric(replace(trial, clusters=np.where(kinds == 0, -1, kinds - 1)), "projection")
    assert score.details["kinds"] == ["cluster 1", "cluster 2", "cluster 3", "in no cluster"]
    assert score.details["missing"] == ["cluster 2", "cluster 3"]
    assert score.details["shares"][3] == pytest.approx((trial.generated.labels == 0).mean(), abs=0.05)
    assert score.value == pytest.approx(0.5, abs=0.1)


def test_a_missing_cell_goes_by_a_real_image_of_it(make_trial):
    trial = make_trial(n_kinds=1)
    score = mode_share_metric(trial, "projection")
    real = set(trial.train.ids) | set(trial.held_out.ids)
    assert score.details["missing_cells"] == len(score.details["missing"]) > 0
    assert {name.removeprefix("like ") for name in score.details["kinds"]} <= real
    gone = {
        np.flatnonzero(np.concatenate([trial.train.ids, trial.held_out.ids]) == n.removeprefix("like "))[0]
        for n in score.details["missing"]
    }
    labels = np.concatenate([trial.train.labels, trial.held_out.labels])
    assert (labels[list(gone)] != 0).mean() > 0.8, "what is missing is mostly not of the one kind that is there"


@pytest.mark.parametrize(
    "shares",
    [np.full(20, 0.05), np.linspace(0.01, 0.09, 20), np.append(np.full(19, 0.025), 0.525)],
    ids=["equal", "uneven", "one"],
)
def test_the_error_of_an_overlap_is_that_of_repeated_draws_at_equal_and_at_other_shares(shares):
    """At equal shares gaps lose their sign, and 36 % of the variance is left. 80 draws know a standard deviation to 8 %."""
    rng = np.random.default_rng(0)
    names = [str(kind) for kind in range(20)]
    drawn = [(rng.multinomial(500, np.full(20, 0.05)), rng.multinomial(500, shares)) for _ in range(80)]
    found = [shares_of_kinds(real, own, names) for real, own in drawn]
    claimed = np.mean([(f.interval[1] - f.interval[0]) / (2 * NORMAL_95) for f in found])
    assert claimed == pytest.approx(np.std([f.value for f in found]), rel=0.3)
