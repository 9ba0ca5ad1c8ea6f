"""What is written at once, what waits in the transport, what is written together: real sockets, no reactor runs."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactor, StringTransport

from p2p_twisted.net.writing import RequestWriter, can_send, write
from p2p_twisted.wire.messages import GetTurn, Hello

MUCH = 64 * 2**20
"""More bytes than the kernel takes."""
TURN = b"GET TURN P2P_DI_1.1\nHost 10.1.2.3\nOS "


class Producer:
    """A producer of nothing."""

    def resumeProducing(self) -> None:
        """Produce nothing."""

    def stopProducing(self) -> None:
        """Stop."""


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()
    with ours, theirs:
        ours.setblocking(False)
        ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        theirs.settimeout(30)
        yield ours, theirs


@pytest.fixture
def theirs(sockets: tuple[socket.socket, socket.socket]) -> socket.socket:
    return sockets[1]


@pytest.fixture
def transport(sockets: tuple[socket.socket, socket.socket]) -> Any:
    transport = Connection(sockets[0], Protocol(), MemoryReactor())
    transport.connected = 1
    return transport


def test_what_the_kernel_takes_is_sent_before_the_reactor_turns(transport: Any, theirs: socket.socket) -> None:
    assert write(transport, b"one", waiting=7) == 0
    assert theirs.recv(10) == b"one"
    assert can_send(transport)


def test_the_rest_waits_and_what_is_written_next_comes_behind_it(transport: Any, theirs: socket.socket) -> None:
    waits = write(transport, bytes(MUCH))
    assert 0 < waits < MUCH
    assert not can_send(transport)
    assert write(transport, b"last", waits) == waits + 4
    received = 0
    while received < MUCH:
        received += len(theirs.recv(min(2**20, MUCH - received)))
        transport.doWrite()
    transport.doWrite()
    assert theirs.recv(10) == b"last"
    assert can_send(transport)


def test_nothing_overtakes_a_producer(transport: Any, theirs: socket.socket) -> None:
    transport.registerProducer(Producer(), False)
    assert write(transport, b"one") == 3
    theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        theirs.recv(10)


@pytest.mark.skipif(sys.platform != "linux", reason="MSG_MORE is of Linux")
def test_what_follows_goes_into_the_same_packet(transport: Any, theirs: socket.socket) -> None:
    write(transport, b"head, ", more=True)
    theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        theirs.recv(20)
    theirs.settimeout(30)
    write(transport, b"body")
    assert theirs.recv(20) == b"head, body"


def test_a_lost_connection_is_left_to_the_transport(transport: Any, theirs: socket.socket) -> None:
    transport.getHandle().shutdown(socket.SHUT_WR)
    assert write(transport, b"one") == 3
    assert isinstance(transport.doWrite(), Exception)
    assert write(transport, b"two") == 3


def test_other_transports_are_written_to() -> None:
    transport = StringTransport()
    assert write(transport, b"one", waiting=4) == 7
    assert transport.value() == b"one"


class CountingTransport(StringTransport):
    """Counts the writes."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    def write(self, data: bytes) -> None:
        self.writes += 1
        super().write(data)


@pytest.fixture
def counting() -> CountingTransport:
    return CountingTransport()


@pytest.fixture
def writer(counting: CountingTransport) -> RequestWriter:
    return RequestWriter(counting, "10.1.2.3")


def test_a_request_is_written_when_it_is_made(counting: CountingTransport, writer: RequestWriter) -> None:
    writer.write(GetTurn(), known=True)
    assert counting.value().startswith(TURN)


def test_requests_that_are_held_are_written_together(counting: CountingTransport, writer: RequestWriter) -> None:
    writer.hold()
    writer.hold()
    writer.write(GetTurn(), known=True)
    writer.flush()
    writer.write(GetTurn(), known=True)
    assert not counting.value()
    writer.flush()
    assert counting.value().count(TURN) == 2
    assert counting.writes == 1
    writer.write(GetTurn(), known=True)
    assert counting.writes == 2


def test_nothing_is_written_where_nothing_was_held(counting: CountingTransport, writer: RequestWriter) -> None:
    writer.hold()
    writer.flush()
    assert counting.writes == 0


def test_a_server_that_is_not_known_gets_no_headers(counting: CountingTransport, writer: RequestWriter) -> None:
    writer.write(Hello(4394), known=False)
    assert b"Length" not in counting.value()
    writer.write(Hello(4394), known=True)
    assert b"Length: 10\n" in counting.value()


def test_a_turn_is_asked_for_before_the_reactor_turns(transport: Any, theirs: socket.socket) -> None:
    RequestWriter(transport, "10.1.2.3").write(GetTurn(), known=True)
    assert theirs.recv(100).startswith(TURN)


def test_but_not_before_what_was_requested_earlier(transport: Any, theirs: socket.socket) -> None:
    requests = RequestWriter(transport, "10.1.2.3")
    requests.write(Hello(4394), known=True)
    requests.write(GetTurn(), known=True)
    transport.doWrite()
    sent = theirs.recv(1000)
    assert sent.startswith(b"Hello NULL")
    assert sent.count(TURN) == 1
