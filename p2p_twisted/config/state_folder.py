"""The state folder of a process: made for its user alone, and held by one process at a time.

The kernel's lock on the file ``lock`` holds it, and ends with the process however that ends. So nothing that a dead
process left behind is in the way, and its number may belong to another by now.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from tempfile import NamedTemporaryFile

from twisted.application.service import Service

from .folders import STATE_MARK, make_private, tighten
from .startup import StartError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

LOCK_FILE = "lock"
ROOM = 65536
"""Bytes that must fit into a state folder: SQLite's files and twistd's would not say in one line that they did not."""
HOLDER = 32
"""Bytes of the lock file."""
_HOLDER = re.compile(r"([0-9]{1,10}) ([a-z0-9-]{1,20}) *", re.ASCII)


class HeldError(StartError):
    """Another process holds the state folder."""


def make_state_folder(path: Path) -> None:
    """Make the folder `path`, for this user alone, if it is not there. Raises StartError when it cannot be used."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _try_to_write(path)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "make room on the disk" if full else "give a folder that this user may write to with --state-dir"
        raise StartError(f"state folder {path}: {error.strerror}; {remedy}") from None


def _try_to_write(path: Path) -> None:
    """Write into the folder `path` about as much as a start does, and remove it. Raises OSError."""
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    with NamedTemporaryFile(dir=path, prefix=".start-") as file:
        file.write(bytes(ROOM))


def check_not_held(path: Path) -> None:
    """Raise HeldError if a process holds the state folder `path`, which need not be there."""
    try:
        file = os.open(path / LOCK_FILE, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return  # nobody ever held it; or it cannot be used, which is said when it is to be
    try:
        _lock(file, path)
    finally:
        os.close(file)


class StateFolderLock(Service):
    """Holds the state folder `path` from when it is made until the process ends, across a fork too.

    `verb` is what the process runs, for the message to whoever wants the folder meanwhile. The folder is marked, so
    that no peer shares it. Raises HeldError when another process holds it, StartError when it cannot be locked.
    """

    def __init__(self, path: Path, verb: str) -> None:
        self._verb = verb
        try:
            self._file = os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            tighten(path / LOCK_FILE)  # whoever may read it may lock it
            make_private(path / STATE_MARK)
        except OSError as error:
            raise StartError(f"{path / LOCK_FILE}: {error.strerror}; remove it, or name another --state-dir") from None
        try:
            _lock(self._file, path)
        except StartError:
            os.close(self._file)
            raise
        self._write()

    def startService(self) -> None:
        """Write down the process's id again: it is another one after daemonizing."""
        super().startService()
        self._write()

    def _write(self) -> None:
        """Write down who holds it, always as many bytes, so that a full disk does not matter once they are there."""
        os.pwrite(self._file, f"{os.getpid()} {self._verb}".ljust(HOLDER).encode(), 0)


def _lock(file: int, path: Path) -> None:
    """Lock `file`, the lock of the state folder `path`. Raises HeldError when another process has it."""
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise HeldError(_held(path, os.pread(file, HOLDER, 0))) from None
        # a file system without locks: the control socket still tells two processes apart


def _held(path: Path, text: bytes) -> str:
    holder = _HOLDER.fullmatch(text.decode("ascii", "replace"))
    who, how = (f"{holder[2]} (PID {holder[1]})", f" ('kill {holder[1]}')") if holder else ("another process", "")
    return f"state folder {path}: {who} runs on it already; stop that one{how}, or name another folder with --state-dir"
