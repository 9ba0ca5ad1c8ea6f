"""Waiting for more than a packet at a time: never for more than comes, on real TCP sockets without a reactor."""

from __future__ import annotations

import itertools
import select
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.testing import StringTransport

from p2p_twisted.net.receiving import (
    MAX_FAST_LOW_WATER,
    MAX_LOW_WATER,
    MAX_WAKEUP_DELAY,
    MIN_RATE_INTERVAL,
    MIN_READ,
    Wakeups,
)

linux = pytest.mark.skipif(sys.platform != "linux", reason="SO_RCVLOWAT is waited for on Linux only")
Pair = tuple[socket.socket, socket.socket]
LONG = 10**9
"""More bytes than ever come here."""


class Transport:
    """The part of a TCP transport that gives access to its socket."""

    def __init__(self, handle: Any) -> None:
        self.bufferSize = MIN_READ
        self._handle = handle

    def getHandle(self) -> Any:
        return self._handle


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """Two connected TCP sockets: one to receive by, one to send by."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = socket.create_connection(server.getsockname())
        receiver, _ = server.accept()
    with sender, receiver:
        yield receiver, sender


def low_of(receiver: socket.socket) -> int:
    return receiver.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)


def readable(receiver: socket.socket, seconds: float = 0.0) -> bool:
    return bool(select.select([receiver], [], [], seconds)[0])


def at_pace(receiver: socket.socket, rate: float, seconds: float = 2.0, left: int = LONG) -> Wakeups:
    """A Wakeups for what has come for so long, at that rate (bytes/s), every hundredth of a second."""
    wakeups = Wakeups(Transport(receiver))
    for turn in range(round(seconds * 100)):
        wakeups.received(int(rate / 100), left, 1000 + turn / 100)
    return wakeups


@linux
class TestPace:
    @pytest.mark.parametrize("rate", [20_000, 50_000, 100_000])
    def test_it_waits_for_what_comes_in_a_moment(self, pair: Pair, rate: float) -> None:
        """Within a factor of two, for to set it costs a call as well."""
        at_pace(pair[0], rate)
        assert rate * MAX_WAKEUP_DELAY / 2.2 <= low_of(pair[0]) <= rate * MAX_WAKEUP_DELAY * 1.2

    @pytest.mark.parametrize(
        ("rate", "most"), [(10**6, MAX_LOW_WATER), (8 * 10**6, MAX_LOW_WATER), (10**9, MAX_FAST_LOW_WATER)]
    )
    def test_the_low_water_mark_is_bounded(self, pair: Pair, rate: float, most: int) -> None:
        at_pace(pair[0], rate)
        assert most / 2 <= low_of(pair[0]) <= most

    def test_more_is_read_at_a_time_where_it_comes_fast(self, pair: Pair) -> None:
        sizes = []
        for rate in (10**6, 10**9):
            wakeups = at_pace(pair[0], rate)
            sizes.append(wakeups.transport.bufferSize)
        assert sizes == [MIN_READ, 2 * MAX_FAST_LOW_WATER]

    def test_each_packet_of_a_trickle_is_looked_at(self, pair: Pair) -> None:
        wakeups = at_pace(pair[0], 10**6)
        for turn in range(1, 20):
            wakeups.received(1, LONG, 1010 + turn)
        assert low_of(pair[0]) == 1

    def test_nothing_is_waited_for_before_the_pace_is_known(self, pair: Pair) -> None:
        at_pace(pair[0], 10**6, seconds=MIN_RATE_INTERVAL / 2)
        assert low_of(pair[0]) == 1

    def test_the_time_between_two_bodies_does_not_count(self, pair: Pair) -> None:
        """A source that has other downloaders sends a piece now and then, each as fast as its uplink allows."""
        pair[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        wakeups, now = Wakeups(Transport(pair[0])), 1000.0
        for left in (60_000, 40_000, 20_000, 0) * 5:
            now += 0.04 if left < 60_000 else 10
            wakeups.received(20_000, left, now)
        wakeups.received(20_000, LONG, now + 10)
        assert low_of(pair[0]) == MAX_LOW_WATER
        wakeups.received(1, 0, now + 10)


@linux
class TestEnd:
    @settings(deadline=None, max_examples=200)
    @given(
        size=st.integers(1, 400_000),
        parts=st.lists(st.tuples(st.integers(1, 100_000), st.floats(0, 0.5)), min_size=1, max_size=50),
    )
    def test_never_for_more_than_is_still_to_come(self, pair: Pair, size: int, parts: list[tuple[int, float]]) -> None:
        """Else the rest of a body would wait for ever."""
        wakeups, now, left = Wakeups(Transport(pair[0])), 1000.0, size
        pair[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        for part, pause in itertools.cycle(parts):
            now, part = now + pause, min(part, left)
            left -= part
            wakeups.received(part, left, now)
            assert 1 <= low_of(pair[0]) <= max(1, left)
            if not left:
                return

    def test_the_next_answer_is_seen_from_its_first_byte(self, pair: Pair) -> None:
        receiver, sender = pair
        at_pace(receiver, 10**6).received(100, 0, 1002)
        sender.send(b"2")
        assert readable(receiver, 60)
        receiver.recv(1)

    def test_the_rest_is_seen_when_all_of_it_is_there(self, pair: Pair) -> None:
        receiver, sender = pair
        wakeups = at_pace(receiver, 10**6)
        wakeups.received(100, 7, 1002)
        sender.send(b"123456")
        assert not readable(receiver, 0.01)
        sender.send(b"7")
        assert readable(receiver, 60)
        assert receiver.recv(100) == b"1234567"
        wakeups.received(7, 0, 1003)

    def test_the_other_sides_end_is_seen_at_once(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            sender = socket.create_connection(server.getsockname())
            receiver, _ = server.accept()
        with receiver:
            at_pace(receiver, 10**6)
            sender.send(b"cut sh")
            sender.close()
            assert readable(receiver, 60)
            assert (receiver.recv(100), receiver.recv(100)) == (b"cut sh", b"")

    def test_a_socket_that_is_closed_meanwhile(self) -> None:
        receiver, sender = socket.socketpair()
        wakeups = at_pace(receiver, 10**6)
        receiver.close()
        sender.close()
        for left in (10, 5, 0):
            wakeups.received(1, left, 1010)


class TestOthers:
    @pytest.mark.parametrize("transport", [object(), StringTransport(), Transport(None), Transport(object())])
    def test_transports_without_a_plain_socket_are_left_alone(self, transport: Any) -> None:
        """A transport in memory, or TLS, which keeps bytes of its own."""
        wakeups = Wakeups(transport)
        for turn in range(100):
            wakeups.received(10**6, LONG, turn)
