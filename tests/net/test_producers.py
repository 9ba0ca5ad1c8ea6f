"""Long answers: sent in parts, and cut off where the client reads too slowly."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from p2p_twisted.net.connection_state import STALL_TIMEOUT, Event
from p2p_twisted.net.producers import MIN_RATE, PART, BodySender, paced


class Connection:
    """Keeps the events of a connection."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.limit_hits: Counter[str] = Counter()
        self.factory = SimpleNamespace(clock=self.clock, limit_hits=self.limit_hits)
        self.events: list[Event] = []

    def handle(self, event: Event) -> None:
        self.events.append(event)


@given(st.lists(st.integers(0, 3 * PART), max_size=4))
def test_all_parts_come_in_order_and_none_is_long(sizes: list[int]) -> None:
    body = [bytes([number]) * size for number, size in enumerate(sizes)]
    transport = StringTransport()
    written: list[bytes] = []
    transport.write = written.append
    done: list[object] = []
    BodySender(transport, body, lambda: None).start().addCallback(done.append)
    while not done:
        transport.producer.resumeProducing()
    assert b"".join(written) == b"".join(body)
    assert all(0 < len(part) <= PART for part in written)


@pytest.mark.parametrize("rate", [MIN_RATE * 1.1, MIN_RATE / 4])
def test_a_client_that_reads_too_slowly_loses_the_connection(rate: float) -> None:
    """Even if it takes a part now and then, which would do for an answer that is only stalled."""
    connection, size = Connection(), 400 * PART
    progress = paced(connection, size)
    for _ in range(size // PART):
        connection.clock.advance(PART / rate)
        progress()
    assert (Event.TIMEOUT in connection.events) == (rate < MIN_RATE)
    assert connection.limit_hits["readers"] == connection.events.count(Event.TIMEOUT)
    assert connection.events[: int(STALL_TIMEOUT * rate / PART)].count(Event.TIMEOUT) == 0
