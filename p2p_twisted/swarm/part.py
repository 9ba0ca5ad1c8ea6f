"""A document on its way in: written to NAME.part in the target folder, and renamed once its content is proven."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from contextlib import suppress
from pathlib import Path
from threading import Lock

from .errors import DiskFull, DownloadError, Exists, Unwritable

LONGEST = 255
"""Bytes of a file name."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def local_error(error: OSError, path: Path) -> DownloadError:
    """The DownloadError that an OSError at `path` means."""
    if error.errno in _FULL:
        return DiskFull(f"no room for {path}")
    return Unwritable(f"cannot write {path}: {error.strerror}")


def beside(target: Path, ending: str) -> Path:
    """Where what is to become `target` lies: NAME and `ending`, or a hash for NAME if only both are too long."""
    name = os.fsencode(target.name)
    if len(name) <= LONGEST < len(name) + len(ending):
        return target.with_name(hashlib.sha256(name).hexdigest() + ending)
    return target.with_name(target.name + ending)


class PartFile:
    """The file NAME.part beside its final name. Everything raises a DownloadError, never an OSError."""

    def __init__(self, target: Path) -> None:
        """Opens, or makes, the .part of `target`, and the folders above it. One download has it at a time."""
        self.target = target
        self.path = beside(target, ".part")
        self._lock = Lock()  # threads read and write: the descriptor must not be closed, and given out anew, meanwhile
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._fd = _open_own(self.path)
        except BlockingIOError as e:
            raise Unwritable(f"{self.path} is being written by another download") from e
        except OSError as e:
            raise local_error(e, self.path) from e

    def write(self, offset: int, data: bytes) -> None:
        """Put `data` at byte `offset`."""
        view = memoryview(data)
        try:
            with self._lock:
                while view:
                    written = os.pwrite(self._fd, view, offset)
                    offset += written
                    view = view[written:]
        except OSError as e:
            raise local_error(e, self.path) from e

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from byte `offset` on."""
        try:
            with self._lock:
                return os.pread(self._fd, length, offset)
        except OSError as e:
            raise local_error(e, self.path) from e

    def truncate(self, size: int) -> None:
        """Make it `size` bytes long."""
        try:
            os.ftruncate(self._fd, size)
        except OSError as e:
            raise local_error(e, self.path) from e

    def duplicate(self) -> int:
        """A second descriptor of the file, the caller's to close; it stays good when the file is renamed."""
        try:
            return os.dup(self._fd)
        except OSError as e:
            raise local_error(e, self.path) from e

    def close(self) -> None:
        """Leave it as it is, to be gone on with another time."""
        with self._lock:
            if self._fd >= 0:
                with suppress(OSError):  # descriptors given out by `duplicate` would hold the lock
                    fcntl.flock(self._fd, fcntl.LOCK_UN)
                os.close(self._fd)
                self._fd = -1

    def discard(self) -> None:
        """Remove it, if that can be done. Does nothing once it is closed: what has the name then is another's."""
        if self._fd >= 0:
            remove(self.path)
        self.close()

    def finish(self, overwrite: bool) -> None:
        """Give it its final name. Raises Exists when that is taken and `overwrite` is false."""
        try:
            if overwrite:
                self.path.replace(self.target)
            else:
                _rename_if_free(self.path, self.target)
        except FileExistsError as e:
            raise Exists(f"{self.target} is there already, with other content") from e
        except OSError as e:
            raise local_error(e, self.target) from e
        self.close()


def remove(path: Path) -> None:
    """Remove the file at `path`; one that cannot be removed stays."""
    with suppress(OSError):
        path.unlink()


def _open_own(path: Path) -> int:
    """Open, or make, the file at `path`, and lock it. Raises BlockingIOError when it is locked already.

    A file that lost this name before it was locked is another download's finished document by now. One that has
    another name as well is not ours to write to: `_rename_if_free` leaves such a file when it is killed.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    fd = os.open(path, flags, 0o644)
    try:
        _lock(fd)
        status = os.fstat(fd)
        if _is_named(status, path):
            if status.st_nlink <= 1:
                return fd
            path.unlink()
    except OSError:
        os.close(fd)
        raise
    os.close(fd)
    return _open_own(path)


def _is_named(status: os.stat_result, path: Path) -> bool:
    try:
        return os.path.samestat(status, path.lstat())
    except FileNotFoundError:
        return False


def _lock(fd: int) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # a file system without locks
        pass


def _rename_if_free(source: Path, target: Path) -> None:
    """Rename, but fail with FileExistsError where rename(2) would overwrite; a hard link does that in one step."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        source.rename(target)
    else:
        source.unlink()


def sha256_of(path: Path) -> str | None:
    """The SHA-256 (hex) of the file at `path`, None if it cannot be read. Blocks: for a thread."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    except OSError:
        return None
    return digest.hexdigest()
