"""The files of all processes to one trace: each message is in the file of its receiver, and hosts get names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .messages import Traced, read_process_trace


def merge(files: Mapping[str, Path]) -> list[Traced]:
    """Return the messages in the `files` of processes (host name -> file), by the time at which they began to arrive.

    An address is that of the host in whose file it receives: a client's port is known once it has been answered. Times
    are seconds since the first byte. Files that are not there count as empty. Raises TraceError, OSError.
    """
    lines = [(host, line) for host, path in files.items() if path.exists() for line in read_process_trace(path)]
    names = {line["to"]: host for host, line in lines}
    first = min((line["began"] for _, line in lines), default=0.0)
    messages = [
        Traced(
            round(line["began"] - first, 6),
            round(line["ended"] - first, 6),
            names.get(line["from"], line["from"]),
            host,
            line["from"],
            line["to"],
            *(line[name] for name in ("kind", "summary", "head", "body", "length")),
        )
        for host, line in lines
    ]
    return sorted(messages, key=lambda message: (message.began, message.ended))
