"""What other peers answer to a search: bounded in time and size, and never believed in more than its form."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from p2p_twisted.net.errors import Unreachable
from p2p_twisted.peer.peers import swarm_search
from p2p_twisted.peer.peers.swarm_search import TIMEOUT, Answers, SwarmSearch
from p2p_twisted.wire.limits import MAX_SEARCH_ANSWER
from p2p_twisted.wire.messages import Search, Version
from p2p_twisted.wire.search import Hit, encode_hit
from p2p_twisted.wire.search_terms import parse_terms

HIT = Hit("a.txt", "A", 1, "a" * 64, 5)
LINE = f"{encode_hit(HIT)}\n".encode()
TERMS = parse_terms("words")


class FakeConnection:
    """Answers with a body; one that is None never comes."""

    def __init__(self, body: bytes | None) -> None:
        self.body = body
        self.asked: list[tuple[Any, int]] = []
        self.is_closed = False

    def collect(self, message: Search, limit: int) -> Deferred[tuple[None, bytes]]:
        self.asked.append((message, limit))
        answer: Deferred[tuple[None, bytes]] = Deferred()
        if self.body is not None:
            answer.callback((None, self.body))
        return answer

    def close(self) -> None:
        self.is_closed = True


class FakePeer:
    """What the directory knows of a peer."""

    def __init__(self, port: int, version: Version | None = Version.V11, **more: Any) -> None:
        self.address = ("192.0.2.1", port)
        self.version = version
        self.is_self = more.get("is_self", False)
        self.failures = more.get("failures", 0)
        self.subscription = self
        self.connection = more.get("connection", self)


class Rig:
    """A search among peers that answer with these bodies; an exception cannot be reached."""

    def __init__(self, *bodies: bytes | Exception | None, peers: list[FakePeer] | None = None) -> None:
        self.clock = Clock()
        self.connections = [FakeConnection(None if isinstance(body, Exception) else body) for body in bodies]
        self._bodies = bodies
        known = [FakePeer(port) for port in range(len(bodies))] if peers is None else peers
        self.peers = {peer.address: peer for peer in known}
        self.dialler = self
        self.found: list[Answers] = []

    async def dial_holder(self, address: tuple[str, int], downlink: object) -> FakeConnection:
        body = self._bodies[address[1]]
        if isinstance(body, Exception):
            raise body
        return self.connections[address[1]]

    def ask(self, limit: int = 10) -> None:
        discovery: Any = self
        downlink: Any = None
        searching = SwarmSearch(self.clock, discovery, downlink).ask(TERMS, limit)
        Deferred.fromCoroutine(searching).addCallback(self.found.append)


def test_all_are_asked_at_once_and_heard() -> None:
    rig = Rig(LINE, b"", LINE * 3)
    rig.ask(2)
    [(asked, answers)] = rig.found
    assert asked == 3
    assert dict(answers) == {("192.0.2.1", 0): [HIT], ("192.0.2.1", 1): [], ("192.0.2.1", 2): [HIT, HIT]}
    assert all(one.asked == [(Search(TERMS, 2), MAX_SEARCH_ANSWER)] and one.is_closed for one in rig.connections)


def test_a_silent_peer_is_not_waited_for() -> None:
    rig = Rig(LINE, None, Unreachable("nobody is there"))
    rig.ask()
    assert rig.found == []
    rig.clock.advance(TIMEOUT)
    [(asked, answers)] = rig.found
    assert (asked, [address for address, _ in answers]) == (3, [("192.0.2.1", 0)])
    assert rig.connections[1].is_closed


def test_lines_of_another_form_are_passed_over() -> None:
    escape = LINE.replace(b"\tA\t", b"\t\x1b[31mA\t")
    rig = Rig(b"garbage\n" + escape + b"\xff\xfe\n" + LINE + b"\t\t\t\n")
    rig.ask()
    assert rig.found[0].answers[0][1] == [HIT]


def test_whom_it_asks(monkeypatch: Any) -> None:
    follows = [FakePeer(port) for port in range(3)]
    others = [FakePeer(port, connection=None) for port in range(3, 6)]
    useless = [FakePeer(6, Version.V10), FakePeer(7, None), FakePeer(8, is_self=True), FakePeer(9, failures=1)]
    rig = Rig(*[LINE] * 10, peers=[*useless, *others, *follows])
    rig.ask()
    assert {port for (_, port), _ in rig.found[0].answers} == set(range(6))
    monkeypatch.setattr(swarm_search, "MAX_ASKED", 3)
    rig.ask()
    assert {port for (_, port), _ in rig.found[1].answers} == {0, 1, 2}
