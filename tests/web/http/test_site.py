"""What the site does before any resource is asked: Host, key, size, time, number of connections."""

from typing import Any

from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource

from p2p_twisted.web.api.events import PeerEventLog
from p2p_twisted.web.api.peer import peer_root
from p2p_twisted.web.api.schema import Settings
from p2p_twisted.web.http import site as module
from p2p_twisted.web.http.access import Access
from p2p_twisted.web.http.calls import api_root, plain
from p2p_twisted.web.http.request import MAX_BODY
from p2p_twisted.web.http.site import REQUEST_TIME, ControlSite
from tests.support.fake_facades import FakePeer
from tests.support.http_client import KEY, exchange, parse, request
from tests.support.real_reactor import reactor

from ..api.test_peer import ApiTestCase


class GuardedTests(ApiTestCase):
    async def test_no_key(self) -> None:
        for method, path in ("POST", "downloads"), ("DELETE", "downloads/1"), ("POST", "shares"), ("PUT", "limits"):
            answer = await self.ask(method, f"/api/v1/{path}", {"all": True}, key=None)
            self.assertEqual((answer.status, answer.headers["WWW-Authenticate"]), (401, "Bearer"))
            answer = await self.ask(method, f"/api/v1/{path}", {"all": True}, key="0" * 64)
            self.assertEqual((answer.status, answer.error), (401, "the key is wrong"))
        self.assertEqual(self.peer.orders, [])

    async def test_without_the_key_nothing_is_said_about_paths_and_methods(self) -> None:
        for method, path in ("POST", "/nothing"), ("PUT", "/api/v1/status"), ("BREW", "/"):
            self.assertEqual((await self.ask(method, path, key=None)).status, 401)

    async def test_another_host(self) -> None:
        answer = await self.ask("GET", "/api/v1/status", host="elsewhere.example")
        self.assertEqual(answer.status, 403)
        self.assertIn("localhost", answer.error)
        self.assertEqual((await self.ask("POST", "/api/v1/refresh", host="elsewhere.example")).status, 403)

    async def test_no_host_or_two(self) -> None:
        self.assertEqual((await self.ask("GET", "/api/v1/status", host=None)).status, 400)
        answer = await self.ask("GET", "/api/v1/status", extra="Host: localhost\r\n")
        self.assertEqual(answer.status, 400)

    async def test_a_target_in_absolute_form(self) -> None:
        for target, host, status in (
            ("http://localhost:80/api/v1/status", "elsewhere.example", 200),
            ("HTTP://[::1]/api/v1/index?limit=1", "localhost", 200),
            ("http://elsewhere.example/api/v1/status", "localhost", 403),
            ("http://user@localhost/api/v1/status", "localhost", 400),
            ("http://localhost", "localhost", 404),
            ("https://localhost/api/v1/status", "localhost", 404),
        ):
            self.assertEqual((await self.ask("GET", target, host=host)).status, status, target)

    async def test_a_page_put_beside_the_api_is_behind_the_same_guard(self) -> None:
        class Page(Resource):
            isLeaf = True

            def render_GET(self, request: object) -> bytes:
                return b"a page"

        self.site.resource.putChild(b"page", Page())
        self.assertEqual((await self.ask("GET", "/page")).body, b"a page")
        self.assertEqual((await self.ask("GET", "/page", host="elsewhere.example")).status, 403)
        self.assertEqual((await self.ask("POST", "/page", key=None)).status, 401)

    async def test_a_body_that_is_too_long(self) -> None:
        answer = await self.ask("POST", "/api/v1/downloads", b" " * (MAX_BODY + 1))
        self.assertEqual(answer.status, 413)
        self.assertIn(str(MAX_BODY), answer.error)

    async def test_the_longest_body(self) -> None:
        answer = await self.ask("POST", "/api/v1/downloads", b'{"all": true}'.ljust(MAX_BODY))
        self.assertEqual(answer.status, 202)

    async def test_a_chunked_body_that_is_too_long(self) -> None:
        head = request("POST", "/api/v1/downloads", extra="Transfer-Encoding: chunked\r\n")
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        answer = parse(await exchange(self.endpoint, head + chunk * 17 + b"0\r\n\r\n"))
        self.assertEqual(answer.status, 413)

    async def test_pipelined_requests_are_answered_in_order(self) -> None:
        first = b"GET /api/v1/peers HTTP/1.1\r\nHost: localhost\r\n\r\n"
        data = await exchange(self.endpoint, first + request("GET", "/nothing"))
        self.assertLess(data.index(b"HTTP/1.1 200"), data.index(b"HTTP/1.1 404"))

    async def test_bytes_that_are_not_http(self) -> None:
        for data in b"\x00\xff\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"A" * 20_000 + b"\r\n":
            received = await exchange(self.endpoint, data)
            self.assertIn(received[:12], (b"HTTP/1.1 400", b""))


class TimeTests(TestCase):
    """A virtual clock and no network."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.site = ControlSite(api_root(status=plain(FakePeer().status)), Access(KEY), self.clock)

    def connect(self) -> tuple[Any, StringTransport]:
        channel: Any
        channel, transport = self.site.buildProtocol(None), StringTransport()
        transport.abortConnection = transport.loseConnection
        channel.makeConnection(transport)
        return channel, transport

    def test_bytes_that_trickle_in_buy_no_time(self) -> None:
        channel, transport = self.connect()
        for byte in request("GET", "/api/v1/status")[: REQUEST_TIME - 1]:
            channel.dataReceived(bytes([byte]))
            self.clock.advance(1)
            self.assertFalse(transport.disconnecting)
        self.clock.advance(1)
        self.assertTrue(transport.disconnecting)

    def test_an_answer_buys_another_request(self) -> None:
        channel, transport = self.connect()
        self.clock.advance(REQUEST_TIME - 1)
        channel.dataReceived(b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertIn(b"200 OK", transport.value())
        self.clock.advance(REQUEST_TIME - 1)
        self.assertFalse(transport.disconnecting)
        self.clock.advance(1)
        self.assertTrue(transport.disconnecting)

    def test_connections_are_bounded(self) -> None:
        """For one more, the one is closed that has been idle for longest."""
        self.patch(module, "MAX_CONNECTIONS", 2)
        (first, to_first), (_, to_second) = self.connect(), self.connect()
        first.dataReceived(b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
        _, to_third = self.connect()
        closed = [transport.disconnecting for transport in (to_first, to_second, to_third)]
        self.assertEqual(closed, [False, True, False])
        self.assertEqual(len(self.site.connections), 2)

    def test_a_connection_with_an_open_request_is_not_closed_for_another(self) -> None:
        self.patch(module, "MAX_CONNECTIONS", 2)
        peer = FakePeer()
        peer.hold_refresh = True
        self.site = ControlSite(
            peer_root(peer, Settings([]), PeerEventLog(peer.events, self.clock)), Access(KEY), self.clock
        )
        (first, to_first), (second, to_second) = self.connect(), self.connect()
        for channel in (first, second):
            channel.dataReceived(request("POST", "/api/v1/refresh"))
        self.assertIsNone(self.site.buildProtocol(None))
        self.assertEqual((to_first.disconnecting, to_second.disconnecting), (False, False))
        first.connectionLost()
        self.assertIsNotNone(self.site.buildProtocol(None))


class OwnAddressTests(TestCase):
    timeout = 20

    async def test_the_address_of_the_connection_is_a_name_of_this_machine(self) -> None:
        site = ControlSite(api_root(status=plain(FakePeer().status)), Access(KEY), reactor)
        port = reactor.listenTCP(0, site, interface="127.0.0.7")
        self.addCleanup(port.stopListening)
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.7", port.getHost().port)
        for host, status in ("127.0.0.7", 200), ("127.0.0.8", 403):
            answer = parse(await exchange(endpoint, request("GET", "/api/v1/status", host=host)))
            self.assertEqual(answer.status, status)
