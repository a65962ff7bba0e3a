"""The VAE's bound in closed form; latent samplers against mixtures that are known."""

import math

import numpy as np
import pytest
import torch
from laws.generators import FIELDS, some_codes, some_images
from scipy.spatial.distance import cdist

from imatlas.generators import CodeFlow, MixtureSampler, NormalSampler, Vae, vae
from imatlas.generators.samplers import UNGUIDED
from imatlas.training import Plan, Trainable, train
from imatlas.values import Codes, Field

SHAPE = (1, 8, 8)


def vae_with_known_posterior(mean: float, log_variance: float, fields=()) -> Vae:
    """A VAE whose reader ignores the images: every posterior is normal with this mean and log variance."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Vae(SHAPE, fields, code_dim=3, width=8, sampler=NormalSampler)
    last = model.reader.layers[-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias[:3], last.bias[3:] = mean, log_variance
    return model


def test_the_likelihood_term_is_half_the_pixels_times_log_mean_squared_error() -> None:
    """A standard normal posterior has no divergence from the prior, so the loss is (D / 2) log MSE alone."""
    model, images = vae_with_known_posterior(0.0, 0.0), some_images(7, SHAPE)
    loss = model.loss("autoencoder", images, {}, torch.Generator().manual_seed(5))
    code = torch.randn(7, 3, generator=torch.Generator().manual_seed(5))
    error = (model.drawer(code) - images).square().mean()
    assert loss.item() == pytest.approx(64 / 2 * math.log(error.item()), rel=1e-5)


def test_the_divergence_term_is_that_of_two_normal_distributions() -> None:
    """KL(N(m, v) || N(0, 1)) = (m^2 + v - 1 - log v) / 2 for each of 3 code entries."""
    images, mean, log_variance = some_images(7, SHAPE), 0.8, -1.2
    model = vae_with_known_posterior(mean, log_variance)
    loss = model.loss("autoencoder", images, {}, torch.Generator().manual_seed(5))
    noise = torch.randn(7, 3, generator=torch.Generator().manual_seed(5))
    error = (model.drawer(mean + math.exp(log_variance / 2) * noise) - images).square().mean()
    divergence = 3 * (mean**2 + math.exp(log_variance) - 1 - log_variance) / 2
    assert loss.item() == pytest.approx(32 * math.log(error.item()) + divergence, rel=1e-5)


def test_a_prior_that_knows_the_posterior_costs_nothing() -> None:
    images, model = some_images(7, SHAPE), vae_with_known_posterior(0.8, -1.2, FIELDS)
    free = model.loss("autoencoder", images, some_codes(7), torch.Generator().manual_seed(5))
    with torch.no_grad():
        model.prior.bias[:3], model.prior.bias[3:] = 0.8, -1.2
    known = model.loss("autoencoder", images, some_codes(7), torch.Generator().manual_seed(5))
    expected = 3 * (0.8**2 + math.exp(-1.2) - 1 + 1.2) / 2
    assert (free - known).item() == pytest.approx(expected, rel=1e-3)


def test_extreme_posteriors_stay_finite() -> None:
    for log_variance in (-1e4, 1e4):
        model = vae_with_known_posterior(3.0, log_variance)
        assert torch.isfinite(model.loss("autoencoder", some_images(4, SHAPE), {}, torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("sampler", [MixtureSampler, CodeFlow])
def test_many_images_are_looked_at_in_blocks_and_tell_the_same(sampler, monkeypatch) -> None:
    images, sizes, told = some_images(50, SHAPE), [], []
    monkeypatch.setattr(CodeFlow, "width", 8)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Vae(SHAPE, code_dim=3, width=8, sampler=sampler)
    posterior = model.posterior
    monkeypatch.setattr(model, "posterior", lambda images: sizes.append(len(images)) or posterior(images))
    for block in (512, 20):
        monkeypatch.setattr(vae, "BLOCK", block)
        model.begin("code flow", images) if sampler.learned else model.finish(images)
        told.append([values.clone() for values in model.sampler.buffers()])
    assert sizes == [50, 20, 20, 10]
    for whole, parts in zip(*told, strict=True):
        torch.testing.assert_close(parts, whole)


def test_the_normal_sampler_is_the_prior() -> None:
    noise, mean, spread = torch.randn(3, 5, 2, generator=torch.Generator().manual_seed(0)).unbind()
    assert torch.equal(NormalSampler(2).draw(noise, {}, mean, spread), mean + spread * noise)


def three_groups(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes (n, 2) of a mixture with shares 0.5, 0.3, 0.2 and its centres (3, 2)."""
    rng = np.random.default_rng(seed)
    centres = np.array([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]])
    shapes = np.array([[[1.0, 0.0], [0.0, 0.3]], [[0.5, 0.4], [0.0, 0.5]], [[0.3, 0.0], [0.0, 1.0]]])
    groups = rng.choice(3, size=n, p=[0.5, 0.3, 0.2])
    rows = centres[groups] + np.einsum("nij,nj->ni", shapes[groups], rng.standard_normal((n, 2)))
    return rows.astype(np.float32), centres


def noise_for(sampler, b: int, seed: int = 9) -> torch.Tensor:
    return torch.randn(b, sampler.noise_dim, generator=torch.Generator().manual_seed(seed))


def drawn_from(sampler, b: int, codes=None, mean: float = 0.0) -> np.ndarray:
    d = sampler.code_dim
    with torch.no_grad():
        return sampler.draw(noise_for(sampler, b), codes or {}, torch.full((b, d), mean), torch.ones(b, d), UNGUIDED).numpy()


def test_the_mixture_sampler_recovers_a_known_mixture() -> None:
    """Shares within 5 standard errors of 4,000 draws (0.04), centres and covariances of each group within 0.1."""
    rows, centres = three_groups(4000, 0)
    sampler = MixtureSampler(2)
    sampler.fit(torch.from_numpy(rows))
    drawn = drawn_from(sampler, 4000)
    here, there = (cdist(points, centres).argmin(axis=1) for points in (drawn, rows))
    for group in range(3):
        assert (here == group).mean() == pytest.approx((there == group).mean(), abs=0.04)
        np.testing.assert_allclose(drawn[here == group].mean(axis=0), centres[group], atol=0.1)
        np.testing.assert_allclose(np.cov(drawn[here == group].T), np.cov(rows[there == group].T), atol=0.12)


def test_a_condition_chooses_among_the_components() -> None:
    """A conditional prior at (8, 0) with unit spread leaves only the second group; without codes its mean is not asked."""
    rows, centres = three_groups(2000, 0)
    sampler = MixtureSampler(2, FIELDS)
    sampler.fit(torch.from_numpy(rows))
    prior = torch.tensor([[8.0, 0.0]]).repeat(500, 1)
    given = sampler.draw(noise_for(sampler, 500), some_codes(500), prior, torch.ones(500, 2))
    assert (cdist(given, centres).argmin(axis=1) == 1).all()
    free = sampler.draw(noise_for(sampler, 500), {}, prior, torch.ones(500, 2))
    assert 0.2 < (cdist(free, centres).argmin(axis=1) == 1).mean() < 0.4


@pytest.mark.parametrize("n", [2, 15, 40])
def test_a_mixture_of_few_codes_has_fewer_components(n: int) -> None:
    rows, _ = three_groups(n, 0)
    sampler = MixtureSampler(2)
    sampler.fit(torch.from_numpy(rows))
    assert np.isfinite(drawn_from(sampler, 100)).all()
    assert int((sampler.shares > 0).sum()) == max(1, n // 10)


def energy_distance(rows: np.ndarray, others: np.ndarray) -> float:
    """2 E|x - y| - E|x - x'| - E|y - y'|: zero for equal distributions only; without bias."""
    within = sum(cdist(points, points).sum() / (len(points) * (len(points) - 1)) for points in (rows, others))
    return float(2 * cdist(rows, others).mean() - within)


def two_moons(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two half circles that reach into each other (n, 2), and which one each point is of."""
    rng = np.random.default_rng(seed)
    moon, angle = np.arange(n) % 2, rng.uniform(0, np.pi, n)
    arcs = np.stack([np.cos(angle) + moon, np.where(moon == 1, 0.5 - np.sin(angle), np.sin(angle))], axis=1)
    return (arcs + 0.05 * rng.standard_normal((n, 2))).astype(np.float32), moon


class SamplerAlone(Trainable):
    """A latent sampler trained by the one loop; its 'images' are the codes themselves, (b, 1, 1, d)."""

    def __init__(self, sampler: CodeFlow) -> None:
        super().__init__()
        self.sampler = sampler

    def begin(self, stage: str, images: torch.Tensor) -> None:
        self.sampler.fit(images.flatten(1))

    def loss(self, player, images, codes, generator) -> torch.Tensor:
        several = {name: values.repeat(self.sampler.draws, 1) for name, values in codes.items()}
        return self.sampler.loss(images.flatten(1).repeat(self.sampler.draws, 1), several, generator)


def moons_flow(fields: tuple[Field, ...]) -> CodeFlow:
    """Train a small code flow on two moons."""

    class SmallCodeFlow(CodeFlow):
        width, depth = 64, 3

    rows, moon = two_moons(2000, 0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = SamplerAlone(SmallCodeFlow(2, fields))
    images = torch.from_numpy(rows)[:, None, None]

    def batch(chosen, rng):
        return images[chosen], Codes({field.name: moon[chosen, None].astype(np.float32) for field in fields})

    list(train(model, len(rows), batch, Plan(steps=400, learning_rate=5e-3, batch_size=128, precision="float32")))
    return model.sampler


def test_the_code_flow_learns_two_moons_far_better_than_a_normal_prior() -> None:
    """Energy distance to fresh points, less than a fifth of that of the normal distribution with the same moments."""
    fresh, _ = two_moons(1500, 1)
    normal = np.random.default_rng(0).multivariate_normal(fresh.mean(axis=0), np.cov(fresh.T), size=1500)
    learned = energy_distance(drawn_from(moons_flow(()), 1500), fresh)
    assert learned < energy_distance(normal, fresh) / 5


def test_the_code_flow_follows_its_condition() -> None:
    """Asked for one moon, it draws that one: less than a tenth of the energy distance to the other."""
    fresh, moon = two_moons(3000, 1)
    flow = moons_flow((Field("moon", "category", 2),))
    for wanted in (0, 1):
        drawn = drawn_from(flow, 1000, {"moon": torch.full((1000, 1), float(wanted))})
        own, other = (energy_distance(drawn, fresh[moon == side]) for side in (wanted, 1 - wanted))
        assert own < other / 10


def test_the_code_flow_works_on_codes_of_any_scale() -> None:
    """Standardised inside: codes 1,000 times as large and far away give draws 1,000 times as large and far away."""
    code = torch.randn(100, 3, generator=torch.Generator().manual_seed(0))
    flow, large = CodeFlow(3), CodeFlow(3)
    large.load_state_dict(flow.state_dict())
    flow.fit(code)
    large.fit(1000 * code + 50)
    np.testing.assert_allclose(drawn_from(large, 10), 1000 * drawn_from(flow, 10) + 50, rtol=1e-4, atol=1e-2)
    constant = CodeFlow(3)
    constant.fit(torch.ones(10, 3))
    assert np.isfinite(drawn_from(constant, 5)).all()
