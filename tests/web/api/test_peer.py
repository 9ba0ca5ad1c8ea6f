"""The control API of a peer over real connections, every call and every refusal."""

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.trial.unittest import TestCase

from p2p_twisted.web.api.events import PeerEventLog
from p2p_twisted.web.api.peer import peer_root
from p2p_twisted.web.api.schema import Limits, Settings
from p2p_twisted.web.http.access import Access
from p2p_twisted.web.http.site import ControlSite
from tests.support.answers import as_json
from tests.support.fake_facades import FakePeer, summary_of
from tests.support.http_client import KEY, Answer, Raw, exchange, parse, request
from tests.support.real_reactor import reactor


class ApiTestCase(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.peer = FakePeer()
        self.access = Access(KEY)
        self.root = peer_root(self.peer, Settings([]), PeerEventLog(self.peer.events, reactor))
        self.site = ControlSite(self.root, self.access, reactor)
        port = reactor.listenTCP(0, self.site, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.port = port.getHost().port
        self.endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.port)

    async def ask(self, method: str, path: str, body: object = None, **how: Any) -> Answer:
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return parse(await exchange(self.endpoint, request(method, path, data, **how)))


class ReadingTests(ApiTestCase):
    async def test_status(self) -> None:
        answer = await self.ask("GET", "/api/v1/status", key=None, content_type=None)
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.json, as_json(self.peer.status()))
        self.assertEqual(answer.headers["Content-Type"], "application/json")

    async def test_headers_of_every_answer(self) -> None:
        for path in "/api/v1/status", "/nothing":
            headers = (await self.ask("GET", path)).headers
            self.assertEqual(headers["Cache-Control"], "no-store")
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
            self.assertEqual(headers["Cross-Origin-Resource-Policy"], "same-origin")
            self.assertNotIn("Server", headers)
            self.assertNotIn("Access-Control-Allow-Origin", headers)

    async def test_no_origin_is_allowed_by_cors(self) -> None:
        answer = await self.ask("GET", "/api/v1/status", extra="Origin: http://elsewhere.example\r\n")
        self.assertFalse([name for name in answer.headers if name.startswith("Access-Control")])

    async def test_head_is_get_without_the_body(self) -> None:
        whole = await self.ask("GET", "/api/v1/status")
        answer = await self.ask("HEAD", "/api/v1/status")
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(answer.headers["Content-Length"], str(len(whole.body)))

    async def test_peers(self) -> None:
        self.assertEqual((await self.ask("GET", "/api/v1/peers")).json, as_json(self.peer.peers()))

    async def test_index(self) -> None:
        answer = await self.ask("GET", "/api/v1/index")
        self.assertEqual(answer.json["total"], 10)
        self.assertEqual(answer.json["items"], self.peer.documents)

    async def test_index_is_searched_and_paged(self) -> None:
        answer = await self.ask("GET", "/api/v1/index?q=rfc&limit=2&offset=3")
        self.assertEqual((answer.json["total"], answer.json["items"]), (10, self.peer.documents[3:5]))
        answer = await self.ask("GET", "/api/v1/index?q=rfc1.txt%2Epdf")
        self.assertEqual(answer.json["total"], 1)
        answer = await self.ask("GET", "/api/v1/index?sort=-size&limit=3")
        self.assertEqual(answer.json["items"], self.peer.documents[:6:-1])

    async def test_bad_queries(self) -> None:
        for query in (
            "limit=0",
            "limit=1001",
            "limit=-1",
            "limit=%2B1",
            "limit=1_0",
            "limit=%D9%A1",
            "limit=",
            "offset=-1",
            "offset=99999999999999999999",
            "limit=1&limit=2",
            "lim=1",
            "sort=date",
            "q=%ff",
            "q=" + "x" * 5000,
            "a=1&" * 20,
        ):
            answer = await self.ask("GET", f"/api/v1/index?{query}")
            self.assertEqual(answer.status, 400, query)
            self.assertNotIn("\n", answer.error)

    async def test_unknown_parameters_are_refused(self) -> None:
        for path in "status", "peers", "downloads", "downloads/1":
            self.assertEqual((await self.ask("GET", f"/api/v1/{path}?x=1")).status, 400, path)

    async def test_paths_that_do_not_exist(self) -> None:
        for path in (
            "/",
            "/api",
            "/api/v1",
            "/api/v1/",
            "/api/v2/status",
            "//api/v1/status",
            "/api/v1/status/",
            "/api/v1/status/more",
            "/api/v1/../v1/status",
            "/api/v1/%2e%2e/v1/status",
            "/api%2fv1%2fstatus",
            "/api/v1/downloads/",
            "/api/v1/downloads/7",
            "/api/v1/downloads/../status",
            "/api/v1/downloads/%2e%2e%2fstatus",
            "/api/v1/downloads/%ff",
            "/api/v1/downloads/1/files",
            "/etc/passwd",
            "http://localhost/api/v2/status",
            "ftp://localhost/api/v1/status",
        ):
            answer = await self.ask("GET", path)
            self.assertEqual(answer.status, 404, path)
            self.assertTrue(answer.error)

    async def test_methods_that_are_not_known(self) -> None:
        for method in "DELETE", "PUT", "OPTIONS", "TRACE", "BREW":
            answer = await self.ask(method, "/api/v1/status")
            self.assertEqual((answer.status, answer.headers["Allow"]), (405, "GET, HEAD"), method)
        answer = await self.ask("GET", "/api/v1/refresh")
        self.assertEqual((answer.status, answer.headers["Allow"]), (405, "POST"))


class DownloadTests(ApiTestCase):
    async def test_start_and_follow(self) -> None:
        answer = await self.ask(
            "POST", "/api/v1/downloads", {"names": ["running_a.pdf", "running_a.pdf"], "dir": "/tmp/x"}
        )
        self.assertEqual((answer.status, answer.json), (202, {"id": "1"}))
        self.assertEqual(answer.headers["Location"], "/api/v1/downloads/1")
        self.assertEqual(self.peer.orders, [(["running_a.pdf"], "/tmp/x", False, True, None)])
        found = await self.ask("GET", answer.headers["Location"])
        self.assertEqual(found.json, self.peer.running["1"])
        listed = await self.ask("GET", "/api/v1/downloads")
        self.assertEqual(listed.json, {"items": [as_json(summary_of(self.peer.running["1"]))]})

    async def test_all_of_it(self) -> None:
        answer = await self.ask("POST", "/api/v1/downloads", {"all": True, "overwrite": True})
        self.assertEqual(answer.status, 202)
        self.assertEqual(self.peer.orders, [(None, None, True, True, None)])

    async def test_a_download_from_given_holders(self) -> None:
        order = {"all": True, "swarm": False, "from": ["127.0.0.1:65401", "2001:db8::1:65402", "[::1]:65403"]}
        self.assertEqual((await self.ask("POST", "/api/v1/downloads", order)).status, 202)
        holders = [("127.0.0.1", 65401), ("2001:db8::1", 65402), ("::1", 65403)]
        self.assertEqual(self.peer.orders, [(None, None, False, False, holders)])

    async def test_cancel(self) -> None:
        await self.ask("POST", "/api/v1/downloads", {"names": ["running_a.pdf"]})
        answer = await self.ask("DELETE", "/api/v1/downloads/1")
        self.assertEqual((answer.status, answer.json["state"]), (200, "cancelled"))
        again = await self.ask("DELETE", "/api/v1/downloads/1")
        self.assertEqual((again.status, again.error), (409, "this download is cancelled: it is over"))
        self.assertEqual((await self.ask("DELETE", "/api/v1/downloads/2")).status, 404)

    async def test_folders_are_shared_and_no_longer_shared(self) -> None:
        await self.ask("POST", "/api/v1/shares", {"dir": "/srv/more"})
        paths = [item["path"] for item in (await self.ask("GET", "/api/v1/shares")).json["items"]]
        self.assertEqual(paths, ["/srv/documents", "/srv/more"])
        answer = await self.ask("DELETE", "/api/v1/shares?dir=/srv/more")
        self.assertEqual((answer.status, answer.json["shared"]), (200, ["/srv/documents"]))
        for query, why in ("dir=/srv/more", "not a shared folder"), ("", "name the folder"), ("dir=more", "absolute"):
            answer = await self.ask("DELETE", f"/api/v1/shares?{query}")
            self.assertEqual(answer.status, 400)
            self.assertIn(why, answer.error)

    async def test_a_file_is_written_in_parts_and_read(self) -> None:
        kind = {"content_type": "application/octet-stream"}
        for offset, data in (0, b"wrong"), (0, b"12345"), (5, b"678"):
            path = f"/api/v1/files?name=notes.txt&offset={offset}&size=8"
            answer = await self.ask("PUT", path, data, **kind)
            self.assertEqual((answer.status, answer.json["received"]), (200, offset + len(data)))
        answer = await self.ask("GET", "/api/v1/files?name=notes.txt", key=None)
        self.assertEqual((answer.status, answer.body), (200, b"12345678"))
        self.assertEqual(answer.headers["Content-Type"], "text/plain; charset=utf-8")
        self.assertIn("default-src 'none'", answer.headers["Content-Security-Policy"])
        self.assertEqual((await self.ask("HEAD", "/api/v1/files?name=notes.txt")).headers["Content-Length"], "8")

    async def test_a_page_of_a_stranger_is_saved_not_shown(self) -> None:
        for name in "page.html", "image.svg", "none":
            self.peer.contents[name] = b"<script>alert(1)</script>"
            headers = (await self.ask("GET", f"/api/v1/files?name={name}")).headers
            self.assertEqual(headers["Content-Type"], "application/octet-stream", name)
            self.assertEqual(headers["Content-Disposition"], "attachment")

    async def test_files_that_cannot_be_written_or_read(self) -> None:
        bytes_ = "application/octet-stream"
        for path, kind, status in (
            ("name=a&offset=3&size=8", bytes_, 409),
            ("name=a&offset=9&size=8", bytes_, 400),
            ("name=a&offset=0", bytes_, 400),
            ("offset=0&size=1", bytes_, 400),
            ("name=a&offset=0&size=1", "application/json", 415),
        ):
            answer = await self.ask("PUT", f"/api/v1/files?{path}", b"x", content_type=kind)
            self.assertEqual(answer.status, status, path)
        self.assertEqual((await self.ask("PUT", "/api/v1/files?name=a&offset=0&size=1", b"x", key=None)).status, 401)
        self.assertEqual((await self.ask("GET", "/api/v1/files?name=nothing")).status, 404)
        self.assertEqual((await self.ask("GET", "/api/v1/files")).status, 400)

    async def test_pause_resume_and_retry(self) -> None:
        await self.ask("POST", "/api/v1/downloads", {"names": ["running_a.pdf"]})
        await self.ask("POST", "/api/v1/downloads", {"names": ["checksum_a.pdf"]})
        for path, state in ("1/pause", "paused"), ("1/resume", "running"), ("2/retry", "running"):
            answer = await self.ask("POST", f"/api/v1/downloads/{path}")
            self.assertEqual((answer.status, answer.json["state"]), (200, state), path)
        for path, why in ("1/resume", "is paused"), ("1/retry", "has ended"):
            answer = await self.ask("POST", f"/api/v1/downloads/{path}")
            self.assertEqual(answer.status, 409, path)
            self.assertIn(f"this download is running: only one that {why}", answer.error)
        self.assertEqual((await self.ask("POST", "/api/v1/downloads/3/pause")).status, 404)
        self.assertEqual((await self.ask("POST", "/api/v1/downloads/1/pause", key=None)).status, 401)

    async def test_wants(self) -> None:
        order = {"pattern": "rfc8*", "dir": "/srv/m", "peer": "[2001:db8::1]:65401", "delete": True}
        answer = await self.ask("POST", "/api/v1/wants", order)
        self.assertEqual((answer.status, answer.headers["Location"]), (201, "/api/v1/wants/w1"))
        self.assertEqual((answer.json["peer"], answer.json["directory"]), ("2001:db8::1:65401", "/srv/m"))
        await self.ask("POST", "/api/v1/wants", {"pattern": "set"})
        listed = (await self.ask("GET", "/api/v1/wants")).json["items"]
        self.assertEqual(
            [(one["id"], one["delete"], one["is_set"]) for one in listed], [("w1", True, False), ("w2", False, True)]
        )
        answer = await self.ask("DELETE", "/api/v1/wants/w1")
        self.assertEqual((answer.status, [one["id"] for one in answer.json["items"]]), (200, ["w2"]))
        for id_, status in ("w1", 404), ("w2", 409), ("%ff", 404):
            self.assertEqual((await self.ask("DELETE", f"/api/v1/wants/{id_}")).status, status, id_)
        self.assertEqual((await self.ask("POST", "/api/v1/wants", order, key=None)).status, 401)

    async def test_bodies_that_are_no_want(self) -> None:
        for body in (
            {},
            {"pattern": None},
            {"pattern": 7},
            {"pattern": ".."},
            {"pattern": "a", "dir": "relative"},
            {"pattern": "a", "peer": "127.0.0.1"},
            {"pattern": "a", "peer": 7},
            {"pattern": "a", "delete": "yes"},
            {"pattern": "a", "names": ["a"]},
        ):
            self.assertEqual((await self.ask("POST", "/api/v1/wants", body)).status, 400, body)

    async def test_bodies_that_are_no_order(self) -> None:
        for body in (
            {},
            {"names": []},
            {"names": "running_a.pdf"},
            {"names": {}},
            {"names": [1]},
            {"names": [["a"]]},
            {"names": [""]},
            {"names": ["a\nb"]},
            {"names": ["\ud800"]},
            {"names": ["x" * 1025]},
            {"names": None},
            {"names": ["a"], "all": True},
            {"all": False},
            {"all": 1},
            {"all": "true"},
            {"all": True, "dir": 5},
            {"all": True, "dir": "relative"},
            {"all": True, "dir": "/a\0b"},
            {"all": True, "dir": "/not/a/folder"},
            {"all": True, "overwrite": "yes"},
            {"all": True, "overwrite": 1},
            {"all": True, "direktory": "/tmp"},
            {"all": True, "swarm": 0},
            {"all": True, "from": []},
            {"all": True, "from": "127.0.0.1:65401"},
            {"all": True, "from": [65401]},
            {"all": True, "from": ["127.0.0.1"]},
            {"all": True, "from": ["127.0.0.1:0"]},
            {"all": True, "from": ["127.0.0.1:+1"]},
            {"all": True, "from": ["two words:65401"]},
            [],
            "names",
            5,
            b"",
            b"{",
            b'{"all": true} x',
            b'{"all": true, "all": true}',
            b'{"all": NaN}',
            b"\xff\xfe",
            b"[" * 100_000,
        ):
            answer = await self.ask("POST", "/api/v1/downloads", body)
            self.assertEqual(answer.status, 400, body)
            self.assertNotIn("\n", answer.error)
        self.assertEqual(self.peer.orders, [])

    async def test_a_refusal_says_which_name_it_is(self) -> None:
        for name, shown in ("../x", "'../x'"), ("a\nb", r"'a\nb'"), ("\ud800", r"'\ud800'"), ("x" * 1025, "'xxx"):
            answer = await self.ask("POST", "/api/v1/downloads", {"names": ["a", name, "b"]})
            self.assertEqual((answer.status, answer.error[: len(shown)]), (400, shown))
            self.assertLess(len(answer.error), 250)

    async def test_only_json(self) -> None:
        for content_type in None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x":
            answer = await self.ask("POST", "/api/v1/downloads", {"all": True}, content_type=content_type)
            self.assertEqual(answer.status, 415, content_type)
        for content_type in "application/json", "application/json; charset=utf-8":
            answer = await self.ask("POST", "/api/v1/downloads", {"all": True}, content_type=content_type)
            self.assertEqual(answer.status, 202, content_type)
        for extra in "Content-Type: application/json\r\n", "Content-Encoding: gzip\r\n":
            self.assertEqual((await self.ask("POST", "/api/v1/downloads", {"all": True}, extra=extra)).status, 415)

    async def test_a_body_that_begins_with_a_byte_order_mark(self) -> None:
        body = b'\xef\xbb\xbf{"all": true}'
        self.assertEqual((await self.ask("POST", "/api/v1/downloads", body)).status, 202)

    async def test_a_query_with_invalid_escapes(self) -> None:
        for query in "q=%", "q=%z1", "q=100%25%2":
            answer = await self.ask("GET", f"/api/v1/index?{query}")
            self.assertEqual((answer.status, "percent-encoded" in answer.error), (400, True), query)

    async def test_chunked_body(self) -> None:
        head = request("POST", "/api/v1/downloads", extra="Transfer-Encoding: chunked\r\n")
        answer = parse(await exchange(self.endpoint, head + b'd\r\n{"all": true}\r\n0\r\n\r\n'))
        self.assertEqual(answer.status, 202)


class LimitTests(ApiTestCase):
    async def test_change_one_then_the_other(self) -> None:
        answer = await self.ask("PUT", "/api/v1/limits", {"up_rate": 2500000})
        self.assertEqual((answer.status, answer.json), (200, {"up_rate": 2500000, "down_rate": None}))
        await self.ask("PUT", "/api/v1/limits", {"up_rate": None, "down_rate": 1024.5})
        answer = await self.ask("GET", "/api/v1/limits", key=None)
        self.assertEqual(answer.json, {"up_rate": None, "down_rate": 1024.5})

    async def test_invalid_rates_are_refused(self) -> None:
        for rate in b"999", b"0", b"-5", b"true", b'"20Mbit"', b"[]", b"{}", b"NaN", b"Infinity", b"1e999", b"1e20":
            answer = await self.ask("PUT", "/api/v1/limits", b'{"up_rate": %s}' % rate)
            self.assertEqual(answer.status, 400, rate)
        self.assertEqual((await self.ask("PUT", "/api/v1/limits", {"rate": 5000})).status, 400)
        self.assertEqual(self.peer.limits(), Limits(up_rate=None, down_rate=None))


class ShareTests(ApiTestCase):
    async def test_share(self) -> None:
        answer = await self.ask("POST", "/api/v1/shares", {"dir": "/srv/more"})
        self.assertEqual((answer.status, answer.json["shared"]), (200, ["/srv/documents", "/srv/more"]))

    async def test_share_with_some(self) -> None:
        answer = await self.ask("POST", "/api/v1/shares", {"dir": "/srv/more", "to": ["alice", "@readers"]})
        self.assertEqual((answer.status, self.peer.shared), (200, ["/srv/more:alice,@readers"]))

    async def test_some_who_are_none(self) -> None:
        for to in ([], "alice", ["al ice"], ["alice", 1], ["@"], {}):
            answer = await self.ask("POST", "/api/v1/shares", {"dir": "/srv/more", "to": to})
            self.assertEqual(answer.status, 400, to)
            self.assertTrue(answer.error.startswith("to must be"), answer.error)
        self.assertEqual(self.peer.shared, [])

    async def test_unsuitable_folders_are_not_shared(self) -> None:
        for body in {"dir": "/not/a/folder"}, {"dir": "docs"}, {"dir": None}, {}, {"dir": "/x", "more": 1}:
            self.assertEqual((await self.ask("POST", "/api/v1/shares", body)).status, 400, body)
        self.assertEqual(self.peer.shared, [])

    async def test_an_error_here_is_a_500_that_tells_nothing(self) -> None:
        answer = await self.ask("POST", "/api/v1/shares", {"dir": "/broken"})
        self.assertEqual((answer.status, answer.error), (500, "this call failed; the log says why"))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.peer.downloads = lambda: [][0]
        answer = await self.ask("GET", "/api/v1/downloads")
        self.assertEqual((answer.status, answer.error), (500, "this call failed; the log says why"))
        self.assertEqual(len(self.flushLoggedErrors(IndexError)), 1)

    async def test_refresh(self) -> None:
        answer = await self.ask("POST", "/api/v1/refresh")
        self.assertEqual((answer.status, answer.json["role"]), (200, "peer"))

    async def test_the_caller_leaves_before_the_answer(self) -> None:
        self.peer.hold_refresh = True
        caller = Raw(request("POST", "/api/v1/refresh"))
        await connectProtocol(self.endpoint, caller)
        while not self.peer.refreshed:
            await self._turn()
        caller.transport.abortConnection()
        while self.site.connections:
            await self._turn()
        self.peer.refreshed[0].callback(None)
        self.assertEqual(self.flushLoggedErrors(), [])

    async def _turn(self) -> None:
        turned: Deferred[None] = Deferred()
        reactor.callLater(0, turned.callback, None)
        await turned
