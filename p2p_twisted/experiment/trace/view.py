"""What the page of a trace shows: a row for each message, and the parts of each for when it is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .anatomy import anatomy, method_of
from .messages import Traced, hosts_of
from .story import tell

MAX_SHOWN = 3000
"""Messages of a trace that are shown, the first ones."""
NAMES = {"rs": "RS"}


@dataclass(frozen=True)
class Row:
    """A message as a row. `at` is seconds since the first; `x1` and `x2` are where its arrow begins and ends, in %."""

    at: str
    x1: float
    x2: float
    sender: str
    receiver: str
    kind: str
    method: str
    sentence: str
    label: str


def view(messages: Sequence[Traced]) -> dict[str, Any]:
    """Return the values of the template: hosts, rows, methods, whether there are more messages, and `details`.

    Of each row, `details` has what the script shows when it is chosen: facts, the parts of the head, the body.
    """
    shown = messages[:MAX_SHOWN]
    hosts = hosts_of(shown)
    columns = {host: round((number + 0.5) / len(hosts) * 100, 2) for number, host in enumerate(hosts)}
    first = shown[0].began if shown else 0.0
    rows = [
        Row(
            f"{message.began - first:.3f}",
            columns[message.sender],
            columns[message.receiver],
            message.sender,
            message.receiver,
            message.kind,
            method_of(message.head) if message.kind == "request" else "",
            sentence,
            message.summary,
        )
        for message, sentence in zip(shown, tell(shown), strict=True)
    ]
    return {
        "hosts": [(host, NAMES.get(host, host)) for host in hosts],
        "rows": rows,
        "methods": sorted({row.method for row in rows} - {""}),
        "has_more": len(messages) > MAX_SHOWN,
        "details": [_details(message) for message in shown],
    }


def _details(message: Traced) -> dict[str, Any]:
    took = message.ended - message.began
    facts = [
        ("from", f"{NAMES.get(message.sender, message.sender)}, {message.source}"),
        ("to", f"{NAMES.get(message.receiver, message.receiver)}, {message.target}"),
        ("took", f"{took * 1000:.0f} ms from its first to its last byte"),
    ]
    return {
        "facts": facts[: 3 if took >= 0.0005 else 2],
        "parts": [[part.text, part.name, part.meaning] for part in anatomy(message.kind, message.head)],
        "body": message.body,
        "length": message.length,
    }
