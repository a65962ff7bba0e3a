"""A check-up: versions, cores, memory, devices, free space, and how fast this machine multiplies."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import time

import torch

from imatlas.app.cli.console import Console, sentences
from imatlas.training import autocast

__all__ = ["doctor"]

PACKAGES = ("imatlas", "torch", "numpy", "scipy", "scikit-learn", "faiss-cpu", "pillow", "safetensors", "matplotlib")

LITTLE_SPACE = 2
"""Gigabytes below which a warning is given."""


def doctor(*, as_json: bool) -> None:
    """Print what was found and what follows from it."""
    console = Console(as_json=as_json)
    with sentences(console):
        facts = _facts()
        for name, value in facts.items():
            console.say(f"{name:>10}  {value}")
        speeds: dict[str, float] = facts["gflops"]  # type: ignore[assignment]
        faster = max(speeds, key=lambda name: speeds[name])
        console.say("", f"Products run fastest in {faster}; imatlas measures this again before it trains.")
        if shutil.disk_usage(".").free < LITTLE_SPACE * 2**30:
            console.say(f"Less than {LITTLE_SPACE} GB are free here: choose another place with --out.")
        if not facts["writable"]:
            console.say("This folder is not writable: choose another place with --out.")
        console.give(facts)


def _facts() -> dict[str, object]:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "gflops": {precision: round(_speed(device, precision)) for precision in ("float32", "bfloat16")},
        "free_gb": round(shutil.disk_usage(".").free / 2**30, 1),
        "writable": os.access(".", os.W_OK),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed under this name"


def _speed(device: torch.device, precision: str) -> float:
    """Billions of operations per second of a 1,024 x 1,024 product."""
    left = torch.randn(1024, 1024, device=device)
    with autocast(device, precision):
        for _ in range(3):
            left @ left
        start = time.perf_counter()
        for _ in range(20):
            product = left @ left
        float(product[0, 0])
    return 20 * 2 * 1024**3 / (time.perf_counter() - start) / 1e9
