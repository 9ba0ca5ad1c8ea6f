"""The unfinished files that are open; those not used for long are closed when too many are."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Protocol, TypeVar

from ..config.descriptors import max_files
from .errors import TooManyOpenFiles

T = TypeVar("T")


class Closable(Protocol):
    """A file that can be closed for a while, and is opened again when it is used."""

    def rest(self) -> None:
        """Close it, unless it is in use at this moment; must not wait."""


class OpenFiles:
    """The files that are open, least recently used first. May be used by any number of threads."""

    def __init__(self) -> None:
        self._files: OrderedDict[Closable, None] = OrderedDict()
        self._lock = Lock()

    def used(self, file: Closable) -> None:
        """Note that `file` has been used; close those least recently used if there are too many."""
        with self._lock:
            self._files[file] = None
            self._files.move_to_end(file)
            surplus = [self._files.popitem(last=False)[0] for _ in range(len(self._files) - max_files())]
        for old in surplus:
            old.rest()

    def forget(self, file: Closable) -> None:
        """Note that `file` is closed."""
        with self._lock:
            self._files.pop(file, None)

    def with_room(self, work: Callable[[], T]) -> T:
        """Return what `work` returns; if it raises TooManyOpenFiles, close all files and call it once more."""
        try:
            return work()
        except TooManyOpenFiles:
            pass
        with self._lock:
            files, self._files = list(self._files), OrderedDict()
        for file in files:
            file.rest()
        return work()


OPEN_FILES = OpenFiles()
"""Those of this process: the limit of descriptors is its own."""
