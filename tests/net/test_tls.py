"""The TLS of a process over real sockets: who the caller is, what a reading of the folder changes, what TLS offers."""

from __future__ import annotations

import shutil
import socket
import ssl
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import formatEvent
from twisted.trial.unittest import TestCase

from p2p_twisted.net import certificates, pki
from p2p_twisted.net.caller import Caller
from p2p_twisted.net.client import ClientConnection
from p2p_twisted.net.connect import dial
from p2p_twisted.net.errors import FetchError
from p2p_twisted.net.factory import RequestFactory
from p2p_twisted.net.pki import PkiError
from p2p_twisted.net.server import RequestConnection
from p2p_twisted.net.tls import Tls, reason_text
from p2p_twisted.wire.messages import GetIndex, Request
from tests.support.captured_log import captured_log
from tests.support.swarm_ca import SwarmCA
from tests.support.tls_strangers import context

reactor: Any = _reactor
INDEX = b"GET INDEX P2P_DI_1.1\nHost 127.0.0.1\nOS Linux\n\n"


class Connection(RequestConnection):
    """Answers with the name and hosts of the caller, and says no more than once who it was."""

    def answer(self, request: Request, caller: Caller) -> Deferred[Any] | None:
        assert caller.name is not None and caller.hosts is not None
        return self.send(f"{caller.name} {' '.join(sorted(caller.hosts))}\n".encode())


class MutualTls(TestCase):
    """A server, "rs", and a client, "alice"; both on 127.0.0.1."""

    timeout = 30

    def setUp(self) -> None:
        self.ca = SwarmCA(Path(self.mktemp()).absolute())
        self.rs, self.alice = (
            self.ca.issue("rs", ["127.0.0.1", "localhost"]),
            self.ca.issue("alice", ["127.0.0.1", "alice.example"]),
        )
        self.server, self.client = Tls(self.rs), Tls(self.alice)
        self.factory = RequestFactory(reactor, 10, 10)
        self.factory.protocol = Connection
        port = reactor.listenTCP(0, self.server.serve(self.factory), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.addCleanup(self.all_ended)
        self.port: int = port.getHost().port

    async def dialled(self, host: str = "127.0.0.1") -> ClientConnection:
        connection = await dial(reactor, (host, self.port), tls=self.client)
        self.addCleanup(connection.close)
        return connection

    async def ask(self, connection: ClientConnection) -> str:
        return (await connection.collect(GetIndex(), 1000))[1].decode()

    def all_ended(self) -> Deferred[None]:
        """Fire when the server has no connection left."""

        async def wait() -> None:
            while self.factory.connections:
                await deferLater(reactor, 0.01)

        return Deferred.fromCoroutine(wait())

    def test_handlers_know_the_name_and_hosts_of_the_caller(self) -> Deferred[None]:
        async def talk() -> None:
            for host in ("127.0.0.1", "localhost"):
                connection = await self.dialled(host)
                self.assertEqual(await self.ask(connection), "alice 127.0.0.1 alice.example\n")

        return Deferred.fromCoroutine(talk())

    def test_a_host_that_the_server_has_no_certificate_for(self) -> Deferred[None]:
        async def talk() -> None:
            with self.assertRaisesRegex(FetchError, "that of rs and not for the host 127.0.0.2"):
                await self.dialled("127.0.0.2")

        port = reactor.listenTCP(self.port, self.server.serve(self.factory), interface="127.0.0.2")
        self.addCleanup(port.stopListening)
        return Deferred.fromCoroutine(talk())

    def test_a_revoked_client_loses_its_connections_and_gets_no_new_ones(self) -> Deferred[None]:
        async def talk() -> None:
            kept = Tls(self.ca.issue("bob"))
            bob = await dial(reactor, ("127.0.0.1", self.port), tls=kept)
            self.addCleanup(bob.close)
            alice = await self.dialled()
            await self.ask(alice)
            self.ca.revoke("alice", self.rs)
            self.assertEqual(self.server.reload(), 1)
            with self.assertRaisesRegex(FetchError, "the connection was lost"):
                await self.ask(alice)
            with self.assertRaisesRegex(FetchError, "it refused this certificate: revoked"):
                await self.ask(await self.dialled())
            self.assertTrue((await self.ask(bob)).startswith("bob "))

        return Deferred.fromCoroutine(talk())

    def test_a_revoked_server_loses_the_connections_of_its_clients(self) -> Deferred[None]:
        async def talk() -> None:
            connection = await self.dialled()
            await self.ask(connection)
            self.ca.revoke("rs", self.alice)
            self.assertEqual(self.client.reload(), 1)
            with self.assertRaisesRegex(FetchError, "the connection was lost"):
                await self.ask(connection)
            with self.assertRaisesRegex(FetchError, "its certificate is revoked"):
                await self.dialled()

        return Deferred.fromCoroutine(talk())

    def test_another_ca_ends_all_connections(self) -> Deferred[None]:
        async def talk() -> None:
            await self.ask(await self.dialled())
            other = SwarmCA(Path(self.mktemp()).absolute()).issue("rs")
            shutil.copytree(other, self.rs, dirs_exist_ok=True)
            self.assertEqual(self.server.reload(), 1)

        return Deferred.fromCoroutine(talk())

    def test_a_renewed_certificate_is_used_and_connections_go_on(self) -> Deferred[None]:
        async def talk() -> None:
            connection = await self.dialled()
            await self.ask(connection)
            self.ca.issue("rs", ["127.0.0.1"])
            self.assertEqual(self.server.reload(), 0)
            self.assertTrue(await self.ask(connection))
            self.assertTrue(await self.ask(await self.dialled()))
            with self.assertRaisesRegex(FetchError, "not for the host localhost"):
                await self.dialled("localhost")

        return Deferred.fromCoroutine(talk())

    def test_broken_files_change_nothing(self) -> Deferred[None]:
        async def talk() -> None:
            connection = await self.dialled()
            await self.ask(connection)
            self.ca.revoke("alice")
            for name in (pki.CERTIFICATE, pki.KEY, pki.CA, pki.CRL):
                good = (self.rs / name).read_bytes()
                for bad in (b"", good[: len(good) // 2]):
                    (self.rs / name).write_bytes(bad)
                    with self.assertRaises(PkiError):
                        self.server.reload()
                (self.rs / name).write_bytes(good)
            self.assertTrue(await self.ask(connection))
            self.assertTrue(await self.ask(await self.dialled()))

        return Deferred.fromCoroutine(talk())

    def test_an_older_list_of_the_revoked_is_not_taken(self) -> None:
        old = (self.ca.ca / pki.CRL).read_bytes()
        self.ca.revoke("alice", self.rs)
        self.server.reload()
        (self.rs / pki.CRL).write_bytes(old)
        with self.assertRaisesRegex(PkiError, "is number 1, older than 2 in use"):
            self.server.reload()

    def test_a_member_cannot_make_members(self) -> Deferred[None]:
        """Its certificate in the place of a CA, with a further one that it has signed for "rs"."""
        key, own = pki.read_key(self.alice / pki.KEY), pki.read_certificate(self.alice / pki.CERTIFICATE)
        begin, end = own.not_valid_before_utc, own.not_valid_after_utc
        new = certificates.new_key()
        made = certificates.make_certificate(own, key, new, "rs", ["127.0.0.1"], begin, end)
        pki.write(self.alice / pki.CERTIFICATE, pki._pem(made) + pki._pem(own), pki.PUBLIC)
        pki.write(self.alice / pki.KEY, pki._key_pem(new), pki.PRIVATE)

        def client() -> bytes:
            made = context(self.alice, server=False)
            with socket.create_connection(("127.0.0.1", self.port), 10) as plain:
                try:
                    with made.wrap_socket(plain) as secure:
                        secure.sendall(INDEX)
                        return secure.recv(100)
                except (ssl.SSLError, ConnectionError):
                    return b""

        async def talk() -> None:
            with captured_log() as log:
                self.assertEqual(await deferToThread(client), b"")
                while not (lines := [formatEvent(event) for event in log]):
                    await deferLater(reactor, 0.01)
            self.assertRegex(lines[0], "no TLS with 127.0.0.1:.* is from a member, not from the CA")

        return Deferred.fromCoroutine(talk())

    def shaken(self, version: ssl.TLSVersion) -> str:
        """Return the cipher of a connection of that version, which tried to resume the session of one before."""
        made, session = context(self.alice, server=False), None
        made.minimum_version = made.maximum_version = version
        for _ in range(2):
            with (
                socket.create_connection(("127.0.0.1", self.port), 10) as plain,
                made.wrap_socket(plain, session=session) as secure,
            ):
                secure.sendall(INDEX)
                assert secure.recv(10).startswith(b"200 OK")
                assert not secure.session_reused
                cipher, session = secure.cipher(), secure.session
        assert cipher is not None
        return str(cipher[0])

    def test_versions_and_ciphers_and_that_no_session_is_resumed(self) -> Deferred[None]:
        async def talk() -> None:
            old = await deferToThread(self.shaken, ssl.TLSVersion.TLSv1_2)
            self.assertTrue(old.startswith("ECDHE-ECDSA-"))
            new = await deferToThread(self.shaken, ssl.TLSVersion.TLSv1_3)
            self.assertTrue(new.startswith("TLS_"))

        return Deferred.fromCoroutine(talk())


def test_reasons_are_one_line() -> None:
    for texts, reason in (
        (["tlsv1 alert unknown ca"], "it refused this certificate: unknown ca"),
        (["x", "sslv3 alert certificate revoked"], "it refused this certificate: revoked"),
        (["tlsv13 alert certificate required"], "it refused this certificate: required"),
        (["sslv3 alert bad record mac"], "sslv3 alert bad record mac"),
        (["wrong version number"], "it does not speak TLS"),
        ([], "TLS failed"),
    ):
        assert reason_text(SSL.Error([("SSL routines", "", text) for text in texts])) == reason
    assert reason_text(SSL.SysCallError(-1, "Unexpected EOF")) == "TLS failed"
