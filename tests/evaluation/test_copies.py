from dataclasses import replace

import numpy as np
import pytest

from imatlas.checks import InputError
from imatlas.evaluation import closest_pairs, copy_rate, copy_ratios, nearest_relative, pairs_in_turns
from imatlas.evaluation.copies import copy_metric, duplicate_metric, patch_copy_metric, pixel_copy_metric
from imatlas.evaluation.shifts import nearest_shifted
from imatlas.values import ImageSet, Score


def ratios(rows, train):
    return copy_ratios(nearest_relative(rows, train, n_neighbors=10)[0])


@pytest.mark.parametrize("spread", [1.0, 1.5, 0.5], ids=["perfect", "too wide", "too narrow"])
@pytest.mark.parametrize("planted", [0.0, 0.05, 0.2])
def test_planted_copies_are_counted_however_wide_the_generator(spread, planted):
    """The nine-cell table: copies are training rows + 0.05 noise in 32 dimensions; width is not mistaken for copying."""
    rng = np.random.default_rng(0)
    train, held_out = rng.normal(size=(1000, 32)), rng.normal(size=(1000, 32))
    generated = spread * rng.normal(size=(1000, 32))
    n_copied = int(planted * 1000)
    generated[:n_copied] = train[:n_copied] + 0.05 * rng.normal(size=(n_copied, 32))
    result = copy_rate(ratios(generated, train), ratios(held_out, train))
    assert result.value == pytest.approx(planted, abs=0.02)
    assert result.interval[0] <= planted <= result.interval[1]


def test_a_training_row_near_the_mean_is_not_copied_by_a_narrow_generator():
    """One training row of a third of the usual length is the nearest to nearly all that a narrow generator draws."""
    rng = np.random.default_rng(0)
    train, held_out = rng.normal(size=(1000, 32)), rng.normal(size=(1000, 32))
    train[0] /= 3
    narrow = 0.3 * rng.normal(size=(1000, 32))
    assert copy_rate(ratios(narrow, train), ratios(held_out, train)).interval[0] == 0.0
    all_of_one = train[0] + 0.05 * rng.normal(size=(1000, 32))
    assert copy_rate(ratios(all_of_one, train), ratios(held_out, train)).value > 0.95


def test_relative_neighbors_are_those_of_a_direct_search():
    rng = np.random.default_rng(0)
    queries, rows = rng.normal(size=(30, 5)) + 100, rng.normal(size=(50, 5)) * rng.uniform(0.2, 3, size=(50, 1)) + 100
    apart = np.linalg.norm(queries[:, None] - rows, axis=2)
    usual = np.sqrt(np.square(apart).mean(axis=0))
    usual = np.maximum(usual, np.median(usual) / 4)
    distances, found = nearest_relative(queries, rows, n_neighbors=4)
    np.testing.assert_allclose(distances, np.sort(apart / usual, axis=1)[:, :4], rtol=1e-9)
    np.testing.assert_array_equal(found, np.argsort(apart / usual, axis=1)[:, :4])
    np.testing.assert_array_equal(nearest_relative(rows, rows, n_neighbors=2)[0][:, 0], 0)


def test_the_interval_holds_the_planted_share_for_few_held_out_images():
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(100):
        held_out, generated = rng.uniform(0.5, 1, size=60), rng.uniform(0.5, 1, size=300)
        generated[: rng.binomial(300, 0.1)] = 0.01
        low, high = copy_rate(generated, held_out).interval
        held += low <= 0.1 <= high
    assert held >= 88, "95 % intended; 88 of 100 is three sigma below"


def test_ties_at_the_threshold_raise_the_expected_share_and_flag_nobody():
    """If a tenth of held-out images repeat a training image, so may a tenth of the generated ones."""
    rng = np.random.default_rng(0)
    held_out, generated = rng.uniform(0.5, 1, size=2000), rng.uniform(0.5, 1, size=2000)
    held_out[:200] = generated[:200] = 0.0
    result = copy_rate(generated, held_out)
    assert result.details["alpha"] == pytest.approx(0.1, abs=1e-3)
    assert result.interval[0] == 0.0


def test_an_exact_copy_of_a_duplicated_image_has_ratio_zero():
    assert copy_ratios(np.zeros((1, 10)))[0] == 0.0
    assert copy_ratios(np.array([[0.0, 0.0, 4.0]]))[0] == 0.0
    assert copy_ratios(np.array([[1.0, 2.0, 4.0]]))[0] == pytest.approx(1 / 3)


def test_too_few_held_out_images_are_refused_in_words(make_trial):
    with pytest.raises(InputError, match=r"9 held-out.*needs 10"):
        copy_rate(np.ones(50), np.ones(9))
    with pytest.raises(InputError, match=r"4 held-out.*needs 10"):
        pixel_copy_metric(make_trial(n_held_out=4))


def nudged(images, down, right):
    moved = np.roll(images, (down, right), axis=(1, 2))
    if down > 0:
        moved[:, :down] = images[:, :1]
    if right < 0:
        moved[:, :, right:] = moved[:, :, right - 1 : right]
    return moved


@pytest.mark.parametrize("how", ["exact", "shifted", "flipped", "noisy"])
def test_pixel_search_finds_nudged_copies_and_names_their_source(how):
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, size=(300, 7, 7, 1))
    images = coarse.repeat(4, axis=1).repeat(4, axis=2).astype(np.uint8)
    changed = {
        "exact": images,
        "shifted": nudged(images, 2, -2),
        "flipped": images[:, :, ::-1],
        "noisy": (images + rng.normal(0, 12, images.shape)).clip(0, 255).astype(np.uint8),
    }[how]
    queries = changed[:40]
    distances, rows = nearest_shifted(queries, images)
    np.testing.assert_array_equal(rows[:, 0], np.arange(40))
    assert (copy_ratios(distances) < 0.3).all()
    if how != "noisy":
        # A shifted copy differs in the blur of its outermost pixels only.
        np.testing.assert_allclose(distances[:, 0], 0.0, atol=0.05 if how == "shifted" else 1e-6)
    assert (np.diff(distances, axis=1) >= 0).all()


@pytest.mark.parametrize(("side", "reach"), [(20, 2), (12, 1)])
def test_shifted_distances_equal_a_direct_search_over_every_window(side, reach):
    """Few enough images that each is a candidate: the least root mean square difference of its middle, by hand."""
    rng = np.random.default_rng(0)
    images, queries = (rng.integers(0, 256, size=(n, side, side, 1), dtype=np.uint8) for n in (6, 3))

    def blurred(pixels):
        padded = np.pad(pixels[..., 0] / 255.0, ((0, 0), (1, 1), (1, 1)), mode="edge")
        across = (padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]) / 4
        return (across[:, :-2] + 2 * across[:, 1:-1] + across[:, 2:]) / 4

    expected, size = np.full((3, 6), np.inf), side - 2 * reach
    middle = blurred(images)[:, reach:-reach, reach:-reach]
    for mirrored in (blurred(queries), blurred(queries)[:, :, ::-1]):
        for top in range(2 * reach + 1):
            for left in range(2 * reach + 1):
                gap = mirrored[:, None, top : top + size, left : left + size] - middle[None]
                expected = np.minimum(expected, np.sqrt(np.square(gap).mean(axis=(2, 3))))
    distances, _ = nearest_shifted(queries, images)
    np.testing.assert_allclose(distances, np.sort(expected, axis=1), atol=1e-6)


@pytest.mark.filterwarnings("error")
def test_tiny_and_large_and_colour_images_can_be_searched():
    rng = np.random.default_rng(0)
    for shape in ((4, 4, 1), (8, 8, 3), (10, 64, 3), (70, 50, 1)):
        images = rng.integers(0, 256, size=(30, *shape), dtype=np.uint8)
        images.setflags(write=False)  # as a memory map is; torch warns when it is handed one
        distances, rows = nearest_shifted(images[:5], images)
        np.testing.assert_array_equal(rows[:, 0], np.arange(5))
        np.testing.assert_allclose(distances[:, 0], 0.0, atol=1e-6)


def test_a_trial_of_copies_is_caught_in_both_spaces_and_pairs_lead_to_the_source(make_trial):
    trial = make_trial()
    copies = trial.train.take(np.arange(100, 300))
    copied = make_trial(ImageSet(copies.pixels, copies.ids))
    for score in (copy_metric(copied, "projection"), pixel_copy_metric(copied), patch_copy_metric(copied)):
        assert score.value > 0.95
        pairs = closest_pairs(score)
        assert len(pairs) == 20
        assert all(pair.train_row == pair.generated_row + 100 and pair.ratio < 1e-3 for pair in pairs)
        assert score.details["n_sources"] == 200
        assert score.details["most_copies_of_one_source"] == 1
    for score in (copy_metric(trial, "projection"), pixel_copy_metric(trial), patch_copy_metric(trial)):
        assert score.interval[0] < 0.03


def test_pairs_of_all_spaces_come_in_turns_and_once():
    found = {"a": [[0, 5, 0.1], [1, 6, 0.2]], "b": [[2, 7, 0.3], [0, 5, 0.4], [3, 8, 0.5]]}
    scores = [Score("copy_rate", s, 0.0, None, 0.0, "lower", 9, "novelty", {"pairs": pairs}) for s, pairs in found.items()]
    shown = pairs_in_turns([*scores, replace(scores[0], name="coverage", details={})])
    assert [(pair.generated_row, pair.space) for pair in shown] == [(0, "a"), (2, "b"), (1, "a"), (3, "b")]
    assert pairs_in_turns([]) == ()


def test_a_score_says_that_the_copied_images_stand_twice_in_training(make_trial):
    trial = make_trial()
    twice = trial.train.take(np.r_[np.arange(280), np.arange(20)])
    copies = trial.train.take(np.r_[np.arange(20).repeat(5), np.arange(100, 110), np.arange(110, 200)])
    drawn = ImageSet(copies.pixels, np.arange(200))
    details = pixel_copy_metric(replace(trial, train=replace(twice, ids=np.arange(300)), generated=drawn)).details
    assert details["n_sources"] == pytest.approx(120, abs=3)
    assert details["most_copies_of_one_source"] == 5
    assert details["share_of_sources_repeated_in_training"] == pytest.approx(1 / 6, abs=0.03)


def test_repeated_generated_images_are_counted(make_trial):
    fresh = make_trial().generated
    rows = np.concatenate([np.arange(100), np.arange(100)])
    repeated = make_trial(ImageSet(fresh.pixels[rows], fresh.ids))
    score = duplicate_metric(repeated, "projection")
    assert score.value > 0.95
    assert score.details["exact_repeats"] == 100
    assert duplicate_metric(make_trial(), "projection").interval[0] == 0.0


def test_many_near_repeats_of_few_images_are_duplicates_and_a_narrow_generator_is_not(make_trial):
    """Where 20 images are drawn 10 times each, a repeat's first neighbor is no nearer than its others."""
    fresh = make_trial().generated
    few = fresh.pixels[np.arange(20).repeat(10)].astype(float)
    noisy = (few + np.random.default_rng(0).normal(0, 1, few.shape)).round().clip(0, 255).astype(np.uint8)
    assert duplicate_metric(make_trial(ImageSet(noisy, fresh.ids)), "projection").value > 0.9
    assert duplicate_metric(make_trial(spread=0.5), "projection").interval[0] == 0.0


def test_ratios_that_come_in_pairs_widen_the_interval():
    rng = np.random.default_rng(0)
    ratios = rng.uniform(0.5, 1, size=1000)
    generated = np.r_[np.zeros(100), ratios[:900]]
    alone, paired = (copy_rate(generated, ratios, together=n).interval for n in (1, 2))
    assert (paired[1] - paired[0]) / (alone[1] - alone[0]) == pytest.approx(np.sqrt(2), rel=0.1)
