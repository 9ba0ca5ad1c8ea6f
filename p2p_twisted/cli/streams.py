"""Standard output and error such that whatever is printed can be written: closed, full, unread, in any encoding."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import TextIOWrapper, UnsupportedOperation
from typing import TextIO


def mend() -> None:
    """Open the standard streams that are closed, on the null device; have what an encoding lacks escaped in all.

    A closed one would be None in Python; its number would go to the next file or connection, and output into that.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def shown(text: str, err: bool = False) -> str:
    """`text` as stdout (with `err`: stderr) will show it, with what its encoding lacks escaped."""
    encoding = (sys.stderr if err else sys.stdout).encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def write(text: str, err: bool = False) -> None:
    """Write `text` to stdout, or with `err` to stderr. Raises OSError when stdout has no room; see `_deliver`."""
    _deliver(sys.stderr if err else sys.stdout, text)


def write_bytes(data: bytes) -> None:
    """Write `data` to stdout as it is. Raises OSError when there is no room."""
    _deliver(sys.stdout, data)


def _deliver(stream: TextIO, data: str | bytes) -> None:
    """Write and flush. That nobody reads any more is no failure of the verb; nor is anything that happens to stderr,
    for there is nowhere to tell of it."""
    try:
        if isinstance(data, bytes):
            stream.flush()
            stream.buffer.write(data)
        else:
            stream.write(data)
        stream.flush()
    except OSError as error:
        hush(stream)
        if stream is not sys.stderr and not isinstance(error, BrokenPipeError):
            raise


def hush(stream: TextIO) -> None:
    """Drop what `stream` still holds, and all that follows: written at exit, it would be a traceback."""
    with suppress(UnsupportedOperation):  # one in memory holds nothing back
        number = stream.fileno()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        os.close(null)
