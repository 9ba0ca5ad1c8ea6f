"""Where the API listens, and the blocking client against it."""

import json
import socket
import ssl
import stat
import threading
from collections.abc import Callable
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from p2p_twisted.config.settings import SettingsError
from p2p_twisted.config.startup import StartError
from p2p_twisted.events.types import DownloadEnded
from p2p_twisted.net import pki
from p2p_twisted.net.tls import Tls
from p2p_twisted.web import sse
from p2p_twisted.web.api.events import PeerEventLog
from p2p_twisted.web.api.peer import peer_root
from p2p_twisted.web.api.schema import Settings
from p2p_twisted.web.control_client import ControlClient, ControlError
from p2p_twisted.web.http.site import MAX_CONNECTIONS
from p2p_twisted.web.service import ApiStartError, makeApiService
from tests.support.answers import as_json
from tests.support.fake_facades import FakePeer
from tests.support.real_reactor import reactor
from tests.support.swarm_ca import SwarmCA


class ServiceTestCase(TestCase):
    timeout = 30

    def setUp(self) -> None:
        folder = TemporaryDirectory()  # a short path, unlike trial's: a socket's has 107 bytes at most
        self.addCleanup(folder.cleanup)
        self.state = Path(folder.name)
        self.socket = self.state / "api.sock"
        self.peer = FakePeer()

    def start(self, description: str | None = None, tls: Tls | None = None) -> None:
        root = peer_root(self.peer, Settings([]), PeerEventLog(self.peer.events, reactor))
        service = makeApiService(reactor, description, self.state, root, tls=tls)
        self.addCleanup(service.stopService)
        service.startService()
        self.service = service

    def client(self, *args: Any, **named: Any) -> ControlClient:
        client = ControlClient(self.state, *args, **named)
        self.addCleanup(client.close)
        return client

    async def error_of(self, call: Callable[..., Any], *args: object) -> ControlError:
        try:
            await deferToThread(call, *args)
        except ControlError as error:
            return error
        self.fail("no ControlError")


class TlsTests(ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.ca = SwarmCA(self.state)
        self.tls = Tls(self.ca.issue("alice"))

    def get(self, path: str, **headers: str) -> HTTPResponse:
        """Ask as a browser does that trusts the CA, and shows no certificate."""
        [web, _] = self.service.services
        context = ssl.create_default_context(cafile=str(self.ca.ca / pki.CA))
        connection = HTTPSConnection("127.0.0.1", web.port.getHost().port, timeout=20, context=context)
        self.addCleanup(connection.close)
        connection.request("GET", path, headers=headers)
        return connection.getresponse()

    async def test_what_is_not_on_loopback_has_the_certificate_of_the_member(self) -> None:
        self.start("tcp:0", self.tls)
        self.assertEqual((await deferToThread(self.get, "/api/v1/status")).status, 401)
        link = (await deferToThread(self.client().post, "web"))["url"]
        self.assertRegex(link, r"https://127\.0\.0\.1:\d+/login\?once=")
        begun = await deferToThread(self.get, link.partition("/login")[1] + link.partition("/login")[2])
        self.assertEqual(begun.status, 303)
        cookie = begun.headers["Set-Cookie"]
        self.assertIn("; Secure", cookie)
        status = await deferToThread(self.get, "/api/v1/status", Cookie=cookie.partition(";")[0])
        self.assertEqual(json.loads(await deferToThread(status.read))["role"], "peer")
        self.tls.reload()
        self.assertEqual((await deferToThread(self.get, "/healthz-not")).status, 401)

    async def test_who_speaks_no_tls_gets_nothing(self) -> None:
        self.start("tcp:0", self.tls)
        [web, _] = self.service.services
        error = await self.error_of(self.client(("127.0.0.1", web.port.getHost().port)).get, "status")
        self.assertNotIn("\n", error.text)

    async def test_loopback_stays_as_it_is(self) -> None:
        self.start("tcp:0:interface=127.0.0.1", self.tls)
        self.assertTrue((await deferToThread(self.client().post, "web"))["url"].startswith("http://127.0.0.1:"))


class ListeningTests(ServiceTestCase):
    async def test_connections_to_web_do_not_shut_out_the_socket(self) -> None:
        self.start("tcp:0:interface=127.0.0.1")
        [web, _] = self.service.services
        address = "127.0.0.1", web.port.getHost().port
        idle = [socket.create_connection(address) for _ in range(MAX_CONNECTIONS + 20)]
        for connection in idle:
            self.addCleanup(connection.close)
        for client in (self.client(), self.client(address)):
            status = await deferToThread(client.get, "status")
            self.assertEqual(status["role"], "peer")

    async def test_a_socket_for_its_owner_that_goes_away_again(self) -> None:
        self.start()
        mode = self.socket.stat().st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(mode & 0o777, 0o600)
        await self.service.stopService()
        self.assertFalse(self.socket.exists())

    async def test_the_socket_of_a_dead_process_is_replaced(self) -> None:
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(self.socket))
            dead.listen()
        self.start()
        self.assertEqual((await deferToThread(self.client().get, "status"))["role"], "peer")

    def test_the_socket_of_a_live_process_is_an_error_that_names_it(self) -> None:
        with socket.socket(socket.AF_UNIX) as live:
            live.bind(str(self.socket))
            live.listen()
            error = self.assertRaises(ApiStartError, self.start)
            self.assertIn(f"{self.socket}: another process", str(error))
            self.assertTrue(self.socket.exists())

    def test_a_file_in_the_way_is_left_alone(self) -> None:
        self.socket.write_text("precious")
        error = self.assertRaises(ApiStartError, self.start)
        self.assertIn("move it away", str(error))
        self.assertEqual(self.socket.read_text(), "precious")

    def test_a_path_too_long_for_a_socket(self) -> None:
        self.state = self.state / ("x" * 100)
        self.state.mkdir()
        error = self.assertRaises(ApiStartError, self.start)
        self.assertIn("shorter state folder", str(error))

    async def test_an_endpoint_besides(self) -> None:
        self.start("tcp:0:interface=127.0.0.1")
        self.assertEqual((await deferToThread(self.client().get, "status"))["role"], "peer")

    async def test_tcp(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = free.getsockname()
        self.start(f"tcp:{address[1]}:interface=127.0.0.1")
        client = self.client(address)
        self.assertEqual((await deferToThread(client.get, "status"))["role"], "peer")
        self.assertEqual(await deferToThread(client.post, "downloads", {"all": True}), {"id": "1"})

    def test_a_taken_port_is_named(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            description = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
            error = self.assertRaises(StartError, self.start, description)
        self.assertIn(f"--web {description}", str(error))
        self.assertNotIn("\n", str(error))

    def test_a_description_of_nothing(self) -> None:
        for description in "tcp", "tcp:x", "nonsense:5", "8080x", "tcp:1:2:3:4:5:6:7":
            error = self.assertRaises(SettingsError, self.start, description)
            self.assertIn(repr(description), str(error))


class ClientTests(ServiceTestCase):
    async def test_calls(self) -> None:
        self.start()
        client = self.client()
        self.assertEqual(await deferToThread(client.get, "status"), as_json(self.peer.status()))
        found = await deferToThread(lambda: client.get("index", q="rfc1 &?.txt", limit=5))
        self.assertEqual(found, {"total": 0, "items": []})
        self.assertEqual(await deferToThread(client.post, "downloads", {"names": ["running_a.pdf"]}), {"id": "1"})
        self.assertEqual((await deferToThread(client.delete, "downloads/1"))["state"], "cancelled")
        self.assertEqual((await deferToThread(client.put, "limits", {"up_rate": 5000}))["up_rate"], 5000)

    async def test_refusals(self) -> None:
        self.start()
        client = self.client()
        error = await self.error_of(client.get, "downloads/7")
        self.assertEqual((error.kind, error.status, str(error)), ("refused", 404, "there is no such download"))
        error = await self.error_of(client.post, "shares", {"dir": "/not/a/folder"})
        self.assertEqual((error.kind, error.status, error.text), ("refused", 400, "/not/a/folder is not a folder"))

    async def test_another_key(self) -> None:
        self.start()
        (self.state / "api.key").write_text("0" * 64)
        error = await self.error_of(self.client().post, "refresh")
        self.assertEqual((error.kind, error.status), ("refused", 401))
        (self.state / "api.key").unlink()
        self.assertEqual((await self.error_of(self.client().post, "refresh")).kind, "no-access")

    async def test_nobody_there(self) -> None:
        self.assertEqual((await self.error_of(self.client().get, "status")).kind, "not-running")
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(self.socket))
        self.assertEqual((await self.error_of(self.client().get, "status")).kind, "not-running")

    async def test_a_socket_of_somebody_else(self) -> None:
        self.start()
        with mock.patch("socket.socket.connect", side_effect=PermissionError(13, "Permission denied")):
            self.assertEqual((await self.error_of(self.client().get, "status")).kind, "no-access")

    async def test_it_stops_between_two_calls(self) -> None:
        self.start()
        client = self.client()
        await deferToThread(client.get, "status")
        await self.service.stopService()
        self.assertEqual((await self.error_of(client.get, "downloads")).kind, "not-running")

    async def test_a_connection_that_was_closed_meanwhile_is_opened_again(self) -> None:
        self.start()
        client = self.client()
        await deferToThread(client.get, "status")
        for reader in reactor.getReaders():
            if getattr(reader, "connected", False) and hasattr(reader, "protocol"):
                reader.abortConnection()
        await self._turn()
        self.assertEqual((await deferToThread(client.get, "status"))["role"], "peer")

    async def test_events_until_the_stream_is_cut(self) -> None:
        self.start()
        reader = await deferToThread(self.client().events, download="1")
        self.addCleanup(reader.close)
        self.assertIsNone(await deferToThread(reader.wait, 0.01))
        for download in "2", "1":
            self.peer.events.publish(DownloadEnded(download, "done"))
        event = await deferToThread(reader.wait, 10)
        self.assertEqual((event.name, event.data["download"]), ("download-ended", "1"))
        await self.service.stopService()
        for _ in range(2):
            self.assertEqual((await self.error_of(reader.wait, 10)).kind, "lost")

    async def test_no_events_for_too_many_readers(self) -> None:
        self.patch(sse, "MAX_READERS", 1)
        self.start()
        reader = await deferToThread(self.client().events)
        error = await self.error_of(self.client().events)
        self.assertEqual((error.kind, error.status), ("refused", 503))
        await deferToThread(reader.close)
        self.assertEqual((await self.error_of(reader.wait, 10)).kind, "lost")

    async def test_no_events_of_a_peer_that_does_not_run(self) -> None:
        self.assertEqual((await self.error_of(self.client().events)).kind, "not-running")

    async def test_a_server_that_says_nothing(self) -> None:
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(str(self.socket))
            silent.listen()
            error = await self.error_of(self.client(timeout=0.05).get, "status")
        self.assertEqual(error.kind, "timeout")

    async def test_a_server_that_is_not_the_api(self) -> None:
        for answer in b"", b"nonsense\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<ht>":
            self.assertEqual((await self._error_from(answer)).kind, "lost")

    async def _error_from(self, answer: bytes) -> ControlError:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(self.socket))
            server.listen()

            def serve() -> None:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            error = await self.error_of(self.client().get, "status")
            thread.join()
        self.socket.unlink()
        return error

    async def _turn(self) -> None:
        turned: Deferred[None] = Deferred()
        reactor.callLater(0, turned.callback, None)
        await turned
