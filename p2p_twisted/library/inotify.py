"""Linux's inotify as a reader of Twisted's reactor. Linux only: guard the import.

Twisted has a module of the same name. It hides the error numbers, which say which limit was reached; it identifies a
watch by its path, which changes; and it drops the events of an overflow and of a watch that ended.
"""

# Twisted's FileDescriptor has no types yet.

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Callable
from enum import IntFlag
from typing import Any

from twisted.internet.abstract import FileDescriptor

if sys.platform != "linux":
    raise ImportError("only Linux has inotify")

_libc = ctypes.CDLL(None, use_errno=True)
_HEAD = struct.Struct("=iIII")
_READ = 2**16


class Event(IntFlag):
    """Events and flags of inotify(7), by its names."""

    ATTRIB = 0x4
    CLOSE_WRITE = 0x8
    MOVED_FROM = 0x40
    MOVED_TO = 0x80
    CREATE = 0x100
    DELETE = 0x200
    DELETE_SELF = 0x400
    MOVE_SELF = 0x800
    Q_OVERFLOW = 0x4000
    IGNORED = 0x8000
    ONLYDIR = 0x1000000
    DONT_FOLLOW = 0x2000000
    ISDIR = 0x40000000


class Inotify(FileDescriptor):
    """An inotify instance. `on_event` is called with (watch, mask, name): name is "" for an event of the folder itself.

    Raises OSError when the user may have no more instances, or the process no more descriptors.
    """

    def __init__(self, reactor: Any, on_event: Callable[[int, int, str], None]) -> None:
        super().__init__(reactor)
        self._on_event = on_event
        self._fd = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self.startReading()

    def fileno(self) -> int:
        """Return the descriptor that the reactor reads from."""
        return self._fd

    def add(self, folder: str, events: int) -> int:
        """Watch `folder`; return the watch, the same one for the same folder. Raises OSError."""
        return _checked(_libc.inotify_add_watch(self._fd, os.fsencode(folder), ctypes.c_uint32(events)))

    def remove(self, watch: int) -> None:
        """End a watch, if it has not ended by itself."""
        _libc.inotify_rm_watch(self._fd, watch)

    def doRead(self) -> None:
        """Read the waiting events."""
        try:
            data = os.read(self._fd, _READ)
        except BlockingIOError:
            return
        while data:
            watch, mask, _, length = _HEAD.unpack_from(data)
            end = _HEAD.size + length
            name, data = data[_HEAD.size : end], data[end:]
            self._on_event(watch, mask, os.fsdecode(name.rstrip(b"\0")))

    def close(self) -> None:
        """End all watches."""
        self.stopReading()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def connectionLost(self, reason: object) -> None:
        """Close the descriptor; the reactor stops."""
        self.close()


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
