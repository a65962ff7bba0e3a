"""Loops, random walks, grids, own pictures and scores of paths, on a small trained model."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
from laws.random_state import global_generators_untouched
from laws.threads import one_thread

from imatlas.checks import InputError
from imatlas.generators import CodeFlow
from imatlas.images import moving_shape
from imatlas.recipes import Model, fit_manifold, train
from imatlas.recipes.learning import choose_extractor
from imatlas.recipes.path_scores import score_paths
from imatlas.recipes.paths import code_chart, decoder_of
from imatlas.recipes.reconstructing import reconstruct
from imatlas.recipes.tours import between_four, cluster_hearts, loop_codes, map_grid, random_walk, walk_codes
from imatlas.sampling import draw_path, encode
from imatlas.values import Clusters

__all__ = ["one_thread"]

SIDE = 8


@pytest.fixture(scope="module")
def ground():
    """120 images of a moving shape, a quarter held out, their manifold, its extractor, and a VAE with a small code flow."""
    images = moving_shape(120, SIDE, seed=0)[0]
    images = dataclasses.replace(images, held_out=np.arange(120) % 4 == 0)
    train_set = images.take(images.training_rows)
    manifold = fit_manifold(images, features="principal_components")
    extractor = choose_extractor("principal_components", len(train_set), budget=1.0).fit(train_set)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CodeFlow, "width", 32)
        patch.setattr(CodeFlow, "depth", 2)
        model = train(images, manifold, steps=120, generator="vae", conditions=("map_place",))
        yield model, images, manifold, extractor


def gaps(model: Model, codes: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        drawn = decoder_of(model.generator)(torch.from_numpy(codes)).flatten(1)
    return drawn.diff(dim=0).norm(dim=1).numpy()


def test_a_loop_passes_its_pictures_and_closes_with_a_step_like_every_other(ground):
    model, images, manifold, _ = ground
    codes = encode(model.generator, images.pixels[[1, 50, 90]])
    with global_generators_untouched():
        loop = loop_codes(model.generator, code_chart(model, images, manifold), codes, frames=40)
    assert loop.shape == (40, codes.shape[1])
    np.testing.assert_allclose(loop[0], codes[0], atol=1e-5)
    steps = gaps(model, np.concatenate([loop, loop[:1]]))
    assert steps.max() / steps.min() < 1.5  # a whole number of steps on each way between pictures
    np.testing.assert_allclose(np.linalg.norm(loop[:, None] - codes[None], axis=2).min(axis=0), 0, atol=1e-5)
    assert len(loop_codes(model.generator, code_chart(model, images, manifold), codes, frames=3)) == 3
    with pytest.raises(InputError, match="2 frames cannot show 3 pictures"):
        loop_codes(model.generator, code_chart(model, images, manifold), codes, frames=2)
    with pytest.raises(InputError, match="A loop came with 1 picture; it needs 2 at least"):
        loop_codes(model.generator, code_chart(model, images, manifold), codes[:1], frames=5)


def test_cluster_hearts_are_the_strongest_of_the_largest_clusters_in_turn_around_the_map(ground):
    _, _, manifold, _ = ground
    labels = np.arange(len(manifold)) % 3
    strengths = np.linspace(0, 1, len(manifold), dtype=np.float32)
    named = dataclasses.replace(manifold, clusters=Clusters(labels, labels[:, None], strengths, np.zeros((3, 2)), "none"))
    assert set(cluster_hearts(named)) == set(manifold.rows[-3:])
    one = Clusters(np.zeros_like(labels), labels[:, None], strengths, np.zeros((1, 2)), "none")
    with pytest.raises(InputError, match="no two clusters to loop through; name pictures"):
        cluster_hearts(dataclasses.replace(manifold, clusters=one))


def test_a_random_walk_passes_links_and_depends_on_its_seed_alone(ground):
    model, images, manifold, _ = ground
    way = random_walk(manifold, 5, steps=30, seed=1)
    links = manifold.graph.adjacency
    assert way[0] == 5
    assert all(links[here, there] > 0 for here, there in pairwise(way))
    assert len(set(way)) > 10
    np.testing.assert_array_equal(random_walk(manifold, 5, steps=30, seed=1), way)
    assert (random_walk(manifold, 5, steps=30, seed=2) != way).any()
    stations = encode(model.generator, images.pixels[manifold.rows[way]])
    codes = walk_codes(model.generator, code_chart(model, images, manifold), stations, frames=61)
    np.testing.assert_allclose(codes[[0, -1]], stations[[0, -1]], atol=1e-4)
    steps = gaps(model, codes)
    assert steps.max() / steps.min() < 1.5
    assert steps.sum() < gaps(model, stations).sum()


def test_a_map_grid_leaves_places_without_images_empty(ground):
    model, _, manifold, _ = ground
    found = map_grid(model, manifold, side=9, furthest=1.0, seed=3)
    support = manifold.embedding.support(found.places.reshape(-1, 2)).reshape(9, 9)
    np.testing.assert_array_equal(found.drawn, support <= 1.0)
    assert 0 < found.drawn.sum() < 81
    assert not found.pixels[~found.drawn].any()
    line, column = np.argwhere(found.drawn)[0]
    wish = ",".join(str(float(value)) for value in found.places[line, column])
    alone = model.sample([3], {"map_place": wish}).pixels[0]
    assert np.abs(found.pixels[line, column].astype(int) - alone).max() <= 1
    assert found.places[0, 0, 1] > found.places[-1, 0, 1]
    with pytest.raises(InputError, match=r"not trained with map_place \(it knows: no condition\)"):
        map_grid(Model(model.generator, (), "vae"), manifold, side=3, furthest=3.0)


def test_a_grid_between_four_pictures_has_them_at_its_corners(ground):
    model, images, manifold, _ = ground
    corners = images.pixels[[1, 30, 60, 90]]
    grid = between_four(model, images, manifold, corners, side=4)
    assert grid.shape == (4, 4, SIDE, SIDE, 1)
    own = draw_path(model.generator, encode(model.generator, corners))
    for pixels, expected in zip((grid[0, 0], grid[0, -1], grid[-1, 0], grid[-1, -1]), own):
        assert np.abs(pixels.astype(int) - expected).max() <= 1


def test_a_training_image_is_reconstructed_better_than_noise_and_noise_is_off_the_manifold(ground):
    model, images, manifold, extractor = ground
    noise = np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 1), dtype=np.uint8)
    found = reconstruct(model, images, manifold, extractor, np.concatenate([images.pixels[[1]], noise]))
    assert found.errors[0] < found.errors[1]
    assert found.better_than[0] > found.better_than[1] == 0
    assert (found.n_compared, found.compared_with) == (30, "held-out")
    assert not found.can_tell
    assert not found.is_off.any(), "of 31 images of the set one is the worst"
    many = dataclasses.replace(images, held_out=np.arange(120) >= 20)
    told = reconstruct(model, many, manifold, extractor, np.concatenate([images.pixels[[1]], noise]))
    assert told.can_tell
    np.testing.assert_array_equal(told.is_off, [False, True])
    gap = images.pixels[1].astype(float) - found.pixels[0]
    assert found.errors[0] == pytest.approx(np.sqrt(np.square(gap).mean()), rel=1e-5)
    few = dataclasses.replace(images, held_out=np.arange(120) == 0)
    assert reconstruct(model, few, manifold, extractor, noise).compared_with == "training"


def test_scores_of_paths_stand_beside_straight_lines_samples_and_reconstructions(ground):
    model, images, manifold, _ = ground
    labelled = dataclasses.replace(images, labels=np.arange(120) % 2, class_names=("a", "b"))
    scores = score_paths(model, labelled, manifold, count=40)
    assert set(scores) == {"geodesic", "straight", "samples", "reconstructions"}
    names = [(score.name, score.space) for score in scores["geodesic"]]
    assert names[-1] == ("group_kept", "random_convolutions")
    assert {name for name, _ in names} == {"kernel_distance", "frechet_distance", "group_kept"}
    assert all(score.space != "principal_components" for score in scores["geodesic"])
    kept = scores["geodesic"][-1]
    assert kept.interval[0] <= kept.value <= kept.interval[1]
    assert (kept.n, kept.details["grouped_by"]) == (40, "class")
    assert [score.value for score in score_paths(model, labelled, manifold, count=40)["geodesic"]] == [
        score.value for score in scores["geodesic"]
    ]
    with pytest.raises(InputError, match="There are 1 held-out images; scoring paths needs 20 at least"):
        score_paths(model, dataclasses.replace(images, held_out=np.arange(120) == 0), manifold)
