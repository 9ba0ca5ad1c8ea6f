"""The files shared at this moment, by name and by content, and a notification of every change."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from twisted.logger import Logger

from ..events.publisher import Publisher
from ..events.types import DocumentShared, DocumentUnshared, LibraryChanged
from ..wire.fields import LAST_MODIFIED
from .beneath import open_file_beneath


class Changed(FileNotFoundError):
    """A shared file has the same size and another time than when it was read: it must be read again."""


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A shared file: `name` (with ``/``), `path`, `size` in bytes, `mtime_ns`, `sha256` in hex, `pieces` (the
    32-byte digests of all pieces, b"" when there is at most one), `title` or "", and `inode` (0 if of no matter)."""

    name: str
    path: Path
    size: int
    mtime_ns: int
    sha256: str
    pieces: bytes
    title: str
    inode: int = 0

    @property
    def modified(self) -> int | None:
        """The time of its last change in Unix seconds; None if the protocol cannot say that time."""
        seconds = self.mtime_ns // 10**9
        return seconds if 0 <= seconds <= LAST_MODIFIED else None

    @property
    def root(self) -> Path:
        """The shared folder that contains it."""
        return self.path.parents[self.name.count("/")]


class Catalogue:
    """Shared files by name. Not for several threads.

    Changes are events of `publisher`. `version` is the number of batches of changes so far.
    """

    log = Logger()

    def __init__(self, publisher: Publisher | None = None) -> None:
        self.publisher = publisher or Publisher()
        self.version = 0
        self._files: dict[str, SharedFile] = {}
        self._by_sha256: dict[str, dict[str, SharedFile]] = {}

    @property
    def files(self) -> Mapping[str, SharedFile]:
        """All files by name; a live view."""
        return MappingProxyType(self._files)

    def get(self, name: str) -> SharedFile | None:
        """Return the file shared as `name`, None if there is none."""
        return self._files.get(name)

    def by_sha256(self, sha256: str) -> SharedFile | None:
        """Return one of the files with this content (64 hex digits), None if there is none."""
        return next(iter(self._by_sha256.get(sha256, {}).values()), None)

    def open(self, file: SharedFile) -> int:
        """Open `file` for reading; return the file descriptor, the caller's to close.

        Raises FileNotFoundError when it is gone, leads out of its folder by now, or has another size; Changed when
        only its time or inode differs; OSError when no descriptor is left.
        """
        fd = open_file_beneath(file.root, file.name.split("/"))
        status = os.fstat(fd)
        if (status.st_size, status.st_mtime_ns, status.st_ino) == (file.size, file.mtime_ns, file.inode):
            return fd
        os.close(fd)
        kind = Changed if status.st_size == file.size else FileNotFoundError
        raise kind(errno.ENOENT, "has changed since it was read", file.name)

    def apply(self, added: list[SharedFile], removed: list[str]) -> None:
        """Remove these names, add these files (replacing those of the same names), and publish the changes."""
        if not added and not removed:
            return
        unshared = {name for name in removed if self._remove(name)}
        for file in added:
            self._remove(file.name)
            self._files[file.name] = file
            self._by_sha256.setdefault(file.sha256, {})[file.name] = file
        self.version += 1
        self.publisher.publish(LibraryChanged(tuple(file.name for file in added), tuple(removed)))
        for name in unshared.difference(file.name for file in added):
            self.publisher.publish(DocumentUnshared(name))
        for file in added:
            self.publisher.publish(DocumentShared(file.name, file.size, file.sha256))

    def _remove(self, name: str) -> bool:
        """Return whether there was a file of that name."""
        old = self._files.pop(name, None)
        if old is not None:
            same = self._by_sha256[old.sha256]
            del same[name]
            if not same:
                del self._by_sha256[old.sha256]
        return old is not None
