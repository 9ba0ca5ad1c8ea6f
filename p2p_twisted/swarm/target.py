"""The place of a document: a name below a folder that the user chose, and the files beside it during the download.

Everything here goes through no link below that folder, and opens nothing but regular files, without waiting.
"""

from __future__ import annotations

import errno
import hashlib
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from ..config.folders import holds_state
from ..library.beneath import Folder, close, closed_on_error, folder_beneath
from ..library.cache import Stamp
from ..library.paths import safe_name
from ..library.walk import stamp_of
from .errors import DiskFull, DownloadError, NameTaken, TooManyOpenFiles, Unwritable
from .open_files import OPEN_FILES

PART, STATE = ".part", ".part.state"
"""Endings of NAME for the file that becomes NAME, and for the one with the numbers of its verified pieces."""
LONGEST = 255
"""Bytes of a file name."""
TRIES = 3
"""Times that a file that has another name too is removed before giving up."""
T = TypeVar("T")

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NONE_LEFT = {errno.EMFILE, errno.ENFILE}


def local_error(error: OSError, path: Path) -> DownloadError:
    """Return the DownloadError that an OSError at `path` means."""
    if error.errno in _FULL:
        return DiskFull(f"no room for {path}")
    if error.errno in _NONE_LEFT:
        return TooManyOpenFiles(f"cannot open {path}: {error.strerror}; raise the limit with ulimit -n")
    return Unwritable(f"cannot write {path}: {error.strerror}")


class Target:
    """The file `name` (with ``/``) below `folder`. All methods raise DownloadError, never OSError, unless they say so.

    `ending` is "" for the file itself, PART or STATE for one beside it.
    """

    def __init__(self, folder: Path, name: str) -> None:
        """Raise Unwritable if the name is not safe, or if this system cannot write it."""
        try:
            *self._folders, self._base = safe_name(name)
            self.path = folder.joinpath(*self._folders, self._base)
            os.fsencode(self.path)
        except UnicodeEncodeError as e:
            encoding = sys.getfilesystemencoding()
            raise Unwritable(f"{name!a}: this process writes names in {encoding}; start it with LC_ALL=C.UTF-8") from e
        except ValueError as e:
            raise Unwritable(f"{name}: {e}") from e
        self._folder = folder
        self.replaces: Stamp | None = None
        """The only file that may be replaced here; None: any, where overwriting was requested."""

    def beside(self, ending: str) -> Path:
        """Return the path of the file with that ending."""
        return self.path.with_name(self._name(ending))

    def check_place(self) -> None:
        """Raise Unwritable if the file would lie in a state folder, among the files that a process trusts."""
        for folder in list(self.path.parents)[: len(self._folders) + 1]:
            if holds_state(folder):
                raise Unwritable(f"{self.path}: {folder} holds the state of a peer or an RS; choose another folder")

    def status(self, ending: str = "") -> os.stat_result | None:
        """Return the status of the file, of the link if it is one; None if nothing has that name."""
        try:
            return self._do(ending, lambda folder: folder.status(self._name(ending)))
        except Unwritable as e:
            if isinstance(e.__cause__, FileNotFoundError):  # a folder above it is not there
                return None
            raise

    def open(self, ending: str, flags: int) -> int:
        """Open the regular file; return its descriptor, which the caller closes.

        With O_CREAT, it is made if it is not there, and so are the folders above it.
        """
        name = self._name(ending)
        return self._do(ending, lambda folder: folder.open(name, flags), make=bool(flags & os.O_CREAT))

    def open_own(self, ending: str, flags: int) -> int:
        """Open the file for writing, as `open` does; one that has another name too is replaced by a new file.

        `give_name` leaves such a file when it is killed; and another process may have put one there.
        """
        name = self._name(ending)
        return self._do(ending, lambda folder: _open_single(folder, name, flags), make=bool(flags & os.O_CREAT))

    def place(self) -> tuple[int, int, str]:
        """Return an identity of the target, however its folder is spelled. Makes the folders above."""
        status = self._do(PART, Folder.own_status, make=True)
        return status.st_dev, status.st_ino, self._base

    def is_same(self, ending: str, status: os.stat_result) -> bool:
        """Return whether the file with that ending is the one of that status."""
        found = self.status(ending)
        return found is not None and os.path.samestat(found, status)

    def remove(self, ending: str) -> None:
        """Remove the file if it is there and can be removed."""
        with suppress(DownloadError):
            self._do(ending, lambda folder: folder.remove(self._name(ending)))

    def may_replace(self, found: os.stat_result) -> bool:
        """Return whether the file of that status may be replaced, where overwriting was requested."""
        return self.replaces is None or stamp_of(found) == self.replaces

    def give_name(self, part: os.stat_result, overwrite: bool) -> None:
        """Rename NAME.part, which has the status `part`, to NAME. Raises NameTaken if that exists.

        With `overwrite` another file of that name is replaced, if it `may_replace` it.
        """
        source = self._name(PART)

        def rename(folder: Folder) -> None:
            _check_is(folder, source, part, f"another process has moved {source} away")
            if overwrite:
                self._replace(folder, source)
            else:
                self._link(folder, source)
            _check_is(folder, self._base, part, f"another process has put something in place of {source}")

        self._do("", rename)

    def _replace(self, folder: Folder, source: str) -> None:
        found = folder.status(self._base) if self.replaces is not None else None
        if found is not None and not self.may_replace(found):
            raise self._taken()
        folder.replace(source, self._base)

    def _link(self, folder: Folder, source: str) -> None:
        """Rename, but fail where rename(2) would replace; a hard link does that in one step."""
        try:
            folder.link(source, self._base)
        except FileExistsError as e:
            raise self._taken() from e
        except OSError:  # a file system without hard links
            if folder.status(self._base) is not None:
                raise self._taken() from None
            folder.replace(source, self._base)
        else:
            folder.remove(source)

    def _taken(self) -> NameTaken:
        return NameTaken(f"{self.path} already exists, with other content")

    def _name(self, ending: str) -> str:
        """Return the name of the file; a hash replaces NAME where only the ending makes it too long."""
        name = os.fsencode(self._base)
        if len(name) <= LONGEST < len(name) + len(ending):
            return hashlib.sha256(name).hexdigest() + ending
        return self._base + ending

    def _do(self, ending: str, work: Callable[[Folder], T], make: bool = False) -> T:
        """Return what `work` returns for the folder of the file; an OSError in it becomes an error of this file."""

        def do() -> T:
            try:
                with folder_beneath(self._folder, self._folders, make) as folder:
                    return work(folder)
            except OSError as e:
                raise local_error(e, self.beside(ending)) from e

        return OPEN_FILES.with_room(do)


def _open_single(folder: Folder, name: str, flags: int) -> int:
    """Open the file `name` once it has no other name. Raises OSError."""
    for _ in range(TRIES):
        fd = folder.open(name, flags)
        with closed_on_error(fd):
            if os.fstat(fd).st_nlink <= 1:
                return fd
        close(fd)
        folder.remove(name)
    raise OSError(errno.EMLINK, "it has other names too (hard links); move it away")


def _check_is(folder: Folder, name: str, status: os.stat_result, complaint: str) -> None:
    """Raise FileNotFoundError, with the complaint, unless the file `name` is the one with that status."""
    found = folder.status(name)
    if found is None or not os.path.samestat(found, status):
        raise FileNotFoundError(errno.ENOENT, complaint)
