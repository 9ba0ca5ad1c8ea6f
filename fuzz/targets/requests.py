"""Requests: the lines that a connection may bring, to `RequestParser`."""

from __future__ import annotations

from collections.abc import Iterator

from fuzz.harness import bounded
from p2p_twisted.wire.encode import encode_request
from p2p_twisted.wire.errors import BadRequest
from p2p_twisted.wire.messages import Request, Version
from p2p_twisted.wire.parser import RequestParser


def _parsed(data: bytes) -> Iterator[Request]:
    """Yield the requests in the complete lines of `data`. Raises BadRequest."""
    parser = RequestParser()
    for line in data.split(b"\n")[:-1]:
        request = parser.line(line)
        if request is not None:
            assert parser.idle
            yield request


def _accepted(data: bytes) -> Iterator[Request]:
    """Yield the requests before the first mistake."""
    try:
        yield from _parsed(data)
    except BadRequest as error:
        assert error.status == 300 and error.reason.isprintable()


@bounded
def one(data: bytes) -> None:
    """Parse `data`; a request that is accepted means the same when it is encoded and parsed again.

    Those of the handout are only read: this project sends none.
    """
    for request in [request for request in _accepted(data) if request.version is not Version.HANDOUT]:
        for length in (False, True):
            assert list(_parsed(encode_request(request, length))) == [request]
