"""One source: how many requests it may have, its failures, and the answers that it sends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock

from p2p_twisted.net.errors import FetchError, Refused, Stalled, Unreachable
from p2p_twisted.swarm.meter import Meter
from p2p_twisted.swarm.picker_state import NextRequest, PieceRequest, Request
from p2p_twisted.swarm.source import (
    MAX_OUTSTANDING,
    MAX_RECONNECTS,
    MIN_OUTSTANDING,
    MIN_SMALL,
    SMALL_AHEAD,
    Source,
)
from tests.support.fake_sources import PIECE, Document, FakeConnection, FakeSource

DOCUMENT = Document(4)
LOST = Unreachable("the connection was lost")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def peer() -> FakeSource:
    return FakeSource(1, [DOCUMENT])


@pytest.fixture
def source(clock: Clock, peer: FakeSource) -> Source:
    """A source that is connected to `peer`."""
    source = Source(peer.address, clock)
    peer.connections.append(FakeConnection(peer))
    source.connected(peer.connection)
    return source


@pytest.fixture
def requests(tmp_path: Path, source: Source) -> Any:
    """A function that sends a request, and returns its answer and what its two Deferreds fire with."""

    def send(request: Request) -> tuple[Any, list[Any], list[Any]]:
        answer = source.send(request, {DOCUMENT.sha256: DOCUMENT.content(tmp_path)})
        started: list[Any] = []
        complete: list[Any] = []
        for deferred, fired in ((answer.started, started), (answer.complete, complete)):
            waiting: Any = deferred
            waiting.addBoth(fired.append)
        return answer, started, complete

    return send


# its rate


def test_a_rate_fades() -> None:
    meter = Meter()
    meter.add(1000, 0.0)
    assert meter.rate(0.0) == 1000
    assert 0 < meter.rate(5.0) < 10
    meter.add(500, 5.0)
    assert meter.total == 1500


def test_requests_for_half_a_second_of_the_rate_may_be_outstanding(source: Source) -> None:
    outstanding: Any = source.outstanding
    source.received(20 * PIECE)
    for number in range(11):
        assert source.has_room(PIECE), number
        outstanding[number] = PieceRequest("", number)
    assert not source.has_room(PIECE)


@pytest.mark.parametrize(("received", "room"), [(0, MIN_OUTSTANDING), (2**30, MAX_OUTSTANDING)])
def test_the_window_has_a_minimum_and_a_maximum(source: Source, received: int, room: int) -> None:
    outstanding: Any = source.outstanding
    source.received(received)
    outstanding.update(dict.fromkeys(range(room - 1)))
    assert source.has_room(PIECE)
    outstanding[room] = None
    assert not source.has_room(PIECE)


def test_a_snubbed_one_has_no_room_until_it_sends(source: Source) -> None:
    source.snubbed = True
    assert not source.has_room(PIECE)
    source.received(1)
    assert source.has_room(PIECE)


def test_of_small_files_the_bytes_outstanding_count(source: Source, requests: Any) -> None:
    """Of pieces of PIECE bytes, as many as come in SMALL_AHEAD and twice the delay, but MIN_SMALL at least."""
    source.delay = SMALL_AHEAD / 2
    for pieces, room in ((0, MIN_SMALL), (4, 4), (2**20, MAX_OUTSTANDING)):
        source.received(round(pieces * PIECE / (2 * SMALL_AHEAD)) - source.meter.total)
        while source.has_room(None):
            requests(PieceRequest(DOCUMENT.sha256, 0))
        assert len(source.outstanding) == room
    assert source.is_supplied(None)
    for _ in range(MAX_OUTSTANDING - MIN_SMALL + 1):
        source.outstanding.popitem()
    assert not source.is_supplied(None)


def test_a_request_for_the_next_piece_counts_as_the_first_that_it_names(source: Source, requests: Any) -> None:
    answer, _, _ = requests(NextRequest(((DOCUMENT.sha256, ((1, 3),)),)))
    assert answer.expected == PIECE


# its connection


def test_many_requests_are_renewed_several_at_a_time(source: Source, requests: Any) -> None:
    """A quarter of them, and of few each one."""
    for received, enough in ((0, MIN_OUTSTANDING), (2**30, MAX_OUTSTANDING)):
        source.received(received)
        while source.has_room(PIECE):
            requests(PieceRequest(DOCUMENT.sha256, 0))
        supplied = []
        while source.outstanding:
            supplied.append(source.is_supplied(PIECE))
            source.outstanding.popitem()
        assert supplied.count(True) == max(1, enough // 4)
        assert supplied == sorted(supplied, reverse=True)


def test_the_loss_of_an_old_connection_does_not_end_the_new_one(source: Source, peer: FakeSource) -> None:
    old, lost = source.connection, list[FetchError]()
    waiting: Any = source.lost
    waiting.addCallback(lost.append)
    source.disconnect(old, LOST)
    assert (lost, source.connection) == ([LOST], None)
    peer.connections.append(FakeConnection(peer))
    source.connected(peer.connection)
    source.disconnect(old, LOST)
    assert source.connection is peer.connection


def test_it_is_not_waited_for_after_some_failures_in_a_row(source: Source) -> None:
    for _ in range(MAX_RECONNECTS):
        source.failed(LOST, 30.0)
        assert source.is_hopeful
    source.failed(LOST, 30.0)
    assert not source.is_hopeful
    assert source.retry_at == 8.0


def test_a_silent_source_has_not_failed(source: Source) -> None:
    for _ in range(2 * MAX_RECONNECTS):
        source.failed(Stalled("nothing came"), 30.0)
    assert source.is_hopeful
    assert source.unresponsive


# its answers


def test_an_answer_starts_and_is_complete(requests: Any, peer: FakeSource, source: Source) -> None:
    answer, started, complete = requests(NextRequest(((DOCUMENT.sha256, ((0, 3),)),)))
    assert (answer.storage, answer.super_seeded) == (None, True)
    peer.connection.begin(peer.connection.waiting[0], DOCUMENT, 2)
    assert (started, complete, answer.piece) == ([None], [], 2)
    peer.connection.finish(peer.connection.waiting[0], DOCUMENT, 2)
    assert len(complete) == 1
    assert b"".join(answer.parts) == DOCUMENT.piece(2)
    assert source.meter.total == len(DOCUMENT.piece(2))


def test_a_refusal_fails_the_start(requests: Any, peer: FakeSource) -> None:
    peer.only = set()
    _, started, complete = requests(PieceRequest(DOCUMENT.sha256, 1))
    peer.answer()
    assert [type(failure.value) for failure in started] == [Refused]
    assert complete == [None]


def test_a_loss_in_the_middle_fails_the_rest(requests: Any, peer: FakeSource) -> None:
    _, started, complete = requests(PieceRequest(DOCUMENT.sha256, 1))
    peer.connection.begin(peer.connection.waiting[0], DOCUMENT, 1)
    peer.lose(LOST)
    assert started == [None]
    assert [failure.value for failure in complete] == [LOST]


def test_a_piece_is_cancelled_once(requests: Any, source: Source, peer: FakeSource) -> None:
    requests(PieceRequest(DOCUMENT.sha256, 1))
    requests(PieceRequest(DOCUMENT.sha256, 2))
    for _ in range(2):
        source.cancel(DOCUMENT.sha256, 2)
    assert [message.byte_range for message in peer.cancelled] == [(2 * PIECE, 3 * PIECE - 1)]
