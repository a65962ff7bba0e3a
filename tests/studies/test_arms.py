"""Arms: what their names give, what they need, and the groups they put in the place of the manifold's."""

import numpy as np
import pytest
import torch
from laws.threads import one_thread

from imatlas.checks import InputError
from imatlas.conditions import ClusterCondition
from imatlas.features import JUDGES
from imatlas.images import moving_shape, split_images
from imatlas.recipes import Wishes, fit_manifold
from imatlas.studies import ARMS, Study, arms_of, code_samplers, find_arms
from imatlas.studies.code_samplers import CODE_SAMPLERS
from imatlas.studies.partitions import FILTERS, counted_clusters, densest, pixel_clusters, random_clusters, surface_clusters

__all__ = ["one_thread"]


@pytest.fixture(scope="module")
def images():
    return split_images(moving_shape(640, 8, seed=0)[0])


@pytest.fixture(scope="module")
def manifold(images):
    return fit_manifold(images, features="principal_components")


def names(arms):
    return [arm.name for arm in arms]


def test_every_arm_comes_with_what_it_is_compared_with():
    for name, arm in ARMS.items():
        found = find_arms([name], arm.fit.kind or "flow", labelled=True)
        assert names(found) == list(dict.fromkeys([arm.against, name]))
        assert ARMS[arm.against].guided == arm.guided or arm.sampler, "guidance is granted to the baseline too"


def test_variants_of_an_arm_share_its_training():
    assert ARMS["clusters+guided"].fit is ARMS["clusters"].fit
    assert ARMS["oracle-codes"].fit is ARMS["neighborhood"].fit
    assert len({arm.fit for name, arm in ARMS.items() if name.startswith("vae-")}) == 1


def test_the_usual_arms_are_drawn_as_the_generator_draws_by_itself():
    usual = find_arms((), "flow", labelled=True)
    assert names(usual) == ["unconditional-longer", "placebo", "clusters", "neighborhood", "classes"]
    guided = find_arms((), "latent_flow", labelled=False)
    assert names(guided) == [f"{name}+guided" for name in names(usual)[:-1]]


@pytest.mark.parametrize(
    ("asked", "kind", "sentence"),
    [
        ("wings", "flow", "There is no arm 'wings'; choose from: unconditional-longer"),
        ("classes", "flow", "needs labels of two classes at least"),
        ("clusters+guided", "gan", "needs an early copy, which a gan does not keep"),
    ],
)
def test_arms_that_cannot_be_had_are_refused_in_words(asked, kind, sentence):
    with pytest.raises(InputError, match=sentence):
        find_arms([asked], kind, labelled=False)


@pytest.mark.parametrize("wrong", [{"repeats": 0}, {"lengths": (0.5,)}, {"lengths": (1.0, 2.0)}, {"subset": 3}, {"judges": ()}])
def test_terms_that_nothing_can_meet_are_refused_at_the_door(wrong):
    with pytest.raises(InputError):
        Study(**wrong)


def test_a_judge_that_saw_what_an_arm_was_conditioned_with_is_refused(images):
    """The map of 500 images is made by an encoder; an arm with clusters of pixels has seen these too."""
    for arm, judge in (("clusters", "encoder"), ("pixel-clusters", "pixels"), ("pixel-clusters", "principal_components")):
        with pytest.raises(InputError, match=f"conditioned with the features {judge}, which would flatter it"):
            arms_of(Study((arm,), judges=(judge,)), images)
    assert arms_of(Study(("clusters",), judges=("pixels",)), images)
    with pytest.raises(InputError, match="a flow draws from no code"):
        arms_of(Study(("clusters",), wishes=Wishes(generator="flow"), paths=5), images)


def test_the_filters_that_judge_are_not_those_that_groups_are_found_with():
    assert JUDGES["random_convolutions"]().settings()["seed"] != FILTERS


def test_groups_dealt_by_lot_have_the_sizes_of_the_clusters_and_mean_nothing(images, manifold):
    dealt = random_clusters(images, manifold, seed=0).clusters
    own = manifold.clusters.labels
    np.testing.assert_array_equal(np.bincount(dealt.labels + 1), np.bincount(own + 1))
    agree = float(np.mean(dealt.labels == own))
    assert agree < 0.35, "one in five or so agrees by chance"
    assert (random_clusters(images, manifold, seed=1).clusters.labels != dealt.labels).any()
    assert ClusterCondition.describe(images, random_clusters(images, manifold, seed=0)) is not None


@pytest.mark.parametrize("remade", [pixel_clusters, surface_clusters])
def test_groups_of_other_features_are_found_by_the_same_method(remade, images, manifold):
    found = remade(images, manifold, 0).clusters
    assert found.method == "balanced_clusters"
    assert len(found.labels) == len(manifold)
    assert np.bincount(found.labels).min() >= 50
    np.testing.assert_array_equal(remade(images, manifold, 0).clusters.labels, found.labels)


def test_another_number_of_clusters_is_found_in_the_same_features(images, manifold):
    found = [counted_clusters(images, manifold, 0, n_clusters=n).clusters for n in (2, 4)]
    assert [one.n_clusters for one in found] == [2, 4]
    assert all(one.centroids.shape[1] == manifold.features.rows.shape[1] for one in found)


def test_images_of_denser_parts_stand_in_the_places_of_the_others(images, manifold):
    rows = densest(images, manifold, 0, share=0.75).rows
    assert len(rows) == len(manifold)
    there = np.isin(manifold.rows, rows)
    assert there.sum() == round(0.75 * len(rows))
    assert manifold.density[there].min() >= manifold.density[~there].max()
    np.testing.assert_array_equal(rows[there], manifold.rows[there])


def two_rings(n=400):
    """Codes on two rings far apart, with little spread of their own."""
    angle = torch.linspace(0, 40, n)
    ring = torch.stack([angle.cos(), angle.sin()], dim=1) + torch.where(torch.arange(n) % 2 == 0, 4.0, -4.0)[:, None]
    return ring, torch.full((n, 2), -9.0)


@pytest.mark.parametrize("name", ["smoothed", "walk", "volume"])
def test_samplers_that_follow_the_data_stay_on_it(name, monkeypatch):
    """Codes lie on two rings of radius 1 around (4, 4) and (-4, -4); a normal prior seldom comes near them."""
    monkeypatch.setattr(code_samplers, "MOVES", 8)
    codes = CODE_SAMPLERS[name](*two_rings(), 300, 0)
    middle = torch.where(codes.sum(1, keepdim=True) > 0, 4.0, -4.0)
    radius = (codes - middle).norm(dim=1)
    assert (radius - 1).abs().quantile(0.9) < 0.35
    assert 0.3 < float((codes.sum(1) > 0).float().mean()) < 0.7
    torch.testing.assert_close(CODE_SAMPLERS[name](*two_rings(), 300, 0), codes)
