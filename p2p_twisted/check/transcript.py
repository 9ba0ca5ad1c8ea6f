"""What was sent and got in a check, to the byte and with times; and as lines that people can read."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_KEPT = 32_768
"""Bytes of one check that its transcript keeps; of what comes after, only the numbers."""

MAX_ENTRIES = 2_000
"""Entries of one check that its transcript keeps."""

SENT, GOT = "sent", "got"
ARROWS = {SENT: ">", GOT: "<"}

_ESCAPES = {0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r", 0x5C: "\\\\"}


@dataclass(frozen=True)
class Entry:
    """`seconds` after the start of the check, on its connection number `connection`: `data` was sent or got.

    `event` is SENT, GOT, or another word for what happened, such as "opened". `left_out` counts bytes not kept.
    """

    seconds: float
    connection: int
    event: str
    data: bytes = b""
    left_out: int = 0


class Transcript:
    """The entries of one check, bounded."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.connections = 0
        self._start = time.monotonic()
        self._room = MAX_KEPT

    @property
    def seconds(self) -> float:
        """Seconds since the start of the check."""
        return time.monotonic() - self._start

    def new_connection(self) -> int:
        """Return the number of a connection that is about to be made."""
        self.connections += 1
        return self.connections

    def note(self, connection: int, event: str, data: bytes = b"") -> None:
        """Add an entry, unless there are too many."""
        if len(self.entries) < MAX_ENTRIES:
            kept = data[: self._room]
            self._room -= len(kept)
            self.entries.append(Entry(self.seconds, connection, event, kept, len(data) - len(kept)))


def shown(data: bytes) -> str:
    """Return `data` in ASCII: backslashes doubled, and what cannot be seen as an escape such as ``\\xff``."""
    return "".join(_shown(byte) for byte in data)


def _shown(byte: int) -> str:
    if byte in _ESCAPES:
        return _ESCAPES[byte]
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}"


def lines(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield the entries as text: seconds, number of the connection, an arrow and a line of what was sent or got."""
    for entry in entries:
        place = f"{entry.seconds:7.3f} {entry.connection}"
        if entry.event not in ARROWS:
            yield f"{place} - {entry.event}"
            continue
        for line in _by_line_feed(entry.data):
            yield f"{place} {ARROWS[entry.event]} {shown(line)}"
        if entry.left_out:
            yield f"{place} {ARROWS[entry.event]} ... {entry.left_out} more bytes"


def _by_line_feed(data: bytes) -> list[bytes]:
    return [line + b"\n" for line in data.split(b"\n")[:-1]] + [rest for rest in data.split(b"\n")[-1:] if rest]
