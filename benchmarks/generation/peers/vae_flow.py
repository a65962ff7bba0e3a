"""The plain VAE for two thirds of the budget, then a flow in its code space, in place of the normal prior, for one third."""

import time

import numpy as np
import torch
from torch import Tensor, nn

from generation.cell import Cell
from generation.classifier import as_images
from generation.peers.vae import PlainVae, as_pixels, blocks_of, n_parameters, train_vae

VAE_SHARE = 2 / 3
BATCH = 512
STEPS = 50


class CodeVelocity(nn.Module):
    """A residual network from code (b, d) and time (b, 1) to velocity (b, d)."""

    def __init__(self, code: int, width: int = 256, depth: int = 4) -> None:
        super().__init__()
        self.enter = nn.Linear(code + 1, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
            for _ in range(depth)
        )
        self.leave = nn.Linear(width, code)

    def forward(self, code: Tensor, time: Tensor) -> Tensor:
        hidden = self.enter(torch.cat([code, time], dim=1))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return self.leave(hidden)


def train_flow(cell: Cell, model: PlainVae, pixels: np.ndarray) -> tuple[CodeVelocity, Tensor, Tensor]:
    """Carry noise to the codes of all images along straight lines (Lipman et al. 2023); give flow, centre and scale."""
    with torch.no_grad():
        blocks = [model.encode(as_images(pixels[i : i + 1000])) for i in range(0, len(pixels), 1000)]
    mean, log_variance = torch.cat(blocks).chunk(2, dim=1)
    spread = (log_variance / 2).exp()
    centre, scale = mean.mean(0), (mean.var(0) + spread.square().mean(0)).sqrt()
    flow = CodeVelocity(model.code)
    optimizer = torch.optim.Adam(flow.parameters(), 1e-3)
    while cell.has_time():
        rows = torch.randint(len(mean), (BATCH,))
        code = (mean[rows] + spread[rows] * torch.randn(BATCH, model.code) - centre) / scale
        noise, when = torch.randn_like(code), torch.rand(BATCH, 1)
        loss = (flow(when * code + (1 - when) * noise, when) - (code - noise)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return flow, centre, scale


def measure(cell: Cell) -> None:
    pixels = cell.pixels()
    model, shown, seconds = train_vae(cell, pixels, VAE_SHARE)
    start = time.perf_counter()
    flow, centre, scale = train_flow(cell, model, pixels)
    cell.numbers["flow_seconds"] = time.perf_counter() - start
    cell.trained(parameters=n_parameters(model, flow), images=shown, seconds=seconds)
    with torch.no_grad(), cell.timed("draw"):
        samples = [as_pixels(model.decode(_draw(flow, b, model.code) * scale + centre)) for b in blocks_of(cell.n_samples)]
    cell.keep(np.concatenate(samples))


def _draw(flow: CodeVelocity, b: int, code: int) -> Tensor:
    """Follow the flow from noise, by Euler's steps."""
    state = torch.randn(b, code)
    for step in range(STEPS):
        state = state + flow(state, torch.full((b, 1), step / STEPS)) / STEPS
    return state
