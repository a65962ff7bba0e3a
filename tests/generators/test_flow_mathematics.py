"""Closed forms of the flow: its loss for normal data, its integrator on straight and on normal flows."""

import math
from itertools import pairwise

import pytest
import torch
from laws.generators import made, some_codes
from torch import Tensor

from imatlas.generators import Flow
from imatlas.generators.flow_matching import heun, time_grid, velocity_error
from imatlas.values import Dials


def best_slope(time: Tensor | float, spread: float) -> Tensor | float:
    """Slope of E[x | z_t] for x ~ N(0, spread^2): t s^2 / (t^2 s^2 + (1 - t)^2)."""
    return time * spread**2 / (time**2 * spread**2 + (1 - time) ** 2)


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.3])
def test_velocity_error_of_a_linear_estimate_of_normal_data_has_its_closed_form(slope: float) -> None:
    """With x ~ N(0, s^2), z = t x + (1 - t) e and the estimate a z at one time t:

    E[(a z - x)^2] / (1 - t)^2 = ((a t - 1)^2 s^2 + a^2 (1 - t)^2) / (1 - t)^2.
    The mean of 400,000 squares of normal numbers has a relative standard error of sqrt(2 / 400,000) = 0.0022; 5 of them.
    """
    t, spread = 0.3, 1.7
    clean = spread * torch.randn(100_000, 4, generator=torch.Generator().manual_seed(0))
    error = velocity_error(
        lambda mixed, time: slope * mixed,
        clean,
        torch.Generator().manual_seed(1),
        mean=math.log(t / (1 - t)),
        spread=0.0,
    )
    expected = ((slope * t - 1) ** 2 * spread**2 + slope**2 * (1 - t) ** 2) / (1 - t) ** 2
    assert float(error) == pytest.approx(expected, rel=0.011)


def test_velocity_error_is_least_for_the_conditional_mean() -> None:
    """Among a z the conditional mean has the least error; at other slopes it is higher by (a - a*)^2 E[z^2] / (1 - t)^2."""
    spread, clean = 0.6, 0.6 * torch.randn(50_000, 1, generator=torch.Generator().manual_seed(0))

    def error(factor: float) -> float:
        return float(
            velocity_error(
                lambda mixed, time: factor * best_slope(time[:, None], spread) * mixed,
                clean,
                torch.Generator().manual_seed(1),
                mean=0.0,
                spread=1.0,
            )
        )

    assert error(1.0) < min(error(0.9), error(1.1))


def test_times_follow_their_law_and_late_ones_are_clamped() -> None:
    """Seen times are logit-normal; an estimate that is off by 1 - t everywhere costs 1, but less where 1 - t < 0.05."""
    seen: list[Tensor] = []

    def off(mixed: Tensor, time: Tensor) -> Tensor:
        seen.append(time)
        return clean + (1 - time[:, None])

    clean = torch.zeros(20_000, 1)
    error = velocity_error(off, clean, torch.Generator().manual_seed(0), mean=0.4, spread=1.2)
    logits = torch.logit(seen[0])
    assert float(logits.mean()) == pytest.approx(0.4, abs=5 * 1.2 / math.sqrt(20_000))
    assert float(logits.std()) == pytest.approx(1.2, rel=5 / math.sqrt(2 * 20_000))
    late = (1 - seen[0]).clamp(max=0.05) / 0.05
    assert float(error) == pytest.approx(float(late.square().mean()), rel=1e-4)


@pytest.mark.parametrize("steps", [1, 2, 3, 10])
def test_heun_is_exact_on_a_straight_flow(steps: int) -> None:
    """If every path is straight with a velocity v of its own, the estimate is z + (1 - t) v and the end is e + v.

    Until 1 - t reaches the clamp of 0.05; the grid ends before. Tolerance: float32.
    """
    generator = torch.Generator().manual_seed(0)
    noise, velocity = torch.randn(2, 5, 1, 4, 4, generator=generator)
    grid = [i / steps * 0.95 for i in range(steps)]
    end = heun(lambda mixed, time: mixed + (1 - time.view(-1, 1, 1, 1)) * velocity, noise, grid)
    torch.testing.assert_close(end, noise + velocity, rtol=0, atol=1e-5)


def test_heun_converges_at_second_order_on_normal_data() -> None:
    """For x ~ N(0, s^2) the exact path of e is z_t = e sqrt(t^2 s^2 + (1 - t)^2); half the step, a quarter of the error.

    Grids are uniform up to t = 0.9, where the estimate slope(0.9) z ends the walk.
    """
    spread, noise = 2.0, torch.ones(1, 1, dtype=torch.float64)

    def error(steps: int) -> float:
        grid = [0.9 * i / steps for i in range(steps + 1)]
        end = heun(lambda mixed, time: best_slope(time.double()[:, None], spread) * mixed, noise, grid)
        exact = best_slope(0.9, spread) * math.sqrt(0.9**2 * spread**2 + 0.1**2)
        return abs(float(end) - exact)

    assert error(20) / error(40) == pytest.approx(4, rel=0.15)
    assert error(40) < 5e-3


@pytest.mark.parametrize("steps", [1, 2, 5, 30])
def test_a_time_grid_rises_from_zero_and_ends_before_one(steps: int) -> None:
    grid = time_grid(steps, 0.7, 1.2)
    assert len(grid) == steps
    assert grid[0] == 0
    assert all(low < high for low, high in pairwise(grid))
    assert grid[-1] < 1


def test_a_single_time_lies_amid_those_of_finer_grids() -> None:
    """At the noisiest one, the walk of two steps would end where hardly anything is known."""
    logits = [math.log(time / (1 - time)) for time in (*time_grid(3, 0.7, 1.2)[1:], time_grid(2, 0.7, 1.2)[1])]
    assert logits[2] == pytest.approx((logits[0] + logits[1]) / 2)


def test_guidance_pushes_along_the_difference_the_condition_makes() -> None:
    """The guess is free + w (given - free): w = 1 is as trained, more is further from free; without codes nothing changes."""
    model = made(lambda shape, fields: Flow(shape, fields, patch=4, width=32, depth=1), (1, 8, 8))
    noise, codes = model.draw_noise(3, torch.Generator().manual_seed(0)), some_codes(3)
    assert torch.equal(model.sample(noise, codes, Dials(guidance=1.0)), model.sample(noise, codes))
    strong = model.sample(noise, codes, Dials(guidance=4.0)) - model.sample(noise, {})
    plain = model.sample(noise, codes) - model.sample(noise, {})
    assert float(strong.norm()) > 1.5 * float(plain.norm())
    assert torch.equal(model.sample(noise, {}, Dials(guidance=4.0)), model.sample(noise, {}))
