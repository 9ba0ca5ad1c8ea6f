"""The pages of an RS over HTTP: its peers, what it was asked, its settings."""

from __future__ import annotations

import re
from functools import partial

from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from p2p_twisted.web.api.rs import peer_records, rs_root
from p2p_twisted.web.api.rs_schema import RsStatus
from p2p_twisted.web.api.schema import Settings, SettingValue
from p2p_twisted.web.http.access import Access
from p2p_twisted.web.http.site import ControlSite
from p2p_twisted.web.pages.rate_history import LENGTH, STEP, RateHistory
from p2p_twisted.web.pages.rs import LAB, NAVIGATION, RsPages, add_rs_pages
from tests.support.http_client import KEY, exchange, parse, request
from tests.support.real_reactor import reactor
from tests.support.registries import START, SynchronousRegistry


class RsPagesTests(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.registry = SynchronousRegistry(wall=lambda: START)
        self.cookies = [
            self.registry.register(host, 65400, None, wide=True).cookie for host in ("10.0.0.1", "10.0.0.2", "::1")
        ]
        self.registry.leave(self.cookies[1], 65400)
        self.counts = {"requests Register 200": 3.0, "limits cookies": 7.0}
        config = Settings([SettingValue("listen", "tcp:<b>", "flag")])
        self.rates = RateHistory(Clock(), lambda: self.counts)
        peers = partial(peer_records, self.registry.store)
        pages = RsPages(peers, self.status, self.rates, config)
        root = rs_root(peers, self.status, config)
        add_rs_pages(root, pages, has_lab=True)
        port = reactor.listenTCP(0, ControlSite(root, Access(KEY), reactor), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)

    async def status(self) -> RsStatus:
        return RsStatus(
            "rs", "1", uptime=5, ttl=7200, active=2, records=3, connections=1, waiting=4, counts=self.counts
        )

    async def page(self, path: str, status: int = 200) -> str:
        answer = parse(await exchange(self.endpoint, request("GET", path, key=None)))
        self.assertEqual(answer.status, status)
        return answer.body.decode()

    def shown(self, text: str) -> list[str]:
        return re.findall(r'<tr data-key="([^"]*)"', text)

    async def test_each_page_of_the_navigation(self) -> None:
        for path, name in NAVIGATION:
            text = await self.page(path)
            self.assertIn(f'<a href="{path}" aria-current="page">{name}</a>', text)
            self.assertIn(f'<a href="{LAB[0]}">', text)
            self.assertNotRegex(text, r"<script(?! src=\"/static/)|<style|\son[a-z]+=|style=")
        self.assertIn("tcp:&lt;b&gt;", await self.page("/about"))

    async def test_the_active_peers_and_others(self) -> None:
        self.assertEqual(self.shown(await self.page("/?part=list")), ["10.0.0.1:65400", "::1:65400"])
        self.assertEqual(len(self.shown(await self.page("/?state=all&sort=ttl&part=list"))), 3)
        self.assertEqual(self.shown(await self.page("/?q=10.0&state=inactive&part=list")), ["10.0.0.2:65400"])
        self.assertIn("No active peer at", await self.page("/?q=none"))
        await self.page("/?sort=none", 400)

    async def test_no_cookie_is_shown(self) -> None:
        text = await self.page("/?state=all")
        for cookie in self.cookies:
            self.assertNotIn(str(cookie), text)

    async def test_rates_counts_and_expiries(self) -> None:
        text = await self.page("/requests")
        self.assertRegex(text, r'cookies</th><td class="number bad">7<')
        self.assertRegex(text, r'Register 200</th><td class="number">3<')
        self.assertRegex(text, r'1 h</th><td class="number">0<')


def test_rates_of_the_last_hour() -> None:
    counts = {"requests Register 200": 0.0, "requests KeepAlive 403": 0.0, "limits cookies": 0.0}
    history = RateHistory(Clock(), lambda: counts)
    for _ in range(LENGTH + 1):
        history.sample()
    counts |= {"requests Register 200": 5.0 * STEP, "requests KeepAlive 403": 2.0 * STEP}
    history.sample()
    rates = {title: numbers[-1] for title, numbers in history.rates().items()}
    assert rates == {"Requests": 7.0, "Registrations": 5.0, "Refusals": 2.0, "Limits hit": 0.0}
    assert {len(numbers) for numbers in history.rates().values()} == {LENGTH}
