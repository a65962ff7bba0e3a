"""Tests of small networks run on one thread."""

from laws.threads import one_thread

__all__ = ["one_thread"]
