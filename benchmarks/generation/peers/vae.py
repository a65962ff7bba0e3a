"""What a first tutorial would build: a plain VAE of 0.65 million parameters with a normal prior."""

import math
import time

import numpy as np
import torch
from torch import Tensor, nn

from generation.cell import Cell
from generation.classifier import as_images

BATCH = 128
DRAWN_AT_ONCE = 500
CODE = {1: 16, 3: 64}
"""Channels of the images -> length of the code."""


class PlainVae(nn.Module):
    """Two strided convolutions down, two up; the noise level is its maximum-likelihood value, so nothing is to be weighed."""

    def __init__(self, channels: int, side: int, width: int = 34) -> None:
        super().__init__()
        self.code, small = CODE[channels], side // 4
        self.encode = nn.Sequential(
            nn.Conv2d(channels, width, 4, 2, 1),
            nn.SiLU(),
            nn.Conv2d(width, 2 * width, 4, 2, 1),
            nn.SiLU(),
            nn.Conv2d(2 * width, 4 * width, 3, 1, 1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(4 * width * small * small, 2 * self.code),
        )
        self.decode = nn.Sequential(
            nn.Linear(self.code, 4 * width * small * small),
            nn.Unflatten(1, (4 * width, small, small)),
            nn.SiLU(),
            nn.ConvTranspose2d(4 * width, 2 * width, 4, 2, 1),
            nn.SiLU(),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1),
            nn.SiLU(),
            nn.Conv2d(width, channels, 3, 1, 1),
        )

    def draw_code(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Give a random code of each image, and the divergence from the prior."""
        mean, log_variance = self.encode(images).chunk(2, dim=1)
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean() / 2
        return mean + torch.randn_like(mean) * (log_variance / 2).exp(), divergence


def train_vae(cell: Cell, pixels: np.ndarray, share: float) -> tuple[PlainVae, int, float]:
    """Train for a share of the budget; give the model, the images shown, the seconds of the steps."""
    torch.manual_seed(0)
    model = PlainVae(pixels.shape[3], pixels.shape[1])
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    start, shown = time.perf_counter(), 0
    while cell.has_time(share):
        images = as_images(pixels[torch.randint(len(pixels), (BATCH,)).numpy()])
        code, divergence = model.draw_code(images)
        error = (model.decode(code) - images).square().mean()
        loss = math.prod(images.shape[1:]) / 2 * error.log() + divergence
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        shown += BATCH
    return model, shown, time.perf_counter() - start


def as_pixels(images: Tensor) -> np.ndarray:
    """Give pixels uint8 (b, H, W, C) of images (b, C, H, W) in [-1, 1]."""
    return ((images.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


def blocks_of(n: int) -> list[int]:
    """Give the sizes of the blocks in which n images are drawn."""
    return [min(DRAWN_AT_ONCE, n - start) for start in range(0, n, DRAWN_AT_ONCE)]


def n_parameters(*models: nn.Module) -> int:
    """Count the numbers that are trained."""
    return sum(parameter.numel() for model in models for parameter in model.parameters())


@torch.no_grad()
def measure(cell: Cell) -> None:
    with torch.enable_grad():
        model, shown, seconds = train_vae(cell, cell.pixels(), 1.0)
    cell.trained(parameters=n_parameters(model), images=shown, seconds=seconds)
    with cell.timed("draw"):
        samples = [as_pixels(model.decode(torch.randn(b, model.code))) for b in blocks_of(cell.n_samples)]
    cell.keep(np.concatenate(samples))
