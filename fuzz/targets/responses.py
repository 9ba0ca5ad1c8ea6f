"""Responses: the heads that a server may send, to `ResponseParser`."""

from __future__ import annotations

from collections.abc import Iterator

from fuzz.harness import bounded
from p2p_twisted.wire.encode import encode_response
from p2p_twisted.wire.errors import PHRASES, BadRequest
from p2p_twisted.wire.limits import MAX_HEAD, MAX_LINE
from p2p_twisted.wire.messages import Response
from p2p_twisted.wire.response_parser import ResponseParser


def _parsed(data: bytes) -> Iterator[Response]:
    """Yield the heads in the complete lines of `data`, as if no response had a body. Raises BadRequest."""
    parser = ResponseParser()
    for line in data.split(b"\n")[:-1]:
        response = parser.line(line)
        if response is not None:
            yield response


def _accepted(data: bytes) -> Iterator[Response]:
    """Yield the heads before the first mistake."""
    try:
        yield from _parsed(data)
    except BadRequest as error:
        assert error.reason.isprintable()


def _fits(head: bytes) -> bool:
    """Return whether `head` is within the limits: ``Host x`` is encoded as ``Host: x``, and may become too long."""
    lines = head.split(b"\n")
    return len(head) + len(lines) <= MAX_HEAD and max(map(len, lines)) <= MAX_LINE


@bounded
def one(data: bytes) -> None:
    """Parse `data`; a head that is accepted means the same when it is encoded and parsed again."""
    for response in list(_accepted(data)):
        assert response.status in PHRASES
        head = encode_response(response)
        assert not _fits(head) or list(_parsed(head)) == [response]
