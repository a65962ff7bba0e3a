"""A diffusers U-Net of like size (1.7 million parameters for gray images), trained as DDPM, drawn with 25 steps of DDIM.

The network is that of unit 1 of Hugging Face's course on diffusion models, whose batches and rate these are too; averaged
weights as in diffusers' own training script for unconditional images. DDIM keeps its guesses of the clean image within the
range of images, as DDPM does; DPM-Solver does not, and drew nothing but black and white after ten minutes (distance 125).
"""

import time

import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler, UNet2DModel
from diffusers.training_utils import EMAModel
from torch import Tensor
from torch.nn import functional

from generation.cell import Cell
from generation.classifier import as_images
from generation.peers.vae import as_pixels, blocks_of, n_parameters

BATCH = 128
RATE = 1e-3
NOISE_STEPS = 1000
DRAWING_STEPS = 25


def network(channels: int, side: int) -> UNet2DModel:
    """Give the course's U-Net for images of another size."""
    return UNet2DModel(
        sample_size=side,
        in_channels=channels,
        out_channels=channels,
        layers_per_block=2,
        block_out_channels=(32, 64, 64),
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
    )


def measure(cell: Cell) -> None:
    pixels = cell.pixels()
    torch.manual_seed(0)
    model = network(pixels.shape[3], pixels.shape[1])
    schedule = DDPMScheduler(num_train_timesteps=NOISE_STEPS, beta_schedule="squaredcos_cap_v2")
    optimizer, average = torch.optim.AdamW(model.parameters(), RATE), EMAModel(model.parameters())
    start, shown = time.perf_counter(), 0
    while cell.has_time():
        images = as_images(pixels[torch.randint(len(pixels), (BATCH,)).numpy()])
        noise, when = torch.randn_like(images), torch.randint(NOISE_STEPS, (BATCH,))
        loss = functional.mse_loss(model(schedule.add_noise(images, noise, when), when).sample, noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.step(model.parameters())
        shown += BATCH
    average.copy_to(model.parameters())
    cell.trained(parameters=n_parameters(model), images=shown, seconds=time.perf_counter() - start)
    cell.numbers["evaluations"] = DRAWING_STEPS
    sampler = DDIMScheduler.from_config(schedule.config)
    shape = (pixels.shape[3], *pixels.shape[1:3])
    with torch.no_grad(), cell.timed("draw"):
        samples = [as_pixels(_draw(model.eval(), sampler, (b, *shape))) for b in blocks_of(cell.n_samples)]
    cell.keep(np.concatenate(samples))


def _draw(model: UNet2DModel, sampler: DDIMScheduler, shape: tuple[int, ...]) -> Tensor:
    sampler.set_timesteps(DRAWING_STEPS)
    state = torch.randn(shape)
    for when in sampler.timesteps:
        state = sampler.step(model(state, when).sample, when, state).prev_sample
    return state
