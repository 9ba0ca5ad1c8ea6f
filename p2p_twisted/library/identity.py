"""The identity of folders and files, independent of their paths."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from .beneath import STEPWISE, folder_beneath


class Identity(NamedTuple):
    """The identity of a folder or a file, independent of its path: device and inode."""

    device: int
    inode: int


def identity(path: str | Path) -> Identity | None:
    """Return the identity of the folder at `path`, None if there is none that can be read."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return None
    return identity_of(status) if stat.S_ISDIR(status.st_mode) else None


def identity_of(status: os.stat_result) -> Identity | None:
    """Return the identity of what has this status; None where the file system does not number its files."""
    return Identity(status.st_dev, status.st_ino) if status.st_ino else None


@contextmanager
def names_in(folder: str, which: Identity | None) -> Iterator[Iterator[str]]:
    """Give the names in the folder at the path `folder`, for the length of the block.

    Raises OSError, also if another folder than `which` is found there: it may lie behind a link by now.
    """
    if not STEPWISE or which is None:
        with os.scandir(folder) as entries:
            yield (entry.name for entry in entries)
        return
    with folder_beneath(Path(folder), ()) as found:
        if identity_of(found.own_status()) != which:
            raise OSError(errno.ESTALE, "was replaced while it was being looked at", folder)
        with found.entries() as entries:
            yield (entry.name for entry in entries)


def is_within(path: Path, folder: Path) -> bool:
    """Return whether `path` is `folder` or lies below it, also where links or mounts give it another path."""
    which, whole = identity(folder), real(path)
    return which is not None and any(identity(one) == which for one in (whole, *whole.parents))


def resolved(folders: Sequence[Path]) -> tuple[Path, ...]:
    """Return `folders` with all links in them resolved, each once, in their order."""
    return tuple(dict.fromkeys(map(real, folders)))


def real(path: Path) -> Path:
    """Return `path` absolute, with all links in it resolved."""
    return Path(os.path.realpath(path))
