"""Word from the kernel (inotify) that something changed in a folder. Linux only: watch.py guards the import."""

# Twisted's own module has no types yet.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

from twisted.internet import inotify
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.python.filepath import FilePath

from .paths import is_safe

# A file is of interest once its writer closes it (its making is not), a folder as soon as it is made.
_EVENTS = (
    inotify.IN_CLOSE_WRITE
    | inotify.IN_MOVED_FROM
    | inotify.IN_MOVED_TO
    | inotify.IN_CREATE
    | inotify.IN_DELETE
    | inotify.IN_ONLYDIR
    | inotify.IN_DONT_FOLLOW
)


class Notifier(inotify.INotify):
    """Calls `changed` when a file that could be shared comes, goes or was written in one of the folders covered.

    Raises OSError when the user has no inotify instance left.
    """

    def __init__(self, reactor: object, changed: Callable[[], None]) -> None:
        try:
            super().__init__(reactor)
        except inotify.INotifyError as e:
            raise OSError(str(e)) from e
        self._changed = changed
        self._covered: set[str] = set()
        self.startReading()

    def cover(self, folders: Collection[str]) -> bool:
        """Watch these folders too; whether any of them was new. Raises OSError when no more can be watched."""
        new = [folder for folder in folders if folder not in self._covered]
        for folder in new:
            try:
                self.watch(FilePath(folder), _EVENTS, callbacks=[self._notified])
                self._covered.add(folder)
            except inotify.INotifyError as e:
                if Path(folder).is_dir():
                    raise OSError(str(e)) from e
        return bool(new)

    def close(self) -> None:
        """Watch nothing any more."""
        self.stopReading()
        self.connectionLost(Failure(ConnectionDone()))

    def loseConnection(self, *_: object) -> None:
        """Twisted ends everything here when one watched folder was deleted; the others are watched on."""

    def _notified(self, _: object, path: FilePath[bytes], mask: int) -> None:
        is_folder = mask & inotify.IN_ISDIR
        if mask & inotify.IN_DELETE_SELF:
            self._covered.discard(os.fsdecode(path.path))
        elif is_folder and mask & inotify.IN_MOVED_FROM:
            self._forget(path)
        of_interest = is_folder or not mask & inotify.IN_CREATE
        if of_interest and is_safe(os.fsdecode(path.basename())):
            self._changed()

    def _forget(self, path: FilePath[bytes]) -> None:
        """A folder moved away goes on being watched under its old name: end that, another may take the name."""
        folder = os.fsdecode(path.path)
        if folder in self._covered:
            self._covered.discard(folder)
            self.ignore(path)
