"""Models of a few numbers whose training can be followed by hand."""

import signal
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from imatlas.training import Stage, Trainable
from imatlas.values import Codes

N_ROWS = 50
BATCH_SIZE = 8
IMAGES = torch.rand(N_ROWS, 1, 4, 4, generator=torch.Generator().manual_seed(5)) * 2 - 1


def batch(rows: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Codes]:
    """Images and a code that is drawn afresh for each batch, as a jittered map place is."""
    return IMAGES[rows], Codes({"place": rng.standard_normal((len(rows), 2)).astype(np.float32)})


class TwoStages(Trainable):
    """An autoencoder of two linear halves; the second half learns in a stage of its own, on centred codes.

    It also counts the images it saw, and a stage begins by looking at what that stage then changes.
    """

    center: Tensor
    seen: Tensor

    def __init__(self, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.first = nn.Parameter(torch.randn(16, 3, generator=generator) / 4)
        self.second = nn.Parameter(torch.randn(3, 16, generator=generator))
        self.register_buffer("center", torch.zeros(3))
        self.register_buffer("seen", torch.zeros(()))

    def players(self) -> tuple[str, ...]:
        return ("first", "second")

    def player_parameters(self, player: str) -> list[nn.Parameter]:
        return [self.first if player == "first" else self.second]

    def stages(self) -> tuple[Stage, ...]:
        return (
            Stage("one", ("first",), 0.6, batch_size=BATCH_SIZE, learning_rate=1e-2),
            Stage("two", ("second",), 0.4, batch_size=BATCH_SIZE, learning_rate=1e-2),
        )

    @torch.no_grad()
    def begin(self, stage: str, images: Tensor) -> None:
        if stage == "two":
            self.center.copy_((images.flatten(1) @ self.first).mean(0) + 0.1 * self.second.mean(1))

    def loss(self, player: str, images: Tensor, codes: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        flat = images.flatten(1)
        self.seen += len(images)
        noise = torch.randn(len(flat), 3, generator=generator)
        code = flat @ self.first + 0.1 * noise - self.center + codes["place"].mean(dim=1, keepdim=True)
        return (code @ self.second - flat).square().mean()


class Slope(Trainable):
    """One vector on a constant slope: with AdamW every step lowers each number by the learning rate exactly."""

    def __init__(self, loss: Callable[[Tensor], Tensor] = torch.sum, rate: float = 0.1) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(4))
        self.lowered, self.rate = loss, rate

    def stages(self) -> tuple[Stage, ...]:
        return (Stage("slope", self.players(), batch_size=BATCH_SIZE, learning_rate=self.rate),)

    def loss(self, player: str, images: Tensor, codes: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        return self.lowered(self.place)


def stopping(at_steps: set[int], number: signal.Signals = signal.SIGINT):
    """Give `batch` with a signal raised while the batches of some steps, counted from 1, are made."""
    made = 0

    def stopping_batch(rows: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Codes]:
        nonlocal made
        if len(rows) == BATCH_SIZE:
            made += 1
            if made in at_steps:
                signal.raise_signal(number)
        return batch(rows, rng)

    return stopping_batch


class Clock:
    """A clock that only moves when a batch is made: `pace(step)` seconds each."""

    def __init__(self, pace: Callable[[int], float]) -> None:
        self.now, self.made, self.pace = 100.0, 0, pace

    def monotonic(self) -> float:
        return self.now

    def batch(self, rows: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Codes]:
        if len(rows) == BATCH_SIZE:
            self.now += self.pace(self.made)
            self.made += 1
        return batch(rows, rng)
