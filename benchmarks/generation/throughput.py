"""Images a second trained by our loop beside a plain float32 PyTorch loop of the very same network, loss and batch.

In turns, three of each, medians; each turn begins with a fresh network. Ours is the loop as it is used: precision measured and
chosen, fused steps, averaged weights, clipping, its own data order. The plain one is what one writes by hand: a random batch,
loss, backward, AdamW.
"""

import statistics
import time
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from generation.cell import Cell
from imatlas.generators.flow_matching import velocity_error
from imatlas.networks.condition import ConditionEmbedding
from imatlas.networks.mlp import ResidualMlp
from imatlas.networks.pixels import to_images
from imatlas.networks.transformer import PatchTransformer
from imatlas.networks.unet import UNet
from imatlas.training import Plan, Stage, Trainable, faster_precision, train
from imatlas.values import Codes

ROUNDS = 3
MANY_STEPS = 1_000_000

SIZES = {"transformer": (256, 128), "mlp": (256, 128), "wide-mlp": (1024, 512), "convolutional": (256, 128)}
"""Kind of network -> width of its layers (of a convolutional one: of its condition), and images a step."""


class Task(Trainable):
    """A network that guesses images from noisy ones: the same work for both loops."""

    def __init__(self, kind: str, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        width, self.batch_size = SIZES[kind]
        self.condition = ConditionEmbedding((), width)
        self.network, self.flat = _network(kind, image_shape, width), kind.endswith("mlp")

    def stages(self) -> tuple[Stage, ...]:
        return (Stage("train", self.players(), batch_size=self.batch_size),)

    def loss(self, player: str, images: Tensor, codes: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        return velocity_error(self._guess, images, generator, mean=0.0, spread=1.0)

    def _guess(self, mixed: Tensor, time: Tensor) -> Tensor:
        entered = mixed.flatten(1) if self.flat else mixed
        return self.network(entered, self.condition({}, len(mixed), time)).float().view(mixed.shape)


def measure(cell: Cell) -> None:
    pixels = cell.pixels()
    kind, seconds = cell.job.method.partition(":")[2], cell.seconds / (2 * ROUNDS)
    shape = (pixels.shape[3], *pixels.shape[1:3])
    rates: dict[str, list[float]] = {"ours": [], "plain": []}
    for turn in range(ROUNDS):
        # The first of a turn changes, so that whatever comes second is not always the same.
        for name, loop in (("ours", our_rate), ("plain", plain_rate))[:: 1 if turn % 2 == 0 else -1]:
            torch.manual_seed(turn)
            rates[name].append(loop(Task(kind, shape), pixels, seconds))
    ours, plain = (statistics.median(rates[name]) for name in ("ours", "plain"))
    cell.numbers |= {"ours_images_per_second": ours, "plain_images_per_second": plain, "ratio": ours / plain}
    cell.numbers["ratio_least"] = min(rates["ours"]) / max(rates["plain"])
    cell.numbers["parameters"] = sum(parameter.numel() for parameter in Task(kind, shape).parameters())


def our_rate(task: Task, pixels: np.ndarray, seconds: float) -> float:
    """Give images a second of `imatlas.training.train`, in the precision it would choose for a budget."""

    def batch(rows: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Codes]:
        return to_images(pixels[rows]), Codes({})

    def work() -> None:
        task.loss("model", images, {}, torch.Generator().manual_seed(0)).backward()
        task.zero_grad(set_to_none=True)

    images = to_images(pixels[: task.batch_size])
    plan = Plan(steps=MANY_STEPS, precision=faster_precision(work, torch.device("cpu")))
    for progress in train(task, len(pixels), batch, plan):
        if progress.seconds > seconds:
            return progress.done * task.batch_size / progress.seconds
    raise RuntimeError(f"{MANY_STEPS} steps were over before {seconds} seconds; raise MANY_STEPS.")


def plain_rate(task: Task, pixels: np.ndarray, seconds: float) -> float:
    """Give images a second of a loop written by hand."""
    optimizer, noise = torch.optim.AdamW(task.parameters(), 1e-3), torch.Generator().manual_seed(0)
    start, steps = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        images = to_images(pixels[torch.randint(len(pixels), (task.batch_size,)).numpy()])
        loss = task.loss("model", images, {}, noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        steps += 1
    return steps * task.batch_size / (time.perf_counter() - start)


def _network(kind: str, image_shape: tuple[int, int, int], width: int) -> nn.Module:
    channels, side, _ = image_shape
    if kind == "transformer":
        return PatchTransformer(channels, channels, side, patch=4, width=width, depth=6)
    if kind == "convolutional":
        return UNet(channels, channels, width=64, condition_width=width)
    return ResidualMlp(channels * side * side, width=width, depth=6)
