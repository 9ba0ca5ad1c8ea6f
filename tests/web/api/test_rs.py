"""The control API of an RS over a real store."""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.trial.unittest import TestCase

from p2p_twisted import __version__
from p2p_twisted.web.api import rs
from p2p_twisted.web.api.rs import peer_records, rs_root
from p2p_twisted.web.api.rs_schema import RsStatus
from p2p_twisted.web.api.schema import Settings, SettingValue
from p2p_twisted.web.http.access import Access
from p2p_twisted.web.http.site import ControlSite
from tests.support.http_client import KEY, Answer, exchange, parse, request
from tests.support.real_reactor import reactor
from tests.support.registries import START, SynchronousRegistry


class RSApiTests(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.registry = SynchronousRegistry(wall=lambda: START)
        self.cookies = [
            self.registry.register(host, port, None, wide=False).cookie
            for host, port in (("10.0.0.2", 65400), ("10.0.0.1", 65401), ("10.0.0.1", 65400))
        ]
        self.registry.leave(self.cookies[0], 65400)
        config = Settings([SettingValue("ttl", 7200, "default")])
        root = rs_root(partial(peer_records, self.registry.store), self.status, config)
        port = reactor.listenTCP(0, ControlSite(root, Access(KEY), reactor), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)

    async def status(self) -> RsStatus:
        return RsStatus(
            "rs", __version__, uptime=5, ttl=7200, active=2, records=3, connections=1, waiting=4, counts={"commits": 5}
        )

    async def get(self, path: str) -> Answer:
        return parse(await exchange(self.endpoint, request("GET", path, key=None)))

    async def test_status(self) -> None:
        expected = {"role": "rs", "version": __version__, "uptime": 5, "ttl": 7200}
        expected |= {"active": 2, "records": 3, "connections": 1, "waiting": 4, "counts": {"commits": 5}}
        expected |= {"workers": 1, "problem": None}
        self.assertEqual((await self.get("/api/v1/status")).json, expected)

    async def test_peers_with_all_fields_but_the_cookie(self) -> None:
        answer = await self.get("/api/v1/peers")
        self.assertEqual(answer.json["total"], 3)
        items: list[dict[str, Any]] = answer.json["items"]
        fields = {"hostName", "isActive", "TTL", "port", "registered_count", "last_registered"}
        self.assertEqual([set(item) for item in items], [fields] * 3)
        where = [(item["hostName"], item["port"], item["isActive"], item["TTL"]) for item in items]
        expected = [("10.0.0.1", 65400, True, 7200), ("10.0.0.1", 65401, True, 7200), ("10.0.0.2", 65400, False, 0)]
        self.assertEqual(where, expected)
        self.assertEqual({item["last_registered"] for item in items}, {"2023-11-14 22:13:20"})
        for cookie in self.cookies:
            self.assertNotIn(str(cookie).encode(), answer.body)

    async def test_pages(self) -> None:
        answer = await self.get("/api/v1/peers?limit=1&offset=1")
        self.assertEqual((answer.json["total"], len(answer.json["items"])), (3, 1))
        self.assertEqual(answer.json["items"][0]["port"], 65401)
        self.assertEqual((await self.get("/api/v1/peers?limit=0")).status, 400)
        self.assertEqual((await self.get("/api/v1/peers?unknown=x")).status, 400)

    async def test_between_some_and_the_next_others_are_answered(self) -> None:
        registry = SynchronousRegistry()
        for port in range(1, 100):
            registry.register("10.0.0.1", port)
        pauses = list[int]()

        async def pause() -> None:
            if not pauses:
                registry.register("10.0.0.2", 1)  # in the last place, which is not looked at yet
            pauses.append(len(registry.records()))

        query = {"sort": "address", "q": "10.0.0"}
        whole = await peer_records(registry.store, query, 200, 0)
        self.patch(rs, "AT_ONCE", 10)
        page = await peer_records(registry.store, query, 20, 70, pause)
        self.assertEqual(page.items, whole.items[70:90])
        self.assertEqual((page.total, pauses), (100, [100] * 10))

    async def test_some_of_them_in_an_order(self) -> None:
        for query, expected in {
            "q=10.0.0.1": [("10.0.0.1", 65400), ("10.0.0.1", 65401)],
            "q=:65400&state=active": [("10.0.0.1", 65400)],
            "state=inactive": [("10.0.0.2", 65400)],
            "sort=ttl": [("10.0.0.1", 65400), ("10.0.0.1", 65401), ("10.0.0.2", 65400)],
            "sort=last&limit=1": [("10.0.0.1", 65400)],
            "within=7200": [("10.0.0.1", 65400), ("10.0.0.1", 65401)],
            "within=7199": [],
        }.items():
            items = (await self.get(f"/api/v1/peers?{query}")).json["items"]
            self.assertEqual([(item["hostName"], item["port"]) for item in items], expected, query)
        for query in "state=x", "sort=x", "sort=", "within=x":
            self.assertEqual((await self.get(f"/api/v1/peers?{query}")).status, 400)

    async def test_settings(self) -> None:
        expected = {"items": [{"name": "ttl", "value": 7200, "origin": "default"}]}
        self.assertEqual((await self.get("/api/v1/config")).json, expected)

    async def test_it_has_nothing_of_a_peer(self) -> None:
        for path in "index", "downloads", "shares":
            self.assertEqual((await self.get(f"/api/v1/{path}")).status, 404)
