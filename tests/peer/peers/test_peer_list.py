"""The list of peers that an RS gives, and what it should not give."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock

from p2p_twisted.net.lines import Slicer
from p2p_twisted.net.receiving import Sink
from p2p_twisted.peer.peers import peer_list
from p2p_twisted.peer.peers.peer_list import PeerList, read_parts
from p2p_twisted.wire.address import Address
from p2p_twisted.wire.messages import Message, PQuery, Response, Version
from tests.support.registries import result_of


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


class Rs:
    """Lists `peers`, at most `most` at a time; `is_endless` says each time that there are more."""

    def __init__(self, peers: list[Address], most: int, is_endless: bool = False) -> None:
        self.peers, self.most, self.is_endless = peers, most, is_endless
        self.queries = 0

    async def query(self, ask: Callable[[int, int], PQuery]) -> tuple[list[Address], bool]:
        self.queries += 1
        query = ask(1, 2)
        assert (query.cookie, query.port) == (1, 2) and query.limit
        rest = [peer for peer in self.peers if query.after is None or peer > query.after]
        some = rest[: min(query.limit, self.most)]
        return some, self.is_endless or some != rest


@pytest.mark.parametrize(("count", "most"), [(0, 9), (1, 9), (7, 3), (6, 3), (7, 1000)])
def test_the_whole_list_is_read_in_parts(count: int, most: int) -> None:
    peers = [("10.0.0.1", port) for port in range(1, count + 1)]
    assert result_of(read_parts(Rs(peers, most).query)) == peers


def test_an_rs_that_always_has_more_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    peers = [("10.0.0.1", port) for port in range(1, 9)]
    for most, queries in ((0, 1), (1, 1 + peer_list.MAX_PARTS)):
        rs = Rs(peers * 9, most, is_endless=True)
        result_of(read_parts(rs.query))
        assert rs.queries <= queries
    monkeypatch.setattr(peer_list, "MAX_LISTED", 4)
    assert result_of(read_parts(Rs(peers, 2).query)) == peers[:4]
