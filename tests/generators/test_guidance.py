"""Closed forms of guidance on normal data, what annealing keeps, and the early copy of a flow."""

import math
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from laws.generators import FIELDS, made, some_codes, some_images
from torch import Tensor

from imatlas.checks import InputError
from imatlas.generators import Flow, Generator, Vae
from imatlas.generators.flow_matching import Estimate, heun
from imatlas.generators.guidance import Guide, annealing, guided
from imatlas.training import Interrupted, Plan, train
from imatlas.values import Codes, Dials

SHAPE = (1, 8, 8)
FINE = [0.999 * i / 400 for i in range(401)]


def normal(mean: float, spread: float) -> Estimate:
    """The best guess E[x | z] for x ~ N(mean, spread^2): mean + t s^2 / (t^2 s^2 + (1 - t)^2) (z - t mean)."""

    def estimate(mixed: Tensor, time: Tensor) -> Tensor:
        t = time.double()[:, None]
        return mean + t * spread**2 / (t**2 * spread**2 + (1 - t) ** 2) * (mixed - t * mean)

    return estimate


def a_flow(shape=SHAPE, fields=FIELDS) -> Flow:
    return Flow(shape, fields, patch=4, width=32, depth=1, turned={"steps": 5})


def a_vae(shape=SHAPE, fields=FIELDS) -> Vae:
    return Vae(shape, fields, code_dim=4, width=8)


def batch(rows: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Codes]:
    images = some_images(40, SHAPE)[torch.from_numpy(rows)]
    return images, Codes({name: values.numpy()[rows] for name, values in some_codes(40).items()})


@pytest.mark.parametrize("weight", [0.5, 1.0, 2.0, 3.0])
def test_autoguidance_of_normal_data_has_its_closed_form(weight: float) -> None:
    """N(0, s^2) has z_t = e r_s(t), r_s(t)^2 = t^2 s^2 + (1 - t)^2, so d log z / dt = d log r_s / dt. Against a weak guess
    for N(0, S^2) the sum w log r_s - (w - 1) log r_S leads to z_1 = e s (s / S)^(w - 1): a weak model that is too wide
    makes the strong one narrower. 400 Heun steps and an end at 0.999 leave 1e-3.
    """
    spread, weak = 0.7, 1.2
    noise = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    end = heun(guided(normal(0, spread), [Guide(normal(0, weak), weight)]), noise, FINE)
    torch.testing.assert_close(end, noise * spread * (spread / weak) ** (weight - 1), rtol=4e-3, atol=1e-9)


@pytest.mark.parametrize("interval", [(0.0, 1.0), (0.1, 0.95), (0.3, 0.6)])
def test_guidance_in_an_interval_shifts_the_mean_by_its_closed_form(interval: tuple[float, float]) -> None:
    """Given N(m, s^2) and free N(0, s^2), guidance moves the mean alone: with c = w inside the interval [a, b] and 1 outside,
    mu' = c m + (mu - t c m) r' / r, so mu(1) = m (1 + (w - 1) s (b / r(b) - a / r(a))); for all times that is w m.
    """
    mean, spread, weight = 1.5, 0.6, 2.5
    (a, b), noise = interval, torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    end = heun(guided(normal(mean, spread), [Guide(normal(0, spread), weight, interval)]), noise, FINE)
    low, high = (t / math.hypot(t * spread, 1 - t) for t in interval)
    expected = mean * (1 + (weight - 1) * spread * (high - low)) + spread * noise
    torch.testing.assert_close(end, expected, rtol=0, atol=0.02)
    asked: list[float] = []

    def free(mixed: Tensor, time: Tensor) -> Tensor:
        asked.append(float(time[0]))
        return normal(0, spread)(mixed, time)

    heun(guided(normal(mean, spread), [Guide(free, weight, interval)]), noise, FINE)
    assert a <= min(asked) <= max(asked) <= b


def test_guides_add_up_and_those_of_weight_one_are_not_asked() -> None:
    def never(mixed: Tensor, time: Tensor) -> Tensor:
        raise AssertionError

    mixed, time = torch.ones(2, 1, dtype=torch.float64), torch.full((2,), 0.5)
    given, free, weak = normal(1.0, 0.5), normal(0.0, 0.5), normal(1.0, 2.0)
    both = guided(given, [Guide(free, 3.0), Guide(never, 1.0), Guide(weak, 1.5)])(mixed, time)
    f = given(mixed, time)
    torch.testing.assert_close(both, f + 2 * (f - free(mixed, time)) + 0.5 * (f - weak(mixed, time)))
    assert guided(given, [Guide(never, 1.0)]) is given


def test_annealing_keeps_mean_and_spread_and_ends_with_the_condition_itself() -> None:
    """At the beginning, fully turned, nothing of the condition is left: its correlation with y is that of 400 random numbers.

    Within 5 / sqrt(400) = 0.25. Rows without a condition (zeros) stay, and no row depends on its company.
    """
    generator = torch.Generator().manual_seed(0)
    given, noise = 3 + 2 * torch.randn(5, 400, generator=generator), torch.randn(5, 1, 8, 8, generator=generator)
    given[2] = 0
    change = annealing(given, noise, 1.0)
    early = given + change(torch.zeros(5))
    torch.testing.assert_close(early.mean(1), given.mean(1))
    torch.testing.assert_close(early.std(1), given.std(1))
    for row in (0, 1, 3, 4):
        assert abs(float(torch.corrcoef(torch.stack([early[row], given[row]]))[0, 1])) < 0.25
    assert torch.equal(early[2], given[2])
    assert not change(torch.ones(5)).any()
    alone = annealing(given[3:4], noise[3:4], 1.0)(torch.zeros(1))
    torch.testing.assert_close(alone[0], change(torch.zeros(5))[3])
    slight = annealing(given, noise, 0.1)(torch.zeros(5))
    assert 0 < float(slight.norm()) < 0.6 * float(change(torch.zeros(5)).norm())


@pytest.mark.parametrize("build", [a_flow, a_vae])
def test_dials_at_off_change_no_bit_and_turned_ones_do(build, monkeypatch: pytest.MonkeyPatch) -> None:
    model = made(build, SHAPE)
    for name in ("guess", "sampler"):
        if hasattr(model, name):
            holder = model if name == "guess" else model.sampler
            holder.early.keep(holder.guess)
            for values in holder.early.parameters():
                values.mul_(0.9)
    noise, codes = model.draw_noise(4, torch.Generator().manual_seed(0)), some_codes(4)
    usual = model.sample(noise, codes)
    assert torch.equal(model.sample(noise, codes, model.defaults()), usual)
    off = Dials(guidance=1.0, autoguidance=1.0, diversity=0.0)
    plain = model.sample(noise, codes, off)
    for turned in (Dials(guidance=2.0), Dials(autoguidance=2.0), Dials(diversity=0.5)):
        assert not torch.equal(model.sample(noise, codes, turned.over(off)), plain)
    free = model.sample(noise, {})
    for unheard in (Dials(guidance=2.0), Dials(diversity=0.5)):
        assert torch.equal(model.sample(noise, {}, unheard), free)


@pytest.mark.parametrize("build", [a_flow, a_vae])
def test_what_a_model_cannot_follow_is_refused_in_words(build) -> None:
    noise = build().draw_noise(1, torch.Generator())
    with pytest.raises(InputError, match=r"autoguidance is 2, but there is no early copy .*; training makes it"):
        build().sample(noise, {}, Dials(autoguidance=2.0))
    for turned in (Dials(guidance=2.0), Dials(diversity=0.5)):
        with pytest.raises(InputError, match="trained without conditions, so the dials guidance and diversity have nothing"):
            build(SHAPE, ()).sample(noise, {}, turned)


def run(model: Generator, batch=batch, folder: Path | None = None) -> dict[str, Tensor]:
    for _ in train(model, 40, batch, Plan(steps=16, batch_size=8, seed=1, precision="float32"), folder=folder):
        pass
    return model.state_dict()


def test_the_early_copy_is_kept_in_training_and_survives_a_stop_bit_for_bit(tmp_path: Path) -> None:
    def fresh(seed: int) -> Flow:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return a_flow()

    whole, made_batches = run(fresh(0)), 0

    def stopping(rows: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Codes]:
        nonlocal made_batches
        made_batches += 1
        if made_batches == 7:
            signal.raise_signal(signal.SIGINT)
        return batch(rows, rng)

    with pytest.raises(Interrupted):
        run(fresh(0), stopping, tmp_path)
    resumed = run(fresh(1), folder=tmp_path)
    assert bool(resumed["early.kept"])
    for name, values in resumed.items():
        assert torch.equal(values, whole[name]), name
    apart = [not torch.equal(whole[f"early.{name}"], values) for name, values in whole.items() if name.startswith("guess.")]
    assert any(apart)
