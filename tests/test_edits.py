"""What a person changed of a set: kept on disk, undone, done again, and applied to images and clusters."""

import json
from dataclasses import replace

import numpy as np
import pytest
from test_store import make_images, make_manifold

from imatlas.checks import InputError
from imatlas.store import Exclude, Include, Merge, Name, Redo, Split, StaleEdits, Undo, create_atlas, open_atlas

FINE = np.array([0, 0, 1, 1, 1, 2, 2, 3, 3])
"""Clusters of the nine training rows; those of the coarser level are 0, 0, 1, 1."""


@pytest.fixture
def atlas(tmp_path):
    atlas = create_atlas(tmp_path / "toy.atlas", make_images(), {"seed": 3})
    atlas.save_manifold(clustered(atlas.images.training_rows, FINE), np.zeros((12, 2)))
    return atlas


def clustered(rows, fine):
    manifold = make_manifold(rows)
    features = np.arange(9, dtype=np.float32)[:, None] + np.zeros((9, 4), np.float32)
    centroids = np.stack([features[fine == number].mean(axis=0) for number in range(fine.max() + 1)])
    clusters = replace(manifold.clusters, labels=fine, levels=np.stack([fine // 2, fine], axis=1), centroids=centroids)
    return replace(manifold, features=replace(manifold.features, rows=features), clusters=clusters)


def labels_of(atlas, level=1):
    return atlas.manifold.clusters.levels[:, level].tolist()


def test_exclusions_are_kept_undone_and_done_again(atlas):
    assert (atlas.edits.revision, atlas.edits.can_undo, atlas.edits.can_redo) == (0, False, False)
    atlas.edit(Exclude(("f/1.png", "f/2.png")))
    atlas.edit(Exclude(("f/2.png", "f/3.png")))
    again = open_atlas(atlas.folder)
    assert np.flatnonzero(again.images.excluded).tolist() == [1, 2, 3]
    assert again.edit(Undo()).excluded == ("f/1.png", "f/2.png")  # what was out before stays out
    assert not again.images.excluded[3]
    assert again.edit(Redo()).excluded == ("f/1.png", "f/2.png", "f/3.png")
    assert again.edit(Include(("f/1.png", "f/7.png"))).excluded == ("f/2.png", "f/3.png")
    edits = again.edit(Undo())
    assert (set(edits.excluded), edits.revision, edits.can_redo) == ({"f/1.png", "f/2.png", "f/3.png"}, 6, True)
    assert not again.edit(Exclude(("f/9.png",))).can_redo


def test_a_change_that_changes_nothing_is_no_revision(atlas):
    atlas.edit(Exclude(("f/1.png",)))
    assert atlas.edit(Exclude(("f/1.png",))).revision == 1
    assert atlas.edit(Include(("f/2.png",))).revision == 1


def test_a_change_to_what_someone_else_changed_since_is_refused(atlas):
    atlas.edit(Exclude(("f/1.png",)), revision=0)
    with pytest.raises(StaleEdits, match="revision 0 of the edits, and 1 is there"):
        open_atlas(atlas.folder).edit(Exclude(("f/2.png",)), revision=0)


def test_the_file_of_exclusions_alone_is_read_and_can_be_changed(atlas):
    (atlas.folder / "edits.json").write_text(json.dumps({"excluded": ["f/1.png"]}))
    again = open_atlas(atlas.folder)
    assert np.flatnonzero(again.images.excluded).tolist() == [1]
    assert again.edit(Exclude(("f/2.png",))).excluded == ("f/1.png", "f/2.png")


@pytest.mark.parametrize("content", ['{"excluded": "f/1.png"}', '{"past": [{"fly": {}}]}', '{"revision": [', "[]"])
def test_a_damaged_file_is_refused_in_words(atlas, content):
    (atlas.folder / "edits.json").write_text(content)
    with pytest.raises(InputError, match=r"edits\.json"):
        _ = open_atlas(atlas.folder).images


def test_merged_clusters_go_by_their_lowest_number_and_the_others_keep_theirs(atlas):
    found = atlas.manifold
    atlas.edit(Merge(1, (3, 1)))
    clusters = open_atlas(atlas.folder).manifold.clusters
    assert clusters.labels.tolist() == [0, 0, 1, 1, 1, 2, 2, 1, 1]
    assert labels_of(atlas, 0) == (FINE // 2).tolist()
    assert clusters.groupings[1].merges == [[1, 3]]
    assert clusters.n_clusters == 3
    np.testing.assert_array_equal(clusters.centroids[1], found.features.rows[[2, 3, 4, 7, 8]].mean(axis=0))
    np.testing.assert_array_equal(clusters.centroids[3], clusters.centroids[1])
    assert atlas.manifold.key == found.key
    with pytest.raises(InputError, match="cluster 4 was merged into 2"):
        atlas.edit(Name(1, 3, "late"))
    atlas.edit(Undo())
    assert labels_of(atlas) == FINE.tolist()


def test_a_merged_cluster_is_split_into_what_it_was_merged_from(atlas):
    for change in (Merge(1, (0, 1)), Merge(1, (0, 3)), Split(1, 0)):
        atlas.edit(change)
    assert labels_of(atlas) == [0, 0, 0, 0, 0, 2, 2, 3, 3]
    assert atlas.manifold.clusters.groupings[1].merges == [[0, 1]]
    atlas.edit(Split(1, 0))
    assert labels_of(atlas) == FINE.tolist()
    assert not atlas.manifold.clusters.groupings[1].merges


def test_a_cluster_is_split_into_its_finer_ones_and_the_largest_keeps_its_number(atlas):
    atlas.edit(Split(0, 0))
    assert labels_of(atlas, 0) == [2, 2, 0, 0, 0, 1, 1, 1, 1]
    assert labels_of(atlas, 1) == FINE.tolist()


def test_a_cluster_of_the_finest_level_is_split_into_halves(atlas):
    atlas.edit(Merge(0, (0, 1)))
    atlas.edit(Split(1, 1))  # features 2, 3 and 4
    assert labels_of(atlas) in ([0, 0, 1, 1, 4, 2, 2, 3, 3], [0, 0, 4, 1, 1, 2, 2, 3, 3])
    before = labels_of(atlas)
    atlas.edit(Merge(1, (0, 4)))
    atlas.edit(Split(1, 0))
    assert labels_of(open_atlas(atlas.folder)) == before
    atlas.edit(Split(1, 4 if before.count(1) == 1 else 1))
    with pytest.raises(InputError, match="one image"):
        atlas.edit(Split(1, 5))


def test_a_name_lasts_through_merging_and_splitting(atlas):
    atlas.edit(Name(1, 3, "  striped   shirts "))
    grouping = atlas.manifold.clusters.groupings[1]
    assert grouping.all_names == ["1", "2", "3", "striped shirts"]
    atlas.edit(Merge(1, (1, 3)))
    assert atlas.manifold.clusters.groupings[1].names == {1: "striped shirts"}
    atlas.edit(Name(1, 1, "tops"))
    assert atlas.manifold.clusters.groupings[1].names == {1: "tops"}
    atlas.edit(Split(1, 1))
    assert atlas.manifold.clusters.groupings[1].names == {1: "tops", 3: "striped shirts"}
    atlas.edit(Name(1, 1, ""))
    atlas.edit(Undo())
    assert atlas.manifold.clusters.groupings[1].names == {1: "tops", 3: "striped shirts"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (Name(1, 0, "12"), "is a number"),
        (Name(1, 0, "a:b"), "colon"),
        (Name(1, 0, "a\x00b"), "not printed"),
        (Name(1, 0, "x" * 81), "longer than 80"),
        (Name(1, 0, "Tops"), "another cluster"),
        (Name(1, 9, "far"), "no cluster 10"),
        (Name(2, 0, "far"), "no level 2"),
        (Merge(1, (2, 2)), "two at least"),
        (Redo(), "nothing to do again"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(atlas, change, why):
    atlas.edit(Name(1, 1, "tops"))
    before = (atlas.folder / "edits.json").read_bytes()
    with pytest.raises(InputError, match=why):
        atlas.edit(change)
    assert (atlas.folder / "edits.json").read_bytes() == before
