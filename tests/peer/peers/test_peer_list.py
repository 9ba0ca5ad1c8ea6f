"""The list of peers that an RS gives, and what it should not give."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock

from p2p_twisted.net.lines import Slicer
from p2p_twisted.net.receiving import Sink
from p2p_twisted.peer.peers import peer_list
from p2p_twisted.peer.peers.peer_list import PeerList
from p2p_twisted.wire.address import Address
from p2p_twisted.wire.messages import Message, PQuery, Response, Version


class Answering:
    """A connection to an RS that gives one answer."""

    def __init__(self, clock: Clock, body: bytes) -> None:
        self._clock = clock
        self._body = body

    def request_in_time(self, message: Message, sink: Sink) -> Deferred[Response]:
        response = Response(200, Version.V10, "h", "o")
        sink.begin(response)
        return maybeDeferred(sink.data, self._body).addCallback(lambda _: response)


def peers_in(body: bytes) -> list[Address]:
    clock = Clock()
    sink = PeerList(Slicer(clock))
    done: list[object] = []
    Deferred.fromCoroutine(sink.read(Answering(clock, body), PQuery(1, 1))).addCallback(done.append)
    while not done:
        clock.advance(0)
    return sink.peers()


def test_the_peers_and_what_are_none() -> None:
    assert peers_in(b"10.0.0.1 1\r\n\nx\nhost.example 2\n10.0.0.3 3") == [
        ("10.0.0.1", 1),
        ("host.example", 2),
        ("10.0.0.3", 3),
    ]


def test_of_a_long_list_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_list, "MAX_LISTED", 2)
    for body in (b"10.0.0.1 1\n10.0.0.2 2\n10.0.0.3 3\n", b"10.0.0.1 1\n10.0.0.2 2\n10.0.0.3 3"):
        assert peers_in(body) == [("10.0.0.1", 1), ("10.0.0.2", 2)]
