"""Connections over real sockets: to a server that is there, and to the many that are not."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import TestCase

from p2p_twisted.net.connect import dial
from p2p_twisted.net.errors import Unreachable
from p2p_twisted.wire.messages import GetIndex, Version

reactor: Any = _reactor


class Dial(TestCase):
    """Real sockets: a server that is there, and the many ways in which one is not."""

    def test_a_server(self) -> Deferred[None]:
        class Server(Protocol):
            def dataReceived(self, data: bytes) -> None:
                assert self.transport is not None
                self.transport.write(b"200 OK P2P-CI/1.1\nHost: h\nOS: o\nLength: 6\n\nindex\n")

        port = reactor.listenTCP(0, Factory.forProtocol(Server), interface="127.0.0.1")
        self.addCleanup(port.stopListening)

        async def talk() -> None:
            connection = await dial(reactor, ("127.0.0.1", port.getHost().port))
            response, body = await connection.collect(GetIndex(), 100)
            self.assertEqual((response.version, body), (Version.V11, b"index\n"))
            connection.close()

        return Deferred.fromCoroutine(talk())

    def test_nobody(self) -> Deferred[None]:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            free = taken.getsockname()[1]
        hosts = ["127.0.0.1", "::1", "...", ":::", "[::1]", "a/b", "%", "x" * 255, "-", "127.0.0.1:80"]

        async def talk() -> None:
            for host in hosts:
                try:
                    await dial(reactor, (host, free))
                except Unreachable as e:
                    self.assertNotIn(str(free), str(e), "whoever reports it names the address")
                    self.assertRegex(str(e), r"^.+$")
                else:
                    self.fail(host)

        return Deferred.fromCoroutine(talk())

    def test_nothing_is_logged(self) -> Deferred[None]:
        observer = EventLoggingObserver.createWithCleanup(self, globalLogPublisher)

        async def talk() -> None:
            try:
                await dial(reactor, ("127.0.0.1", 1))
            except Unreachable:
                pass

        return Deferred.fromCoroutine(talk()).addCallback(lambda _: self.assertEqual(list(observer), []))
