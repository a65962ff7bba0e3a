"""One truth for each extractor, and for the views an encoder learns from."""

import numpy as np
import pytest
import torch
from laws.extractors import random_images
from laws.random_state import global_generators_untouched
from scipy.spatial.distance import cdist, pdist

from imatlas.features import Encoder, Pixels, PrincipalComponents, RandomConvolutions, make_judge
from imatlas.features.views import mirrors_belong, random_view
from imatlas.images.digits import digits
from imatlas.images.toys import moving_shape
from imatlas.values import ImageSet


def image_set(pixels: np.ndarray) -> ImageSet:
    return ImageSet(pixels, np.array([str(row) for row in range(len(pixels))]))


def neighbor_agreement(rows: np.ndarray, kinds: np.ndarray) -> float:
    """Share of rows whose nearest other row is of their own kind."""
    distances = cdist(rows, rows)
    np.fill_diagonal(distances, np.inf)
    return float((kinds[distances.argmin(axis=1)] == kinds).mean())


def test_pixels_are_pixels_over_255() -> None:
    images = random_images(5, channels=3)
    rows = Pixels().fit(images).transform(images).rows
    np.testing.assert_allclose(rows * 255, images.pixels.reshape(5, -1), atol=1e-4)


def test_convolutions_that_judge_do_not_favour_the_few_images_they_were_fitted_to() -> None:
    """All 512 directions turn the statistics and keep distances; those that 60 images vary along lose some of new ones'."""
    seen, new = random_images(60), random_images(40, seed=1)
    whole, leading = make_judge("random_convolutions").fit(seen), RandomConvolutions().fit(seen)
    among = [pdist(kind.transform(new).rows) for kind in (whole, leading)]
    kept = among[0] / pdist(whole._statistics(new.pixels))
    np.testing.assert_allclose(kept, kept.mean(), rtol=1e-3)
    assert (among[1] < 0.98 * among[0]).all()
    assert (whole.n_kept(6_399, 512), whole.n_kept(6_400, 512)) == (512, 128)


def test_principal_components_keep_the_distances_of_a_flat_set() -> None:
    """Images spanned by three patterns lie in a flat space of three dimensions: three components keep every distance.

    Rounding to whole grays moves a pixel by at most half a level, sqrt(64) / 2 / 255 = 0.016 in distance.
    """
    rng = np.random.default_rng(0)
    patterns = rng.uniform(0, 60, size=(3, 8, 8, 1))
    images = image_set(np.rint(np.tensordot(rng.uniform(size=(80, 3)), patterns, axes=1) + 30).astype(np.uint8))
    rows = PrincipalComponents(3).fit(images).transform(images).rows
    np.testing.assert_allclose(pdist(rows), pdist(images.pixels.reshape(80, -1) / 255.0), atol=0.016)
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-5)
    covariance = np.cov(rows.T)
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-6 * covariance[0, 0] + 1e-7)


def test_principal_components_are_as_many_as_the_images_allow() -> None:
    assert PrincipalComponents(64).fit(random_images(10)).transform(random_images(10)).rows.shape == (10, 9)
    assert PrincipalComponents(5).fit(random_images(10)).transform(random_images(10)).rows.shape == (10, 5)


def stripes(n: int, seed: int) -> tuple[ImageSet, np.ndarray]:
    """Upright or level stripes with any phase, width and contrast: alike in pixels, unlike in texture."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(2, size=n)
    phase, width = rng.uniform(0, 2 * np.pi, n), rng.uniform(1.0, 1.6, n)
    waves = np.sin(width[:, None] * np.arange(16) + phase[:, None]) * rng.uniform(50, 110, n)[:, None] + 128
    level = np.repeat(waves[:, :, None], 16, axis=2)
    pixels = np.where(kinds[:, None, None] == 0, level, level.transpose(0, 2, 1))
    return image_set(np.rint(pixels).astype(np.uint8)[..., None]), kinds


def separation(rows: np.ndarray, kinds: np.ndarray) -> float:
    """Mean distance between two kinds over mean distance within them."""
    distances = cdist(rows, rows)
    other = kinds[:, None] != kinds[None]
    same = ~other & ~np.eye(len(kinds), dtype=bool)
    return float(distances[other].mean() / distances[same].mean())


def test_random_convolutions_feel_texture() -> None:
    """In each pixel both kinds of stripes have the same distribution, so pixels hardly separate them; filters do."""
    images, kinds = stripes(200, 0)
    assert separation(RandomConvolutions().fit(images).transform(images).rows, kinds) > 1.2
    assert separation(Pixels().rows(images.pixels), kinds) < 1.05


def test_random_convolutions_have_the_spread_they_promise() -> None:
    """512 statistics of unit mean variance, of which at most 128 directions are kept: nearly all of the variance here."""
    images, _ = stripes(300, 0)
    rows = RandomConvolutions().fit(images).transform(images).rows
    assert rows.shape == (300, 128)
    assert 0.95 * 512 < rows.var(axis=0, ddof=1).sum() <= 512.5
    variances = rows.var(axis=0)
    assert (np.diff(variances) <= 1e-6 * variances[0]).all()
    assert not np.allclose(RandomConvolutions(seed=1).fit(images).transform(images).rows, rows, atol=1e-2)


def two_kinds(n: int, seed: int) -> tuple[ImageSet, np.ndarray]:
    """A cross or a ring of about the same ink, anywhere in the picture."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(2, size=n)
    centres = rng.uniform(5, 11, size=(n, 2))
    y, x = (np.arange(16)[None, :, None] - centres[:, :1, None], np.arange(16)[None, None, :] - centres[:, 1:, None])
    cross = np.minimum(np.abs(y), np.abs(x)) + np.maximum(0, np.maximum(np.abs(y), np.abs(x)) - 4)
    ring = np.abs(np.hypot(y, x) - 3)
    distance = np.where(kinds[:, None, None] == 0, cross, ring)
    return image_set(np.rint(255 * np.clip(1.5 - distance, 0, 1)).astype(np.uint8)[..., None]), kinds


def test_the_encoder_tells_kinds_apart_that_shifts_hide_from_pixels() -> None:
    """In pixels a shifted ring is nearer to a cross in its place than to a ring elsewhere; the encoder ignores shifts."""
    images, kinds = two_kinds(200, 0)
    encoder = Encoder(16, steps=60, width=16).fit(images)
    rows = encoder.transform(images).rows
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)

    pixels = Pixels().rows(images.pixels)
    assert separation(rows, kinds) > 1.3
    assert separation(pixels, kinds) < 1.1
    assert neighbor_agreement(rows, kinds) >= neighbor_agreement(pixels, kinds) - 0.01


def test_the_encoder_reports_its_progress() -> None:
    heard = []
    Encoder(8, steps=40, width=8).fit(random_images(30), report=heard.append)
    assert [progress.done for progress in heard] == [20, 40]
    assert heard[-1].stage == "encoder"
    assert "loss_model" in heard[-1].values


def test_mirrors_belong_to_sets_that_do_not_know_left_from_right() -> None:
    """Three soft spots anywhere, the middle of the picture being the middle of their range; and ornaments."""
    rng = np.random.default_rng(0)
    centres = rng.uniform(1.5, 9.5, size=(600, 3, 1, 1, 2))
    grid = np.stack(np.meshgrid(np.arange(12), np.arange(12), indexing="ij"), axis=-1)
    spots = 80 * np.exp(-np.square(grid - centres).sum(axis=-1) / 6).sum(axis=1)
    assert mirrors_belong(np.rint(spots).astype(np.uint8)[..., None])
    ornaments = rng.integers(0, 256, size=(100, 8, 4, 1), dtype=np.uint8)
    assert mirrors_belong(np.concatenate([ornaments, ornaments[:, :, ::-1]], axis=2))


def test_mirrors_do_not_belong_to_oriented_sets() -> None:
    images, _ = moving_shape(300, resolution=16, seed=0, moves=("rotate", "scale"))
    assert not mirrors_belong(images.pixels)
    assert not mirrors_belong(digits().pixels)


def test_mirrors_are_left_out_when_there_are_too_few_images_to_tell() -> None:
    assert not mirrors_belong(np.zeros((19, 8, 8, 1), dtype=np.uint8))


def half_lit(b: int) -> torch.Tensor:
    images = torch.full((b, 1, 16, 16), -1.0)
    images[..., :8] = 1.0
    return images


def test_about_half_of_the_mirrored_views_are_mirrored() -> None:
    """Light stays on its side under every other change; 400 fair coins stray from 0.5 by 5 * 0.025 at most."""
    for mirrored, low, high in ((False, 0.0, 0.0), (True, 0.375, 0.625)):
        views = random_view(half_lit(400), torch.Generator().manual_seed(0), mirrored=mirrored)
        right = (views[..., 8:].mean(dim=(1, 2, 3)) > views[..., :8].mean(dim=(1, 2, 3))).float().mean()
        assert low <= float(right) <= high


def test_views_repeat_with_their_generator_and_differ_without() -> None:
    images = torch.rand(10, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with global_generators_untouched():
        first, again, other = (random_view(images, torch.Generator().manual_seed(seed), mirrored=True) for seed in (1, 1, 2))
    assert first.shape == images.shape
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    assert torch.equal(images, torch.rand(10, 3, 16, 16, generator=torch.Generator().manual_seed(0)))


def test_views_move_a_point_no_further_than_they_say() -> None:
    """A shift of 12 % of the side, a turn of 10 degrees and a zoom of 15 % about the middle, where the point lies.

    Only the shift moves the middle: at most 0.12 * 32 = 3.84 pixels along each side, and half a pixel of blur.
    """
    images = torch.zeros(300, 1, 32, 32)
    images[:, :, 15:17, 15:17] = 1.0
    views = (random_view(images, torch.Generator().manual_seed(0), mirrored=False)).clamp(min=0)
    views = views - views.amin(dim=(2, 3), keepdim=True)
    peaks = views.flatten(1).argmax(dim=1)
    seen = views.flatten(1).amax(dim=1) > 0.3
    offsets = torch.stack([peaks // 32, peaks % 32], dim=1)[seen] - 15.5
    assert int(seen.sum()) > 150
    assert 2.0 < float(offsets.abs().max()) <= 5.0


@pytest.mark.parametrize("size", [8, 28, 64])
def test_a_hidden_patch_is_at_most_a_third_of_the_side(size: int) -> None:
    """Seen on a white image: what is exactly gray (0) is hidden, at most a ninth of it plus the seam."""
    views = random_view(torch.ones(200, 1, size, size), torch.Generator().manual_seed(0), mirrored=False)
    hidden = (views == 0).float().mean(dim=(1, 2, 3))
    assert 0 < float(hidden.max()) <= (1 / 3 + 1 / size) ** 2
