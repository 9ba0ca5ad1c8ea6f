"""Ten kinds of strangers, at an RS and at a peer, as clients and as servers, over real sockets: 10 of 10, four times.

No byte of application data reaches a stranger, within ten seconds, and each refusal is one line of the log. A client
whose certificate is for other hosts is a member that may not announce this one: it gets status 403 and nothing else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.testing import EventLoggingObserver
from twisted.internet.threads import deferToThread
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import TestCase

from p2p_twisted.net import secured, tls_client
from p2p_twisted.net.connect import dial
from p2p_twisted.net.errors import FetchError
from p2p_twisted.net.factory import RequestFactory
from p2p_twisted.net.tls import Tls
from p2p_twisted.registry.memory import MemoryStore
from p2p_twisted.registry.record import Clocks
from p2p_twisted.rs.factory import RSFactory
from p2p_twisted.rs.trust import TrustedNetworks
from p2p_twisted.wire.messages import GetIndex, Message, PQuery
from tests.support import tls_strangers
from tests.support.peer_server import make_factory
from tests.support.swarm_ca import SwarmCA
from tests.support.tls_strangers import KINDS, Refused

reactor: Any = _reactor
SHORT = 1.0
"""Seconds of the handshake timeout here."""
REASONS = {
    "no certificate": "it has no certificate",
    "wrong CA": "its certificate is from another CA",
    "expired": "its certificate has expired",
    "not yet valid": "its certificate is not valid yet",
    "revoked": "its certificate is revoked",
    "self-signed": "its certificate is self-signed",
    "plain text": "it does not speak TLS",
    "TLS 1.1": "it speaks no TLS from 1.2 on",
    "stalled handshake": "no handshake within",
}
"""What a server's log says of each kind."""
OF_SERVERS = {
    **REASONS,
    "wrong host": "and not for the host 127.0.0.1",
    "no certificate": "it has no certificate, or none of the ciphers",
}
REGISTER = b"Register NULL P2P_DI_1.0\nHost 127.0.0.1\nOS Linux\n\ncookie:\nport:4394\n"
HELLO = b"Hello NULL P2P_DI_1.1\nHost: 127.0.0.1\nOS: Linux\n\nport:4394\n"
INDEX = b"200 OK P2P-CI/1.1\nHost: h\nOS: o\nLength: 0\n\n"


class Refusals(TestCase):
    """The members are "rs" and "peer", both on 127.0.0.1."""

    timeout = 60
    swarm: ClassVar[SwarmCA]

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.ca = SwarmCA(self.folder / "ours")
        self.member = self.ca.issue("member")
        self.strangers = tls_strangers.folders(self.ca, SwarmCA(self.folder / "theirs"))
        self.ca.revoke("mallory", self.member)
        self.tls = Tls(self.member)
        self.log = EventLoggingObserver.createWithCleanup(self, globalLogPublisher)
        for module in (secured, tls_client):
            self.assertTrue(5 <= module.HANDSHAKE_TIMEOUT <= 8)

    def serve(self, factory: RequestFactory) -> tuple[str, int]:
        port = reactor.listenTCP(0, self.tls.serve(factory), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return "127.0.0.1", port.getHost().port

    async def as_server(self, factory: RequestFactory, request: bytes) -> None:
        """Have clients of all kinds at the server of `factory` send `request`."""
        address = self.serve(factory)
        clients = [
            deferToThread(tls_strangers.client, kind, self.strangers.get(kind), address, request) for kind in KINDS
        ]
        refused: list[Refused] = await gatherResults(clients)
        answers = {kind: one.data for kind, one in zip(KINDS, refused, strict=True)}
        sentence = answers.pop("wrong host")
        self.assertIn(b"403", sentence.split(b"\n")[0])
        self.assertIn(b"the certificate of elsewhere is not for the host 127.0.0.1", sentence)
        self.assertEqual(set(answers.values()), {b""}, answers)
        self.assertLess(max(one.seconds for one in refused), tls_strangers.TIMEOUT)
        self.assert_logged(REASONS.values())

    def assert_logged(self, reasons: Any) -> None:
        lines = [formatEvent(event) for event in self.log if formatEvent(event).startswith("no TLS with")]
        for reason in reasons:
            self.assertEqual(sum(reason in line for line in lines), 1, (reason, lines))
        self.assertEqual(len(lines), len(reasons))
        self.assertTrue(all("127.0.0.1:" in line and len(line) < 200 for line in lines))

    async def as_client(self, message: Message) -> None:
        """Dial servers of all kinds, to send `message`."""
        servers = [tls_strangers.Server(kind, self.strangers.get(kind), INDEX) for kind in KINDS]
        serving = [deferToThread(server.serve) for server in servers]
        errors = await gatherResults(
            [Deferred.fromCoroutine(self.error(("127.0.0.1", server.port), message)) for server in servers]
        )
        refused: list[Refused] = await gatherResults(serving)
        self.assertEqual({one.data for one in refused}, {b""})
        self.assertLess(max(one.seconds for one in refused), tls_strangers.TIMEOUT)
        for kind, error in zip(KINDS, errors, strict=True):
            self.assertIn(OF_SERVERS[kind], error, (kind, error))

    async def error(self, address: tuple[str, int], message: Message) -> str:
        try:
            connection = await dial(reactor, address, tls=self.tls)
            await connection.collect(message, 1000)
        except FetchError as error:
            return str(error)
        self.fail("it got an answer")

    def test_an_rs_refuses_clients(self) -> Deferred[None]:
        self.patch(secured, "HANDSHAKE_TIMEOUT", SHORT)
        factory = RSFactory(reactor, MemoryStore(Clocks()), TrustedNetworks([]))
        factory.registry.start()
        return Deferred.fromCoroutine(self.as_server(factory, REGISTER))

    def test_a_peer_refuses_clients(self) -> Deferred[None]:
        self.patch(secured, "HANDSHAKE_TIMEOUT", SHORT)

        async def refuse() -> None:
            factory = await make_factory(self.folder / "shared", {"secret.txt": b"secret"}, clock=reactor)
            await self.as_server(factory, HELLO)

        return Deferred.fromCoroutine(refuse())

    def test_a_peer_refuses_an_rs(self) -> Deferred[None]:
        self.patch(tls_client, "HANDSHAKE_TIMEOUT", SHORT)
        return Deferred.fromCoroutine(self.as_client(PQuery(7, 4394)))

    def test_a_peer_refuses_peers(self) -> Deferred[None]:
        self.patch(tls_client, "HANDSHAKE_TIMEOUT", SHORT)
        return Deferred.fromCoroutine(self.as_client(GetIndex()))
