"""The U-Net: shapes, start, condition, and reach."""

import pytest
import torch
from laws.generators import shaken, some_images

from imatlas.networks.unet import UNet


def small(channels_in: int = 1, channels_out: int = 1) -> UNet:
    return UNet(channels_in, channels_out, width=16, condition_width=8, depth=1)


@pytest.mark.parametrize("size", [8, 12, 28, 64])
def test_a_unet_gives_images_of_the_size_it_is_given(size: int) -> None:
    network = shaken(small(2, 3))
    assert network(some_images(2, (2, size, size)), torch.zeros(2, 8)).shape == (2, 3, size, size)


def test_a_fresh_unet_draws_nothing() -> None:
    assert not small()(some_images(2, (1, 8, 8)), torch.randn(2, 8)).any()


@pytest.mark.parametrize("width", [0, 12])
def test_a_unet_that_cannot_be_normalised_in_groups_is_refused(width: int) -> None:
    with pytest.raises(ValueError, match=f"width of the U-Net is {width}; wanted a multiple of 8"):
        UNet(1, 1, width=width)


def test_the_condition_steers_each_row_and_only_it() -> None:
    """Rows alone and in company: the same sums in another order, 1e-5 of outputs of about 1."""
    network, images = shaken(small()), some_images(3, (1, 8, 8))
    condition = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    given = network(images, condition)
    other = condition.clone()
    other[1] += 1
    moved = (network(images, other) - given).abs().flatten(1).amax(dim=1)
    assert moved[1].item() > 1e-3
    assert moved[[0, 2]].max().item() == 0
    for row in range(3):
        torch.testing.assert_close(network(images[row : row + 1], condition[row : row + 1])[0], given[row], rtol=0, atol=1e-5)


def test_a_change_is_felt_further_away_than_one_convolution_reaches() -> None:
    """Over the coarser scale a pixel is felt 8 pixels away and more."""
    network, images = shaken(small()), some_images(1, (1, 32, 32))
    changed = images.clone()
    changed[:, :, 16, 16] *= -1
    moved = (network(changed, torch.zeros(1, 8)) - network(images, torch.zeros(1, 8))).abs()[0, 0]
    assert moved[16, 24:].max().item() > 0
    assert moved[24:, 16].max().item() > 0
