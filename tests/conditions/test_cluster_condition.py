"""Clusters as conditions: each large enough, numbered as in the report, at up to three levels."""

from dataclasses import replace

import numpy as np
import pytest
from small_set import JOINED, SIZES, SMALL, N

from imatlas.checks import InputError
from imatlas.conditions import ClusterCoarseCondition, ClusterCondition, ClusterMiddleCondition, cluster_wish
from imatlas.conditions.cluster import join_small


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
