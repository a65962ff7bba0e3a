"""pythae: its VAE, drawn from with its normal and its mixture sampler, and its RAE-L2 with the mixture; its own networks.

Trained by its own trainer at its own batch of 64, with the rate of its README (1e-3), and stopped by the clock. Fitting the
mixture comes after that and is not part of the budget: the encoder alone takes minutes for all images.
"""

import logging
import tempfile
import time
from collections.abc import Callable

import numpy as np
import torch
from pythae.data.preprocessors import DataProcessor
from pythae.models import RAE_L2, VAE, BaseAE, RAE_L2_Config, VAEConfig
from pythae.models.nn.benchmarks import cifar, mnist
from pythae.samplers import GaussianMixtureSampler, NormalSampler
from pythae.trainers import BaseTrainer, BaseTrainerConfig, CoupledOptimizerTrainer, CoupledOptimizerTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback

from generation.cell import Cell
from generation.peers.vae import CODE, n_parameters

RATE = 1e-3

NETWORKS = {
    ("pythae-vae", 1): (mnist.Encoder_Conv_VAE_MNIST, mnist.Decoder_Conv_AE_MNIST),
    ("pythae-rae", 1): (mnist.Encoder_Conv_AE_MNIST, mnist.Decoder_Conv_AE_MNIST),
    ("pythae-vae", 3): (cifar.Encoder_Conv_VAE_CIFAR, cifar.Decoder_Conv_AE_CIFAR),
    ("pythae-rae", 3): (cifar.Encoder_Conv_AE_CIFAR, cifar.Decoder_Conv_AE_CIFAR),
}
"""Method and channels -> encoder and decoder."""


class TimeUp(Exception):
    """The budget is used up: the trainer itself counts epochs only."""


class Stop(TrainingCallback):
    """Counts steps, and ends the training between two of them."""

    def __init__(self, has_time: Callable[[], bool]) -> None:
        self.has_time, self.steps = has_time, 0

    def on_train_step_end(self, training_config: BaseTrainerConfig, **kwargs: object) -> None:
        self.steps += 1
        if not self.has_time():
            raise TimeUp


def model_of(method: str, channels: int, side: int) -> BaseAE:
    """Give an untrained model of a method."""
    encoder, decoder = NETWORKS[method, channels]
    kind, config = (VAE, VAEConfig) if method == "pythae-vae" else (RAE_L2, RAE_L2_Config)
    wishes = config(input_dim=(channels, side, side), latent_dim=CODE[channels])
    return kind(wishes, encoder=encoder(wishes), decoder=decoder(wishes))


def trainer_of(model: BaseAE, images: np.ndarray, stop: Stop, folder: str) -> BaseTrainer:
    """Give pythae's own trainer of a model; the RAE's two optimizers and their decay are those of its pipeline."""
    processor = DataProcessor()
    rows = processor.to_dataset(processor.process_data(images))
    common = {"output_dir": folder, "num_epochs": 1_000_000, "keep_best_on_train": True}
    if not isinstance(model, RAE_L2):
        return BaseTrainer(model, rows, training_config=BaseTrainerConfig(learning_rate=RATE, **common), callbacks=[stop])
    asked = CoupledOptimizerTrainerConfig(
        encoder_learning_rate=RATE,
        decoder_learning_rate=RATE,
        decoder_optimizer_params={"weight_decay": model.model_config.reg_weight},
        **common,
    )
    return CoupledOptimizerTrainer(model, rows, training_config=asked, callbacks=[stop])


def measure(cell: Cell) -> None:
    logging.disable(logging.INFO)
    pixels = cell.pixels()
    torch.manual_seed(0)
    model = model_of(cell.job.method, pixels.shape[3], pixels.shape[1])
    images = (pixels.astype(np.float32) / 255).transpose(0, 3, 1, 2)
    stop = Stop(cell.has_time)
    with tempfile.TemporaryDirectory() as folder:
        trainer = trainer_of(model, images, stop, folder)
        start = time.perf_counter()
        try:
            trainer.train()
        except TimeUp:
            seconds = time.perf_counter() - start
    shown = stop.steps * trainer.training_config.per_device_train_batch_size
    cell.trained(parameters=n_parameters(model), images=shown, seconds=seconds)
    model = trainer.model.eval()
    if cell.job.method == "pythae-vae":
        with cell.timed("draw_normal"):
            samples = NormalSampler(model).sample(cell.n_samples)
        cell.keep(_as_pixels(samples), name="normal")
    mixture = GaussianMixtureSampler(model)
    with cell.timed("fit_mixture"):
        mixture.fit(torch.from_numpy(images))
    with cell.timed("draw_mixture"):
        samples = mixture.sample(cell.n_samples)
    cell.keep(_as_pixels(samples), name="mixture")


def _as_pixels(images: torch.Tensor) -> np.ndarray:
    """Give pixels uint8 (b, H, W, C) of pythae's images (b, C, H, W) in [0, 1]."""
    return (images.detach().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
