"""A trace as a list of messages between named hosts, and the file of it: ``trace.jsonl``, a line of JSON for each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MAX_TRACE_LINE = 64 * 1024
"""Characters of one line: heads and bodies are cut long before (net/trace.py)."""
TEXTS = ("sender", "receiver", "source", "target", "kind", "summary", "head", "body")
NUMBERS = ("began", "ended", "length")


class TraceError(Exception):
    """A file is not a trace; the text is one line that names it."""


@dataclass(frozen=True)
class Traced:
    """One message. `began` and `ended`: when its first and last byte arrived, in seconds, of one clock for a file.

    `sender` and `receiver` are names of hosts such as ``rs`` and ``peer1``, or addresses where no name is known;
    `source` and `target` the addresses. `head`, `body` and `length` (bytes) are as docs/trace.rst says.
    """

    began: float
    ended: float
    sender: str
    receiver: str
    source: str
    target: str
    kind: str
    summary: str
    head: str
    body: str
    length: int


def read_process_trace(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of messages in the file of one process. Raises TraceError, OSError."""
    for number, line in enumerate(_lines(path), 1):
        if "head" in line:
            _check(line, ("from", "to", *TEXTS[4:]), f"{path}: line {number}")
            yield line


def read_trace(path: Path, most: int | None = None) -> list[Traced]:
    """Return the messages of a merged trace, or of the file of one process, by time; not more than the `most` first.

    Raises TraceError, OSError.
    """
    found = []
    for number, line in enumerate(_lines(path), 1):
        if "from" in line and "to" in line:
            line = {"source": line.pop("from"), "target": line.pop("to"), **line}
            line = {"sender": line["source"], "receiver": line["target"], **line}
        if "head" in line:
            _check(line, TEXTS, f"{path}: line {number}")
            found.append(Traced(**{name: line[name] for name in (*TEXTS, *NUMBERS)}))
        if len(found) == most:
            break
    if not found:
        raise TraceError(f"{path} has no messages; a trace is made by --trace (docs/trace.rst)")
    return sorted(found, key=lambda message: (message.began, message.ended))


def write_trace(path: Path, messages: Iterable[Traced]) -> None:
    """Write a ``trace.jsonl``. Raises OSError."""
    with path.open("w", encoding="ascii") as file:
        file.writelines(json.dumps(asdict(message)) + "\n" for message in messages)


def hosts_of(messages: Iterable[Traced]) -> list[str]:
    """Return the names of all hosts: the RS first, then the peers by number, then the rest by name."""
    names = {name for message in messages for name in (message.sender, message.receiver)}
    return sorted(names, key=lambda name: (name != "rs", not name.startswith("peer"), len(name), name))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield what stands on each line; one that is not written to its end is of a process that was killed."""
    with path.open(encoding="utf-8", errors="replace") as file:
        while (text := file.readline(MAX_TRACE_LINE)).endswith("\n") or len(text) == MAX_TRACE_LINE:
            try:
                line = json.loads(text)
            except ValueError:
                line = None
            if not isinstance(line, dict):
                raise TraceError(f"{path} is not a trace: {text[:40]!r} is not an object of JSON")
            yield line


def _check(line: dict[str, Any], texts: Sequence[str], where: str) -> None:
    """Raise TraceError if a field is missing or of another type."""
    for name in (*texts, *NUMBERS):
        kind = (int,) if name == "length" else (int, float) if name in NUMBERS else (str,)
        if not isinstance(line.get(name), kind) or isinstance(line.get(name), bool):
            raise TraceError(f"{where} has no valid {name!r}")
