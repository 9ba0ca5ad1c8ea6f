"""What a message says, on one line, for logs and traces."""

from __future__ import annotations

from .onlooker import SeenMessage
from .visible import shown

MAX_SUMMARY = 200
"""Characters."""
_TOLD = ("Name", "Range", "Site")
"""Headers of a response that a summary has."""


def summary(message: SeenMessage) -> str:
    """Return the method with what it is about, or the status with what comes with it; control characters escaped."""
    lines = [line.strip() for line in message.head.decode("utf-8", "backslashreplace").split("\n")]
    if message.kind == "garbage":
        text = f"not of this protocol: {lines[0]}"
    elif message.kind == "request":
        text = _request(lines)
    else:
        text = _response(lines, message.length)
    return shown(text[:MAX_SUMMARY])


def _request(lines: list[str]) -> str:
    """``GET FILE rfc1.txt``: the first line without the version, then the data lines."""
    method = lines[0].rpartition(" ")[0].removesuffix(" NULL") or lines[0]
    data = lines[lines.index("") + 1 :] if "" in lines else []
    return " ".join([method, *filter(None, data)])


def _response(lines: list[str], length: int) -> str:
    """``200 OK, 1 204 bytes``."""
    status = " ".join(word for word in lines[0].split() if not word.startswith("P2P"))
    headers = [line for line in lines[1:] if line.partition(":")[0] in _TOLD]
    size = [f"{length:,} bytes".replace(",", " ")] if length else []
    return ", ".join([status, *headers, *size])
