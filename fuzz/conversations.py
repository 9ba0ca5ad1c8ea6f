"""Check what a server says on one connection against what the parser makes of the same bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twisted.logger import ILogObserver, globalLogPublisher
from zope.interface import implementer

from p2p_twisted.wire.errors import BadRequest
from p2p_twisted.wire.fields import has_control
from p2p_twisted.wire.handout import STATUSES
from p2p_twisted.wire.limits import MAX_LINE
from p2p_twisted.wire.messages import Request, Response, Version
from p2p_twisted.wire.parser import RequestParser
from tests.support.wire_receivers import ResponseReceiver, receive

HANDOUT_HEAD = rb"P2P-DI/1\.0 (?P<status>.+)\r\nHost: .+\r\nOS: .+\r\nContent-Length: (?P<length>\d+)\r\n\r\n"
Answers = list[tuple[Response, bytes]]


@contextmanager
def no_failure_is_logged() -> Iterator[None]:
    """Raise the first exception that is logged in the block, after it."""
    failures: list[Any] = []

    @implementer(ILogObserver)
    def observe(event: dict[str, Any]) -> None:
        if "log_failure" in event:
            failures.append(event["log_failure"])

    globalLogPublisher.addObserver(observe)
    try:
        yield
    finally:
        globalLogPublisher.removeObserver(observe)
    if failures:
        failures[0].raiseException()


def asked(data: bytes) -> tuple[list[Request], bool]:
    """Return the requests in `data` that a server reads, and whether it then finds a mistake."""
    parser, requests = RequestParser(), list[Request]()
    *lines, rest = data.split(b"\n")
    try:
        for line in lines:
            if len(line) > MAX_LINE:
                return requests, True
            request = parser.line(line)
            if request is not None:
                requests.append(request)
                if request.version is not Version.V11:
                    return requests, False
    except BadRequest:
        return requests, True
    return requests, len(rest) > MAX_LINE


def answers(said: bytes) -> Answers:
    """Return the answers in `said`, all of which are whole; a refusal says in one line why."""
    said, handout = _without_handout(said)
    receiver = ResponseReceiver()
    receive(receiver, [said])
    for response, body in receiver.responses:
        assert response.length in (None, len(body)), response
        assert response.ok or (body.endswith(b"\n") and not has_control(body[:-1].decode())), body
    assert not said or receiver.responses
    return [*receiver.responses, *handout]


def _without_handout(said: bytes) -> tuple[bytes, Answers]:
    """Return `said` without an answer in the form of the handout, which can only be the last, and that answer."""
    match = re.search(rb"^" + HANDOUT_HEAD, said, re.M)
    if match is None:
        return said, []
    body = said[match.end() :]
    assert len(body) == int(match["length"]), said
    status = next(code for code, text in STATUSES.items() if text.encode() == match["status"])
    return said[: match.start()], [(Response(status, Version.HANDOUT, "", "", len(body)), body)]


def check(data: bytes, found: Answers) -> None:
    """Assert that `found` answers the requests in `data` in order, in their versions, and ends with the first 300."""
    requests, mistaken = asked(data)
    statuses = [response.status for response, _ in found]
    if 300 in statuses:
        assert statuses.index(300) == len(statuses) - 1 <= len(requests) - (not mistaken)
    else:
        assert len(statuses) == len(requests) and not mistaken
    assert all(response.version is request.version for (response, _), request in zip(found, requests, strict=False))
