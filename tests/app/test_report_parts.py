from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from imatlas.app.cli.verbs import _levels_in_rows
from imatlas.app.figures import curve_panels, pareto_panels, scatter
from imatlas.app.gather import _samples
from imatlas.app.scoreboard import score_rows
from imatlas.app.sheets import PALETTE, enlarged, map_frame, mosaic, thumbnail_map
from imatlas.app.words import between, duration, flat, number
from imatlas.conditions import ClusterCondition
from imatlas.evaluation import METRICS
from imatlas.progress import silent
from imatlas.recipes.modeling import MAP_GONE
from imatlas.values import Codes, Samples, Score


def test_a_cluster_that_stands_for_another_gets_no_group_of_samples():
    clusters = ClusterCondition(np.repeat([0, 2], 60), counts_as=np.array([0, 0, 2]))

    def sample(seeds, wishes):
        codes = Codes({"cluster": np.tile(clusters.read(wishes["cluster"]), (len(seeds), 1))})
        return Samples(np.zeros((len(seeds), 8, 8, 1), dtype=np.uint8), codes, 0, "")

    asked_by, samples = _samples(SimpleNamespace(conditions=(clusters,), map_key="", sample=sample), silent)
    assert asked_by == "cluster"
    assert np.unique(samples.codes.fields["cluster"], return_counts=True)[1].tolist() == [10, 10]


def test_samples_of_a_model_of_an_earlier_map_are_not_laid_out_by_the_clusters_of_now():
    clusters, seeds = ClusterCondition(np.repeat([0, 1], 60), counts_as=np.array([0, 1])), []
    model = SimpleNamespace(conditions=(clusters,), map_key=MAP_GONE, sample=lambda some, report: seeds.extend(some))
    assert _samples(model, silent)[0] == ""
    assert seeds == list(range(120))


def test_sizes_of_clusters_are_told_in_one_row_a_level():
    facts = {"images": 7, "cluster_levels": {"cluster": {"1": 1200, "3": 4}}}
    assert _levels_in_rows(facts) == {"images": 7, "cluster (images)": ["1 (1,200)", "3 (4)"]}


def test_small_images_are_enlarged_by_whole_factors_without_new_colours():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 6, 1), dtype=np.uint8)
    large = enlarged(pixels, 50)
    assert large.shape == (2, 48, 36, 3)
    np.testing.assert_array_equal(large[:, ::6, ::6, 0], pixels[..., 0])
    np.testing.assert_array_equal(large[:, 5::6, 5::6, 2], pixels[..., 0])


def test_large_images_are_reduced_and_keep_their_proportions():
    assert enlarged(np.zeros((1, 128, 64, 3), dtype=np.uint8), 32).shape == (1, 32, 16, 3)


def test_a_sheet_holds_every_image_and_transparent_gaps():
    pixels = np.full((5, 4, 4, 1), 200, dtype=np.uint8)
    sheet = mosaic(pixels, 3, tile=4, gap=2)
    assert sheet.shape == (10, 16, 4)
    assert (sheet[..., 3] > 0).sum() == 5 * 16
    assert sheet[:, 4:6, 3].max() == 0


def test_map_positions_keep_order_and_fill_the_frame():
    places = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 2.0]])
    positions, aspect = map_frame(places)
    assert aspect == 0.5
    assert positions.min() >= 0
    assert positions.max() <= 1
    assert positions[2, 1] < positions[0, 1] < 1, "up on the map is up on the picture"
    assert positions[1, 0] > positions[0, 0]


def test_identical_places_do_not_break_the_map():
    positions, _ = map_frame(np.ones((4, 2)))
    np.testing.assert_allclose(positions, 0.5)


def test_the_thumbnail_map_draws_one_image_per_cell_and_all_when_there_is_room():
    pixels = np.full((4, 8, 8, 1), 90, dtype=np.uint8)
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    picture, drawn = thumbnail_map(pixels, corners, 0.75, colours=[PALETTE[0]] * 4, width=400)
    assert drawn == 4
    assert set(np.unique(picture[..., 3])) == {0, 255}
    _, drawn = thumbnail_map(pixels, np.full((4, 2), 0.5), 0.75, colours=[""] * 4, width=400)
    assert drawn == 1


def test_a_scatter_shows_each_group_in_its_colour_on_a_clear_ground():
    positions = np.array([[0.25, 0.5], [0.75, 0.5]])
    picture = scatter(positions, 0.5, np.array([0, 1]), width=400)
    assert picture.shape == (200, 400, 4)
    assert picture[0, 0, 3] == 0
    for column, colour in ((100, PALETTE[0]), (300, PALETTE[1])):
        wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        np.testing.assert_allclose(picture[100, column, :3], wanted, atol=12)


def test_curves_put_losses_together_and_take_the_page_colour():
    rows = [{"step": i, "seconds": float(i), "loss": 1.0 / (i + 1), "val_loss": 1.0, "values": {"kl": i}} for i in range(9)]
    panels = curve_panels(rows)
    assert [title for title, _ in panels] == ["Loss", "Kl"]
    assert "currentColor" in panels[0][1]
    assert "<metadata>" not in panels[0][1]
    assert panels[0][1].startswith("<svg")


def test_curves_pass_over_holes_and_need_two_rows():
    assert curve_panels([{"step": 1, "loss": 2.0}]) == []
    rows = [{"step": 1, "loss": 2.0}, {"step": 2, "loss": float("nan")}, {"step": 3, "note": "x"}, {"step": 4, "loss": 1.0}]
    assert len(curve_panels(rows)) == 1


def rival(distance: float, rate: float, space: str = "pixels") -> list[Score]:
    reach = (distance - 0.001, distance + 0.001)
    return [
        Score("kernel_distance", space, distance, reach, 0.0, "lower", 500, "quality"),
        Score("images_per_second", "", rate, None, None, "higher", 9, "speed"),
    ]


def test_models_are_compared_where_two_were_judged_and_joined_where_none_beats_them():
    """Slow and good, fast and poor are on the front, the third is beaten by the first two; the fourth has no rival."""
    scores = {"good": rival(0.01, 50), "poor": rival(0.05, 900), "beaten": rival(0.06, 40), "other": rival(0.01, 9, "else")}
    [(title, svg)] = pareto_panels(scores)
    assert title == "Likeness and speed, judged in pixels"
    for name in ("good", "poor", "beaten", "real images"):
        assert f">{name}</text>" in svg
    assert "other" not in svg
    assert "currentColor" in svg
    dashed = next(part for part in svg.split("<path")[1:] if "stroke-dasharray: 3.7" in part)
    assert dashed.count("L ") == 1, "two models on the front"
    assert pareto_panels(scores) == [(title, svg)], "the same drawing each time"
    assert pareto_panels({"good": scores["good"]}) == []
    assert pareto_panels({"good": scores["good"], "untimed": scores["poor"][:1]}) == []


@pytest.mark.parametrize(("better", "best"), [("lower", 0.1), ("higher", 9.0)])
def test_on_the_line_of_a_score_the_right_is_better(better, best):
    score = Score("distance", "pixels", 2.0, (1.5, 2.5), None, better, 9, "quality")
    others = {"a": [Score("distance", "pixels", best, None, None, better, 9, "quality")]}
    [row] = score_rows([score], others)["quality"]
    model = next(mark for mark in row.line if mark.kind == "model")
    other = next(mark for mark in row.line if mark.kind == "reference-0")
    assert other.at > model.at
    low, high = row.span
    assert low < model.at < high


def test_real_images_stand_on_every_line_and_where_they_are_is_best_there_is_none():
    score = Score("precision", "pixels", 0.7, (0.6, 0.8), 0.9, "higher", 9, "quality")
    others = {"a": [replace(score, value=0.2)]}
    [row] = score_rows([score], others)["quality"]
    assert [mark.kind for mark in row.line] == ["perfect", "reference-0", "model"]
    assert (row.perfect, row.better) == ("90\u00a0%", "higher")
    [row] = score_rows([replace(score, name="dimension")], others)["quality"]
    assert (row.line, row.better) == ((), "nearest to real")


def test_every_score_is_explained_in_plain_words():
    names = [name.removeprefix("pixel_").removeprefix("patch_") for name in METRICS]
    rows = [score_rows([Score(name, "", 1.0, None, None, "higher", 9, "quality")], {})["quality"][0] for name in names]
    assert [row.name for row in rows if not row.plain] == []


def test_a_score_without_anything_beside_it_has_no_line():
    score = Score("images_per_second", "", 431.0, None, None, "higher", 9, "speed")
    [row] = score_rows([score], {})["speed"]
    assert row.line == ()
    assert row.value == "431"


def test_the_share_of_each_kind_is_told_with_its_interval_the_widest_gap_first():
    details = {
        "kinds": ["ant", "bee"],
        "shares_real": [0.5, 0.2],
        "shares": [0.45, 0.0],
        "share_intervals": [[0.4, 0.5], [0.0, 0.04]],
        "n_real": 90,
    }
    score = Score("cluster_share", "pixels", 0.7, (0.6, 0.8), 0.9, "higher", 90, "diversity", details)
    [row] = score_rows([score], {})["diversity"]
    assert row.kinds == (
        ("bee", "20\u00a0%", "0\u00a0%", "0.00 to 4.00\u00a0%"),
        ("ant", "50\u00a0%", "45\u00a0%", "40.0 to 50.0\u00a0%"),
    )
    assert row.details == (("n real", "90"),)


def test_shares_are_percent_and_long_details_are_left_out():
    score = Score("copy_rate", "", 0.003, (0.0, 0.012), 0.0, "lower", 9, "novelty", {"pairs": [[1, 2]], "alpha": 0.05})
    [row] = score_rows([score], {})["novelty"]
    assert row.value == "0.3\u00a0%"
    assert row.interval == "0.00 to 1.20\u00a0%"
    assert row.details == (("alpha", "0.05"),)


def test_numbers_and_times_read_well():
    assert [number(x) for x in (1797, 24.4, 0.0471, 0, 1.0, -3.5, float("nan"), float("inf"), 2e-6)] == [
        "1,797",
        "24.4",
        "0.0471",
        "0",
        "1",
        "−3.5",
        "–",
        "∞",
        "2.0e−06",
    ]
    assert [duration(s) for s in (0.42, 35.2, 545, 7800, 59.7)] == ["0.4 s", "35 s", "9 min 5 s", "2 h 10 min", "1 min"]
    assert between(2.1, 2.52) == "2.10 to 2.52"
    assert flat({"a": {"b": [1, 2]}, "c": None}) == [("a.b", "1, 2"), ("c", "None")]
