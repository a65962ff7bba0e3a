"""A person's edits on their way into training, old models and new maps."""

import base64
import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from laws.threads import one_thread
from PIL import Image
from typer.testing import CliRunner

from imatlas.app.cli.main import app
from imatlas.app.gather import gather_report
from imatlas.app.studio.asks import DrawAsk
from imatlas.app.studio.desk import Desk
from imatlas.app.studio.told import atlas_facts
from imatlas.checks import InputError
from imatlas.generators import Vae
from imatlas.images import moving_shape
from imatlas.neighbors import knn_graph
from imatlas.recipes import (
    Wishes,
    cluster_hearts,
    load_model,
    map_images,
    train_atlas,
    trained_on,
    with_bank,
    without_excluded,
)
from imatlas.store import Atlas, Exclude, Merge, Name, Split, Undo, open_atlas, same_clusters
from imatlas.store.edits import change_edits

__all__ = ["one_thread"]

WISHES = Wishes(steps=2, seed=3, features="principal_components", generator="vae", conditions=("cluster", "density"))


@pytest.fixture(scope="module")
def small():
    """A network of a size that trains at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Vae, "sizes_for", classmethod(lambda cls, image_shape, dimension, n_images: {"code_dim": 4, "width": 8}))
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory, one_thread, small) -> Atlas:
    """An atlas of 460 shapes in four clusters, and a model of before any edit."""
    images, _ = moving_shape(460, 8, seed=0)
    atlas = map_images(images, tmp_path_factory.mktemp("atlas") / "shapes.atlas", WISHES)
    assert atlas.manifold.clusters.n_clusters > 2
    train_atlas(atlas, WISHES)
    return atlas


@pytest.fixture
def atlas(trained: Atlas, tmp_path) -> Atlas:
    return open_atlas(shutil.copytree(trained.folder, tmp_path / "shapes.atlas"))


def pixels_of(drawing) -> list[bytes]:
    return [Image.open(io.BytesIO(base64.b64decode(one.png))).tobytes() for one in drawing.images]


def level_of(atlas: Atlas) -> int:
    return atlas.manifold.clusters.level


def test_the_graph_of_the_images_left_is_the_one_made_of_them_alone(atlas: Atlas) -> None:
    whole, out = atlas.manifold, atlas.manifold.rows[::7]
    atlas.edit(Exclude(tuple(atlas.images.ids[out].tolist())))
    left = without_excluded(atlas.manifold, atlas.images)
    assert set(left.rows) == set(whole.rows) - set(out)
    alone = knn_graph(left.features.rows, n_neighbors=whole.graph.n_neighbors)
    np.testing.assert_allclose(left.graph.distances, alone.distances, atol=1e-5)
    assert left.graph.adjacency.shape == (len(left.rows),) * 2
    np.testing.assert_array_equal(left.clusters.labels, whole.clusters.labels[np.isin(whole.rows, left.rows)])
    assert (left.key, len(left.geodesics.landmarks)) == (whole.key, left.geodesics.distances.shape[0])
    assert without_excluded(whole, open_atlas(atlas.folder).under(replace(atlas.edits, excluded=())).images) is whole


def test_images_taken_out_are_not_trained_on(atlas: Atlas) -> None:
    """A whole cluster is gone: no code of it is drawn, and its number is refused."""
    manifold, level = atlas.manifold, level_of(atlas)
    atlas.edit(Name(level, 1, "junk"))
    atlas.edit(Exclude(tuple(atlas.images.ids[manifold.rows[manifold.clusters.labels == 1]].tolist())))
    model = train_atlas(atlas, WISHES)
    assert model.name == "0002-vae"
    cluster = next(condition for condition in model.conditions if condition.name == "cluster")
    assert len(cluster.labels) == (manifold.clusters.labels != 1).sum()
    assert 1 not in cluster.labels
    with pytest.raises(InputError, match="No training image is of the cluster '2'"):
        model.sample([0], {"cluster": "2"})
    images, left = trained_on(open_atlas(atlas.folder), atlas.model(model.name))
    assert with_bank(model, images, left).conditions[1].quantiles.shape == cluster.labels.shape


def test_what_a_model_was_trained_on_is_known_whatever_was_edited_since(atlas: Atlas) -> None:
    folder, manifold = atlas.model("0001-vae"), atlas.manifold
    atlas.edit(Exclude((str(atlas.images.ids[manifold.rows[0]]),)))
    atlas.edit(Merge(level_of(atlas), (0, 1)))
    images, then = trained_on(atlas, folder)
    np.testing.assert_array_equal(then.clusters.labels, manifold.clusters.labels)
    np.testing.assert_array_equal(images.training_rows, manifold.rows)


def test_a_model_says_whether_what_it_was_trained_on_was_edited_since(atlas: Atlas) -> None:
    folder, level = atlas.model("0001-vae"), level_of(atlas)
    atlas.edit(Name(level, 2, "shirts"))
    assert not folder.is_edited_since
    for change in (Exclude((str(atlas.images.ids[0]),)), Merge(level, (0, 1))):
        atlas.edit(change)
        assert folder.is_edited_since
        atlas.edit(Undo())
        assert not folder.is_edited_since


def test_a_name_given_after_the_training_works_at_once(atlas: Atlas) -> None:
    atlas.edit(Name(level_of(atlas), 2, "striped shirts"))
    model = load_model(atlas.model("0001-vae"))
    drawn = model.sample([4], {"cluster": "Striped Shirts"})
    np.testing.assert_array_equal(drawn.pixels, model.sample([4], {"cluster": "3"}).pixels)
    assert drawn.how[0]["cluster"] == "striped shirts"
    atlas.edit(Name(level_of(atlas), 2, ""))
    with pytest.raises(InputError, match="no cluster 'striped shirts'; choose a number from 1 to"):
        load_model(atlas.model("0001-vae")).sample([4], {"cluster": "striped shirts"})


def test_an_old_model_keeps_its_clusters_when_they_are_merged(atlas: Atlas) -> None:
    """Cluster 3 goes on under its name; 1 and 2 are to the old model what they were."""
    level = level_of(atlas)
    plain = load_model(atlas.model("0001-vae")).sample([4], {"cluster": "2"}).pixels
    atlas.edit(Name(level, 2, "striped shirts"))
    atlas.edit(Merge(level, (0, 1)))
    old = load_model(atlas.model("0001-vae"))
    np.testing.assert_array_equal(old.sample([4], {"cluster": "2"}).pixels, plain)
    assert old.sample([4], {"cluster": "striped shirts"}).how[0]["cluster"] == "striped shirts"


def test_a_merge_trains_another_model_and_its_undoing_finds_the_old_one(atlas: Atlas) -> None:
    atlas.edit(Merge(level_of(atlas), (0, 1)))
    model = train_atlas(atlas, WISHES)
    assert model.name == "0002-vae"
    both, first = (model.sample([4], {"cluster": wish}).codes.fields["cluster"] for wish in ("2", "1"))
    np.testing.assert_array_equal(both, first)
    atlas.edit(Name(level_of(atlas), 0, "tops"))
    assert train_atlas(atlas, WISHES).name == "0002-vae", "a name makes no other model"
    atlas.edit(Undo())
    atlas.edit(Undo())
    assert train_atlas(atlas, WISHES).name == "0001-vae"


def test_names_and_merges_are_carried_to_a_map_of_mostly_the_same_clusters(atlas: Atlas) -> None:
    level, manifold = level_of(atlas), atlas.manifold
    for change in (Name(level, 2, "kept"), Merge(level, (0, 1)), Name(level, 0, "both")):
        atlas.edit(change)
    before = atlas.manifold
    atlas.edit(Exclude(tuple(atlas.images.ids[manifold.rows[:3]].tolist())))
    again = map_images(atlas.images, atlas.folder, WISHES)
    assert again.manifold.key != manifold.key
    edits, clusters = again.edits, again.manifold.clusters
    kept = {name: number for number, name in clusters.grouping(clusters.level).names.items()}
    rows = np.isin(before.rows, again.manifold.rows)
    same = same_clusters(before.clusters.labels[rows], clusters.labels)
    for name, number in {"kept": 2, "both": 0}.items():
        assert (name in kept) == (number in same)
        assert (name in kept) or f"the name {name}" in edits.notes[0]
    assert kept, "none of the names was carried, so this tests nothing"
    assert edits.can_undo, "what was taken out can be taken in again"


def test_what_cannot_be_carried_to_another_map_is_told(atlas: Atlas) -> None:
    level, found = level_of(atlas), atlas.manifold
    atlas.edit(Split(level, 1))
    atlas.edit(Name(level, found.clusters.n_clusters, "part"))
    rows = np.random.default_rng(0).permutation(len(found))
    shuffled = replace(found.clusters, labels=found.clusters.labels[rows], levels=found.clusters.levels[rows])
    atlas.save_manifold(replace(found, clusters=shuffled), np.array(atlas.places))
    assert not atlas.edits.touches_clusters
    assert "the split of cluster 2, the name part could not be carried over" in atlas.edits.notes[0]
    assert atlas.edits.notes[0] in atlas.images.notes


def test_the_same_clusters_share_more_than_half_of_what_is_in_either() -> None:
    before = np.array([0, 0, 0, 0, 1, 1, 2, 2, -1])
    after = np.array([5, 5, 5, 1, 1, 0, -1, 2, 2])
    assert same_clusters(before, after) == {0: 5}


def test_a_named_cluster_is_asked_for_on_the_command_line_and_named_in_the_report(atlas: Atlas, tmp_path) -> None:
    atlas.edit(Name(level_of(atlas), 2, "striped shirts"))
    words = ["generate", str(atlas.folder), "--cluster", "Striped shirts", "--count", "2", "--out", str(tmp_path / "new")]
    assert CliRunner().invoke(app, words).exit_code == 0
    told = CliRunner().invoke(app, ["show", str(tmp_path / "new" / "00000.png"), "--json"])
    assert json.loads(told.stdout)["cluster"] == "striped shirts"
    contents = gather_report(open_atlas(atlas.folder))
    assert contents.names_of_clusters[1:3] == ["Cluster 2", "striped shirts"]
    assert contents.asked_by == "cluster"
    atlas.edit(Merge(level_of(atlas), (0, 1)))
    assert gather_report(open_atlas(atlas.folder)).asked_by == "", "the model's clusters are not those of now"


def test_a_loop_leads_through_what_is_left(atlas: Atlas) -> None:
    """Of four clusters two are left by a merge, fewer than the hearts that are asked for; the heart of one is taken out."""
    manifold, numbers = atlas.manifold, range(atlas.manifold.clusters.n_clusters - 1)
    atlas.edit(Merge(level_of(atlas), tuple(numbers)))
    first = cluster_hearts(atlas.manifold)
    assert len(first) == 2
    atlas.edit(Exclude(tuple(atlas.images.ids[first].tolist())))
    hearts = cluster_hearts(without_excluded(atlas.manifold, atlas.images))
    assert not set(hearts) & set(first)
    assert set(hearts) <= set(manifold.rows)


def test_edits_of_the_clusters_of_an_earlier_map_are_passed_over_and_told(atlas: Atlas) -> None:
    """As a crash in the milliseconds between the new map and the new edits leaves them."""
    found = atlas.manifold
    change_edits(atlas.folder, lambda edits: replace(edits.of_map("earlier"), names={0: {0: "shirts"}}))
    again = open_atlas(atlas.folder)
    np.testing.assert_array_equal(again.manifold.clusters.levels, found.clusters.levels)
    assert not again.manifold.clusters.groupings
    assert "of an earlier map; they were passed over" in again.images.notes[-1]
    again.edit(Name(0, 1, "hats"))
    assert again.edits.names == {0: {1: "hats"}}


def test_the_studio_offers_and_draws_what_was_named_a_moment_ago(atlas: Atlas) -> None:
    desk, level = Desk(atlas.folder), level_of(atlas)
    ask = DrawAsk(wishes={"cluster": "3"})
    before = desk.easel().draw(ask)
    open_atlas(atlas.folder).edit(Name(level, 2, "striped shirts"))
    named = desk.easel().draw(DrawAsk(wishes={"cluster": "striped shirts"}))
    assert named.images[0].how["cluster"] == "striped shirts"
    assert pixels_of(named) == pixels_of(before)
    open_atlas(atlas.folder).edit(Merge(level, (0, 1)))
    facts = atlas_facts(desk.view(), desk.shelf)
    assert facts.fields.labels[-1].groups[:3] == ["1", "", "striped shirts"]
    assert facts.models[0].conditions[0].choices[:3] == ["1", "2", "striped shirts"], "the model knows clusters 1 and 2 apart"
