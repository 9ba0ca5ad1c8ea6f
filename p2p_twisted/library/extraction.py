"""The full text of a document: of texts as they are, of PDFs as a process of its own reads them.

Blocks while it reads: for threads.
"""

from __future__ import annotations

import codecs
import os
import re
import socket
import subprocess
import sys
from pathlib import PurePosixPath
from threading import Lock

from ..wire.fields import CONTROL
from . import extraction_worker
from .extraction_worker import HEAD, MAX_TEXT, WALL_TIMEOUT
from .pdf import HEAD as PDF_HEAD
from .pdf import MAGIC, MAX_FILE
from .titles import TEXT_TYPES

ANSWER_TIMEOUT = WALL_TIMEOUT + 30
"""Seconds to wait for the process, which must start first."""

_PAGE_BREAK = re.compile(r"\n[^\n]*\[Page \d+\][ \t]*\s*(?:\nRFC \d+ [^\n]*)?(?=\n)")
"""The foot of a page of an RFC, and the head of the next: they stand in the middle of sentences."""
_UNPRINTABLE = re.compile(f"[{CONTROL}]+")


class NoText(Exception):
    """There is no text, for a reason that people may want to know: one line."""


class Extractor:
    """Extracts texts, in one process that is started with the first PDF and kept until `close`."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._is_closed = False

    def text_of(self, fd: int, name: str) -> str:
        """Return the text of the file open as `fd` and shared as `name`, at most MAX_TEXT bytes; "" if it is no text.

        Raises NoText for a PDF that cannot be read, OSError if reading fails.
        """
        begin = os.pread(fd, PDF_HEAD, 0)
        if MAGIC in begin:
            if os.fstat(fd).st_size > MAX_FILE:
                raise NoText(f"is a PDF of more than {MAX_FILE // 2**20} MiB")
            return self._text_of_pdf(fd)
        return _text_of_file(fd, name)

    def close(self) -> None:
        """End the process; a text that is being extracted fails, and so do those that follow."""
        self._is_closed = True
        self._end()

    def _text_of_pdf(self, fd: int) -> str:
        with self._lock:
            try:
                is_text, answer = self._ask(fd)
            except (OSError, EOFError) as e:
                self._end()
                raise NoText(f"cannot be read: {e or 'its reader has ended'}") from None
        if not is_text:
            raise NoText(answer)
        return answer

    def _ask(self, fd: int) -> tuple[bool, str]:
        """Return the answer of the process about the PDF open as `fd`. Raises OSError, EOFError."""
        connection = self._connection or self._start()
        socket.send_fds(connection, [b"?"], [fd])
        is_text, length = HEAD.unpack(_receive(connection, HEAD.size))
        return is_text, _receive(connection, length).decode("utf-8", "replace")

    def _start(self) -> socket.socket:
        if self._is_closed:
            raise EOFError("this peer stops")
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", extraction_worker.__name__]
            self._process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, cwd="/")
        ours.settimeout(ANSWER_TIMEOUT)
        self._connection = ours
        return ours

    def _end(self) -> None:
        process, self._process = self._process, None
        connection, self._connection = self._connection, None
        if process is not None:
            process.kill()
            process.wait()
        if connection is not None:
            connection.close()


def _receive(connection: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        part = connection.recv(min(size, 2**16))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _text_of_file(fd: int, name: str) -> str:
    """Return the text of a file in UTF-8, or in Latin-1 if it has a type of texts; "" for any other file."""
    with open(fd, "rb", closefd=False) as file:
        file.seek(0)
        data = file.read(MAX_TEXT)
    if b"\0" in data:
        return ""
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(data)
    except UnicodeDecodeError:
        return data.decode("latin-1") if PurePosixPath(name).suffix.lower() in TEXT_TYPES else ""


def flowing(text: str) -> str:
    """Return `text` as one line, without page breaks and control characters."""
    return " ".join(_UNPRINTABLE.sub(" ", _PAGE_BREAK.sub("", text)).split())
