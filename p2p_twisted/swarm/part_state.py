"""NAME.part.state: the pieces of an unfinished file that were verified and written, for a later run to resume.

It is text: a first line with the hash and size of the file, a line with its piece hashes, then a line for each piece.
Nobody believes it: the pieces are hashed again before they count.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator

from ..library.beneath import close, closed_on_error
from ..library.pieces import DIGEST
from .errors import DownloadError, Unwritable
from .target import STATE, Target, local_error

MAGIC = "p2p-part 1"
HEAD_MOST, PIECE_MOST = 256, 2 * DIGEST + 24
"""Characters of it that are read at most: for the first line, and for the hash and the number of each piece."""
WRITE_INTERVAL = 0.25
"""Seconds of a download that a killed process may lose: the state is written once in this time."""
NUMBER_MOST = 20
"""Digits of the number of a piece; int() refuses thousands of them with a ValueError."""


class State:
    """The state of the file with the hash `sha256` (hex), `size` bytes and `count` pieces, on its way to `target`.

    No descriptor is kept. All methods raise DownloadError.
    """

    def __init__(self, target: Target, sha256: str, size: int, count: int) -> None:
        self._target = target
        self._head = f"{MAGIC} {sha256} {size}"
        self._count = count
        self._begun = False
        self._between = ""
        self._waiting: list[int] = []
        """The pieces that are not written yet."""
        self._not_before = 0.0

    def read(self, accept: Callable[[bytes], bool]) -> set[int]:
        """Return the pieces that an earlier run left of this file, if `accept` takes the piece hashes that it left."""
        if self._target.status(STATE) is None:
            return set()
        most = HEAD_MOST + self._count * PIECE_MOST
        text = _start_of(self._target, most)
        try:
            head, digests, *lines = text.decode("ascii").splitlines()
            if head != self._head or not accept(bytes.fromhex(digests)):
                return set()
        except ValueError:
            return set()
        if len(text) < most:
            self._begun = True
            self._between = "\n"  # its last line may have been cut off
        return set(self._numbers(lines))

    def add(self, piece: int, digests: bytes, have: Iterable[int]) -> None:
        """Note that `piece` is here, and write it unless something was written less than WRITE_INTERVAL ago.

        `digests` are the piece hashes, `have` all pieces that are here, including it.
        """
        self._waiting.append(piece)
        if time.monotonic() >= self._not_before:
            self.write(digests, have)

    def write(self, digests: bytes, have: Iterable[int]) -> None:
        """Write all that has been noted, as `add` does."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        self._not_before = time.monotonic() + WRITE_INTERVAL
        lines = "".join(f"{number}\n" for number in waiting)
        if not self._begun or not self._append(self._between + lines):
            numbers = "".join(f"{number}\n" for number in sorted(have))
            fd = self._target.open_own(STATE, os.O_WRONLY | os.O_CREAT)
            self._write(fd, f"{self._head}\n{digests.hex()}\n{numbers}", whole=True)
            self._begun = True
        self._between = ""

    def forget(self) -> None:
        """Write nothing of what has been noted: the file has its final name."""
        self._waiting.clear()

    def _append(self, text: str) -> bool:
        """Append `text`; return False, with nothing done, unless the file exists under this name only."""
        try:
            fd = self._target.open(STATE, os.O_WRONLY | os.O_APPEND)
        except Unwritable as e:
            if isinstance(e.__cause__, FileNotFoundError):
                return False
            raise
        if self._is_shared(fd):
            return False
        self._write(fd, text)
        return True

    def _is_shared(self, fd: int) -> bool:
        """Return whether the file has another name too; if it has, or an error is raised, `fd` is closed."""
        try:
            with closed_on_error(fd):
                is_shared = os.fstat(fd).st_nlink > 1
        except OSError as e:
            raise local_error(e, self._target.beside(STATE)) from e
        if is_shared:
            close(fd)
        return is_shared

    def _write(self, fd: int, text: str, whole: bool = False) -> None:
        """Write `text` and close the file, cut off behind it if it is the `whole`."""
        try:
            view = memoryview(text.encode())
            while view:
                view = view[os.write(fd, view) :]
            if whole:
                os.ftruncate(fd, len(text))
        except OSError as e:
            raise local_error(e, self._target.beside(STATE)) from e
        finally:
            close(fd)

    def _numbers(self, lines: list[str]) -> Iterator[int]:
        for line in lines:
            if line.isascii() and line.isdigit() and len(line) <= NUMBER_MOST and int(line) < self._count:
                yield int(line)


def is_state(target: Target) -> bool:
    """Return whether there is a state beside `target`, of any version of the document; never raises."""
    try:
        return _start_of(target, len(MAGIC)) == MAGIC.encode()
    except DownloadError:
        return False


def remove_state(target: Target) -> None:
    """Remove the state beside `target`; a file of that name that is no state stays."""
    if is_state(target):
        target.remove(STATE)


def _start_of(target: Target, length: int) -> bytes:
    fd = target.open(STATE, os.O_RDONLY)
    try:
        return os.read(fd, length)
    except OSError as e:
        raise local_error(e, target.beside(STATE)) from e
    finally:
        close(fd)
