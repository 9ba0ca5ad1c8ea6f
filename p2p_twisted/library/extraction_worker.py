"""The process that reads the texts of documents: ``python -m p2p_twisted.library.extraction_worker``.

Its standard input is a socket. For each byte that comes (`PDF`, `TEXT` or `OTHER`) with the descriptor of an open file
it sends one answer: HEAD, and that many bytes of UTF-8. These are the reason why there is no text, or a line of JSON
with the facts of an RFC, and the text in a line. A file may be made to harm its reader. So each is read by a child of
its own, which has little memory and processor time, may write no file, and is killed after WALL_TIMEOUT. The imports
are shared: a child costs some milliseconds.
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import astuple
from struct import Struct

from .plain_text import decoded, flowing
from .rfc_head import rfc_facts

HEAD = Struct("!?I")
"""Whether there is a text, and the length of what follows in bytes."""
PDF, TEXT, OTHER = b"p", b"t", b"o"
"""What a file is, by its first bytes or by its type; a file of another type may be a text too."""
MAX_TEXT = 4 * 2**20
"""Most bytes of text taken from a document."""
MAX_MEMORY = 512 * 2**20
"""Bytes of address space of a child."""
CPU_TIMEOUT = 20
"""Seconds of processor time after which a child is killed."""
ENOUGH_TIME = 12.0
"""Seconds of processor time after which a child takes no further page: so a long document has at least a part."""
WALL_TIMEOUT = 60.0
"""Seconds after which a child is killed, whatever it waits for."""
_MAX_ANSWER = 2 * MAX_TEXT
_BROKEN, _NO_MEMORY = 1, 3
"""Exit codes of a child that has no text."""


def main() -> None:
    """Answer until the other end is closed."""
    os.nice(10)
    connection = socket.socket(fileno=0)
    while True:
        kind, fds, _, _ = socket.recv_fds(connection, 1, 1)
        if not kind or not fds:
            return
        if kind == PDF:
            _import_pypdf()
        is_text, answer = _in_child(kind, fds[0])
        os.close(fds[0])
        connection.sendall(HEAD.pack(is_text, len(answer)) + answer)


def _import_pypdf() -> None:
    """Import it for the children; what it remarks on bad PDFs is kept out of the log."""
    import pypdf  # noqa: F401

    logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)


def _in_child(kind: bytes, fd: int) -> tuple[bool, bytes]:
    """Return (True, what was read of the file open as `fd`) or (False, reason)."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(0)
        os.close(reading)
        _extract(kind, fd, writing)
    os.close(writing)
    found = _read(reading, time.monotonic() + WALL_TIMEOUT)
    os.close(reading)
    if found is None:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return (True, found) if found and not status else (False, _reason(status).encode())


def _read(fd: int, deadline: float) -> bytes | None:
    """Return what comes from `fd` until it is closed; None if that is too much, or too late."""
    parts: list[bytes] = []
    size = 0
    while size <= _MAX_ANSWER:
        ready, _, _ = select.select([fd], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            return None
        part = os.read(fd, 65536)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
    return None


def _reason(status: int) -> str:
    """Return why a child that ended with this status has no text."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        slow = number in (signal.SIGXCPU, signal.SIGKILL)
        return "takes too long to read" if slow else f"ends its reader by {signal.Signals(number).name}"
    return "takes too much memory to read" if os.WEXITSTATUS(status) == _NO_MEMORY else "is broken"


def _extract(kind: bytes, fd: int, writing: int) -> None:
    """Write what is in the file open as `fd` to `writing`, and end this process, which is a child."""
    code = _BROKEN
    try:
        _limit()
        found = _found("\n".join(_pages(fd)) if kind == PDF else _text(fd, kind == TEXT))
        with os.fdopen(writing, "wb") as output:
            output.write(found)
        code = 0
    except MemoryError:
        code = _NO_MEMORY
    except BaseException:  # a library in Rust may raise something that is no Exception
        pass
    finally:
        os._exit(code)


def _found(text: str) -> bytes:
    line = flowing(text).encode("utf-8", "replace")[:MAX_TEXT]
    return json.dumps(astuple(rfc_facts(text))).encode() + b"\n" + line


def _limit() -> None:
    import resource  # not every system has it, and the peer imports this module

    for what, most in (
        (resource.RLIMIT_AS, MAX_MEMORY),
        (resource.RLIMIT_CPU, CPU_TIMEOUT),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _text(fd: int, is_text: bool) -> str:
    with open(fd, "rb", closefd=False) as file:
        return decoded(file.read(MAX_TEXT), is_text)


def _pages(fd: int) -> Iterator[str]:
    """Yield the text of one page after the other, until that is enough; a broken page has none."""
    from pypdf import PdfReader

    size = 0
    with open(fd, "rb", closefd=False) as file:
        for page in PdfReader(file).pages:
            text = ""
            try:
                text = page.extract_text()
            except MemoryError:
                raise
            except Exception:  # this page is broken, others may be well
                pass
            yield text
            size += len(text)
            if size >= MAX_TEXT or time.process_time() >= ENOUGH_TIME:
                return


if __name__ == "__main__":
    main()
