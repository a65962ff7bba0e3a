"""No global generator is touched, by anyone."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

__all__ = ["global_generators_untouched"]


@contextmanager
def global_generators_untouched() -> Iterator[None]:
    """Fail if the work inside moves the global generator of torch, NumPy or Python."""
    before = torch.get_rng_state(), np.random.get_state(), random.getstate()
    yield
    assert torch.equal(torch.get_rng_state(), before[0]), "torch's global generator moved"
    legacy = np.random.get_state()
    assert legacy[2] == before[1][2], "NumPy's global generator moved"
    assert (legacy[1] == before[1][1]).all(), "NumPy's global generator moved"
    assert random.getstate() == before[2], "Python's global generator moved"
