"""Requests read whole: line by line each takes several times as long.

Those of peers to an RS are read by one regular expression, GET TURN is remembered. What matches is what clients write;
the parser reads it as the same message, and gets everything else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from .errors import BadRequest
from .limits import MAX_COOKIE, MAX_SIZE
from .messages import KeepAlive, Leave, Message, PQuery, Register, Request, Version
from .parser import RequestParser

MAX_TURN = 512
"""Bytes of a GET TURN that is read whole."""
_WHOLE = re.compile(
    rb"(Register|Leave|KeepAlive|PQuery) NULL P2P(?:_DI_|-DI_|-DI/)1\.([01])\r?\n"
    rb"Host:? ([\x21-\x7e]{1,255})\r?\n"
    rb"OS:? ([\x21-\x7e][\x20-\x7e]{0,254})\r?\n"
    rb"((?:Limit: ([1-9][0-9]{0,18})\r?\n)?(?:Sample: ([1-9][0-9]{0,18})\r?\n)?(?:Length: ([1-9][0-9]?)\r?\n)?)"
    rb"\r?\n"
    rb"(cookie:(|0|[1-9][0-9]{0,18})\r?\n"
    rb"port:([1-9][0-9]{0,4})\r?\n)"
)


def read_whole(data: bytes, at: int) -> tuple[int, Request] | None:
    """Return where the request that begins at `data[at]` ends (exclusive), and the request; None: ask the parser."""
    match = _WHOLE.match(data, at)
    if match is None:
        return None
    method, minor, host, os, headers, limit, sample, length, body, cookie, port = match.groups()
    if (minor == b"0" and headers) or (length and int(length) != len(body)) or (not cookie and method != b"Register"):
        return None
    numbers = int(cookie or 0), int(port), int(limit or 0), int(sample or 0)
    if numbers[0] > MAX_COOKIE or numbers[1] > 65535 or max(numbers[2:]) > MAX_SIZE:
        return None
    message = _MESSAGES[method](bool(cookie), *numbers)
    return match.end(), Request(message, Version.V11 if minor == b"1" else Version.V10, host.decode(), os.decode())


_MESSAGES: dict[bytes, Callable[[bool, int, int, int, int], Message]] = {
    b"Register": lambda known, cookie, port, *_: Register(cookie if known else None, port),
    b"Leave": lambda _known, cookie, port, *_: Leave(cookie, port),
    b"KeepAlive": lambda _known, cookie, port, *_: KeepAlive(cookie, port),
    b"PQuery": lambda _known, cookie, port, limit, sample: PQuery(cookie, port, limit or None, None, sample or None),
}
"""What makes the message: of whether there is a cookie, the cookie, the port, Limit and Sample (0: there is none)."""


def read_turn(data: bytes, at: int) -> tuple[int, Request] | None:
    """Return where the GET TURN that begins at `data[at]` ends (exclusive), and it; None: ask the parser."""
    end = data.find(b"\n\n", at, at + MAX_TURN) + 2 if data.startswith(b"GET TURN ", at) else 0
    request = _turn(data[at:end]) if end > at else None
    return None if request is None else (end, request)


@lru_cache(256)
def _turn(head: bytes) -> Request | None:
    """Return the request with this head; None if it is none, or not all of one. Each downloader repeats its own."""
    parser, request = RequestParser(), None
    try:
        for line in head.split(b"\n")[:-1]:
            if request is not None:
                return None
            request = parser.line(line)
    except BadRequest:
        return None
    return request
