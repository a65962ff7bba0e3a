"""Half-width products where they are faster, decided by a measurement and not by the processor's name.

bf16 matrix products are several times faster than float32 on processors with AMX or AVX-512 BF16 units and several
times slower on those without; only a measurement on the real step tells.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import torch

__all__ = ["autocast", "faster_precision", "repeatable_precision"]

MARGIN = 0.95


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """Give a context in which products run in a precision; weights and sums stay float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def faster_precision(work: Callable[[], object], device: torch.device) -> str:
    """Time some work in both precisions and name the faster one.

    Parameters
    ----------
    work : does a typical piece of work, such as one loss and its gradients; called four times.
    device : where it runs.

    Returns
    -------
    "bfloat16" if it is at least 5 % faster, else "float32".
    """
    seconds = {}
    for precision in ("float32", "bfloat16"):
        with autocast(device, precision):
            work()
            _wait(device)
            start = time.perf_counter()
            work()
            _wait(device)
        seconds[precision] = time.perf_counter() - start
    return "bfloat16" if seconds["bfloat16"] < MARGIN * seconds["float32"] else "float32"


def repeatable_precision(device: torch.device) -> str:
    """Name a precision without measuring, so that a run can be repeated bit for bit: half width on GPUs alone."""
    return "bfloat16" if device.type == "cuda" else "float32"


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
