"""A port for several processes, on real sockets: divided among them, or one socket for all."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet import tcp
from twisted.internet.selectreactor import SelectReactor

from p2p_twisted.config.settings import SettingsError
from p2p_twisted.config.startup import StartError
from p2p_twisted.net import shared_port
from p2p_twisted.net.shared_port import SharedPort

ANY = "tcp:0:interface=127.0.0.1"


@pytest.fixture
def reactor() -> Iterator[Any]:
    made = SelectReactor()
    yield made
    for reader in made.removeAll():
        reader.connectionLost(None)


def connected(address: Any) -> socket.socket:
    return socket.create_connection(address, timeout=5)


def accepted(server: socket.socket) -> int:
    """Return how many connections wait at `server`."""
    count = 0
    while True:
        try:
            server.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


@pytest.mark.skipif(not shared_port.DIVIDES, reason="this system does not divide connections among sockets")
def test_the_kernel_divides_connections_among_the_sockets(reactor: Any) -> None:
    port = SharedPort(reactor, "--listen", ANY)
    first, second = port.open(True), port.open(True)
    clients = [connected(first.getsockname()) for _ in range(100)]
    counts = [accepted(first), accepted(second)]
    assert sum(counts) == 100 and min(counts) > 10, counts
    first.close()
    clients += [connected(second.getsockname()) for _ in range(10)]
    assert accepted(second) == 10, "a socket ends with its process, and the others get the connections"
    for one in (*clients, second):
        one.close()


@pytest.mark.skipif(not shared_port.DIVIDES, reason="this system does not divide connections among sockets")
def test_a_socket_that_does_not_listen_yet_gets_none(reactor: Any) -> None:
    port = SharedPort(reactor, "--listen", ANY)
    first, later = port.open(True), port.open(False)
    with pytest.raises(OSError):
        later.accept()
    clients = [connected(first.getsockname()) for _ in range(20)]
    assert accepted(first) == 20
    for one in (*clients, first, later):
        one.close()


@pytest.mark.skipif(not shared_port.DIVIDES, reason="this system does not divide connections among sockets")
def test_who_connects_before_there_is_a_process_is_not_reset(reactor: Any) -> None:
    port = SharedPort(reactor, "--listen", ANY)
    early = connected((port.address.host, port.address.port))
    first, second = port.open(True), port.open(True)
    late = connected(first.getsockname())
    assert accepted(first) + accepted(second) == 2
    for one in (early, late):
        assert one.recv(1) == b"", "a reset would be an OSError"
        one.close()
    first.close()
    with connected(second.getsockname()):
        assert accepted(second) == 1
    second.close()


@pytest.mark.skipif(not shared_port.DIVIDES, reason="this system does not divide connections among sockets")
def test_ipv6_too(reactor: Any) -> None:
    port = SharedPort(reactor, "--listen", r"tcp6:0:interface=\:\:1")
    sockets = port.open(True), port.open(True)
    with connected(sockets[0].getsockname()[:2]):
        assert accepted(sockets[0]) + accepted(sockets[1]) == 1
    for one in sockets:
        one.close()


def test_where_it_is_not_divided_all_have_one_socket(reactor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_port, "DIVIDES", False)
    port = SharedPort(reactor, "--listen", ANY)
    first, second = port.open(True), port.open(False)
    with connected(first.getsockname()), connected(first.getsockname()):
        first.accept()[0].close()
        assert accepted(second) == 1
    assert not any(isinstance(reader, tcp.Port) for reader in reactor.getReaders()), "the parent accepts none"
    first.close()
    second.close()


def test_a_port_in_use_or_that_is_none_is_said(reactor: Any) -> None:
    message = "Address already in use; choose another port"
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StartError, match=message):
        SharedPort(reactor, "--listen", f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1")
    with pytest.raises(SettingsError, match="--listen must be a Twisted endpoint"):
        SharedPort(reactor, "--listen", "nonsense")
