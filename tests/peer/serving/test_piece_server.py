"""The answers to downloaders of this peer's site, and of others."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from p2p_twisted.peer.serving.piece_server import PieceServer, PieceSource
from p2p_twisted.swarm.super_seeding import MAX_UNSPREAD
from p2p_twisted.swarm.turns import MIN_PIECES
from p2p_twisted.wire.errors import FileNotFound
from p2p_twisted.wire.messages import GetNext, GetPieces, GetTurn

SHA256 = "a" * 64


class Downloader:
    """A connection of a downloader at `client_host`; `turns` has the answers that it was sent."""

    sender = None
    is_gone = False

    def __init__(self, source: PieceSource, client_host: str) -> None:
        self.client_host = client_host
        self.left = 0
        self.turns: list[int] = []
        self.lists: list[bytes] = []
        self.refused: list[Failure] = []
        self.server = PieceServer(source, cast(Any, self))

    def unsent(self) -> int:
        return self.left

    def send(self, *parts: bytes, **headers: Any) -> None:
        if "turns" in headers:
            self.turns.append(headers["turns"])
        else:
            self.lists.extend(parts)

    def ask(self) -> None:
        Deferred.fromCoroutine(self.server.give_turn(GetTurn())).addErrback(lambda failure: None)

    def ask_for_list(self) -> None:
        Deferred.fromCoroutine(self.server.send_list(GetPieces(SHA256), None)).addErrback(self.refused.append)


def make_source(clock: Clock) -> PieceSource:
    """Return what pieces are sent from; hosts in 10.1.1.* are near."""
    content: Any = type("Content", (), {"parts": {}})()
    source = PieceSource(clock, content)
    source.is_near = lambda host: host.startswith("10.1.1.")
    return source


def test_one_far_away_that_reads_slowly_keeps_nobody_nearby_waiting() -> None:
    source = make_source(Clock())
    far, farther = (Downloader(source, f"10.1.2.{number}") for number in (1, 2))
    near = Downloader(source, "10.1.1.1")
    started = []
    for one in (far, farther, near):
        started.append(source.queues[source.is_near(one.client_host)].start(one, 65536))
        one.left = 10 * 65536
    assert [one.called for one in started] == [True, False, True]


def test_all_get_turns_and_are_forgotten() -> None:
    clock = Clock()
    source = make_source(clock)
    everybody = [Downloader(source, host) for host in ("10.1.1.1", "10.1.2.1")]
    for one in everybody:
        one.ask()
        assert one.turns
        one.ask()
    for one in everybody:
        one.server.close()
    assert all(not call.active() or call.getTime() < clock.seconds() + 1 for call in clock.getDelayedCalls())


def test_a_downloader_alone_does_not_wait_for_what_has_not_left_yet() -> None:
    """On one connection answers come one after the other anyway: it must not fall idle between them."""
    clock = Clock()
    source = make_source(clock)
    one, other = Downloader(source, "10.1.1.1"), Downloader(source, "10.1.1.2")
    one.left = 2**20
    source.queues[True].start(one, 2**20)
    one.left = 0
    clock.pump([0.1] * 3)
    one.ask()
    one.turns.clear()
    for _ in range(3):
        one.ask()
        source.queues[True].start(one, 2**20)
        one.left = 64 * 2**20
    assert len(one.turns) == 3
    other.ask()
    one.ask()
    assert (len(one.turns), other.turns) == (3, [])


def test_one_whose_pieces_stay_with_it_gets_its_turn_after_the_others() -> None:
    source = make_source(Clock())
    idle, busy, other = (Downloader(source, f"10.1.1.{number}") for number in (1, 2, 3))
    for one in (idle, busy):
        source.super_seeding.next(one, [(SHA256, (), 100)])
    for _ in range(MAX_UNSPREAD + 1):
        source.super_seeding.next(idle, [(SHA256, ((0, 99),), 100)])
    source.queues[True].start(busy, 65536)
    busy.left = 10 * 65536
    for one in (idle, other, busy):
        one.ask()
    assert (idle.turns, other.turns) == ([], [])
    busy.left = 0
    request: Any = SimpleNamespace(message=GetNext(((SHA256, ((9, 99),)),)))
    busy.server.received(request, ())
    assert not source.super_seeding.is_suspect(idle)


def test_what_was_all_given_out_is_refused_though_it_is_not_the_turn_of_the_downloader() -> None:
    source = make_source(Clock())
    content: Any = source.content_store
    content.find = lambda name, sha256, reader: SimpleNamespace(size=10)
    busy, late = Downloader(source, "10.1.1.1"), Downloader(source, "10.1.1.2")
    source.super_seeding.next(busy, [(SHA256, ((0, 0),), 1)])
    source.queues[True].start(busy, 65536)
    busy.left = 100 * 65536
    failures: list[Any] = []
    for wanted in (SHA256, "b" * 64):
        answer = Deferred.fromCoroutine(late.server.send_next(GetNext(((wanted, ((0, 0),)),)), None))
        waiting: Any = answer
        waiting.addErrback(failures.append)
    [failure] = failures
    assert failure.check(FileNotFound)
    assert source.queues[True].length == 1, "the other waits for its turn"


def test_the_list_of_a_large_file_is_sent_to_one_at_once_and_to_others_that_still_need_it() -> None:
    clock = Clock()
    source = make_source(clock)
    content: Any = source.content_store
    content.piece_list = lambda sha256, reader: bytes(32 * MIN_PIECES)
    first, second, third = (Downloader(source, f"10.1.1.{number}") for number in (1, 2, 3))
    for one in (first, second, third):
        one.ask_for_list()
    assert [len(one.lists) for one in (first, second, third)] == [1, 0, 0]
    request: Any = SimpleNamespace(message=GetNext(((SHA256, ((0, 9),)),)))
    third.server.received(request, ())
    assert third.refused[0].check(FileNotFound)
    clock.advance(1)
    assert [len(one.lists) for one in (first, second, third)] == [1, 1, 0]


def test_the_list_of_an_unfinished_or_a_small_file_is_sent_at_once() -> None:
    source = make_source(Clock())
    content: Any = source.content_store
    one, other = Downloader(source, "10.1.1.1"), Downloader(source, "10.1.1.2")
    content.piece_list = lambda sha256, reader: bytes(32 * (MIN_PIECES - 1))
    one.ask_for_list()
    other.ask_for_list()
    assert one.lists == other.lists != []
    content.parts[SHA256] = None
    content.piece_list = lambda sha256, reader: bytes(32 * MIN_PIECES)
    one.ask_for_list()
    other.ask_for_list()
    assert one.lists == other.lists
    assert len(one.lists) == 2
