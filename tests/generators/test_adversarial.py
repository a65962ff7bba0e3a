"""The game of critic and drawer: its losses and penalties in closed form, and what it makes of a blurred decoder."""

import math

import pytest
import torch
from laws.generators import some_images
from torch import nn

from imatlas.generators import Gan, LatentFlow
from imatlas.generators.adversarial import clamped, critic_loss, drawer_loss, frozen, gradient_penalty
from imatlas.networks.critic import Critic
from imatlas.networks.critic_augmentation import changed_alike

SHAPE = (1, 8, 8)


def along(weights: torch.Tensor):
    """A critic whose score is the product with some weights."""
    return lambda images: images.flatten(1) @ weights


def test_losses_weigh_how_far_the_real_image_of_each_pair_is_ahead() -> None:
    """With scores 2 ahead in every pair: critic softplus(-2), drawer softplus(2).

    The penalty of a linear critic is 2 * |w|^2.
    """
    weights = torch.zeros(64)
    weights[0] = 2.0
    real, drawn = torch.ones(5, *SHAPE), torch.ones(5, *SHAPE)
    drawn[:, 0, 0, 0] = 0.0
    told = [
        float(critic_loss(along(weights), real, drawn, penalty=0.5, generator=torch.Generator().manual_seed(seed)).detach())
        for seed in range(200)
    ]
    plain, penalised = math.log1p(math.exp(-2)), math.log1p(math.exp(-2)) + 0.5 / 2 * 8 * (2 * 4)
    assert all(value == pytest.approx(plain) or value == pytest.approx(penalised) for value in told)
    assert 10 < sum(value > 1 for value in told) < 45, "an eighth of the steps is penalised"
    assert float(drawer_loss(along(weights), real, drawn)) == pytest.approx(math.log1p(math.exp(2)))
    assert float(drawer_loss(along(weights), real, 5 * drawn)) == pytest.approx(math.log1p(math.exp(2))), "drawn ones are cut"


def test_the_penalty_is_the_squared_slope_of_both_sides() -> None:
    weights = torch.arange(64.0) / 64
    both = torch.rand(6, *SHAPE, generator=torch.Generator().manual_seed(0)).requires_grad_()
    scores = along(weights)(both).square() / 2
    wanted = 2 * (scores.detach() * 2 * weights.square().sum()).mean()
    assert float(gradient_penalty(scores, both)) == pytest.approx(float(wanted), rel=1e-5)


@pytest.mark.parametrize("kind", [Gan, LatentFlow])
def test_a_model_says_when_its_critic_has_fallen_silent(kind: type) -> None:
    """A last convolution far below 0 leaves nothing behind its SiLU, as the end of too strong a penalty did."""
    model, images = kind(SHAPE, width=8), torch.rand(5, *SHAPE)
    assert model.complaint(images) == ""
    with torch.no_grad():
        model.critic.layers[-1].weight.zero_()
        model.critic.layers[-1].bias.fill_(-1e3)
    assert "The critic says the same of every image" in model.complaint(images)


def test_cut_images_pass_gradients_on() -> None:
    images = torch.tensor([-3.0, 0.5, 2.0], requires_grad=True)
    cut = clamped(images)
    cut.sum().backward()
    assert cut.tolist() == [-1.0, 0.5, 1.0]
    assert images.grad is not None
    assert images.grad.tolist() == [1.0, 1.0, 1.0]


def test_what_is_frozen_lets_gradients_pass_and_takes_none() -> None:
    layer, other = nn.Linear(3, 1), nn.Linear(3, 1).requires_grad_(False)
    rows = torch.ones(2, 3, requires_grad=True)
    with frozen(layer, other):
        told = layer(rows).sum() + other(rows).sum()
    told.backward()
    assert rows.grad is not None
    assert rows.grad.any()
    assert layer.weight.grad is None
    assert layer.weight.requires_grad
    assert not other.weight.requires_grad, "what stood still before still does"


@pytest.mark.parametrize("channels", [1, 3])
def test_both_sides_of_a_pair_are_changed_alike(channels: int) -> None:
    images = some_images(40, (channels, 16, 16)).requires_grad_()
    changed = changed_alike(torch.cat([images, images]), torch.Generator().manual_seed(1))
    torch.testing.assert_close(changed[:40], changed[40:], rtol=0, atol=0)
    rows = changed[:40].detach()
    assert (rows - images.detach()).flatten(1).abs().mean(dim=1).min() > 0.01, "every image is changed"
    hidden = (rows == 0).all(dim=1).float().mean(dim=(1, 2))
    assert 0.05 < float(hidden.mean()) < 0.35, "up to a quarter is hidden, less at the border, and some is shifted in"
    changed.square().sum().backward()
    assert images.grad is not None
    assert torch.isfinite(images.grad).all()


def test_a_vector_moves_the_score_of_its_image_alone() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        critic = Critic(SHAPE, 3, width=8)
    images, vectors = some_images(4, SHAPE), torch.zeros(4, 3)
    before = critic(images, vectors)
    vectors[2] = 1.0
    moved = critic(images, vectors) != before
    assert moved.tolist() == [False, False, True, False]


def test_a_blurred_decoder_is_made_sharp() -> None:
    """Two images share one code, for the reader is blind: the mean of both is what squared error would draw.

    The critic knows the code too, so it cannot tell them apart by it; what is drawn must become one of them or the other.
    Half the distance between the two is what the mean keeps from either. The difference is faint, as texture is: to draw a
    wrong one costs little squared error, and to draw neither is seen at once.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LatentFlow(SHAPE, code_dim=2, width=16, texture_dim=4, critic_width=16)
    with torch.no_grad():
        for values in model.reader.layers[-1].parameters():
            values.zero_()
    checks = (torch.arange(8)[:, None] + torch.arange(8)) % 2 * 0.2 - 0.1
    pair = torch.stack([checks, -checks])[:, None]
    model.begin("sharpen", pair)
    players = {
        "critic": torch.optim.Adam(model.player_parameters("critic"), 2e-3, betas=(0.0, 0.99)),
        "decoder": torch.optim.Adam(model.player_parameters("decoder"), 1e-3, betas=(0.0, 0.99)),
    }
    generator = torch.Generator().manual_seed(1)
    for _ in range(1000):
        for player, optimizer in players.items():
            optimizer.zero_grad()
            model.loss(player, pair.repeat(8, 1, 1, 1), {}, generator).backward()
            optimizer.step()
    texture = torch.randn(60, model.texture_dim, generator=generator)
    drawn = model.decode(model.draw_posterior(pair[:1].repeat(60, 1, 1, 1), generator), texture).detach()
    gaps = torch.cdist(drawn.flatten(1), pair.flatten(1))
    mean_gap = float((pair[0] - pair[1]).norm()) / 2
    assert gaps.min(dim=1).values.median().item() < 0.6 * mean_gap
