"""System calls that fail, or that are the last of their process: counted where a download writes its files.

`install` wraps functions of the module os in this process, for good: it is for a process made for that.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from threading import Lock
from traceback import walk_stack
from typing import Any

CALLS = (
    *(
        "open",
        "close",
        "pwrite",
        "pwritev",
        "write",
        "ftruncate",
        "fsync",
        "link",
        "replace",
        "unlink",
        "mkdir",
        "utime",
    ),
    *("stat", "fstat", "pread", "read", "dup", "copy_file_range"),
)
"""The functions that are counted."""
CHANGING = CALLS[:12]
"""Those of them that change something on the disk, or close it."""
BEFORE, MIDDLE, AFTER = "before", "middle", "after"
STORAGE = "p2p_twisted.swarm."
DEPTH = 12
"""Frames that are searched for a module of STORAGE."""


@dataclass(frozen=True)
class Fault:
    """The process is killed at the call `number` (from 1) of `call`; with an `errno`, that call fails instead."""

    call: str
    number: int
    when: str = BEFORE
    """BEFORE it, AFTER it, or in the MIDDLE of a write: half of it is written."""
    errno: int | None = None


class Faults:
    """The calls of this process that are part of writing a download, and the fault of one of them."""

    def __init__(self, fault: Fault | None) -> None:
        self.counts: Counter[str] = Counter()
        self.is_armed = False
        """Whether calls are counted."""
        self._fault = fault
        self._lock = Lock()

    def install(self) -> None:
        """Wrap the functions of os."""
        for name in CALLS:
            original = getattr(os, name)
            wrapped = partial(self._call, name, original)
            for supported in (os.supports_fd, os.supports_dir_fd, os.supports_follow_symlinks):
                if original in supported:
                    supported.add(wrapped)
            setattr(os, name, wrapped)

    def _call(self, name: str, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not (self.is_armed and _is_of_a_download() and self._is_due(name)):
            return original(*args, **kwargs)
        assert self._fault is not None
        if self._fault.errno is not None:
            if name == "close":  # as the kernel does: it is closed, whatever close(2) returns
                original(*args)
            raise OSError(self._fault.errno, os.strerror(self._fault.errno))
        if self._fault.when == MIDDLE:
            data = b"".join(args[1]) if name == "pwritev" else args[1]
            half = data[: len(data) // 2]
            original(args[0], [half] if name == "pwritev" else half, *args[2:])
        elif self._fault.when == AFTER:
            original(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    def _is_due(self, name: str) -> bool:
        with self._lock:
            self.counts[name] += 1
            fault = self._fault
            return fault is not None and (name, self.counts[name]) == (fault.call, fault.number)


def _is_of_a_download() -> bool:
    frames = islice(walk_stack(sys._getframe(2)), DEPTH)
    return any(frame.f_globals.get("__name__", "").startswith(STORAGE) for frame, _ in frames)
