"""How many unfinished files may be open at a time, and which of them are closed when there are more.

A process has a limit of descriptors (`ulimit -n`): a quarter is for unfinished files, half for the connections of
others, and the rest for the files that it sends, its own connections and its databases.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Protocol, TypeVar

from .errors import NoDescriptor

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

LEAST, MOST = 8, 2_000
"""Unfinished files that may be open in any case, and at most."""
UNKNOWN, UNLIMITED = 512, 2**20
"""What counts as the limit where the system does not tell, or has none."""
T = TypeVar("T")


class Closable(Protocol):
    """A file that can be closed for a while, and is opened again when it is used."""

    def rest(self) -> None:
        """Close it if nobody uses it at this moment; must not wait."""


class OpenFiles:
    """The files that are open, those used longest ago first. For any number of threads."""

    def __init__(self) -> None:
        self._files: OrderedDict[Closable, None] = OrderedDict()
        self._lock = Lock()

    def used(self, file: Closable) -> None:
        """`file` has been used. Those used longest ago are closed if there are too many."""
        with self._lock:
            self._files[file] = None
            self._files.move_to_end(file)
            surplus = [self._files.popitem(last=False)[0] for _ in range(len(self._files) - most_open())]
        for old in surplus:
            old.rest()

    def forget(self, file: Closable) -> None:
        """`file` is closed."""
        with self._lock:
            self._files.pop(file, None)

    def with_room(self, work: Callable[[], T]) -> T:
        """Return what `work` returns; if it raises NoDescriptor, close all files and try it once more."""
        try:
            return work()
        except NoDescriptor:
            pass
        with self._lock:
            files, self._files = list(self._files), OrderedDict()
        for file in files:
            file.rest()
        return work()


def most_open() -> int:
    """Return how many unfinished files may be open by the limit that there is now."""
    return min(max(descriptor_limit() // 4, LEAST), MOST)


def most_connections(most: int) -> int:
    """Return how many connections of others there may be, at most `most`, by the limit that there is now."""
    return min(descriptor_limit() // 2, most)


def descriptor_limit() -> int:
    """Return how many descriptors this process may have."""
    if resource is None:
        return UNKNOWN
    soft: int = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return UNLIMITED if soft == resource.RLIM_INFINITY else soft


OPEN_FILES = OpenFiles()
"""Those of this process, as its limit is."""
