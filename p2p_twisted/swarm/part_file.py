"""A document that is being downloaded: NAME.part in the target folder, renamed once its content is verified."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Event, Lock

from ..config.platform import optional_module
from ..library.beneath import close, closed_on_error
from .errors import DownloadError, PartFileInUse, Unwritable
from .open_files import OPEN_FILES
from .part_state import is_state, remove_state
from .target import PART, Target, local_error

fcntl = optional_module("fcntl")

BLOCK = 2**20
"""Bytes that are read and hashed at a time."""

MAX_PARTS = 512
"""Parts that are written at a time: Linux allows 1 024 (IOV_MAX)."""

AHEAD = 24 * 60 * 60
"""Seconds by which the time of a file may be in the future: clocks and time zones differ."""

_held: set[tuple[int, int, str]] = set()
"""The places of the part files of this process, with those that are closed for a while. Guarded by `_holding`."""
_holding = Lock()


class PartFile:
    """The file NAME.part beside its final name. Everything raises a DownloadError, never an OSError.

    All of it may be called from any thread. Its descriptor is closed while too many files are open, and opened again
    when it is used next; should anybody have written to the file meanwhile, it is given up, not written to.
    """

    def __init__(self, target: Target) -> None:
        """Open or create it, and the folders above it. Raises PartFileInUse if another download has it."""
        self.target = target
        self.modified: int | None = None
        """When the document was last changed (Unix seconds): the time that the file gets with its name. None: now."""
        self._path = target.beside(PART)
        self._lock = Lock()  # threads read and write: the descriptor must not be closed and reused meanwhile
        self._closed = False
        self._left: os.stat_result | None = None
        """The status that it was left with when its descriptor was closed."""
        self._place = target.place()
        with _holding:
            if self._place in _held:
                raise self._taken()
            _held.add(self._place)
        try:
            self._fd = self._open_own(os.O_CREAT)
        except BaseException:
            self._let_go()
            raise
        OPEN_FILES.used(self)

    def write(self, offset: int, *parts: bytes) -> None:
        """Write `parts`, one after the other, at byte `offset`."""
        with self._using() as fd:
            for i in range(0, len(parts), MAX_PARTS):
                offset += _write_all(fd, parts[i : i + MAX_PARTS], offset)

    def read(self, offset: int, length: int) -> bytes:
        """Return at most `length` bytes from byte `offset` on."""
        with self._using() as fd:
            return os.pread(fd, length, offset)

    def truncate(self, size: int) -> None:
        """Make it `size` bytes long."""
        with self._using() as fd:
            os.ftruncate(fd, size)

    def free_space(self) -> int:
        """Return the bytes that this user may still write to its file system."""
        with self._using() as fd:
            status = os.fstatvfs(fd)
            return status.f_bavail * status.f_frsize

    def fill(self, copy: Callable[[int], object]) -> None:
        """Call `copy` with its descriptor, to write to and not to close. Blocks as long as that takes: for a thread."""
        with self._using() as fd:
            copy(fd)

    def duplicate(self) -> int:
        """Return a second descriptor, which the caller closes; it stays valid when the file is renamed."""
        with self._using() as fd:
            return os.dup(fd)

    def close(self) -> None:
        """Close it, and leave it on the disk to be resumed."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._rest()
                self._let_go()

    def discard(self) -> None:
        """Remove it and its state if possible. Does nothing once it is closed: another download may own it."""
        with suppress(DownloadError), self._using() as fd:
            if self.target.is_same(PART, os.fstat(fd)):
                self.target.remove(PART)
            remove_state(self.target)
        self.close()

    def finish(self, overwrite: bool) -> None:
        """Give it its final name and remove its state. Raises NameTaken if that is taken, and not to be overwritten."""
        with self._using() as fd:
            modified = plausible(self.modified)
            if modified is not None and os.utime in os.supports_fd:
                os.utime(fd, (time.time(), modified))
            os.close(os.dup(fd))  # here network file systems report what they could not write
            self.target.give_name(os.fstat(fd), overwrite)
            remove_state(self.target)
        self.close()

    def rest(self) -> None:
        """Close the descriptor until it is needed again, unless it is in use (open_files.Closable)."""
        if self._lock.acquire(blocking=False):
            try:
                self._rest()
            finally:
                self._lock.release()

    def _rest(self) -> None:
        if self._fd >= 0:
            fd, self._fd, self._left = self._fd, -1, None
            with suppress(OSError):
                self._left = os.fstat(fd)
            if fcntl is not None:
                with suppress(OSError):  # descriptors given out by `duplicate` would hold the lock
                    fcntl.flock(fd, fcntl.LOCK_UN)
            close(fd)

    def _let_go(self) -> None:
        OPEN_FILES.forget(self)
        with _holding:
            _held.discard(self._place)

    @contextmanager
    def _using(self) -> Iterator[int]:
        """Yield the descriptor, to one thread at a time."""
        try:
            with self._lock:
                if self._closed:
                    raise Unwritable(f"{self.target.path} is no longer being fetched")  # a thread that comes late
                if self._fd < 0:
                    self._fd = self._open_again()
                yield self._fd
        except OSError as e:
            raise local_error(e, self._path) from e
        finally:
            if not self._closed:  # now that it is free: what is in use cannot be closed by others
                OPEN_FILES.used(self)

    def _open_again(self) -> int:
        fd = self._open_own(0)
        with closed_on_error(fd):
            if self._left is None or _stamp(os.fstat(fd)) != _stamp(self._left):
                raise Unwritable(f"{self._path} was changed by another process while it was being fetched")
        return fd

    def _open_own(self, create: int) -> int:
        """Open the file, or make it if `create` is O_CREAT, and lock it.

        One that lost its name before it was locked is another download's finished document by now.
        """
        fd = self.target.open_own(PART, os.O_RDWR | create)
        try:
            with closed_on_error(fd):
                _lock(fd)
                if self.target.is_same(PART, os.fstat(fd)):
                    return fd
        except BlockingIOError as e:
            raise self._taken() from e
        except OSError as e:
            raise local_error(e, self._path) from e
        close(fd)
        return self._open_own(create)

    def _taken(self) -> PartFileInUse:
        return PartFileInUse(f"{self._path} is being written by another download")


def plausible(modified: int | None) -> int | None:
    """Return `modified`, the time that a source says (Unix seconds), if a file may have it; else None."""
    return modified if modified is not None and 0 <= modified <= time.time() + AHEAD else None


def sha256_of(target: Target, stop: Event) -> str | None:
    """Return the SHA-256 (hex) of the file at `target`; None if it cannot be read, or once `stop` is set.

    Blocks: for a thread.
    """
    digest = hashlib.sha256()
    try:
        with os.fdopen(target.open("", os.O_RDONLY), "rb") as file:
            while block := file.read(BLOCK):
                if stop.is_set():
                    return None
                digest.update(block)
    except (OSError, DownloadError):
        return None
    return digest.hexdigest()


def sweep(target: Target) -> None:
    """Remove the files that earlier downloads left beside `target`, which exists; not those of a running download."""
    with suppress(DownloadError):
        if is_state(target):
            PartFile(target).discard()
        whole = target.status()
        if whole is not None and target.is_same(PART, whole):  # a run was killed just after it had given the name
            target.remove(PART)


def _lock(fd: int) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # a file system without locks
        pass


def _write_all(fd: int, parts: Sequence[bytes], offset: int) -> int:
    """Write `parts` at byte `offset`; return their length. Raises OSError."""
    size = sum(map(len, parts))
    written = os.pwritev(fd, parts, offset)
    while written < size:  # seldom: the disk is nearly full, or a signal came
        written += os.pwrite(fd, b"".join(parts)[written:], offset + written)
    return size


def _stamp(status: os.stat_result) -> tuple[int, int, int, int]:
    """Return values that change when another process writes to a file, or replaces it."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
