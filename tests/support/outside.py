"""A folder that nobody may touch: the kernel reports each file and folder in it that is opened, read or changed."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

from p2p_twisted.library.inotify import Event

SECRET = b"the secret of the folder outside\n" * 4
OPENED, READ, MODIFIED, ATTRIBUTES, CLOSED = 0x20, 0x1, 0x2, 0x4, 0x18
WATCHED = OPENED | READ | MODIFIED | ATTRIBUTES | Event.MOVED_FROM | Event.MOVED_TO | Event.CREATE | Event.DELETE
_HEAD = struct.Struct("=iIII")
_libc = ctypes.CDLL(None, use_errno=True)


class Outside:
    """The folder `path` with secrets, watched from now on; Linux only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for name in ("secret.txt", "inner.txt", "sub/deeper/secret.txt", "empty.txt"):
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(SECRET if name != "empty.txt" else b"")
        self._fd: int = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        for folder in (path, path / "sub", path / "sub/deeper"):
            watch = _libc.inotify_add_watch(self._fd, os.fsencode(folder), ctypes.c_uint32(WATCHED))
            assert watch >= 0, os.strerror(ctypes.get_errno())

    def touched(self) -> list[str]:
        """Return what has happened since the last call: the event, and the name of the file."""
        found = []
        try:
            data = os.read(self._fd, 2**20)
        except BlockingIOError:
            return []
        while data:
            _, mask, _, length = _HEAD.unpack_from(data)
            end = _HEAD.size + length
            found.append(f"{mask:#x} {os.fsdecode(data[_HEAD.size : end].rstrip(bytes(1)))}")
            data = data[end:]
        return found

    def close(self) -> None:
        """End the watch."""
        os.close(self._fd)
