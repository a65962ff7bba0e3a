"""Blocks of work on all cores, each block on one thread: the same bits however many cores there are.

A linear-algebra library that splits one product among threads may round it differently for every number of them. Here a
block is always computed by one thread, and only which thread that is differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import faiss
import torch
from threadpoolctl import threadpool_limits

__all__ = ["map_blocks", "row_blocks", "workers"]

Block = TypeVar("Block")
Result = TypeVar("Result")


@contextmanager
def workers() -> Iterator[Callable]:
    """Keep threads ready and give `run(work, blocks)`, which does what `map_blocks` does, many times without a new start."""
    n_threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        with threadpool_limits(1), ThreadPoolExecutor(n_threads, initializer=_one_thread) as pool:
            yield lambda work, blocks: list(pool.map(work, blocks))
    finally:
        torch.set_num_threads(n_threads)


def map_blocks(work: Callable[[Block], Result], blocks: Iterable[Block]) -> list[Result]:
    """Give work(block) for every block, in order, computed on as many threads as torch is allowed.

    Parameters
    ----------
    work : a function of one block that changes nothing other blocks read; NumPy, torch and faiss run it in parallel.
    blocks : any number of blocks.
    """
    with workers() as run:
        return run(work, blocks)


def row_blocks(n: int, size: int) -> list[slice]:
    """Give slices of at most `size` rows that cover n rows."""
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def _one_thread() -> None:
    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)
