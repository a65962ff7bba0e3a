"""Energy counters of the machine, where they can be read: nothing is ever estimated from a power rating.

Linux counts microjoules of each processor package (RAPL, through powercap) in a number that starts again at its range;
since 2020 only the administrator may read it. NVIDIA's management library counts millijoules of a GPU since the driver was
loaded. Both count the whole device, whatever runs on it.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from pathlib import Path

import torch

__all__ = ["energy_reader", "gpu_reader", "packages_reader"]

POWERCAP = Path("/sys/class/powercap")
_PACKAGE = re.compile(r"intel-rapl:\d+")  # also AMD's; deeper names are parts of a package

Reader = Callable[[], float]
"""Gives the joules used since it was made."""


def energy_reader(device: torch.device) -> Reader | None:
    """Give what counts the joules of all that drawing on a device keeps busy; None if a part of it cannot be read.

    Parameters
    ----------
    device : on a GPU, processor and GPU are counted together, and both must be readable.
    """
    readers = [packages_reader()]
    if device.type != "cpu":
        readers.append(_nvidia_reader(device))
    there = [reader for reader in readers if reader is not None]
    return (lambda: sum(reader() for reader in there)) if len(there) == len(readers) else None


def packages_reader(folder: Path = POWERCAP) -> Reader | None:
    """Give what counts the joules of all processor packages; None if there is no counter or one may not be read."""
    counters = []
    try:
        for package in sorted(folder.iterdir()):
            if _PACKAGE.fullmatch(package.name):
                limit = int((package / "max_energy_range_uj").read_text())
                counters.append(_Wrapping(package / "energy_uj", limit))
    except (OSError, ValueError):
        return None
    return (lambda: sum(counter() for counter in counters)) if counters else None


def gpu_reader(library: ctypes.CDLL, name: str) -> Reader | None:
    """Give what counts the joules of one GPU; None if it has no such counter.

    Parameters
    ----------
    library : NVIDIA's management library.
    name : the GPU's UUID, such as "GPU-8f...".
    """
    handle, millijoules = ctypes.c_void_p(), ctypes.c_ulonglong()
    if library.nvmlInit_v2() or library.nvmlDeviceGetHandleByUUID(name.encode(), ctypes.byref(handle)):
        return None

    def count() -> int | None:
        failed = library.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(millijoules))
        return None if failed else millijoules.value

    first = count()
    if first is None:
        return None

    def joules() -> float:
        now = count()
        if now is None:
            raise RuntimeError(f"The energy counter of {name} could be read and no longer can; measure again.")
        return (now - first) / 1e3

    return joules


def _nvidia_reader(device: torch.device) -> Reader | None:
    if device.type != "cuda":
        return None
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None
    return gpu_reader(library, f"GPU-{torch.cuda.get_device_properties(device).uuid}")


class _Wrapping:
    """A counter of microjoules that starts again at its limit, read as joules since it was made.

    It must be read once within each turn; a package of 200 W turns in 20 minutes.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self.path, self.limit = path, limit
        self.last, self.used = int(path.read_text()), 0

    def __call__(self) -> float:
        now = int(self.path.read_text())
        self.used += (now - self.last) % (self.limit + 1)
        self.last = now
        return self.used / 1e6
