"""Where a document goes: a name below a folder that the user chose, and the files beside it while it is on its way.

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
from ..library.beneath import Folder, folder_beneath
from ..library.paths import safe_name
from .errors import DiskFull, DownloadError, NameTaken, TooManyOpenFiles, Unwritable
from .open_files import OPEN_FILES

PART, STATE = ".part", ".part.state"
"""What is put behind NAME for the file that becomes NAME, and for the one that says how much of it is there."""
LONGEST = 255
"""Bytes of a file name."""
TRIES = 3
"""How often a file that has another name too is removed before this is given up."""
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
        """Raises Unwritable for a name that is not safe, or that this system cannot write."""
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

    def beside(self, ending: str) -> Path:
        """Return the path of the file with that ending."""
        return self.path.with_name(self._name(ending))

    def check_place(self) -> None:
        """Raise Unwritable if the file would lie in a state folder, among the files that a process trusts."""
        for folder in list(self.path.parents)[: len(self._folders) + 1]:
            if holds_state(folder):
                raise Unwritable(f"{self.path}: {folder} holds the state of a peer or an RS; choose another folder")

    def status(self, ending: str = "") -> os.stat_result | None:
        """Return the status of the file, itself if it is a link; None when nothing has that name."""
        try:
            return self._do(ending, lambda folder: folder.status(self._name(ending)))
        except Unwritable as e:
            if isinstance(e.__cause__, FileNotFoundError):  # a folder above it is not there
                return None
            raise

    def open(self, ending: str, flags: int) -> int:
        """Open the regular file; return its descriptor, the caller's to close.

        With O_CREAT, it is made if it is not there, and so are the folders above it.
        """
        name = self._name(ending)
        return self._do(ending, lambda folder: folder.open(name, flags), make=bool(flags & os.O_CREAT))

    def open_own(self, ending: str, flags: int) -> int:
        """As `open`, for writing: a file that has another name as well is not written to, but begun anew.

        `give_name` leaves such a file when it is killed; and somebody may have put one there.
        """
        for _ in range(TRIES):
            fd = self.open(ending, flags)
            if os.fstat(fd).st_nlink <= 1:
                return fd
            os.close(fd)
            self._do(ending, lambda folder: folder.remove(self._name(ending)))
        raise Unwritable(f"{self.beside(ending)} is a file that has other names too; move it away")

    def place(self) -> tuple[int, int, str]:
        """Return what tells this target from all others, however its folder is spelled. Makes the folders above."""
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

    def give_name(self, part: os.stat_result, overwrite: bool) -> None:
        """Give the file NAME.part, which has the status `part`, its name. Raises NameTaken when that is taken.

        With `overwrite` another file of that name is replaced.
        """
        source = self._name(PART)

        def rename(folder: Folder) -> None:
            found = folder.status(source)
            if found is None or not os.path.samestat(found, part):
                raise FileNotFoundError(errno.ENOENT, f"somebody has moved {source} away")
            if overwrite:
                folder.replace(source, self._base)
            else:
                self._link(folder, source)

        self._do("", rename)

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
        return NameTaken(f"{self.path} is there already, with other content")

    def _name(self, ending: str) -> str:
        """The file's own name; a hash stands for NAME where only the ending makes it too long."""
        name = os.fsencode(self._base)
        if len(name) <= LONGEST < len(name) + len(ending):
            return hashlib.sha256(name).hexdigest() + ending
        return self._base + ending

    def _do(self, ending: str, work: Callable[[Folder], T], make: bool = False) -> T:
        """Return what `work` does in the folder of the file; every OSError in it is an error of this file."""

        def do() -> T:
            try:
                with folder_beneath(self._folder, self._folders, make) as folder:
                    return work(folder)
            except OSError as e:
                raise local_error(e, self.beside(ending)) from e

        return OPEN_FILES.with_room(do)
