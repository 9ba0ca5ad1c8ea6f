"""Walk through the shared folders: which files may be shared, under which names, and which are skipped and why.

A file has one name: where one shared folder lies inside another, the files of the inner one are found there only. A
private folder, and the state folder of any peer or RS, is never entered. Folders are told apart by device and inode, so
that neither a link nor a mount makes another folder of one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ..config.folders import holds_state
from .cache import Stamp
from .paths import is_unmentioned, safe_name
from .unshared import Unshared, reason


class Identity(NamedTuple):
    """The identity of a folder, independent of its path: device and inode."""

    device: int
    inode: int


class Found(NamedTuple):
    """A file found on a walk: its `name` in the shared folder `root`, its whole path, its stamp."""

    root: str
    name: str
    path: str
    stamp: Stamp


def identity(path: str | Path) -> Identity | None:
    """Return the identity of the folder at `path`, None if there is none that can be read."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return None
    return _identity_of(status) if stat.S_ISDIR(status.st_mode) else None


def _identity_of(status: os.stat_result) -> Identity | None:
    """Return the identity of a folder; None where the file system does not number its folders."""
    return Identity(status.st_dev, status.st_ino) if status.st_ino else None


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the stamp of a file with this status."""
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ino)


class Walk:
    """A walk through the folders `roots`, in their order; not into any of the folders `private`.

    Afterwards `folders` maps the path of each folder walked through to its identity, `failures` has the files that
    could not be read, `refused` those that are not shared by rule.
    """

    def __init__(self, roots: Sequence[Path], private: Collection[Path] = ()) -> None:
        self.folders: dict[str, Identity | None] = {}
        self.failures = Unshared()
        self.refused = Unshared()
        self._roots = [os.fspath(root) for root in roots]
        self._private = {found for path in private if (found := identity(path))}
        self._entered: set[Identity | None] = set()
        self._elsewhere = {found for root in self._roots if (found := identity(root))}
        """The shared folders: their files are shared from there."""

    def files(self) -> Iterator[Found]:
        """Yield all files that may be shared, links not followed, folder after folder."""
        for root in self._roots:
            yield from self._below(root)

    def _below(self, root: str) -> Iterator[Found]:
        pending = [(root, "", identity(root))]
        while pending:
            folder, prefix, which = pending.pop()
            if which is not None and which in self._entered:
                continue
            self._entered.add(which)
            if which in self._private or holds_state(folder):
                self.refused.add(folder, "holds the state of a peer or an RS")
                continue
            try:
                with os.scandir(folder) as entries:
                    self.folders[folder] = which
                    for entry in entries:
                        if file := self._look(root, prefix, entry, pending):
                            yield file
            except OSError as e:
                self.failures.add(folder, reason(e))

    def _look(
        self, root: str, prefix: str, entry: os.DirEntry[str], pending: list[tuple[str, str, Identity | None]]
    ) -> Found | None:
        """Return `entry` if it is a file to share; add it to `pending` if it is a folder to walk through."""
        if is_unmentioned(entry.name):
            return None
        name = prefix + entry.name
        try:
            safe_name(name)
            status = os.lstat(entry.path)
        except FileNotFoundError:
            return None  # it vanished after its folder was read
        except OSError as e:
            self.failures.add(entry.path, reason(e))
            return None
        except ValueError as e:
            self.refused.add(entry.path, "its name is not UTF-8" if isinstance(e, UnicodeError) else str(e))
            return None
        if stat.S_ISREG(status.st_mode):
            return Found(root, name, entry.path, stamp_of(status))
        if stat.S_ISDIR(status.st_mode):
            which = _identity_of(status)
            if which not in self._elsewhere:
                pending.append((entry.path, f"{name}/", which))
        else:
            link = stat.S_ISLNK(status.st_mode)
            self.refused.add(entry.path, "is a link; links are not followed" if link else "is not a regular file")
        return None


def is_within(path: Path, folder: Path) -> bool:
    """Return whether `path` is `folder` or lies below it, also where links or mounts give it another path."""
    which, whole = identity(folder), real(path)
    return which is not None and any(identity(one) == which for one in (whole, *whole.parents))


def root_of(path: Path, roots: Collection[Path], private: Collection[Path]) -> Path:
    """Return the innermost of the shared folders `roots` that `path`, a real path in one of them, lies in. Raises
    ValueError if one of the `private` folders lies between the two."""
    root = max((one for one in roots if one in path.parents), key=lambda one: len(one.parts))
    if any(root in one.parents and one in path.parents for one in map(real, private)):
        raise ValueError("in a folder that is never shared")
    return root


def resolved(folders: Sequence[Path]) -> tuple[Path, ...]:
    """Return `folders` with all links in them resolved, each once, in their order."""
    return tuple(dict.fromkeys(map(real, folders)))


def real(path: Path) -> Path:
    """Return `path` absolute, with all links in it resolved."""
    return Path(os.path.realpath(path))
