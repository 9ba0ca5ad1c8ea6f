"""Sending under TLS: as fast as the other end reads, without asking a producer in vain, and to a proper end."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from threading import Event
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPullProducer
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from p2p_twisted.net.factory import RequestFactory
from p2p_twisted.net.tls import Tls
from tests.support.swarm_ca import SwarmCA
from tests.support.tls_strangers import context

reactor: Any = _reactor
PART = bytes(64 * 1024)
PARTS = 400


@implementer(IPullProducer)
class Producer:
    """Writes PARTS parts to `transport`, or waits after each `pause` of them until `go_on` is called."""

    def __init__(self, transport: Any, pause: int = PARTS) -> None:
        self.asked = self.written = 0
        self.stopped = False
        self._transport = transport
        self._pause = pause

    def resumeProducing(self) -> None:
        self.asked += 1
        if self.written == PARTS:
            self._transport.unregisterProducer()
        elif not self.written or self.written % self._pause:
            self.go_on()

    def go_on(self) -> None:
        """Write a part."""
        self.written += 1
        self._transport.write(PART)

    def stopProducing(self) -> None:
        self.stopped = True


class Sending(TestCase):
    """A server that sends as soon as it has read a line, and a client of the standard library in a thread."""

    timeout = 60
    pause = PARTS

    def setUp(self) -> None:
        test = self
        self.lost: Deferred[None] = Deferred()

        class Server(Protocol):
            transport: Any

            def dataReceived(self, data: bytes) -> None:
                test.producer = Producer(self.transport, test.pause)
                self.transport.registerProducer(test.producer, False)
                self.transport.loseConnection()

            def connectionLost(self, reason: Any = None) -> None:
                test.lost.callback(None)

        member = SwarmCA(Path(self.mktemp()).absolute()).issue("member")
        factory: Any = Factory.forProtocol(Server)
        factory.noisy = False
        wrapped = Tls(member).serve(factory)
        port = reactor.listenTCP(0, wrapped, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.address = "127.0.0.1", port.getHost().port
        self.context = context(member, server=False)
        self.producer: Any = None

    def connected(self) -> ssl.SSLSocket:
        plain = socket.create_connection(self.address, 30)
        secure = self.context.wrap_socket(plain, suppress_ragged_eofs=False)
        secure.sendall(b"\n")
        return secure

    def test_a_client_that_does_not_read_costs_little_and_then_gets_all(self) -> Deferred[None]:
        reads = Event()

        def client() -> int:
            with self.connected() as secure:
                reads.wait()
                return sum(map(len, iter(lambda: secure.recv(65536), b"")))

        async def talk() -> None:
            done = deferToThread(client)
            while self.producer is None or self.producer.written < 2:
                await deferLater(reactor, 0.01)
            await deferLater(reactor, 0.3)
            self.assertLess(self.producer.written, PARTS // 2)  # what the kernel takes on both sides
            reads.set()
            self.assertEqual(await done, PARTS * len(PART))
            await self.lost

        return Deferred.fromCoroutine(talk())

    def test_a_producer_that_has_nothing_to_send_is_left_alone(self) -> Deferred[None]:
        self.pause = 1

        async def talk() -> None:
            done = deferToThread(lambda: self.connected().recv(100))
            await done
            await deferLater(reactor, 0.3)
            self.assertEqual(self.producer.written, 1)
            self.assertLessEqual(self.producer.asked, 4)

        return Deferred.fromCoroutine(talk())

    def test_a_client_that_has_closed_does_not_get_the_rest(self) -> Deferred[None]:
        def client() -> None:
            with self.connected() as secure:
                secure.recv(100)
                plain = secure.detach()
                socket.socket(fileno=plain).close()

        async def talk() -> None:
            await deferToThread(client)
            await self.lost
            self.assertTrue(self.producer.stopped)
            self.assertLess(self.producer.written, PARTS)

        return Deferred.fromCoroutine(talk())

    def test_nor_does_one_that_has_ended_tls_alone(self) -> Deferred[None]:
        lost = Event()

        def client() -> None:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            secure = self.context.wrap_bio(incoming, outgoing)
            with socket.create_connection(self.address, 30) as plain:
                while True:
                    try:
                        secure.do_handshake()
                        break
                    except ssl.SSLWantReadError:
                        plain.sendall(outgoing.read())
                        incoming.write(plain.recv(65536))
                secure.write(b"\n")
                try:
                    secure.unwrap()
                except ssl.SSLWantReadError:
                    plain.sendall(outgoing.read())
                lost.wait(20)

        async def talk() -> None:
            done = deferToThread(client)
            await self.lost
            lost.set()
            await done
            self.assertTrue(self.producer.stopped)
            self.assertLess(self.producer.written, PARTS)

        return Deferred.fromCoroutine(talk())


def test_a_factory_knows_its_tls(tmp_path: Path) -> None:
    tls, factory = Tls(SwarmCA(tmp_path).issue("member")), RequestFactory(reactor, 1, 1)
    tls.serve(factory)
    assert factory.tls is tls
