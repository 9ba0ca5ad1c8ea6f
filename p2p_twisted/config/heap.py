"""The heap: settings by which a process that runs for months gives back what it no longer needs, and does not pause.

Only glibc has those of the C library; elsewhere nothing is done. By itself glibc takes ever larger blocks from its heap
once one of that size was freed, and a heap in which something small lies at the top never shrinks.
"""

from __future__ import annotations

import ctypes
import functools
import gc
from typing import Any

LARGE = 2 * 2**20
"""Bytes from which on a block has pages of its own, which are given back as soon as it is freed.

More than the blocks in which files are read: new pages for each of those would add two thirds to the time of hashing.
"""
MAX_TOP = 4 * 2**20
"""Bytes that may be free at the top of the heap."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Parameters of mallopt(3), from malloc.h."""


def keep_heap_small() -> None:
    """Have large blocks given back at once, and all threads use one heap. Call it before there are threads."""
    libc = _glibc()
    if libc is not None:
        libc.mallopt(_MMAP_THRESHOLD, LARGE)
        libc.mallopt(_TRIM_THRESHOLD, MAX_TOP)
        libc.mallopt(_ARENA_MAX, 1)


def trim_heap() -> None:
    """Give back all pages of the heap on which nothing lies; that takes some milliseconds."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def spare_what_is_loaded(reactor: Any) -> None:
    """Let the collector of cycles look no more at what is there when `reactor` (an IReactorCore) starts.

    The modules are some 60 000 objects that stay; to look at them all stops the process for 0.05 s and more.
    """
    reactor.callWhenRunning(gc.freeze)


@functools.cache
def _glibc() -> Any:
    """Return the C library of this process, None if it is another one."""
    try:
        libc = ctypes.CDLL(None)
    except (OSError, TypeError):  # TypeError: Windows
        return None
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None
