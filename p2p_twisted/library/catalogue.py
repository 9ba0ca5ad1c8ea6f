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
from ..events.types import DocumentShared, DocumentUnshared, LibraryChanged, PrivateFilesChanged
from ..wire.fields import LAST_MODIFIED
from .audience import Audience
from .beneath import open_file_beneath
from .confidential import Confidential


class Changed(FileNotFoundError):
    """A shared file has the same size and another time than when it was read: it must be read again."""


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A shared file: `name` (with ``/``), `path`, `size` in bytes, `mtime_ns`, `sha256` in hex, `pieces` (the
    32-byte digests of all pieces, b"" when there is at most one), `title` or "", `inode` (0 if of no matter), and
    `audience`, who may know of it."""

    name: str
    path: Path
    size: int
    mtime_ns: int
    sha256: str
    pieces: bytes
    title: str
    inode: int = 0
    audience: Audience = None

    @property
    def modified(self) -> int | None:
        """The time of its last change in Unix seconds; None if the protocol cannot say that time."""
        seconds = self.mtime_ns // 10**9
        return seconds if 0 <= seconds <= LAST_MODIFIED else None

    def is_for(self, reader: str | None) -> bool:
        """Return whether the peer whose certificate has the name `reader` (None: without one) may know of it."""
        return self.audience is None or reader in self.audience

    @property
    def root(self) -> Path:
        """The shared folder that contains it."""
        return self.path.parents[self.name.count("/")]


class Catalogue:
    """Shared files by name. Not for several threads.

    Changes are events of `publisher`. `version` is the number of batches of changes so far. `files`, `get` and
    `by_sha256` are for this machine's own use; what another peer asks for is looked up in `public`, or by `find`.
    """

    log = Logger()

    def __init__(self, publisher: Publisher | None = None, confidential: Confidential | None = None) -> None:
        """Make an empty catalogue; files with `confidential` contents are for this machine only."""
        self.publisher = publisher or Publisher()
        self.confidential = confidential or Confidential()
        self.version = 0
        self._files: dict[str, SharedFile] = {}
        self._public: dict[str, SharedFile] = {}
        self._private: dict[str, SharedFile] = {}
        self._by_sha256: dict[str, dict[str, SharedFile]] = {}

    @property
    def files(self) -> Mapping[str, SharedFile]:
        """All files by name; a live view."""
        return MappingProxyType(self._files)

    @property
    def public(self) -> Mapping[str, SharedFile]:
        """The files that everybody may know of, by name; a live view."""
        return MappingProxyType(self._public)

    @property
    def private(self) -> Mapping[str, SharedFile]:
        """The files that not everybody may know of, by name; a live view."""
        return MappingProxyType(self._private)

    def find(self, name: str, sha256: str | None, reader: str | None) -> SharedFile | None:
        """Return the file shared as `name`, or one with the hash `sha256` if that is given, None if there is none.

        Only files of which the peer with the name `reader` (None: any peer) may know are there.
        """
        if sha256 is None:
            file = self._files.get(name)
            return file if file is not None and file.is_for(reader) else None
        same = self._by_sha256.get(sha256, {}).values()
        return next((file for file in same if file.is_for(reader)), None)

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
        added = [self.confidential.narrowed(file) for file in added]
        before = {name: self._remove(name) for name in dict.fromkeys([*removed, *(file.name for file in added)])}
        for file in added:
            self._remove(file.name)
            self._files[file.name] = file
            (self._public if file.audience is None else self._private)[file.name] = file
            self._by_sha256.setdefault(file.sha256, {})[file.name] = file
        self.version += 1
        self._publish(before, added)

    def _publish(self, before: Mapping[str, SharedFile | None], added: list[SharedFile]) -> None:
        """Publish the change from `before`, where each name that changes had this file or none."""
        public = tuple(file.name for file in added if file.audience is None)
        was_public = [name for name, file in before.items() if file is not None and file.audience is None]
        removed = tuple(name for name in was_public if name not in self._public)
        if public or removed:
            self.publisher.publish(LibraryChanged(public, removed))
        readers: dict[str, frozenset[str]] = {}
        for file in [*filter(None, before.values()), *added]:
            if file.audience is not None:
                readers[file.name] = readers.get(file.name, frozenset()) | file.audience
        if readers:
            self.publisher.publish(PrivateFilesChanged(readers))
        for name in [name for name, file in before.items() if file is not None and name not in self._files]:
            self.publisher.publish(DocumentUnshared(name))
        for file in added:
            self.publisher.publish(DocumentShared(file.name, file.size, file.sha256))

    def _remove(self, name: str) -> SharedFile | None:
        """Return the file that had that name."""
        old = self._files.pop(name, None)
        if old is not None:
            (self._public if old.audience is None else self._private).pop(name)
            same = self._by_sha256[old.sha256]
            del same[name]
            if not same:
                del self._by_sha256[old.sha256]
        return old
