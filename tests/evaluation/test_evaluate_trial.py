from dataclasses import replace

import numpy as np
import pytest
from laws.metrics import check_metric

from imatlas.checks import InputError
from imatlas.evaluation import (
    DEFAULT_METRICS,
    METRICS,
    evaluate_trial,
    gaussian_images,
    judge,
    score_table,
    training_copies,
    verdict,
    with_generated,
)
from imatlas.evaluation.judged import compare, split_real
from imatlas.evaluation.scoring import SPACELESS
from imatlas.values import Features, ImageSet


@pytest.mark.parametrize("name", METRICS)
def test_each_metric_keeps_the_law(name, make_trial):
    score = check_metric(name, make_trial(), SPACELESS.get(name, "projection"))
    assert name.removeprefix("pixel_").removeprefix("patch_") == score.name


@pytest.mark.parametrize("name", ["kernel_distance", "frechet_distance", "precision", "clipped_density", "coverage"])
def test_a_good_generator_is_near_the_floor_and_noise_is_far(name, make_trial):
    good = METRICS[name](make_trial(), "projection")
    noise = ImageSet(np.random.default_rng(0).integers(0, 256, (200, 12, 12, 1), dtype=np.uint8), np.arange(200))
    bad = METRICS[name](make_trial(noise), "projection")
    towards_worse = 1 if good.better == "lower" else -1
    assert towards_worse * (bad.value - good.value) > 0.3
    assert abs(good.value - good.floor) < 0.3 * abs(bad.value - good.floor)


def test_a_trial_far_from_the_origin_scores_as_one_at_it(make_trial):
    """Features are centred in float64 first, so a mean of 1e3 in float32 costs only the digits it has already cost."""
    near = make_trial()
    parts = near.features["projection"]
    far = replace(near, features={"projection": {p: Features(f.rows + 1e3, f.extractor) for p, f in parts.items()}})
    for name in ("kernel_distance", "coverage", "frechet_distance"):
        expected = METRICS[name](near, "projection")
        assert METRICS[name](far, "projection").value == pytest.approx(expected.value, abs=5e-3)


def test_real_images_are_split_by_how_many_are_held_out():
    reference, stand_ins = split_real(3000, 1200)
    assert set(reference) == set(range(3000, 4200))
    assert set(stand_ins) == set(range(3000))
    reference, stand_ins = split_real(300, 101)
    assert len(reference) == 200
    assert len(stand_ins) == 201
    assert set(reference) | set(stand_ins) == set(range(401))
    reference, stand_ins = split_real(50_000, 30_000)
    assert len(reference) == len(stand_ins) == 10_000


def test_more_generated_than_real_images_are_cut_and_the_score_says_so(make_trial):
    trial = make_trial(n_train=60, n_held_out=20)
    score = METRICS["kernel_distance"](trial, "projection")
    assert score.n == 40
    assert score.details["n_generated"] == 40
    assert score.details["n_generated_available"] == 200


def test_all_default_metrics_are_given_in_every_space_with_reasons_for_those_left_out(make_trial):
    trial = make_trial()
    parts = trial.features["projection"]
    unlabelled = replace(trial.generated, labels=None)
    trial = replace(trial, generated=unlabelled, features={"projection": parts, "again": parts})
    heard = []
    scores = evaluate_trial(trial, report=heard.append)
    found = {(score.name, score.space) for score in scores}
    for name in DEFAULT_METRICS:
        if name not in SPACELESS and name != "adherence":
            assert {(name, "projection"), (name, "again")} <= found
    assert not any(score.name == "adherence" for score in scores)
    assert any("adherence" in p.stage and "needs labels" in p.stage for p in heard)
    assert heard[-1].done == heard[-1].total
    assert scores[0].name == "kernel_distance", "few images are judged by kernel distance first"


def test_remembering_gives_the_scores_of_a_fresh_trial_to_reference_trials_too(make_trial):
    trial = make_trial()
    judged = judge(trial)
    evaluate_trial(judged)
    assert evaluate_trial(training_copies(judged)) == evaluate_trial(training_copies(trial))


def test_too_few_images_are_refused_in_words(make_trial):
    trial = make_trial()
    few = trial.generated.take(np.arange(5))
    with pytest.raises(InputError, match=r"5 generated images.*needs 10"):
        compare(make_trial(few), "projection")
    with pytest.raises(InputError, match=r"12 real images.*needs 20"):
        compare(make_trial(n_train=8, n_held_out=4), "projection")


def test_constant_real_features_are_refused_in_words(make_trial):
    trial = make_trial()
    flat = {part: Features(np.ones((len(f), 3)), "flat") for part, f in trial.features["projection"].items()}
    with pytest.raises(InputError, match=r"same features in the space 'flat'"):
        compare(replace(trial, features={"flat": flat}), "flat")


def test_a_collapsed_generator_and_an_empty_held_out_set_are_scored(make_trial):
    trial = make_trial(n_held_out=0)
    collapsed = trial.generated.take(np.zeros(200, dtype=int))
    scores = {score.name: score for score in evaluate_trial(make_trial(collapsed, n_held_out=0))}
    assert scores["mode_ratio"].value < 0.6
    assert scores["coverage"].value < 0.05
    assert "copy_rate" not in scores


def test_gaussian_images_have_the_mean_and_covariance_of_the_training_images():
    rng = np.random.default_rng(0)
    pixels = (120 + 15 * rng.normal(size=(400, 3, 3, 1)) + 10 * rng.normal(size=(400, 1, 1, 1))).round().astype(np.uint8)
    drawn = gaussian_images(ImageSet(pixels, np.arange(400)), count=4000, seed=1)
    real, made = (images.reshape(len(images), -1).astype(float) for images in (pixels, drawn.pixels))
    np.testing.assert_allclose(made.mean(axis=0), real.mean(axis=0), atol=2)
    np.testing.assert_allclose(np.cov(made.T), np.cov(real.T), rtol=0.2, atol=15)
    assert drawn.pixels.dtype == np.uint8


@pytest.fixture
def judged_with_references(make_trial):
    trial = judge(make_trial())
    return evaluate_trial(trial), _references(trial)


def _references(trial):
    flat = trial.train.pixels.reshape(len(trial.train), -1).astype(float)
    rows = trial.features["projection"]["train"].rows
    axes = np.linalg.lstsq(flat, rows, rcond=None)[0]
    gaussian = gaussian_images(trial.train, count=len(trial.generated))
    features = Features(gaussian.pixels.reshape(len(gaussian), -1) @ axes, "random projection")
    beaten = with_generated(trial, gaussian, {"projection": features})
    return {"training copies": evaluate_trial(training_copies(trial)), "Gaussian in PCA space": evaluate_trial(beaten)}


def test_the_table_lays_every_score_beside_its_references(judged_with_references):
    scores, references = judged_with_references
    rows = score_table(scores, references)
    assert len(rows) == len(scores)
    copied = next(row for row in rows if row.name == "copy_rate" and row.space == "projection")
    assert copied.references["training copies"] > 0.9
    assert copied.references["Gaussian in PCA space"] < 0.1
    blocks = [row.block for row in rows]
    assert blocks == sorted(blocks, key=["quality", "diversity", "novelty", "manifold", "speed"].index)
    speed = next(row for row in rows if row.block == "speed")
    assert speed.references["training copies"] is None


def test_the_verdict_praises_a_good_generator_with_caution(judged_with_references):
    said = verdict(*judged_with_references)
    text = " ".join(said)
    assert said[0].startswith("The images look much like real ones")
    assert "200 images a side" in said[1]
    assert "few" in said[1]
    assert "Quality, by kernel distance" in text
    assert "Gaussian" in text
    assert "Copies: none" in text
    assert "50 images per second" in text
    assert "Adherence" in text


def test_the_verdict_names_copying_and_lost_variety(make_trial):
    trial = make_trial()
    said = " ".join(verdict(evaluate_trial(training_copies(trial))))
    assert "look at the closest pairs" in said
    narrow = " ".join(verdict(evaluate_trial(make_trial(n_kinds=1))))
    assert "cannot tell" not in narrow


def test_the_verdict_on_a_tiny_set_says_that_it_is_tiny(make_trial):
    trial = make_trial(n_train=40, n_held_out=5)
    said = verdict(evaluate_trial(trial))
    assert said[0].startswith("Only 22 images a side")
    assert not any("look" in sentence and "variety" in sentence for sentence in said)
    assert any("not judged" in sentence for sentence in said)
