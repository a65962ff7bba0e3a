"""Tiny networks on one thread: on a busy machine two threads that wait for each other are many times slower."""

from collections.abc import Iterator

import pytest
import torch
from threadpoolctl import threadpool_limits

__all__ = ["one_thread"]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Run the tests of a file on one thread, torch and linear algebra alike, and give the others back."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(before)
