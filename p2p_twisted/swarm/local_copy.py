"""A document copied from a file of this machine with the same content: cloned if possible, and verified."""

from __future__ import annotations

import errno
import os
import sys
from threading import Event

from ..config.platform import optional_module
from ..library.pieces import PieceHasher
from .errors import DownloadError
from .part_file import BLOCK, PartFile
from .target import Target

fcntl = optional_module("fcntl")

CLONE = 0x40049409
"""FICLONE: the request of ioctl(2) by which two files share their blocks until one of them is written to (Linux)."""
AT_ONCE = 16 * 2**20
"""Bytes that the kernel copies at a time; in between, `stop` is checked."""
_CANNOT = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTTY, errno.EPERM}
"""Errors that say that a way of copying is not available for these files."""


class Stopped(DownloadError):
    """The download was cancelled."""


def copy_file(source: int, target: Target, sha256: str, size: int, overwrite: bool, stop: Event) -> bytes | None:
    """Put the content of the file open as `source` at `target`; return its piece hashes.

    Returns None, and leaves nothing, if it has not the hash `sha256` (hex) and `size` bytes. Raises DownloadError,
    Stopped once `stop` is set. Blocks: for a thread.
    """
    part = PartFile(target)
    try:
        part.truncate(0)
        part.fill(lambda fd: _copy(source, fd, size, stop))
        pieces = _verified(part, sha256, size, stop)
        if pieces is not None:
            part.modified = _modified(source)
            part.finish(overwrite)
    finally:
        part.discard()
    return pieces


def _modified(source: int) -> int | None:
    """Return the time of the file in Unix seconds; None if it cannot be read, as the copy is right without it."""
    try:
        return int(os.fstat(source).st_mtime)
    except OSError:
        return None


def _copy(source: int, to: int, size: int, stop: Event) -> None:
    """Copy `size` bytes, or as many as there are, in the best way available."""
    if _clone(source, to):
        os.ftruncate(to, size)
        return
    offset = 0
    while offset < size:
        if stop.is_set():
            raise Stopped("stopped")
        copied = _copy_some(source, to, offset, min(AT_ONCE, size - offset))
        if not copied:
            return
        offset += copied


def _clone(source: int, to: int) -> bool:
    if fcntl is None or sys.platform != "linux":
        return False
    try:
        fcntl.ioctl(to, CLONE, source)
    except OSError as e:
        if e.errno not in _CANNOT:
            raise
        return False
    return True


def _copy_some(source: int, to: int, offset: int, most: int) -> int:
    """Copy at most `most` bytes from `offset` on; return how many."""
    if hasattr(os, "copy_file_range"):
        try:
            return os.copy_file_range(source, to, most, offset, offset)
        except OSError as e:
            if e.errno not in _CANNOT:
                raise
    return os.pwrite(to, os.pread(source, min(BLOCK, most), offset), offset)


def _verified(part: PartFile, sha256: str, size: int, stop: Event) -> bytes | None:
    """Return the piece hashes of `part` if it has the expected content, else None."""
    hasher, offset = PieceHasher(size), 0
    while block := part.read(offset, min(BLOCK, size - offset)):
        if stop.is_set():
            raise Stopped("stopped")
        hasher.update(block)
        offset += len(block)
    return hasher.pieces() if offset == size and hasher.sha256() == sha256 else None
