"""Memory that is kept between steps instead of being given back and asked for again.

The C library of Linux gives large blocks back to the system as soon as they are freed, so every step's arrays are new
pages that the system clears one by one; on a CPU that is a tenth of a training step (measured: 1,270 and 1,400 images/s).
glibc's mallopt says from which size on a block is mapped by itself, to be given back at once, and how much that is free at
the end of the heap is kept; nothing else of a program is changed by it.
"""

from __future__ import annotations

import ctypes
import platform

__all__ = ["keep_freed_memory"]

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD in glibc's malloc.h
KEPT_BYTES = 2**30
MOST_UNMAPPED_BYTES = 2**25  # half the size of a heap: older versions of glibc refuse more


def keep_freed_memory() -> bool:
    """Let this process keep up to 1 GiB of freed memory for its next arrays.

    Returns
    -------
    Whether that was granted, for blocks of 1 GiB or, by an older glibc, of 32 MiB; elsewhere nothing happens.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    is_kept = bool(mallopt(TRIM_THRESHOLD, KEPT_BYTES))
    return any(mallopt(MMAP_THRESHOLD, size) for size in (KEPT_BYTES, MOST_UNMAPPED_BYTES)) and is_kept
