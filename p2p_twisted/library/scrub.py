"""Read shared files again, to find content that has changed on the disk while size and time have not.

The hash cache says what each file held when it was read last. Blocking: not for the reactor's thread.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from .cache import Stamp, rows
from .walk import stamp_of

CHUNK = 2**20
"""Bytes that are read at a time."""


class Scrubbed(NamedTuple):
    """A file that was read again, and its size in bytes. `why` it is not what is shared; None if it is."""

    path: str
    size: int
    why: str | None


def scrub(cache: Path, folders: Sequence[str]) -> Iterator[Scrubbed]:
    """Read the files below `folders` that the hash cache in the file `cache` knows, and yield each.

    Files that have gone, or have another size or time by now, are left to the next scan. Raises sqlite3.Error when the
    cache cannot be read.
    """
    below = tuple(folder.rstrip(os.sep) + os.sep for folder in folders)
    for path, stamp, sha256 in rows(cache):
        if not path.startswith(below):
            continue
        try:
            found = _sha256(path, stamp)
        except FileNotFoundError:
            continue
        except OSError as error:
            yield Scrubbed(path, stamp.size, f"cannot be read: {error.strerror}")
            continue
        if found is not None:
            same = found == sha256
            yield Scrubbed(path, stamp.size, None if same else f"holds {found[:8]}, and not {sha256[:8]} as shared")


def _sha256(path: str, stamp: Stamp) -> str | None:
    """Return the SHA-256 of the file; None if another one has its path, before or afterwards. Raises OSError."""
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(number, "rb", buffering=0) as file:
        if stamp_of(os.fstat(number)) != stamp:
            return None
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)  # from the disk, not from memory
        digest = hashlib.sha256()
        while data := file.read(CHUNK):
            digest.update(data)
        return digest.hexdigest() if stamp_of(os.fstat(number)) == stamp else None
