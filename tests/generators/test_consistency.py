"""Few steps: the loss on a chain whose end is known, a toy whose one-step map is known, the gap and its dials."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from laws.generators import FIELDS, made, some_codes, some_images
from torch import Tensor, nn

from imatlas.checks import InputError
from imatlas.generators import Flow
from imatlas.generators.consistency import FEW_TIMES, Closing, Jumps, consistency_error
from imatlas.training import Plan, train
from imatlas.values import Codes, Dials

SHAPE, SPREAD = (1, 8, 8), 1.5


def a_flow(**settings) -> Flow:
    return Flow(SHAPE, FIELDS, patch=4, width=32, depth=1, **settings)


def end_of_path(mixed: Tensor, time: Tensor) -> Tensor:
    """Where the flow of x ~ N(0, s^2) ends: z_t = e r(t) with r(t)^2 = t^2 s^2 + (1 - t)^2, and z_1 = e s."""
    t = time[:, None]
    return SPREAD * mixed / (t**2 * SPREAD**2 + (1 - t) ** 2).sqrt()


@pytest.mark.parametrize("steps", FEW_TIMES)
def test_jumps_of_a_known_map_draw_the_distribution_the_flow_ends_in(steps: int) -> None:
    """The map sends every z_t to N(0, s^2), and noise mixed in again is new: the draws keep the spread s.

    Were the same noise taken, guess and noise would add up: (t s + 1 - t) / r(t) = 1.38 times s at t = 0.3. 20,000 numbers
    have a relative standard error of 1 / 200; 5 of them. With one step the draw is s e itself.
    """
    noise = torch.randn(1_250, 16, generator=torch.Generator().manual_seed(0))
    drawn = Jumps((16,))(end_of_path, noise, steps)
    if steps == 1:
        torch.testing.assert_close(drawn, SPREAD * noise)
    assert float(drawn.std()) == pytest.approx(SPREAD, rel=5 / 200)


def test_a_gap_of_one_compares_with_the_image_itself() -> None:
    """Then an estimate that is off by d everywhere costs the mean of sqrt(d^2 + 0.03^2) / max(1 - t, 0.05)."""
    clean, seen = torch.randn(50_000, 1, generator=torch.Generator().manual_seed(0)), []

    def off(mixed: Tensor, time: Tensor) -> Tensor:
        seen.append(time)
        return clean + 0.4

    error = consistency_error(off, clean, torch.Generator().manual_seed(1), gap=1.0)
    assert len(seen) == 1, "no later guess is asked"
    expected = ((0.4**2 + 0.03**2) ** 0.5 / (1 - seen[0]).clamp(min=0.05)).mean()
    assert float(error) == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("gap", [0.5, 1 / 16])
def test_the_later_time_has_a_lower_noise_level_and_learns_nothing(gap: float) -> None:
    """s(t) = (1 - t) / t falls by the gap; the gradient comes through the earlier guess alone."""
    weight, seen = nn.Parameter(torch.ones(1)), []

    def estimate(mixed: Tensor, time: Tensor) -> Tensor:
        seen.append((time, torch.is_grad_enabled()))
        return weight * mixed

    consistency_error(estimate, torch.zeros(1000, 1), torch.Generator().manual_seed(0), gap=gap).backward()
    (later, learned_later), (time, learned) = seen
    assert (learned_later, learned) == (False, True)
    torch.testing.assert_close((1 - later) / later, (1 - gap) * (1 - time) / time, rtol=1e-3, atol=1e-5)
    assert weight.grad is not None


def test_tuning_finds_the_one_step_map_of_normal_data() -> None:
    """The end of the path of N(0, s^2) is c(t) z with the c(t) of `end_of_path`. Beginning with the best guess E[x | z], whose
    jump from noise is 0, a table of slopes over time comes near s at t = 0 when the gap closes. Chains of 8 gaps lose
    some; at most a fifth is allowed, where the untuned guess is off by all of it.
    """
    knots = torch.linspace(0, 1, 65)
    slopes = nn.Parameter(knots * SPREAD**2 / (knots**2 * SPREAD**2 + (1 - knots) ** 2))

    def estimate(mixed: Tensor, time: Tensor) -> Tensor:
        place = time * 64
        low = place.floor().long().clamp(max=63)
        slope = torch.lerp(slopes[low], slopes[low + 1], place - low)
        return slope[:, None] * mixed

    optimizer, generator = torch.optim.Adam([slopes], 0.01, betas=(0.9, 0.95)), torch.Generator().manual_seed(0)
    for step in range(1600):
        for group in optimizer.param_groups:
            group["lr"] = 0.01 * (1 - step / 1600)
        clean = SPREAD * torch.randn(256, 1, generator=generator)
        optimizer.zero_grad()
        consistency_error(estimate, clean, generator, gap=0.5 ** (step // 200)).backward()
        optimizer.step()
    assert float(slopes[3].detach()) == pytest.approx(SPREAD, rel=0.2)


def test_the_gap_halves_each_eighth_once_the_first_is_marked() -> None:
    closing = Closing()
    gaps = []
    for step in range(80):
        gaps.append(closing.gap(counted=True))
        if step == 9:
            closing.mark()
    assert gaps[::10] == [0.5**eighth for eighth in range(8)]
    assert all(gaps[10 * i] == gaps[10 * i + 9] for i in range(8))
    assert closing.gap(counted=False) == closing.gap(counted=False) == 1 / 128
    closing.begin()
    assert closing.gap(counted=False) == 1


def test_the_loop_closes_the_gap_and_the_few_step_copy_starts_from_the_flow() -> None:
    model, gaps = a_flow(), []

    def batch(rows: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Codes]:
        if len(rows) == 8:
            gaps.append(model.closing.gap(counted=False))
        return some_images(40, SHAPE)[torch.from_numpy(rows)], Codes({})

    def reports() -> Iterator[object]:
        return train(model, 40, batch, Plan(steps=64, batch_size=8, precision="float32"))

    assert [report.stage for report in reports() if report.done == report.total] == ["flow", "few steps"]
    assert gaps[:48] == [1.0] * 48
    assert gaps[48:] == [0.5 ** (step // 2) for step in range(16)]
    assert not torch.equal(next(model.few.parameters()), next(model.guess.parameters()))


def test_steps_choose_between_the_few_step_copy_and_the_flow() -> None:
    model = made(lambda shape, fields: a_flow(), SHAPE)
    noise, codes = model.draw_noise(3, torch.Generator().manual_seed(0)), some_codes(3)
    before = {steps: model.sample(noise, codes, Dials(steps=steps)) for steps in (1, 2, 4, 5)}
    with torch.no_grad():
        for values in model.few.parameters():
            values.mul_(0.9)
    after = {steps: model.sample(noise, codes, Dials(steps=steps)) for steps in (1, 2, 4, 5)}
    assert [torch.equal(before[steps], after[steps]) for steps in (1, 2, 4, 5)] == [False, False, False, True]


@pytest.mark.parametrize("turned", [{"guidance": 2.0}, {"autoguidance": 1.5}, {"diversity": 0.5}])
def test_few_steps_refuse_other_dials_in_words(turned: dict) -> None:
    model = made(lambda shape, fields: a_flow(), SHAPE)
    with pytest.raises(InputError, match=f"With 2 steps the network for few steps draws.*cannot follow {next(iter(turned))}"):
        model.settle(Dials(steps=2, **turned))
    guided = made(lambda shape, fields: a_flow(turned={"guidance": 2.0}), SHAPE)
    settled = guided.settle(Dials(steps=2))
    assert settled.guidance == 1
    assert guided.settle(settled) == settled
    assert guided.settle(Dials()).guidance == 2


def test_another_network_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="no network 'mlp' for a flow; choose transformer or unet"):
        a_flow(network="mlp")
