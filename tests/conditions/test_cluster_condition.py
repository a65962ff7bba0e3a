"""Clusters as conditions: each large enough, numbered as in the report, at up to three levels."""

from dataclasses import replace

import numpy as np
import pytest
from small_set import JOINED, SIZES, SMALL, N

from imatlas.checks import InputError
from imatlas.conditions import ClusterCoarseCondition, ClusterCondition, ClusterMiddleCondition, cluster_wish
from imatlas.conditions.cluster import join_small, level_columns
from imatlas.values import Grouping


def test_the_finest_level_keeps_the_numbers_of_the_report(images, manifold) -> None:
    condition = ClusterCondition.describe(images, manifold)
    codes = condition.codes(np.arange(N), np.random.default_rng(0))[:, 0]
    large = manifold.clusters.labels != SMALL
    np.testing.assert_array_equal(codes[large], np.where(manifold.clusters.labels < 0, np.nan, manifold.clusters.labels)[large])
    assert condition.field.size == len(SIZES)
    assert condition.words(codes[:1]) == "1", "people count clusters from one, as the report does"


def test_a_small_cluster_counts_as_the_nearest_large_one_and_keeps_its_number(images, manifold) -> None:
    condition = ClusterCondition.describe(images, manifold)
    codes = condition.codes(np.flatnonzero(manifold.clusters.labels == SMALL), np.random.default_rng(0))
    assert (codes == JOINED).all()
    assert condition.read(str(SMALL + 1)) == JOINED
    assert condition.words(condition.read(str(SMALL + 1))) == str(JOINED + 1)


@pytest.mark.parametrize("least", [1, 20, 40, 60, 1000])
def test_no_joined_cluster_is_smaller_than_the_least(least: int) -> None:
    """Random clusters of 1 to 60 rows; if none has as many rows as asked for, all join the largest."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(30), rng.integers(1, 61, size=30))
    counts_as = join_small(labels, rng.normal(size=(30, 4)), least)
    sizes = np.bincount(counts_as[labels], minlength=30)
    sizes_before = np.bincount(labels, minlength=30)
    assert sizes[sizes > 0].min() >= min(least, sizes_before.max())
    np.testing.assert_array_equal(counts_as[counts_as], counts_as)
    large = sizes_before >= least
    np.testing.assert_array_equal(counts_as[large], np.flatnonzero(large))


def test_coarser_levels_hold_whole_clusters_of_the_finer_ones(images, manifold) -> None:
    kinds = (ClusterCoarseCondition, ClusterMiddleCondition, ClusterCondition)
    codes = [kind.describe(images, manifold).codes(np.arange(N), np.random.default_rng(0))[:, 0] for kind in kinds]
    assert [len(np.unique(some[np.isfinite(some)])) for some in codes] == [2, 4, len(SIZES) - 1]
    for coarse, fine in ((codes[0], codes[1]), (codes[1], manifold.clusters.labels)):
        for number in np.unique(fine[np.isfinite(fine) & (fine >= 0)]):
            assert len(np.unique(coarse[fine == number])) == 1


def test_levels_that_hardly_differ_are_one(images, manifold) -> None:
    labels = manifold.clusters.labels
    nearly = np.where(labels == 1, 0, labels - (labels > 1))
    levels = np.stack([nearly, labels], axis=1)
    assert (
        ClusterMiddleCondition.describe(images, replace(manifold, clusters=replace(manifold.clusters, levels=levels))) is None
    )


def test_one_large_cluster_is_no_condition(images, manifold) -> None:
    labels = np.where(np.arange(N) < 40, 1, 0)
    single = replace(manifold.clusters, labels=labels, levels=labels[:, None], centroids=manifold.clusters.centroids[:2])
    assert ClusterCondition.describe(images, replace(manifold, clusters=single)) is None


def test_levels_are_asked_for_by_name() -> None:
    assert cluster_wish("12") == ("cluster", "12")
    assert cluster_wish("middle:7") == ("cluster_middle", "7")
    assert cluster_wish("coarse:3") == ("cluster_coarse", "3")
    with pytest.raises(InputError, match=r"no level of clusters 'fine'; write a number, or coarse or middle:NUMBER"):
        cluster_wish("fine:3")


def test_a_number_that_is_none_is_told_with_those_there_are(images, manifold) -> None:
    for wish in ("0", "10", "-1", "1.0", ""):
        with pytest.raises(InputError, match=rf"There is no cluster '{wish}'; choose a number from 1 to 9\."):
            ClusterCondition.describe(images, manifold).read(wish)


def regrouped(manifold, stands_for, names=None):
    """Give the small set's manifold with clusters of the finest level merged and named."""
    labels, clusters = manifold.clusters.labels, manifold.clusters
    merged = np.where(labels < 0, -1, np.asarray(stands_for)[labels])
    levels = np.stack([*clusters.levels.T[:-1], merged], axis=1)
    groupings = [clusters.grouping(level) for level in range(levels.shape[1])]
    groupings[-1] = Grouping(len(SIZES), np.asarray(stands_for), names or {})
    return replace(manifold, clusters=replace(clusters, labels=merged, levels=levels, groupings=tuple(groupings)))


def test_the_number_of_a_merged_cluster_asks_for_what_it_was_merged_into(images, manifold) -> None:
    merged = regrouped(manifold, [0, 1, 2, 3, 4, 5, 1, 7, 8])
    condition = ClusterCondition.describe(images, merged)
    assert condition.read("7") == condition.read("2") == 1
    assert "7" not in condition.offered
    assert "2" in condition.offered
    rows = np.flatnonzero(np.isin(manifold.clusters.labels, [1, 6]))
    assert (condition.codes(rows, np.random.default_rng(0)) == 1).all()
    assert ClusterMiddleCondition.describe(images, merged).field.size == 4


def test_merging_moves_no_condition_to_another_level(images, manifold) -> None:
    """Four clusters of the middle level are more than half of the three that are left of nine."""
    merged = regrouped(manifold, [0, 0, 0, 0, 0, 0, 0, 7, 8])
    assert level_columns(merged.clusters) == level_columns(manifold.clusters) == [2, 1, 0]


def test_a_cluster_without_an_image_left_is_refused_and_not_offered(images, manifold) -> None:
    out = manifold.clusters.labels == 5
    labels = np.where(out, -1, manifold.clusters.labels)
    groupings = tuple(manifold.clusters.grouping(level) for level in range(3))
    levels = np.stack([*manifold.clusters.levels.T[:-1], labels], axis=1)
    clusters = replace(manifold.clusters, labels=labels, levels=levels, groupings=groupings)
    condition = ClusterCondition.describe(images, replace(manifold, clusters=clusters))
    assert "6" not in condition.offered
    assert len(condition.offered) == len(SIZES) - 1
    with pytest.raises(InputError, match="No training image is of the cluster '6'"):
        condition.read("6")


def test_a_name_works_like_the_number_and_comes_back_from_disk(images, manifold) -> None:
    named = regrouped(manifold, np.arange(9), {3: "striped shirts", SMALL: "hats"})
    condition = ClusterCondition.unpack(*ClusterCondition.describe(images, named).pack())
    assert condition.read("Striped Shirts") == condition.read("4") == 3
    assert condition.read("hats") == JOINED
    assert condition.words(condition.read("4")) == condition.offered[3] == "striped shirts"
    assert condition.renamed({3: "tops"}).words(np.array([3.0])) == "tops"
    with pytest.raises(InputError, match=r"'stripes'; choose a number from 1 to 9, or a name: striped shirts\."):
        condition.read("stripes")


def test_a_name_without_a_level_is_found_at_any_level(images, manifold) -> None:
    fine, coarse = (kind.describe(images, manifold) for kind in (ClusterCondition, ClusterCoarseCondition))
    conditions = (fine.renamed({0: "hats"}), coarse.renamed({1: "Clothes"}))
    assert cluster_wish("clothes", conditions) == ("cluster_coarse", "clothes")
    assert cluster_wish("hats", conditions) == ("cluster", "hats")
    assert cluster_wish("shoes", conditions) == ("cluster", "shoes")


def test_a_condition_kept_before_clusters_could_be_named_is_read(images, manifold) -> None:
    condition = ClusterCondition.describe(images, manifold)
    old = ClusterCondition.unpack({}, {"labels": condition.labels, "counts_as": condition.counts_as})
    assert old.offered == condition.offered == tuple(str(number + 1) for number in range(len(SIZES)))
