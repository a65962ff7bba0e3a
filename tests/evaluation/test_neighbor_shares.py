"""Expected values come from a brute-force implementation written here, in float64 with strict <, as prdc has it."""

import numpy as np
import pytest

from imatlas.checks import InputError
from imatlas.evaluation import DEFAULT_METRICS, METRICS
from imatlas.evaluation.balls import ball_radii, members
from imatlas.evaluation.calibrated import K, calibrated_coverage
from imatlas.evaluation.coverage import expected_coverage, neighbor_shares
from imatlas.evaluation.judged import Comparison, RealSide
from imatlas.evaluation.nearest import nearest_rows
from imatlas.evaluation.of_rows import score_rows
from imatlas.evaluation.paired import TRACED


def distances(left, right):
    return np.sqrt(np.square(left[:, None].astype(float) - right[None].astype(float)).sum(axis=2))


def brute_force(real, generated, k):
    real_radii = np.sort(distances(real, real), axis=1)[:, k]
    generated_radii = np.sort(distances(generated, generated), axis=1)[:, k]
    across = distances(real, generated)
    inside = across < real_radii[:, None]
    return (
        inside.any(axis=0).mean(),
        (across < generated_radii[None]).any(axis=1).mean(),
        inside.sum(axis=0).mean() / k,
        inside.any(axis=1).mean(),
    )


def four(shares):
    return shares.precision, shares.recall, shares.density, shares.coverage


def coverage_of(real, generated, stand_ins):
    distances, neighbors = nearest_rows(real, real, n_neighbors=K, same=True)
    inside = [members(real, distances[:, -1], rows) for rows in (generated, stand_ins)]
    return calibrated_coverage(*inside, neighbors)


@pytest.mark.parametrize(("n", "m", "d", "k"), [(30, 30, 2, 3), (60, 25, 5, 5), (25, 70, 40, 3)])
def test_all_four_equal_brute_force(n, m, d, k):
    rng = np.random.default_rng(d)
    real, generated = rng.normal(size=(n, d)), 0.8 * rng.normal(size=(m, d)) + 0.3
    np.testing.assert_allclose(four(neighbor_shares(real, generated, k=k)), brute_force(real, generated, k), atol=1e-12)


def test_stored_points_on_a_line_give_hand_counted_shares():
    """Reals 0 1 2 10, k = 1: balls of radius 1 1 1 8. Generated 0.5, 2.5, 30: 0.5 lies in the balls of 0 and 1; 2.5 in
    those of 2 and 10. Precision 2/3, density 4/3, coverage 4/4. Generated radii 2, 2, 27.5: 0 1 2 lie in the first or
    second ball, 10 in the third: recall 1.
    """
    real, generated = np.array([[0.0], [1], [2], [10]]), np.array([[0.5], [2.5], [30]])
    assert four(neighbor_shares(real, generated, k=1)) == pytest.approx((2 / 3, 1.0, 4 / 3, 1.0))


@pytest.mark.parametrize("low_precision", [False, True])
@pytest.mark.parametrize("kind", ["clusters far from their mean", "a grid of ties", "a mean of 1e4 in float32", "one hub"])
def test_all_four_equal_brute_force_whatever_the_precision_of_the_screen(kind, low_precision):
    """In bfloat16 most of these pairs are too close to call; exact differences must decide each of them."""
    rng = np.random.default_rng(0)
    real, generated = rng.normal(size=(90, 20)), rng.normal(size=(80, 20))
    if kind.startswith("clusters"):
        real[:45], generated[:40] = 0.1 * real[:45] + 30, 0.1 * generated[:40] + 30
    elif kind.startswith("a grid"):
        real, generated = (rng.integers(0, 3, size=(n, 4)).astype(np.float32) for n in (90, 80))
        real, generated = np.unique(real, axis=0), np.unique(generated, axis=0)
    elif kind.startswith("a mean"):
        real, generated = (rows.astype(np.float32) + np.float32(1e4) for rows in (real, generated))
    else:
        generated += 50
        generated[7] = 0
    found = neighbor_shares(real, generated, k=4, low_precision=low_precision)
    np.testing.assert_allclose(four(found), brute_force(real, generated, 4), atol=1e-12)
    radii = ball_radii(real, 4, low_precision=low_precision)
    np.testing.assert_allclose(radii, np.sort(distances(real, real), axis=1)[:, 4], rtol=1e-12)
    inside = members(real, radii, generated, low_precision=low_precision)
    np.testing.assert_array_equal(inside.points_per_ball, (distances(real, generated) < radii[:, None]).sum(axis=1))


@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_the_same_set_gives_exactly_one_even_in_float32_far_from_the_origin(shift):
    rows = (np.random.default_rng(0).normal(size=(200, 16)) + shift).astype(np.float32)
    assert four(neighbor_shares(rows, rows)) == (1.0, 1.0, 1.0, 1.0)


def test_ties_on_a_grid_are_decided_like_brute_force():
    """On integer points most distances tie with a radius; strict < must hold for each of them."""
    rng = np.random.default_rng(0)
    real, generated = rng.integers(0, 4, size=(80, 3)).astype(float), rng.integers(0, 4, size=(70, 3)).astype(float)
    with np.errstate(all="ignore"):
        radii = ball_radii(real, 3)
    kept = radii > 0
    found = members(real, radii, generated)
    expected = distances(real, generated) < radii[:, None]
    np.testing.assert_array_equal(found.points_per_ball[kept], expected.sum(axis=1)[kept])


def test_a_ball_of_radius_zero_holds_exact_duplicates_only():
    real = np.concatenate([np.zeros((7, 2)), np.random.default_rng(0).normal(size=(20, 2)) + 5])
    generated = np.concatenate([np.zeros((4, 2)), np.full((6, 2), 1e-6)])
    found = members(real, ball_radii(real, 5), generated)
    np.testing.assert_array_equal(found.points_per_ball[:7], 4)
    with pytest.warns(UserWarning, match="7 rows have 5 exact duplicates"):
        neighbor_shares(real, np.random.default_rng(1).normal(size=(10, 2)))


def test_constant_features_lie_in_their_balls_of_radius_zero():
    """A strict < alone would call every share zero, as prdc does; the warning says what was done instead."""
    with pytest.warns(UserWarning, match="50 rows have 5 exact duplicates"):
        found = neighbor_shares(np.full((30, 8), 0.1), np.full((20, 8), 0.1))
    assert four(found) == (1.0, 1.0, 30 / 5, 1.0)


def test_density_and_coverage_of_equal_distributions_have_their_known_means():
    """E[density] = 1 and E[coverage] = 1 - prod (n - j)/(n + m - j), in any dimension and with n != m."""
    rng = np.random.default_rng(0)
    drawn = [neighbor_shares(rng.normal(size=(150, 6)), rng.normal(size=(220, 6))) for _ in range(15)]
    assert np.mean([s.density for s in drawn]) == pytest.approx(1.0, abs=0.05)
    assert np.mean([s.coverage for s in drawn]) == pytest.approx(expected_coverage(150, 220), abs=0.01)
    assert expected_coverage(800, 800) == pytest.approx(0.9690, abs=1e-4)
    assert expected_coverage(400, 1600) == pytest.approx(0.99969, abs=1e-5)


@pytest.mark.parametrize("d", [16, 256])
def test_one_image_at_the_mean_fools_plain_coverage_but_not_the_calibrated_one(d):
    """The hub attack: all generated rows far away but one at the mean. It may gain 2k/n at most."""
    rng = np.random.default_rng(0)
    n = 400
    real, stand_ins = rng.normal(size=(n, d)), rng.normal(size=(n, d))
    attack = rng.normal(size=(n, d)) + 50
    attack[7] = 0.0
    without, hub = coverage_of(real, np.delete(attack, 7, axis=0), stand_ins), coverage_of(real, attack, stand_ins)
    assert without.value == 0.0
    assert hub.details["plain_coverage"] > (0.2 if d == 16 else 0.99)
    assert hub.value <= 2 * K / n
    assert hub.details["largest_hub"] == 7
    assert hub.details["largest_hub_share"] == pytest.approx(hub.details["plain_coverage"])


@pytest.mark.parametrize("d", [4, 64])
def test_calibrated_coverage_is_linear_in_the_share_of_good_images(d):
    rng = np.random.default_rng(d)
    real, stand_ins, generated = (rng.normal(size=(1000, d)) for _ in range(3))
    for good in (0.1, 0.5, 0.8, 1.0):
        mixed = generated.copy()
        mixed[int(good * 1000) :] += 100
        result = coverage_of(real, mixed, stand_ins)
        assert result.interval[0] - 0.01 <= good <= result.interval[1] + 0.01
        assert result.value == pytest.approx(good, abs=0.1)


def test_dropping_modes_lowers_calibrated_coverage_in_step():
    """10 modes far apart; a generator of j of them covers j/10 of the balls, however many images it draws there."""
    rng = np.random.default_rng(0)
    centres = 30 * rng.normal(size=(10, 16))
    real, stand_ins = (centres[rng.integers(10, size=600)] + rng.normal(size=(600, 16)) for _ in range(2))
    for kept in (10, 7, 4, 1):
        generated = centres[rng.integers(kept, size=600)] + rng.normal(size=(600, 16))
        assert coverage_of(real, generated, stand_ins).value == pytest.approx(kept / 10, abs=0.12)


BALL_SCORES = ("clipped_density", "density", "coverage", "precision", "recall")


@pytest.mark.parametrize(("scale", "names"), [(1.0, BALL_SCORES), (0.85, BALL_SCORES[:3])])
def test_the_errors_of_ball_scores_are_those_of_repeated_draws(scale, names):
    """40 draws: a standard deviation is known to 11 %. Precision near 1 claims a third too much, which is left."""
    rng = np.random.default_rng(0)
    found = {name: [] for name in names}
    for _ in range(40):
        real = rng.normal(size=(400, 12)).astype(np.float32)
        side = RealSide("rows", real[:200], real[200:], np.zeros(12), 1.0)
        drawn = Comparison(side, scale * rng.normal(size=(200, 12)).astype(np.float32), np.arange(200), 200)
        for name in found:
            found[name].append(TRACED[name](drawn))
    for name, traced in found.items():
        assert np.mean([f.error for f in traced]) == pytest.approx(np.std([f.value for f in traced]), rel=0.35), name


@pytest.mark.parametrize(("step", "shares"), [(0.0, (0.7, 1.0)), (9.0, (0.0, 0.3))])
@pytest.mark.parametrize("name", ["precision", "recall"])
def test_intervals_of_shares_stay_among_shares_and_have_a_width_where_all_or_none_are_inside(name, step, shares):
    """Of 30 images, one that is rarer than 1 - 0.025^(1/30) = 12 % may not be seen."""
    rng = np.random.default_rng(0)
    real, generated = np.zeros((60, 2)), np.zeros((30, 2)) + step
    real += 0.1 * rng.normal(size=(60, 2))
    generated += 0.001 * rng.normal(size=(30, 2)) if name == "precision" else 0.3 * rng.normal(size=(30, 2))
    low, high = score_rows(name, real, generated).interval
    assert shares[0] <= low <= high <= shares[1]
    assert high - low > 0.11


def test_a_shift_lowers_density_and_coverage_while_one_outlier_keeps_precision_up():
    rng = np.random.default_rng(0)
    real, generated = rng.normal(size=(400, 64)), rng.normal(size=(400, 64)) + 1
    plain = neighbor_shares(real, generated)
    assert max(four(plain)) < 0.05
    real[0] = 1.0
    fooled = neighbor_shares(real, generated)
    assert fooled.precision > 0.5
    assert fooled.coverage < 0.05


def test_membership_sums_equal_dense_sums():
    rng = np.random.default_rng(0)
    real, generated = rng.normal(size=(50, 3)), rng.normal(size=(43, 3))
    radii = ball_radii(real, 4)
    found, dense = members(real, radii, generated), distances(real, generated) < radii[:, None]
    points, balls = rng.random((43, 2)), rng.random((50, 3))
    np.testing.assert_allclose(found.sum_points(points), dense @ points, atol=1e-5)
    np.testing.assert_allclose(found.sum_balls(balls), dense.T @ balls, atol=1e-5)
    np.testing.assert_array_equal(found.balls_per_point, dense.sum(axis=0))


@pytest.mark.parametrize("same", [False, True])
def test_nearest_rows_equal_brute_force_and_do_not_depend_on_the_company_of_a_query(same):
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(120, 7)) + 3000).astype(np.float32)
    queries = rows if same else (rng.normal(size=(33, 7)) + 3000).astype(np.float32)
    full = distances(queries, rows)
    if same:
        np.fill_diagonal(full, np.inf)
    found, where = nearest_rows(queries, rows, n_neighbors=6, same=same)
    np.testing.assert_allclose(found, np.sort(full, axis=1)[:, :6], rtol=1e-6)
    np.testing.assert_array_equal(where, np.argsort(full, axis=1, kind="stable")[:, :6])
    for low_precision in (False, True):
        again = nearest_rows(queries[:20], rows, n_neighbors=6, low_precision=low_precision)
        expected = (found[:20], where[:20]) if not same else nearest_rows(queries, rows, n_neighbors=6)
        for one, other in zip(expected, again):
            np.testing.assert_array_equal(one[:20], other)


def test_more_neighbors_than_there_are_rows_are_lowered():
    rows = np.arange(6.0).reshape(3, 2)
    assert nearest_rows(rows, rows, n_neighbors=9)[1].shape == (3, 3)
    assert nearest_rows(rows, rows, n_neighbors=9, same=True)[1].tolist() == [[1, 2], [0, 2], [1, 0]]
    assert nearest_rows(rows[:1], rows[:1], n_neighbors=9, same=True)[1].shape == (1, 0)


def test_too_few_rows_for_k_are_refused_in_words():
    with pytest.raises(InputError, match="4 rows, but 5 neighbors"):
        ball_radii(np.zeros((4, 2)), 5)


@pytest.mark.parametrize("d", [2, 64, 4096])
def test_one_image_at_the_mean_moves_no_default_ball_score_by_more_than_2k_over_n(d):
    """The attack from 99 of 100 bad images: all far away, then one of them at the mean of the real ones."""
    n = 100
    rng = np.random.default_rng(d)
    real = rng.normal(size=(2 * n, d)).astype(np.float32)
    attack = rng.normal(size=(n, d)).astype(np.float32) + 40
    hub = np.concatenate([real.mean(axis=0, keepdims=True), attack[1:]])
    side = RealSide("rows", real[:n], real[n:], np.zeros(d), 1.0)
    without, with_hub = (Comparison(side, rows, np.arange(n), n) for rows in (attack, hub))
    defaults = {"clipped_density", "precision", "coverage"}
    assert {name for name in DEFAULT_METRICS if METRICS[name].__module__.endswith("coverage")} == defaults
    for name in defaults:
        gained = TRACED[name](with_hub).value - TRACED[name](without).value
        assert 0 <= gained <= 2 * K / n, name


@pytest.mark.parametrize("d", [4, 64])
def test_calibrated_coverage_is_one_for_real_images_and_linear_within_three_hundredths(d):
    """Means of 16 draws of 400 rows, of which one has a standard deviation near 0.06: 0.03 is two of their errors."""
    rng = np.random.default_rng(d + 1)
    found = []
    for _ in range(16):
        real, stand_ins, generated = (rng.normal(size=(400, d)) for _ in range(3))
        half = np.concatenate([generated[:200], generated[200:] + 100])
        found.append([coverage_of(real, rows, stand_ins).value for rows in (half, generated)])
    assert np.mean(found, axis=0) == pytest.approx([0.5, 1.0], abs=0.03)
