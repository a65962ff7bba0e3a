import numpy as np
import pytest
from scipy.ndimage import center_of_mass

from imatlas.checks import InputError
from imatlas.images import moving_shape, swiss_roll


def test_a_swiss_roll_is_its_flat_sheet_rolled_up_without_stretching():
    """Between near points distances on the roll equal those of the parameters, up to the bend over the gap."""
    rows, flat = swiss_roll(3000, seed=0)
    gaps = np.linalg.norm(flat[:, None] - flat[None], axis=2)
    one, other = np.nonzero((gaps > 0) & (gaps < 1))
    chords = np.linalg.norm(rows[one] - rows[other], axis=1)
    assert len(one) > 1000
    assert np.abs(chords / gaps[one, other] - 1).max() < 0.01
    assert flat.max(axis=0) == pytest.approx([89, 21], abs=1)


def test_swiss_roll_points_are_spread_evenly_and_follow_the_seed():
    rows, flat = swiss_roll(4000, seed=1)
    counts, _ = np.histogram(flat[:, 0], bins=8)
    assert counts.min() > 400
    assert np.array_equal(swiss_roll(4000, seed=1)[0], rows)
    assert np.abs(swiss_roll(4000, seed=1, noise=0.1)[0] - rows).std() == pytest.approx(0.06, rel=0.1)


def test_shifts_move_the_shape_by_the_stated_pixels():
    """A tenth of a pixel is allowed: coverage is exact along straight edges and a little off at corners."""
    images, shifts = moving_shape(40, moves=("shift",))
    centres = np.array([center_of_mass(picture[..., 0].astype(float))[::-1] for picture in images.pixels])
    assert np.abs((centres - centres[0]) - (shifts - shifts[0])).max() < 0.1


def test_scale_changes_the_area_by_its_square():
    images, scales = moving_shape(40, resolution=64, moves=("scale",))
    areas = images.pixels.sum(axis=(1, 2, 3)) / 255
    assert np.ptp(areas / scales[:, 0] ** 2) / areas.mean() < 0.02


def test_the_shape_turns_by_the_stated_angle_and_no_turn_maps_it_to_itself():
    images, angles = moving_shape(200, resolution=32, moves=("rotate",))
    pixels = images.pixels[..., 0].astype(float)
    quarter = np.rot90(pixels, axes=(1, 2))
    ahead = np.angle(np.exp(1j * (angles[None, :, 0] - angles[:, None, 0] - np.pi / 2)))
    match = np.abs(ahead).argmin(axis=1)
    off = np.abs(ahead).min(axis=1)
    apart = np.abs(quarter - pixels[match]).mean(axis=(1, 2))
    assert apart[off < 0.01].max() < 2
    assert np.abs(quarter - pixels).mean(axis=(1, 2)).min() > 10


def test_all_moves_give_four_parameters_and_an_unclipped_shape():
    images, parameters = moving_shape(50, resolution=16, seed=2)
    assert parameters.shape == (50, 4)
    assert not images.held_out.any()
    again, _ = moving_shape(50, resolution=16, seed=2)
    assert np.array_equal(images.pixels, again.pixels)
    border = np.concatenate([images.pixels[:, 0].ravel(), images.pixels[:, -1].ravel()])
    assert (border > 0).mean() < 0.02


@pytest.mark.parametrize("moves", [(), ("jump",), "rotate"])
def test_unknown_moves_are_refused(moves):
    with pytest.raises(InputError, match="one or more of rotate, shift, scale"):
        moving_shape(3, moves=moves)
