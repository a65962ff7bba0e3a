"""Freed memory that is kept, as far as the C library grants it."""

from types import SimpleNamespace

import pytest

from imatlas.training.memory import KEPT_BYTES, MMAP_THRESHOLD, TRIM_THRESHOLD, keep_freed_memory


@pytest.mark.parametrize("most", [2**25, 2**40])
def test_as_much_is_kept_as_the_library_grants(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Older versions of glibc refuse to keep blocks of more than 32 MiB from being mapped by themselves."""
    granted: dict[int, int] = {}

    def mallopt(parameter: int, value: int) -> int:
        if parameter == MMAP_THRESHOLD and value > most:
            return 0
        granted[parameter] = value
        return 1

    monkeypatch.setattr("imatlas.training.memory.platform.libc_ver", lambda: ("glibc", ""))
    monkeypatch.setattr("imatlas.training.memory.ctypes.CDLL", lambda name: SimpleNamespace(mallopt=mallopt))
    assert keep_freed_memory()
    assert granted == {TRIM_THRESHOLD: KEPT_BYTES, MMAP_THRESHOLD: min(most, KEPT_BYTES)}
