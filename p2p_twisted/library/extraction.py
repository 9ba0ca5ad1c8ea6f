"""The full text of a document, read by a process of its own, which a hostile one cannot harm.

Blocks while it reads: for threads.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import PurePosixPath
from threading import Lock
from typing import NamedTuple

from ..wire.search import RfcFacts
from . import extraction_worker
from .extraction_worker import HEAD, OTHER, PDF, TEXT, WALL_TIMEOUT
from .pdf import HEAD as PDF_HEAD
from .pdf import MAGIC, MAX_FILE
from .plain_text import decoded
from .titles import TEXT_TYPES

ANSWER_TIMEOUT = WALL_TIMEOUT + 30
"""Seconds to wait for the process, which must start first."""


class NoText(Exception):
    """A document that should have a text has none, for a reason that people may want to know: one line."""


class Extracted(NamedTuple):
    """What was read of a document: its text in one line, "" if it is no text, and what it says of itself as an RFC."""

    facts: RfcFacts
    text: str


class Extractor:
    """Reads texts, in one process that is started when it is needed and kept until `rest` or `close`."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._is_closed = False

    def read(self, fd: int, name: str) -> Extracted:
        """Return what is in the file open as `fd` and shared as `name`.

        Raises NoText if it cannot be read, OSError if reading fails.
        """
        kind = TEXT if PurePosixPath(name).suffix.lower() in TEXT_TYPES else OTHER
        begin = os.pread(fd, PDF_HEAD, 0)
        if MAGIC in begin:
            kind = PDF
            if os.fstat(fd).st_size > MAX_FILE:
                raise NoText(f"is a PDF of more than {MAX_FILE // 2**20} MiB")
        elif not decoded(begin, kind == TEXT):
            return Extracted(RfcFacts(), "")  # not worth starting the process
        with self._lock:
            try:
                is_text, answer = self._ask(kind, fd)
            except (OSError, EOFError) as e:
                self.rest()
                raise NoText(f"cannot be read: {e or 'its reader has ended'}") from None
        if not is_text:
            raise NoText(answer)
        facts, _, text = answer.partition("\n")
        return Extracted(_facts(*json.loads(facts)), text)

    def rest(self) -> None:
        """End the process until there is something to read again; a text that is being read fails."""
        process, self._process = self._process, None
        connection, self._connection = self._connection, None
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if connection is not None:
            connection.close()

    def close(self) -> None:
        """End the process for good."""
        self._is_closed = True
        self.rest()

    def _ask(self, kind: bytes, fd: int) -> tuple[bool, str]:
        """Return the answer of the process about the file open as `fd`. Raises OSError, EOFError."""
        connection = self._connection or self._start()
        socket.send_fds(connection, [kind], [fd])
        is_text, length = HEAD.unpack(_receive(connection, HEAD.size))
        return is_text, _receive(connection, length).decode("utf-8", "replace")

    def _start(self) -> socket.socket:
        if self._is_closed:
            raise EOFError("this peer stops")
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", extraction_worker.__name__]
            self._process = subprocess.Popen(
                command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, cwd="/", start_new_session=True
            )
        ours.settimeout(ANSWER_TIMEOUT)
        self._connection = ours
        return ours


def _receive(connection: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        part = connection.recv(min(size, 2**16))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _facts(
    number: int | None, category: str, date: str, authors: str, obsoletes: list[int], updates: list[int]
) -> RfcFacts:
    return RfcFacts(number, category, date, authors, tuple(obsoletes), tuple(updates))
