"""Experiments over HTTP: orders and refusals, the page and what it may load, results, and the events of a run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase, TestCase

from p2p_twisted.events.history import BATCH
from p2p_twisted.experiment.page.experiment_order import ExperimentOrder
from p2p_twisted.experiment.page.resources import ASSETS, experiment_site, page_url
from p2p_twisted.registry.memory import MemoryStore
from p2p_twisted.registry.record import Clocks
from p2p_twisted.web import sse as stream
from p2p_twisted.web.api.rs import peer_records, rs_root
from p2p_twisted.web.api.schema import Settings
from p2p_twisted.web.http.access import Access
from p2p_twisted.web.http.calls import Endpoint
from p2p_twisted.web.http.site import ControlSite
from p2p_twisted.web.pages.static import FILES, add_static
from p2p_twisted.web.sse import BEAT_INTERVAL, SEND_INTERVAL
from tests.support.fake_facades import FakeExperiments, FakeRun, an_rs_status
from tests.support.http_client import KEY, Answer, exchange, parse, request
from tests.support.real_reactor import reactor

RUNS = "/api/v1/lab/runs"


def root(experiments: FakeExperiments, clock: Any) -> Endpoint:
    made = rs_root(
        partial(peer_records, MemoryStore(Clocks())), an_rs_status, Settings([]), experiment_site(experiments, clock)
    )
    add_static(made)
    return made


class PageTestCase(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.experiments = FakeExperiments()
        port = reactor.listenTCP(
            0, ControlSite(root(self.experiments, reactor), Access(KEY), reactor), interface="127.0.0.1"
        )
        self.addCleanup(port.stopListening)
        self.endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)

    async def ask(self, method: str, path: str, body: object = None, **how: Any) -> Answer:
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return parse(await exchange(self.endpoint, request(method, path, data, **how)))

    async def refused(self, body: object, status: int = 400, **how: Any) -> str:
        answer = await self.ask("POST", RUNS, body, **how)
        self.assertEqual((answer.status, self.experiments.all), (status, {}))
        return answer.error


class OrderTests(PageTestCase):
    async def test_an_order_that_says_the_task_alone(self) -> None:
        answer = await self.ask("POST", RUNS, {"task": "task1"})
        self.assertEqual((answer.status, answer.json), (202, {"id": "1", "state": "running"}))
        self.assertEqual(answer.headers["Location"], f"{RUNS}/1")
        self.assertEqual(self.experiments.all["1"].order, ExperimentOrder("task1"))

    async def test_an_order_that_says_everything(self) -> None:
        order: dict[str, Any] = {
            "task": "all",
            "peers": 32,
            "files": 500,
            "size": 1,
            "up": "500K",
            "down": "1.5Mbit",
            "seed": 7,
        }
        order |= {"swarm": True, "repeat": 20, "lab": "loopback", "churn": "2.5s"}
        order |= {"kill": ["source@30%", "peer32@5.5s"], "slow": ["peer3=1Mbit"], "liar": ["peer4", "peer5"]}
        self.assertEqual((await self.ask("POST", RUNS, order)).status, 202)
        self.assertEqual(self.experiments.all["1"].order, ExperimentOrder(**order))

    async def test_scale_has_a_smaller_default_document_and_no_faults(self) -> None:
        self.assertEqual((await self.ask("POST", RUNS, {"task": "scale", "peers": 32})).status, 202)
        self.assertEqual(self.experiments.all.pop("1").order, ExperimentOrder("scale", peers=32, size=4))
        self.assertEqual((await self.ask("POST", RUNS, {"task": "scale", "size": 9})).status, 202)
        self.assertEqual(self.experiments.all.pop("1").order, ExperimentOrder("scale", size=9))
        for fault in (
            {"kill": ["peer3@5s"]},
            {"slow": ["peer3=1Mbit"]},
            {"liar": ["peer3"]},
            {"churn": "5s"},
            {"swarm": True},
        ):
            self.assertIn("scale has no faults", await self.refused({"task": "scale", **fault}))

    async def test_invalid_faults_are_refused(self) -> None:
        for name, values in {
            "kill": (
                "peer3@5",
                "peer3",
                "@5s",
                "peer3@5s --out",
                "--out",
                "peer3@-1%",
                "PEER3@5s",
                3,
                None,
                ["peer3@5s"],
            ),
            "slow": ("peer3", "peer3=", "peer3=fast", "peer3=0", "peer3=1Mbit;id", "--slow"),
            "liar": ("somebody", "", "peer", "--liar"),
        }.items():
            for value in values:
                self.assertIn(name, await self.refused({"task": "task1", name: [value]}))
            wrong: list[Any] = ["peer3@5s", None, {}, ["peer3@5s"] * 17]
            for value in wrong:
                self.assertIn(name, await self.refused({"task": "task1", name: value}))
        for value in "10", "0s", "0.0s", "-1s", "s", 10, None, ["10s"], "1s " * 20:
            self.assertIn("churn must be a time", await self.refused({"task": "task1", "churn": value}))

    async def test_faults_of_peers_that_there_are_not(self) -> None:
        for name, value in {"kill": "peer7@5s", "slow": "peer7=1Mbit", "liar": "peer0"}.items():
            said = await self.refused({"task": "task1", name: [value]})
            self.assertIn(f"{name}: there is no {value[:5]} among 6 peers", said)
        self.assertIn("among 3 peers", await self.refused({"task": "task1", "peers": 3, "kill": ["peer4@5s"]}))

    async def test_which_labs_there_are(self) -> None:
        answer = await self.ask("GET", "/api/v1/lab", key=None)
        self.assertEqual(answer.json, {"labs": {"loopback": None, "netns": "it needs root"}})
        said = await self.refused({"task": "task1", "lab": "netns"}, 409)
        self.assertEqual(said, "netns is not available here: it needs root")
        self.assertIn("lab must be one of loopback, netns", await self.refused({"task": "task1", "lab": "moon"}))
        self.experiments.reasons["netns"] = None
        self.assertEqual((await self.ask("POST", RUNS, {"task": "task1", "lab": "netns"})).status, 202)

    async def test_tasks_that_there_are_not(self) -> None:
        for task in "task3", "", None, 1, ["task1"], {"task1": 1}, "--help", "task1 --lab netns", "growth":
            self.assertIn("task must be one of task1,", await self.refused({"task": task}))
        self.assertIn("task must be one of", await self.refused({}))

    async def test_numbers_out_of_bounds(self) -> None:
        for name, values in {
            "peers": (1, 33, 10**30, -6, 6.0, "6", None, True),
            "files": (1, 501, "60"),
            "size": (0, 257),
            "seed": (-1, 2**31),
            "repeat": (0, 21),
        }.items():
            for value in values:
                said = await self.refused({"task": "task1", name: value})
                self.assertIn(f"{name} must be a whole number from ", said)

    async def test_numbers_that_json_has_not(self) -> None:
        for value in b"NaN", b"Infinity", b"6e0", b"1e400":
            await self.refused(b'{"task": "task1", "peers": %s}' % value)

    async def test_invalid_rates_are_refused(self) -> None:
        for value in "", "fast", "-20Mbit", "--json", "0", "none", "20Mbit; id", "1bit", 20, None, "1" * 40 + "M":
            self.assertIn("up ", await self.refused({"task": "task1", "up": value}))
            self.assertIn("down ", await self.refused({"task": "task1", "down": value}))

    async def test_other_mistakes(self) -> None:
        self.assertIn("'out'", await self.refused({"task": "task1", "out": "/etc"}))
        self.assertIn("true or false", await self.refused({"task": "task1", "swarm": 1}))
        self.assertIn("cannot be dealt", await self.refused({"task": "task2-best", "peers": 9, "files": 8}))
        self.assertIn("given twice", await self.refused(b'{"task": "task1", "task": "swarm"}'))
        for body in b"", b"{", b"[]", b"null", b'"task1"', b"\xff", b"[" * 100_000:
            await self.refused(body)
        await self.refused({"task": "task1"}, 415, content_type="application/x-www-form-urlencoded")

    async def test_without_the_key_or_for_another_host(self) -> None:
        await self.refused({"task": "task1"}, 401, key=None)
        await self.refused({"task": "task1"}, 401, key="0" * 64)
        await self.refused({"task": "task1"}, 403, host="lab.example")
        self.experiments.start(ExperimentOrder("task1"))
        self.assertEqual((await self.ask("DELETE", f"{RUNS}/1", key=None)).status, 401)
        self.assertEqual(self.experiments.all["1"].state, "running")

    async def test_only_one_experiment_runs_at_a_time(self) -> None:
        await self.ask("POST", RUNS, {"task": "task1"})
        answer = await self.ask("POST", RUNS, {"task": "swarm"})
        self.assertEqual((answer.status, answer.error), (409, "an experiment is running already"))
        self.assertEqual(list(self.experiments.all), ["1"])

    async def test_a_disk_that_is_full(self) -> None:
        self.experiments.refusal = OSError(28, "No space left on device", "/srv/lab")
        self.assertEqual(await self.refused({"task": "task1"}, 503), "/srv/lab: No space left on device")


class RunTests(PageTestCase):
    async def test_looking_needs_no_key(self) -> None:
        self.experiments.start(ExperimentOrder("task1"))
        run = {"id": "1", "state": "running"}
        self.assertEqual((await self.ask("GET", RUNS, key=None)).json, {"items": [run]})
        self.assertEqual((await self.ask("GET", f"{RUNS}/1", key=None)).json, run)

    async def test_stopping(self) -> None:
        self.experiments.start(ExperimentOrder("task1"))
        answer = await self.ask("DELETE", f"{RUNS}/1")
        self.assertEqual((answer.status, answer.json["state"]), (200, "stopping"))
        self.experiments.all["1"].end()
        answer = await self.ask("DELETE", f"{RUNS}/1")
        self.assertEqual((answer.status, answer.error), (409, "this run is over: done"))

    async def test_runs_that_there_are_not(self) -> None:
        for id_ in "7", "%2e%2e", "..%2f..%2fapi.key", "%ff", "1%00":
            for path in f"{RUNS}/{id_}", f"{RUNS}/{id_}/events", f"/lab/runs/{id_}/report", f"/lab/runs/{id_}":
                self.assertEqual((await self.ask("GET", path)).status, 404, path)
            self.assertEqual((await self.ask("DELETE", f"{RUNS}/{id_}")).status, 404)

    async def test_results(self) -> None:
        run = self.experiments.start(ExperimentOrder("task1"))
        self.assertEqual((await self.ask("GET", "/lab/runs/1/report")).status, 404)
        run.files = {"report.html": b"<p>a report", "transfers.csv": b"task\n", "record.json": b"{}"}
        report = await self.ask("GET", "/lab/runs/1/report", key=None)
        self.assertEqual((report.status, report.body), (200, b"<p>a report"))
        self.assertEqual(report.headers["Content-Type"], "text/html; charset=utf-8")
        self.assertIn("default-src 'none'; style-src 'unsafe-inline'", report.headers["Content-Security-Policy"])
        self.assertEqual((await self.ask("GET", "/lab/runs/1/transfers.csv")).body, b"task\n")
        for name in "results.json", "record.json", "report.html", "..", "":
            self.assertEqual((await self.ask("GET", f"/lab/runs/1/{name}")).status, 404)


class PageTests(PageTestCase):
    async def test_the_page_and_what_it_loads_come_from_here(self) -> None:
        page = await self.ask("GET", "/lab", key=None)
        self.assertEqual((page.status, page.headers["Content-Type"]), (200, "text/html; charset=utf-8"))
        loaded = re.findall(rb'(?:src|<link rel="\w+" href)="([^"]+)"', page.body)
        of_all = {f"/static/{name}" for name in FILES}
        self.assertEqual({path.decode() for path in loaded}, {f"/lab/{name}" for name in ASSETS} | of_all)
        for path in loaded:
            answer = await self.ask("GET", path.decode(), key=None)
            self.assertEqual(answer.status, 200)
            self.assertIn("default-src 'self'", answer.headers["Content-Security-Policy"])

    async def test_nothing_in_it_is_inline_and_nothing_is_from_elsewhere(self) -> None:
        page = (await self.ask("GET", "/lab")).body.decode()
        self.assertNotRegex(page, r"<script>|<style|\sstyle=|\son[a-z]+=")
        for name in ASSETS:
            text = (await self.ask("GET", f"/lab/{name}")).body.decode()
            self.assertEqual(set(re.findall(r"https?://[^\"\s]+", text)) - {"http://www.w3.org/2000/svg"}, set())

    async def test_it_is_behind_the_guard(self) -> None:
        self.assertEqual((await self.ask("GET", "/lab", host="lab.example")).status, 403)
        self.assertEqual((await self.ask("GET", "/lab/nothing")).status, 404)
        self.assertEqual((await self.ask("GET", "/lab/../api.key")).status, 404)
        self.assertEqual((await self.ask("GET", "/lab?key=x")).status, 400)

    async def test_an_rs_without_a_lab_has_neither(self) -> None:
        site = ControlSite(
            rs_root(partial(peer_records, MemoryStore(Clocks())), an_rs_status, Settings([])), Access(KEY), reactor
        )
        port = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
        for path in "/lab", RUNS:
            self.assertEqual((await self.ask("GET", path)).status, 404)

    def test_the_address_that_is_logged(self) -> None:
        for host, shown in ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("192.0.2.1", "192.0.2.1"):
            self.assertEqual(page_url(IPv4Address("TCP", host, 80), "k"), f"http://{shown}:80/lab#key=k")
        for host, shown in ("::", "[::1]"), ("2001:db8::1", "[2001:db8::1]"):
            self.assertEqual(page_url(IPv6Address("TCP", host, 80), "k"), f"http://{shown}:80/lab#key=k")


class EventTests(SynchronousTestCase):
    """A virtual clock and no network."""

    def setUp(self) -> None:
        self.clock, self.experiments = Clock(), FakeExperiments()
        self.site = ControlSite(root(self.experiments, self.clock), Access(KEY), self.clock)
        self.run_: FakeRun = self.experiments.start(ExperimentOrder("task1"))
        self.happen = self.run_.history.add

    def read(self, extra: str = "") -> Transport:
        channel, transport = self.site.buildProtocol(None), Transport()
        transport.clock = self.clock
        transport.lose = channel.connectionLost
        channel.makeConnection(transport)
        channel.dataReceived(f"GET {RUNS}/1/events HTTP/1.1\r\nHost: localhost\r\n{extra}\r\n".encode())
        return transport

    def test_past_events_come_first_then_new_ones(self) -> None:
        self.happen('{"event":"run"}')
        reader = self.read()
        self.assertEqual(reader.head["Content-Type"], "text/event-stream")
        self.assertEqual(reader.head["Cache-Control"], "no-store")
        self.assertEqual(reader.events, [("1", '{"event":"run"}')])
        self.happen("2")
        self.assertEqual(reader.events[1:], [("2", "2")])
        self.run_.end()
        self.assertTrue(reader.whole)
        self.assertFalse(self.run_.history.listeners)

    def test_all_events_of_a_finished_run(self) -> None:
        for number in range(3 * BATCH):
            self.happen(str(number))
        self.run_.end()
        reader = self.read()
        self.assertEqual([data for _, data in reader.events], [str(number) for number in range(3 * BATCH)])
        self.assertTrue(reader.whole)

    def test_a_reader_that_comes_back(self) -> None:
        for word in "abc":
            self.happen(word)
        reader = self.read("Last-Event-ID: 2\r\n")
        self.assertEqual(reader.events, [("3", "c")])
        self.run_.end()
        self.assertIn(b" 204 ", self.read("Last-Event-ID: 3\r\n").value())
        self.assertEqual(self.read("Last-Event-ID: 1\r\n").events, [("2", "b"), ("3", "c")])

    def test_an_invalid_event_id(self) -> None:
        for number in "-1", "+1", "x", "1_0", "\u0661".encode().decode("latin-1"), "9" * 30, "":
            self.assertIn(b" 400 ", self.read(f"Last-Event-ID: {number}\r\n").value(), number)

    def test_a_silent_connection_is_kept_open(self) -> None:
        reader = self.read()
        before = len(reader.value())
        self.clock.advance(BEAT_INTERVAL)
        self.clock.advance(BEAT_INTERVAL)
        self.assertIn(b":\n\n", reader.value()[before:])
        self.assertFalse(reader.disconnecting)

    def test_a_slow_reader_costs_nothing_and_catches_up(self) -> None:
        reader = self.read()
        reader.producer.pauseProducing()
        before = len(reader.value())
        for number in range(1000):
            self.happen(str(number))
        self.clock.advance(BEAT_INTERVAL)
        self.assertEqual(len(reader.value()), before)
        reader.producer.resumeProducing()
        self.assertEqual([data for _, data in reader.events], [str(number) for number in range(1000)])
        self.clock.pump([BEAT_INTERVAL] * 4)
        self.assertFalse(reader.disconnected)

    def test_a_client_that_does_not_read_is_disconnected(self) -> None:
        reader, other = self.read(), self.read()
        reader.producer.pauseProducing()
        self.clock.pump([BEAT_INTERVAL] * 2)
        self.assertTrue(reader.disconnected)
        self.assertEqual(len(self.run_.history.listeners), 1)
        self.happen("x")
        self.assertEqual(other.events, [("1", "x")])

    def test_a_client_that_disconnects_is_forgotten(self) -> None:
        reader = self.read()
        reader.abortConnection()
        self.happen("x")
        self.clock.pump([BEAT_INTERVAL] * 2)
        self.assertFalse(self.run_.history.listeners)

    def test_readers_are_bounded(self) -> None:
        self.patch(stream, "MAX_READERS", 2)
        first, _ = self.read(), self.read()
        self.assertIn(b" 503 ", self.read().value())
        first.abortConnection()
        self.assertIn(b" 200 ", self.read().value())

    def test_a_run_that_ends_while_its_reader_is_slow(self) -> None:
        reader = self.read()
        reader.producer.pauseProducing()
        self.happen("last")
        self.run_.end()
        self.assertFalse(reader.whole)
        reader.producer.resumeProducing()
        self.assertEqual(reader.events, [("1", "last")])
        self.assertTrue(reader.whole)


class Transport(StringTransport):
    """One whose end the protocol hears of, and that reads what came as events."""

    lose: Callable[[], object]
    clock: Clock

    def abortConnection(self) -> None:
        self.disconnected = True
        self.lose()

    loseConnection = abortConnection

    @property
    def head(self) -> dict[str, str]:
        return parse(self.value()).headers

    @property
    def events(self) -> list[tuple[str, str]]:
        """Number and data of each."""
        self.clock.advance(SEND_INTERVAL)
        return re.findall(r"id: (\d+)\ndata: (.*)\n\n", parse(self.value()).body.decode().replace("\r\n", "\n"))

    @property
    def whole(self) -> bool:
        """Whether the last chunk has come."""
        self.clock.advance(SEND_INTERVAL)
        return self.value().endswith(b"0\r\n\r\n")
