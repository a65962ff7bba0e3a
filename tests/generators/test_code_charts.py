"""Charts of codes: what they make normal, and what comes back."""

import numpy as np
import pytest
import torch
from laws.generators import shaken

from imatlas.generators import CodeFlow
from imatlas.generators.code_charts import FlowChart, Whitening
from imatlas.generators.flow_matching import heun, time_grid


def test_whitened_codes_are_normal_and_come_back():
    """Codes A z + 3 with normal z: mean 0 and covariance I after whitening, as near as 4,000 codes tell."""
    rng = np.random.default_rng(0)
    codes = torch.from_numpy((rng.normal(size=(4000, 6)) @ rng.normal(size=(6, 6)) + 3).astype(np.float32))
    chart = Whitening(codes.numpy())
    flat = chart.flat(codes)
    np.testing.assert_allclose(flat.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(np.cov(flat.T), np.eye(6), atol=0.06)
    torch.testing.assert_close(chart.codes(flat), codes, atol=1e-4, rtol=1e-5)
    np.testing.assert_allclose(flat.norm(dim=1).mean(), np.sqrt(6), rtol=0.06)


@pytest.mark.parametrize("codes", [np.random.default_rng(0).normal(size=(5, 20)), np.ones((6, 3))])
def test_few_or_equal_codes_make_a_chart_all_the_same(codes: np.ndarray):
    chart, given = Whitening(codes), torch.from_numpy(codes).float()
    assert chart.flat(given).isfinite().all()
    torch.testing.assert_close(chart.codes(chart.flat(given)), given, atol=1e-4, rtol=1e-4)


def gaussian_guess(spread: torch.Tensor):
    """The best guess of clean values x ~ N(0, s^2) in z = t x + (1 - t) e: E[x | z] = t s^2 z / (t^2 s^2 + (1 - t)^2)."""

    def guess(mixed: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        t = time[:, None]
        return t * spread**2 * mixed / (t**2 * spread**2 + (1 - t) ** 2)

    return guess


def test_a_flow_walked_back_gives_the_noise_it_began_with(monkeypatch: pytest.MonkeyPatch):
    """Codes N(0, diag(1/4, 1, 4)) have the exact flow c = spread * noise, so the noise of a code is c / spread."""
    flow, spread = CodeFlow(3), torch.tensor([0.5, 1.0, 2.0])
    monkeypatch.setattr(type(flow.guess), "under", lambda self, codes, change=None: gaussian_guess(spread))
    noise = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(flow.trace(spread * noise), noise, atol=0.05, rtol=0.05)
    forward = heun(gaussian_guess(spread), noise, time_grid(flow.steps, 0.0, 1.2))
    torch.testing.assert_close(flow.trace(forward), noise, atol=0.5, rtol=0.3)  # the last guess draws codes toward the mean


def test_what_a_chart_gives_has_gradients():
    flat = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
    for chart in (FlowChart(shaken(CodeFlow(3))), Whitening(np.random.default_rng(0).normal(size=(50, 3)))):
        codes = chart.codes(flat)
        assert codes.shape == (4, 3)
        assert torch.autograd.grad(codes.sum(), flat)[0].abs().sum() > 0
        assert chart.flat(codes.detach()).shape == (4, 3)
