"""The metrics as Prometheus reads them, over a real connection."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any
from unittest import mock

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.trial.unittest import TestCase

from p2p_twisted.web.health import add_monitoring
from p2p_twisted.web.http.access import Access
from p2p_twisted.web.http.calls import api_root
from p2p_twisted.web.http.site import ControlSite
from p2p_twisted.web.metrics import Buckets, Family
from tests.support.http_client import KEY, Answer, exchange, parse, request
from tests.support.real_reactor import reactor

FAMILIES = [
    Family("gauge", "x_active", "Some.", [({}, 4)]),
    Family("counter", "x_requests", "Requests.", [({"method": 'a"b\n'}, 3), ({"method": "c"}, 0)]),
    Family("histogram", "x_seconds", "Time.", [({}, Buckets([("0.5", 2), ("+Inf", 3)], 7.25))]),
    Family("counter", "x_none", "Nothing yet.", []),
]


class MonitoringTests(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.why_not: str | None = None
        root = api_root()
        add_monitoring(root, self.snapshot, lambda: self.why_not)
        port = reactor.listenTCP(0, ControlSite(root, Access(KEY), reactor), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)

    async def snapshot(self) -> Iterable[Family]:
        return FAMILIES

    async def get(self, path: str, extra: str = "", key: str | None = None) -> Answer:
        return parse(await exchange(self.endpoint, request("GET", path, key=key, extra=extra)))

    async def test_a_scrape(self) -> None:
        answer = await self.get("/metrics", key=KEY)
        self.assertEqual(answer.status, 200)
        self.assertTrue(answer.headers["Content-Type"].startswith("text/plain; version="))
        found: dict[str, Any] = {
            sample.name: (sample.labels, sample.value)
            for family in text_string_to_metric_families(answer.body.decode())
            for sample in family.samples
            if sample.labels.get("le") != "0.5" and sample.labels.get("method") != "c"
        }
        self.assertEqual(found["x_active"], ({}, 4))
        self.assertEqual(found["x_requests_total"], ({"method": 'a"b\n'}, 3))
        self.assertEqual(found["x_seconds_bucket"], ({"le": "+Inf"}, 3))
        self.assertEqual((found["x_seconds_count"][1], found["x_seconds_sum"][1]), (3, 7.25))
        self.assertGreater(found["process_resident_memory_bytes"][1], 1e6)

    async def test_the_format_that_is_asked_for(self) -> None:
        answer = await self.get("/metrics", "Accept: application/openmetrics-text; version=1.0.0\r\n", KEY)
        self.assertIn("openmetrics-text", answer.headers["Content-Type"])
        self.assertTrue(answer.body.endswith(b"# EOF\n"))

    async def test_without_the_library_one_line_says_what_to_install(self) -> None:
        with mock.patch.dict(sys.modules, prometheus_client=None):
            answer = await self.get("/metrics", key=KEY)
        self.assertEqual(answer.status, 503)
        self.assertRegex(answer.error, r"^prometheus-client is not installed: .*pip install -e .*\[metrics\]")

    async def test_only_a_get_without_parameters(self) -> None:
        self.assertEqual((await self.get("/metrics?x=1", key=KEY)).status, 400)
        self.assertEqual(parse(await exchange(self.endpoint, request("POST", "/metrics"))).status, 405)

    async def test_health_needs_no_key(self) -> None:
        for path in ("/healthz", "/readyz"):
            answer = await self.get(path)
            self.assertEqual((answer.status, answer.json), (200, {"ok": True}))

    async def test_not_ready_says_why_while_healthy(self) -> None:
        self.why_not = "the registry cannot be written"
        answer = await self.get("/readyz")
        self.assertEqual((answer.status, answer.error), (503, "the registry cannot be written"))
        self.assertEqual((await self.get("/healthz")).status, 200)
