"""The DCGAN of PyTorch's tutorial, with its widths, rates and weights, one scale fewer because the images are smaller.

https://docs.pytorch.org/tutorials/beginner/dcgan_faces_tutorial.html, after Radford et al. 2016, arXiv 1511.06434.
"""

import time
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from generation.cell import Cell
from generation.classifier import as_images
from generation.peers.vae import as_pixels, blocks_of, n_parameters

BATCH = 128
NOISE = 100
WIDTH = 64
RATE, BETAS = 2e-4, (0.5, 0.999)


def generator(channels: int, side: int) -> nn.Sequential:
    """Noise (b, 100, 1, 1) to images by three doublings from side / 8, or two from 7 pixels."""
    doublings = 3 if side % 8 == 0 else 2
    widths = [WIDTH * 2**number for number in range(doublings - 1, -1, -1)]
    layers = _up(NOISE, widths[0], side >> doublings, 1, 0)
    for before, after in pairwise(widths):
        layers += _up(before, after, 4, 2, 1)
    return nn.Sequential(*layers, nn.ConvTranspose2d(WIDTH, channels, 4, 2, 1, bias=False), nn.Tanh())


def critic(channels: int, side: int) -> nn.Sequential:
    """Images to one number (b, 1, 1, 1), the logit of being real."""
    halvings = 3 if side % 8 == 0 else 2
    layers: list[nn.Module] = [nn.Conv2d(channels, WIDTH, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    width = WIDTH
    for _ in range(halvings - 1):
        layers += [nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2)]
        width *= 2
    return nn.Sequential(*layers, nn.Conv2d(width, 1, side >> halvings, 1, 0, bias=False))


def measure(cell: Cell) -> None:
    pixels = cell.pixels()
    torch.manual_seed(0)
    maker, judge = (network(pixels.shape[3], pixels.shape[1]).apply(_first_weights) for network in (generator, critic))
    optimizers = [torch.optim.Adam(network.parameters(), RATE, betas=BETAS) for network in (judge, maker)]
    start, shown = time.perf_counter(), 0
    while cell.has_time():
        images = as_images(pixels[torch.randint(len(pixels), (BATCH,)).numpy()])
        made = maker(torch.randn(BATCH, NOISE, 1, 1))
        _step(optimizers[0], _loss(judge(images), 1.0) + _loss(judge(made.detach()), 0.0))
        _step(optimizers[1], _loss(judge(made), 1.0))
        shown += BATCH
    cell.trained(parameters=n_parameters(maker, judge), images=shown, seconds=time.perf_counter() - start)
    maker.eval()
    with torch.no_grad(), cell.timed("draw"):
        samples = [as_pixels(maker(torch.randn(b, NOISE, 1, 1))) for b in blocks_of(cell.n_samples)]
    cell.keep(np.concatenate(samples))


def _up(before: int, after: int, kernel: int, stride: int, padding: int) -> list[nn.Module]:
    layer = nn.ConvTranspose2d(before, after, kernel, stride, padding, bias=False)
    return [layer, nn.BatchNorm2d(after), nn.ReLU()]


def _loss(logits: Tensor, wanted: float) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, wanted))


def _step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def _first_weights(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
