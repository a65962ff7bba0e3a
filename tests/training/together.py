"""One of several processes that a test starts: trains a small model and leaves its weights."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from small_models import N_ROWS, TwoStages, batch
from torch import Tensor, distributed, nn

from imatlas.checks import FailedRun, InputError
from imatlas.generators import SAMPLERS, Flow, Gan, Generator, LatentFlow, Vae
from imatlas.training import Interrupted, Plan, Stage, Trainable, Validation, train
from imatlas.training.processes import is_first, joined, shared_mean
from imatlas.values import Codes, Field

SHAPE, FIELDS = (1, 8, 8), (Field("class", "category", 3),)
PLAN = Plan(steps=30, seed=3, precision="float32")


class Bent(TwoStages):
    """Two stages whose loss is the logarithm of a mean, on a batch that comes twice, with dropped rows; faint in the second."""

    def stages(self) -> tuple[Stage, ...]:
        first, second = super().stages()
        return Stage("one", first.players, 0.6, 9, 1e-2), Stage("two", second.players, 0.4, 9, 1e-2, validated=True)

    def loss(self, player, images, codes, generator) -> Tensor:
        kept = torch.rand(len(images), generator=generator) < 0.7
        flat = torch.where(kept[:, None], images.flatten(1), 0.0).repeat(2, 1)
        noise = torch.randn(len(flat), 3, generator=generator)
        code = flat @ self.first + 0.1 * noise - self.center + codes["place"].repeat(2, 1).mean(dim=1, keepdim=True)
        error = shared_mean((code @ self.second - images.flatten(1).repeat(2, 1)).square().mean())
        return (8 * error.log() + 0.01 * code.square().mean()) * (1 if player == "first" else 1e-9)


class Crowd(Trainable):
    """A loss in which every row is compared with all others, so that no part of a batch can be made alone."""

    divisible = False

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.ones(16, 3) / 4)

    def loss(self, player, images, codes, generator) -> Tensor:
        rows = images.flatten(1) @ self.place + torch.randn(3, generator=generator)
        return (rows @ rows.T).logsumexp(1).mean()


def score(model: Trainable) -> Validation:
    return Validation(float(model.second.detach().abs().mean()))


def trained(model: Trainable, folder: Path | None = None, plan: Plan = PLAN, batch=batch) -> dict[str, Tensor]:
    for _ in train(model, N_ROWS, batch, plan, folder=folder, validate=score):
        pass
    return model.state_dict()


FAMILIES: dict[str, Callable[[], Generator]] = {
    "vae": lambda: Vae(SHAPE, FIELDS, code_dim=4, width=8, sampler=SAMPLERS["normal"]),
    "latent_flow": lambda: LatentFlow(SHAPE, FIELDS, code_dim=4, width=8),
    "flow": lambda: Flow(SHAPE, FIELDS, patch=4, width=32, depth=1),
    "gan": lambda: Gan(SHAPE, FIELDS, noise_dim=4, width=8, augment=True),
}


def pictures(family: str) -> Tensor:
    """Train a small generator for a few steps of 9 images and give images it draws."""
    images = torch.rand(N_ROWS, *SHAPE, generator=torch.Generator().manual_seed(1)) * 2 - 1
    numbers = np.arange(N_ROWS, dtype=np.float32)[:, None]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = FAMILIES[family]()
    plan = Plan(steps=8, seed=1, batch_size=9, precision="float32")
    for _ in train(model, N_ROWS, lambda rows, rng: (images[rows], Codes({"class": numbers[rows] % 3})), plan):
        pass
    return model.sample(model.draw_noise(6, torch.Generator().manual_seed(2)), {"class": torch.zeros(6, 1)})


def main(home: Path) -> None:
    """Train one model at one go, and one that is stopped in one of its processes on the way."""
    whole = trained(Bent(0))
    made = 0

    def stopping_batch(rows: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Codes]:
        nonlocal made
        made += len(rows) == 9
        if made == 11 and not is_first():
            signal.raise_signal(signal.SIGTERM)
        return batch(rows, rng)

    with pytest.raises(Interrupted, match="stopped at step 11 of 18 of stage one"):
        trained(Bent(0), home / "parts", batch=stopping_batch)
    resumed = trained(Bent(1 + is_first()), home / "parts")
    crowd = trained(Crowd())
    drawn = {family: pictures(family) for family in FAMILIES}
    rank = distributed.get_rank() if distributed.is_initialized() else 0
    for name, state in (("whole", whole), ("resumed", resumed), ("crowd", crowd), ("drawn", drawn)):
        save_file({key: values.clone() for key, values in state.items()}, home / f"{name}-{rank}.safetensors")


def fail(home: Path) -> None:
    """Do all of `main`, then train on images that the first process alone cannot read."""

    def failing_batch(rows: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Codes]:
        if is_first():
            raise InputError("The images of the first process are gone.")
        return batch(rows, rng)

    with joined():
        main(home)
        trained(Bent(0), batch=failing_batch)


if __name__ == "__main__":
    torch.set_num_threads(1)
    ends = {"0": (InputError, "are gone"), "1": (FailedRun, "Another process of this run has ended .* start all of them again")}
    error, words = ends[os.environ["RANK"]]
    with pytest.raises(error, match=words) as held:
        fail(Path(sys.argv[1]))
    names = [(task / "comm").read_text() for task in Path("/proc/self/task").glob("*")]  # none where there is no /proc
    assert not [name for name in names if "gloo" in name], f"threads of a group that is gone, held by {held.value!r}"
