"""The parts networks are made of: what they promise about shapes, starts, conditions and independence."""

import pytest
import torch
from laws.generators import FIELDS, shaken, some_codes, some_images

from imatlas.networks.condition import ConditionEmbedding, drop_fields, present_rows
from imatlas.networks.convolutions import Drawer, Reader, n_halvings
from imatlas.networks.mlp import ResidualMlp
from imatlas.networks.transformer import PatchTransformer
from imatlas.values import Field


@pytest.mark.parametrize(("size", "halvings", "left"), [(8, 1, 4), (12, 1, 6), (20, 2, 5), (28, 2, 7), (32, 3, 4), (64, 4, 4)])
def test_sides_are_halved_until_four_to_seven_pixels_are_left(size: int, halvings: int, left: int) -> None:
    assert n_halvings(size) == halvings
    assert size >> halvings == left


@pytest.mark.parametrize("size", range(8, 65, 4))
def test_reader_and_drawer_mirror_each_other_at_every_size(size: int) -> None:
    for channels in (1, 3):
        images = some_images(2, (channels, size, size))
        vectors = Reader((channels, size, size), 5, width=8)(images)
        assert vectors.shape == (2, 5)
        assert Drawer((channels, size, size), 5, width=8)(vectors).shape == images.shape


@pytest.mark.parametrize("part", [Reader, Drawer])
@pytest.mark.parametrize("width", [0, 4, 12])
def test_a_width_that_cannot_be_normalised_in_groups_is_refused(part, width: int) -> None:
    with pytest.raises(ValueError, match=f"width of the convolutions is {width}; wanted a multiple of 8"):
        part((1, 8, 8), 5, width=width)


@pytest.mark.parametrize("width", [32, 96, 160, 224, 256, 352])
def test_a_transformer_takes_every_multiple_of_32(width: int) -> None:
    network = shaken(PatchTransformer(1, 2, 8, patch=4, width=width, depth=1))
    assert network(some_images(2, (1, 8, 8)), torch.zeros(2, width)).shape == (2, 2, 8, 8)


@pytest.mark.parametrize(
    ("patch", "width", "words"),
    [(3, 64, "Patches of 3 pixels do not tile"), (4, 48, "transformer is 48; wanted a multiple of 32"), (4, 0, "is 0; wanted")],
)
def test_a_transformer_that_cannot_be_is_refused_in_words(patch: int, width: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        PatchTransformer(1, 1, 8, patch=patch, width=width, depth=1)


def test_a_fresh_transformer_draws_nothing_and_a_fresh_residual_network_adds_nothing() -> None:
    network = PatchTransformer(1, 3, 8, patch=4, width=32, depth=2)
    assert not network(some_images(2, (1, 8, 8)), torch.randn(2, 32)).any()
    assert not ResidualMlp(5, width=16, depth=2)(torch.randn(4, 5), torch.randn(4, 16)).any()


def test_patches_are_put_back_where_they_came_from() -> None:
    """Cutting into patches and putting them together again is the identity, for every channel and place."""
    network = PatchTransformer(3, 3, 12, patch=4, width=32, depth=1)
    images = torch.arange(2 * 3 * 12 * 12, dtype=torch.float32).view(2, 3, 12, 12)
    patches = network._to_patches(images)
    assert patches.shape == (2, 9, 48)
    assert torch.equal(network._from_patches(patches), images)
    assert torch.equal(patches[0, 4].view(3, 4, 4), images[0, :, 4:8, 4:8])


def test_attention_carries_a_change_to_every_patch() -> None:
    network = shaken(PatchTransformer(1, 1, 16, patch=4, width=32, depth=1))
    images, condition = some_images(1, (1, 16, 16)), torch.randn(1, 32, generator=torch.Generator().manual_seed(0))
    changed = images.clone()
    changed[:, :, :4, :4] *= -1
    moved = (network(changed, condition) - network(images, condition)).abs()
    assert moved[:, :, 12:, 12:].min().item() > 0


@pytest.mark.parametrize(
    "network",
    [
        PatchTransformer(1, 1, 8, patch=4, width=32, depth=2),
        ResidualMlp(64, width=32, depth=2),
    ],
    ids=["transformer", "residual"],
)
def test_the_condition_steers_each_row_and_only_it(network) -> None:
    """Rows alone and in company: the same sums in another order, 1e-5 of outputs of about 1."""
    shaken(network)
    generator = torch.Generator().manual_seed(0)
    images = some_images(4, (1, 8, 8)) if isinstance(network, PatchTransformer) else torch.randn(4, 64, generator=generator)
    condition = torch.randn(4, 32, generator=generator)
    given = network(images, condition)
    other = condition.clone()
    other[2] += 1
    moved = (network(images, other) - given).abs().flatten(1).amax(dim=1)
    assert moved[2].item() > 1e-3
    assert moved[[0, 1, 3]].max().item() == 0
    for row in range(4):
        alone = network(images[row : row + 1], condition[row : row + 1])[0]
        torch.testing.assert_close(alone, given[row], rtol=0, atol=1e-5)


def embedding(*, timed: bool = True) -> ConditionEmbedding:
    return shaken(ConditionEmbedding(FIELDS, 16, timed=timed))


def test_a_condition_is_the_sum_of_its_fields() -> None:
    """c(a, b) - c(b) = c(a) - c(): what a field adds does not depend on the others."""
    parts, codes, time = embedding(), some_codes(6), torch.rand(6, generator=torch.Generator().manual_seed(0))

    def of(*names: str) -> torch.Tensor:
        return parts({name: codes[name] for name in names}, 6, time)

    torch.testing.assert_close(of("class", "map_place") - of("map_place"), of("class") - of(), rtol=0, atol=1e-5)


def test_absent_is_nan_in_any_of_a_fields_numbers() -> None:
    parts, codes = embedding(timed=False), some_codes(6)
    half = codes["map_place"].clone()
    half[:, 1] = torch.nan
    assert torch.equal(parts(codes | {"map_place": half}, 6), parts({"class": codes["class"]}, 6))
    endless = torch.full((6, 1), torch.inf)
    assert torch.equal(parts({"class": endless}, 6), parts({}, 6))
    assert present_rows(half).flatten().tolist() == [False] * 6
    assert present_rows(codes["map_place"]).shape == (6, 1)


def test_categories_places_and_times_are_told_apart() -> None:
    parts = embedding()
    time = torch.linspace(0, 1, 11)
    ways = [
        parts({"class": torch.arange(3.0)[:, None]}, 3, torch.zeros(3)),
        parts({"map_place": torch.tensor([[0.0, 0.0], [0.1, 0.0], [0.0, 0.1]])}, 3, torch.zeros(3)),
        parts({}, 11, time),
    ]
    for conditions in ways:
        gaps = torch.cdist(conditions, conditions) + torch.eye(len(conditions))
        assert float(gaps.min().detach()) > 1e-4


def test_fixed_frequencies_are_part_of_the_weights() -> None:
    first, second = ConditionEmbedding(FIELDS, 16), ConditionEmbedding(FIELDS, 16)
    names = [name for name in first.state_dict() if name.endswith("frequencies")]
    assert len(names) == 2
    assert all(torch.equal(first.state_dict()[name], second.state_dict()[name]) for name in names)


def test_fields_are_dropped_at_their_rates_and_rows_as_a_whole() -> None:
    """With u uniform, P(absent) = E u = 1/2 for each field and E u^2 = 1/3 for both; within 5 standard errors of 20,000."""
    codes = {"class": torch.zeros(20_000, 1), "map_place": torch.ones(20_000, 2)}
    dropped = drop_fields(codes, torch.Generator().manual_seed(0))
    gone = {name: torch.isnan(values).any(dim=1) for name, values in dropped.items()}
    for name, rows in gone.items():
        assert float(rows.float().mean()) == pytest.approx(1 / 2, abs=0.018)
        assert torch.equal(torch.isnan(dropped[name]).all(dim=1), rows)
        assert torch.equal(dropped[name][~rows], codes[name][~rows])
        assert not torch.isnan(codes[name]).any()
    assert float((gone["class"] & gone["map_place"]).float().mean()) == pytest.approx(1 / 3, abs=0.017)
    assert drop_fields({}, torch.Generator()) == {}


def test_an_embedding_without_fields_is_its_time_alone() -> None:
    parts = shaken(ConditionEmbedding((), 16))
    time = torch.tensor([0.2, 0.2, 0.9])
    conditions = parts({}, 3, time)
    assert torch.equal(conditions[0], conditions[1])
    assert not torch.equal(conditions[0], conditions[2])
    assert ConditionEmbedding([Field("class", "category", 2)], 16, timed=False).time is None
