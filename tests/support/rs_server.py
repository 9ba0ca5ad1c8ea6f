"""An RS on transports in memory and a clock that stands still; and the exact bytes of its answers."""

from __future__ import annotations

import platform
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from p2p_twisted.registry.memory import MemoryStore
from p2p_twisted.registry.record import Clocks
from p2p_twisted.registry.store import Store
from p2p_twisted.rs.factory import RSFactory
from p2p_twisted.rs.limits import Limits
from p2p_twisted.rs.protocol import RSConnection
from p2p_twisted.rs.trust import TrustedNetworks
from tests.support.registries import SynchronousRegistry

HERE = "10.153.15.5"
PATIENT = Limits(max_requests_per_second=10**5)
"""The usual limits, but for the requests of a test while the clock stands still."""
OS = platform.system()


class Transport(StringTransport):
    """A StringTransport with the methods of a TCP transport. The client reads at calls of `drain` and `resume`."""

    aborted = False
    ended = False
    """Whether this side was closed after everything that was written."""

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass

    def loseConnection(self) -> None:
        self.ended = True
        super().loseConnection()

    def loseWriteConnection(self) -> None:
        self.ended = True

    def abortConnection(self) -> None:
        self.aborted = True

    def resume(self) -> None:
        """Let the client read what is written, so that the producer writes more."""
        assert self.producer is not None
        self.producer.resumeProducing()

    def drain(self) -> bytes:
        """Let the client read everything; return it."""
        while self.producer is not None:
            self.resume()
        data: bytes = self.value()
        self.clear()
        return data


class Rig:
    """An RS's factory on a clock of its own, and connections to it."""

    def __init__(
        self,
        ttl: int = 7200,
        limits: Limits = PATIENT,
        trusted: tuple[str, ...] = ("127.0.0.0/8", "::1/128"),
        make_store: Callable[[Clocks], Store] = MemoryStore,
    ) -> None:
        self.clock = Clock()
        self.registry = SynchronousRegistry(store=make_store(Clocks(ttl, self.clock.seconds, self.clock.seconds)))
        networks = TrustedNetworks([ip_network(one) for one in trusted])
        self.factory = RSFactory(self.clock, self.registry.store, networks, limits)
        self.factory.doStart()

    def connect(self, peer: str = "192.168.1.1") -> tuple[RSConnection, Transport]:
        address = IPv6Address if ":" in peer else IPv4Address
        transport = Transport(IPv4Address("TCP", HERE, 65423), address("TCP", peer, 50000))
        connection: Any = self.factory.buildProtocol(None)
        connection.makeConnection(transport)
        return connection, transport

    def ask(self, data: bytes, peer: str = "192.168.1.1") -> bytes:
        """Return the whole answer to `data` on a connection of its own."""
        connection, transport = self.connect(peer)
        connection.dataReceived(data)
        return transport.drain()

    def register(self, port: int = 4394, peer: str = "192.168.1.1", host: str = "h", minor: int = 0) -> int:
        """Register a new peer; return its cookie."""
        answer = self.ask(request("Register", "cookie:", f"port:{port}", host=host, minor=minor), peer)
        assert answer.startswith(b"200 OK"), answer
        return int(answer.rpartition(b"cookie:")[2])


def request(
    method: str, *data: str, host: str = "10.153.44.84", minor: int = 0, headers: tuple[str, ...] = ()
) -> bytes:
    """Return a request as clients send it: bare LF, no colon after Host and OS."""
    lines = [f"{method} NULL P2P_DI_1.{minor}", f"Host {host}", "OS Mac OS X", *headers, "", *data]
    return "".join(f"{line}\n" for line in lines).encode()


def keep_alive(cookie: int, port: int = 4394, minor: int = 0, host: str = "10.153.44.84") -> bytes:
    return request("KeepAlive", f"cookie:{cookie}", f"port:{port}", minor=minor, host=host)


def answer(body: str, status: str = "200 OK", minor: int = 0, more: bool = False) -> bytes:
    """Return the exact bytes of a response."""
    head = f"{status} P2P-CI/1.{minor}\nHost: {HERE}\nOS: {OS}\n"
    if minor:
        head += f"Length: {len(body)}\n" + ("More: yes\n" if more else "")
    return (head + "\n" + body).encode()


RENEWED = "you have been renewed! TTL is 7200 seconds\n"
LEFT = "you have been unregistered from the RS server!\n"
