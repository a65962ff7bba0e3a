"""Several processes, one for each GPU or machine, that train one model as a single one would.

torchrun starts the same program n times. Every process makes the whole batch of a step and keeps its own rows; it draws
the noise of the whole batch from the one generator and keeps the same rows of it; so row i sees what it would see in a
single process. With b_r of the b rows in process r, gradients are added up as sum_r (b_r / b) g_r, which is the gradient
of the mean loss over all rows. A loss that bends such a mean, as log(mean) does, takes `shared_mean` of it: its value is
that of all rows, its slope that of the own rows, so that the same sum is exact again. What is left of a difference to
one process is the order of the sums.

References
----------
Goyal et al. 2017, "Accurate, large minibatch SGD", arXiv 1706.02677, section 3 (what goes wrong in between).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import import_module
from traceback import clear_frames

import torch
from torch import Tensor, distributed, nn
from torch.overrides import TorchFunctionMode

from imatlas.checks import FailedRun, InputError

__all__ = ["Part", "agree", "is_first", "joined", "share_weights", "shared_mean", "wait"]


@contextmanager
def joined() -> Iterator[None]:
    """Join the other processes that torchrun started, if it did and they are not joined yet, for as long as this lasts."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or distributed.is_initialized():
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    import_module("torch._dynamo")  # an optimizer imports it; imported while a group lives, it holds that one, threads and all
    distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def is_first() -> bool:
    """Say whether this is the process that writes files and speaks: the first of several, or the only one."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


def wait() -> None:
    """Wait for the other processes to come here too."""
    agree()


def agree(*numbers: float) -> tuple[float, ...]:
    """Give the largest of each number over all processes, the same in each of them."""
    if not distributed.is_initialized():
        return numbers
    largest = torch.tensor(numbers or (0.0,), dtype=torch.float64)
    with _hearing():
        distributed.all_reduce(largest, distributed.ReduceOp.MAX)
    return tuple(largest.tolist())


def share_weights(model: nn.Module) -> None:
    """Take over the first process's parameters and buffers."""
    if distributed.is_initialized():
        for values in model.state_dict().values():
            with _hearing():
                distributed.broadcast(values, src=0)


@dataclass(frozen=True)
class Part:
    """The rows of a batch that one process makes.

    Parameters
    ----------
    start, stop : the rows, of `whole`.
    whole : rows of the whole batch.
    """

    start: int
    stop: int
    whole: int

    @classmethod
    def own(cls, whole: int, *, divided: bool = True) -> Part:
        """Give this process's part of a batch; all of it where there is one process, or if it is not to be divided.

        Raises
        ------
        InputError
            If there are more processes than rows.
        """
        if not divided or not distributed.is_initialized():
            return cls(0, whole, whole)
        rank, count = distributed.get_rank(), distributed.get_world_size()
        if count > whole:
            raise InputError(f"There are {count} processes for {whole} images a step; start {whole} at most.")
        return cls(rank * whole // count, (rank + 1) * whole // count, whole)

    @property
    def is_whole(self) -> bool:
        """Whether there is nobody to share with."""
        return self.stop - self.start == self.whole

    @property
    def rows(self) -> slice:
        """The own rows of the whole batch."""
        return slice(self.start, self.stop)

    def alone(self, generator: torch.Generator) -> AbstractContextManager:
        """Give a context in which noise from a generator is that of the own rows, and `shared_mean` knows of the others."""
        return nullcontext() if self.is_whole else _sharing(self, generator)

    def total(self, parameters: Sequence[nn.Parameter], loss: Tensor) -> float:
        """Add up gradients, in place, and loss over the processes; give the loss of the whole batch.

        A parameter without a gradient in any process stays without one.
        """
        if self.is_whole:
            return float(loss.detach())
        share = (self.stop - self.start) / self.whole
        gradients = [values.grad if values.grad is not None else torch.zeros_like(values) for values in parameters]
        there = torch.tensor([float(values.grad is not None) for values in parameters], device=loss.device)
        parts = [share * gradient.flatten() for gradient in gradients]
        flat = torch.cat([*parts, there, share * loss.detach().float().view(1)])
        with _hearing():
            distributed.all_reduce(flat)
        *sums, there, total = flat.split([*(len(part) for part in parts), len(there), 1])
        for values, gradient, known in zip(parameters, sums, there.tolist(), strict=True):
            values.grad = gradient.view_as(values) if known else None
        return float(total)


_PART: ContextVar[Part | None] = ContextVar("part", default=None)


def shared_mean(mean: Tensor) -> Tensor:
    """Give the mean over the whole batch where a mean over the own rows came; by itself it is given back as it is.

    Its slope is that of the own mean: with f(m) of the whole mean m, each process finds f'(m) times the gradient of its
    own mean, and `Part.total` makes f'(m) times the gradient of m of them.
    """
    part = _PART.get()
    if part is None:
        return mean
    whole = mean.detach() * ((part.stop - part.start) / part.whole)
    with _hearing():
        distributed.all_reduce(whole)
    return mean + (whole - mean.detach())


@contextmanager
def _hearing() -> Iterator[None]:
    """Say in words that another process is gone, where a sum over all of them can no longer be made.

    What the failed sum held is let go of: its threads would outlive the group, and abort a process that ends.
    """
    try:
        yield
    except RuntimeError as error:
        clear_frames(error.__traceback__)
        raise FailedRun(
            f"Another process of this run has ended ({str(error).splitlines()[0]}); none can go on alone. "
            "See what that one said, and start all of them again."
        ) from error


@contextmanager
def _sharing(part: Part, generator: torch.Generator) -> Iterator[None]:
    token = _PART.set(part)
    try:
        with _OwnNoise(part, generator):
            yield
    finally:
        _PART.reset(token)


class _OwnNoise(TorchFunctionMode):
    """Lets torch.rand and torch.randn draw for the whole batch and give the own rows.

    The first size counts rows: b of them, or k b for the batch k times over. A draw without sizes is one for all rows, and
    an order of things that are no rows (torch.randperm) is left as it is.
    """

    def __init__(self, part: Part, generator: torch.Generator) -> None:
        super().__init__()
        self.part, self.generator = part, generator

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        given = dict(kwargs or {})
        if given.get("generator") is not self.generator or func is torch.randperm:
            return func(*args, **given)
        if func not in (torch.rand, torch.randn):
            raise ValueError(
                f"A loss drew noise by {func.__name__}; several processes can share torch.rand and torch.randn. "
                "Draw with one of these."
            )
        sizes = given.pop("size", args[0] if args and not isinstance(args[0], int) else args)
        if not len(sizes):
            return func((), **given)
        b, whole = self.part.stop - self.part.start, self.part.whole
        times, rest = divmod(sizes[0], b)
        if rest or not times:
            raise ValueError(f"A loss drew noise of shape {tuple(sizes)} for {b} rows; wanted the rows first. Draw (b, ...).")
        drawn = func((times * whole, *sizes[1:]), **given)
        return drawn.view(times, whole, *sizes[1:])[:, self.part.rows].reshape(tuple(sizes))
