"""Notifications by the kernel (inotify) of changes in the shared folders. Linux only: see inotify.py."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from .identity import Identity
from .inotify import Event, Inotify
from .paths import is_unmentioned

# A new name, new content, new rights, or the end of the folder itself.
_EVENTS = (
    Event.CLOSE_WRITE
    | Event.MOVED_FROM
    | Event.MOVED_TO
    | Event.CREATE
    | Event.DELETE
    | Event.ATTRIB
    | Event.DELETE_SELF
    | Event.MOVE_SELF
    | Event.ONLYDIR
    | Event.DONT_FOLLOW
)
# A folder that vanished since the walk, or that this user may not read, has no changes to report.
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP)


class Notifier:
    """Calls `changed` when a file that could be shared is added, removed or written in one of the covered folders.

    A path for which `is_known` says that this very file is shared already, such as a finished download, is ignored.

    Raises OSError, with the limit and its remedy, when the user has no inotify instance left.
    """

    def __init__(self, reactor: object, changed: Callable[[], None], is_known: Callable[[str], bool]) -> None:
        try:
            self._inotify = Inotify(reactor, self._on_event)
        except OSError as e:
            raise _explained(e, "max_user_instances") from e
        self._changed = changed
        self._is_known = is_known
        self._watches: dict[str, tuple[int, Identity | None]] = {}
        self._folders: dict[int, str] = {}

    def cover(self, folders: Mapping[str, Identity | None]) -> bool:
        """Watch exactly these folders, by identity: another one may have the path by now, after a move or a mount.

        Returns whether any of them was not watched before. Raises OSError, with the limit and its remedy, when no more
        can be watched."""
        for folder, (watch, which) in list(self._watches.items()):
            if folder not in folders or folders[folder] != which:
                self._forget(watch)
                self._inotify.remove(watch)
        new = [folder for folder in folders if folder not in self._watches]
        for folder in new:
            self._add(folder, folders[folder])
        return bool(new)

    def close(self) -> None:
        """Watch nothing any more."""
        self._inotify.close()

    def _add(self, folder: str, which: Identity | None) -> None:
        try:
            watch = self._inotify.add(folder, _EVENTS)
        except OSError as e:
            if e.errno in _NOT_THERE:
                return
            raise _explained(e, "max_user_watches") from e
        self._forget(watch)
        self._watches[folder] = watch, which
        self._folders[watch] = folder

    def _forget(self, watch: int) -> None:
        folder = self._folders.pop(watch, None)
        if folder is not None:
            del self._watches[folder]

    def _on_event(self, watch: int, mask: int, name: str) -> None:
        if name and is_unmentioned(name):
            return
        folder = self._folders.get(watch)
        if mask & Event.Q_OVERFLOW:
            self._changed()
        elif folder is not None:
            if mask & Event.IGNORED:
                self._forget(watch)
            if not name or self._is_news(mask, f"{folder}/{name}"):
                self._changed()

    def _is_news(self, mask: int, path: str) -> bool:
        return _is_ready(mask, path) and not self._is_known(path)


def _is_ready(mask: int, path: str) -> bool:
    """Return whether an event calls for a scan.

    A new file that is still empty does not: its writer has yet to write and close it. A new name of an existing file
    (a hard link) gets no other event than this."""
    if mask & Event.ISDIR or not mask & Event.CREATE:
        return True
    try:
        status = os.lstat(path)
    except OSError:
        return True
    return status.st_nlink > 1 or status.st_size > 0


def _explained(error: OSError, limit: str) -> OSError:
    """Return the error with the inotify limit that was reached and its remedy; other errors as they are."""
    if error.errno == errno.ENOSPC or (error.errno == errno.EMFILE and _has_descriptor_left()):
        try:
            value = int(Path(f"/proc/sys/fs/inotify/{limit}").read_text())
        except (OSError, ValueError):
            return error
        return OSError(
            error.errno,
            f"fs.inotify.{limit} is {value}, and this user has used it up; "
            f"raise it with: sysctl -w fs.inotify.{limit}={2 * value}, and restart",
        )
    return error


def _has_descriptor_left() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return False
    return True
