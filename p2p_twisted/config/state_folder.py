"""The state folder of a process: accessible to its user only, and used by one process at a time.

A kernel lock on the file ``lock`` marks it as used, and ends with the process, however that ends. So files left by a
dead process do no harm, even if its process id now belongs to another process.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from tempfile import NamedTemporaryFile

from twisted.application.service import Service

from .folders import STATE_MARK, make_private, tighten
from .platform import optional_module
from .startup import StartError

fcntl = optional_module("fcntl")

LOCK_FILE = "lock"
ROOM = 65536
"""Bytes that must fit into the state folder: later, a lack of room would not be reported in one line."""
HOLDER = 32
"""Bytes of the lock file."""
_HOLDER = re.compile(r"([0-9]{1,10}) ([a-z0-9-]{1,20}) *", re.ASCII)


class HeldError(StartError):
    """Another process holds the state folder."""


def make_state_folder(path: Path) -> None:
    """Create the folder `path`, for this user only, if it does not exist. Raises StartError if it cannot be used."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _try_to_write(path)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "make room on the disk" if full else "name a folder that this user can write to with --state-dir"
        raise StartError(f"state folder {path}: {error.strerror}; {remedy}") from None


def _try_to_write(path: Path) -> None:
    """Write about as many bytes as a start needs to the folder `path`, and remove them. Raises OSError."""
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    with NamedTemporaryFile(dir=path, prefix=".start-") as file:
        file.write(bytes(ROOM))


def check_not_held(path: Path) -> None:
    """Raise HeldError if a process holds the state folder `path`, which may not exist."""
    try:
        file = os.open(path / LOCK_FILE, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return  # never held; or unusable, which is reported when it is used
    try:
        _lock(file, path)
    finally:
        os.close(file)


def holder(path: Path) -> int | None:
    """Return the process id of the last process that held the state folder `path`; None if none is known."""
    try:
        with (path / LOCK_FILE).open("rb") as file:
            found = _HOLDER.fullmatch(file.read(HOLDER).decode("ascii", "replace"))
    except OSError:
        return None
    return int(found[1]) if found else None


class StateFolderLock(Service):
    """Lock on the state folder `path`, from its creation until the process ends, across a fork too.

    `verb` is the twistd verb, for the message to another process that wants the folder. The folder is marked, so that
    no peer shares it. Raises HeldError if another process holds it, StartError if it cannot be locked.
    """

    def __init__(self, path: Path, verb: str) -> None:
        self._verb = verb
        try:
            self._file = os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            tighten(path / LOCK_FILE)  # anybody who may read it may lock it
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
        """Write the process id again: daemonizing has changed it."""
        super().startService()
        self._write()

    def _write(self) -> None:
        """Write the holder, always in the same number of bytes, so that later writes also work on a full disk."""
        os.pwrite(self._file, f"{os.getpid()} {self._verb}".ljust(HOLDER).encode(), 0)


def _lock(file: int, path: Path) -> None:
    """Lock `file`, the lock file of the state folder `path`. Raises HeldError if another process has it."""
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
