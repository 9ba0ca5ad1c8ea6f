"""``twistd p2p-rs`` in this process: its options, and the service made of them."""

from __future__ import annotations

import shutil
import socket
from functools import partial
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import formatEvent

from p2p_twisted.config.startup import PortService
from p2p_twisted.registry.memory import MemoryStore
from p2p_twisted.registry.sqlite import SQLiteStore
from p2p_twisted.rs import tap
from p2p_twisted.rs.service import RegistrationServer
from p2p_twisted.rs.stores import REGISTRY_FILE
from p2p_twisted.web.control_client import ControlClient
from tests.support.captured_log import captured_log
from tests.support.real_reactor import reactor as running
from tests.support.rs_server import keep_alive, request
from tests.support.verb_case import VerbCase

pytestmark = pytest.mark.slow


class Case(VerbCase):
    timeout = 30

    def setUp(self) -> None:
        super().setUp()
        self.state = self.base / "state"
        self.patch(tap, "stop_at_signals", lambda reactor: None)  # signals are this process's

    def make(self, *arguments: str, on: Any = reactor) -> RegistrationServer:
        """Return an RS on a free port of loopback, unless `arguments` say otherwise."""
        options = tap.Options()
        options.parseOptions(["--listen", "tcp:0:interface=127.0.0.1", "--state-dir", str(self.state), *arguments])
        service = tap.makeService(options, on)
        assert isinstance(service, RegistrationServer)
        return service


class Refusals(Case):
    """A service that cannot be made ends the process, with one line on stderr."""

    def test_the_experiment_page_needs_a_port(self) -> None:
        for web in [], ["--web", "unix:/tmp/web.sock"]:
            line = self.refused(2, partial(self.make, "--lab", *web))
            self.assertTrue(line.startswith("p2p-rs: --lab needs the control API on TCP for its page"), line)
        self.assertFalse(self.state.exists())

    def test_a_file_that_is_not_a_registry(self) -> None:
        self.state.mkdir(mode=0o700)
        (self.state / REGISTRY_FILE).write_bytes(b"rubbish" * 1000)
        self.assertIn("registry.sqlite: file is not a database; move it away", self.refused(1, self.make))

    def test_an_invalid_endpoint(self) -> None:
        line = self.refused(2, lambda: self.make("--web", "nothing"))
        self.assertTrue(line.startswith("p2p-rs: --web must be a Twisted endpoint"), line)


class Services(Case):
    def start(self, *arguments: str, on: Any = reactor) -> RegistrationServer:
        service = self.make(*arguments, on=on)
        service.startService()
        self.addCleanup(lambda: service.stopService() if service.running else None)
        return service

    async def ask(self, service: RegistrationServer, data: bytes) -> bytes:
        """Return the answer to a request of 1.0."""
        [address] = [part.port.getHost() for part in service if isinstance(part, PortService)]
        assert isinstance(address, IPv4Address | IPv6Address)
        return await deferToThread(_exchange, address.port, data)

    async def control(self, path: str) -> Any:
        """Return the answer to a GET on the control socket."""
        client = ControlClient(self.state)
        try:
            return await deferToThread(client.get, path)
        finally:
            client.close()

    async def test_it_keeps_its_registry(self) -> None:
        """Another service gets a copy of the file, as the lock on the state folder lasts as long as the process."""
        service = self.start("--ttl", "60")
        answer = await self.ask(service, request("Register", "cookie:", "port:4394", host="10.0.0.1"))
        cookie = int(answer.rpartition(b"cookie:")[2])
        self.assertIsInstance(service.registry, SQLiteStore)
        await service.stopService()
        registry, self.state = self.state / REGISTRY_FILE, self.state.with_name("other")
        self.state.mkdir(mode=0o700)
        shutil.copy(registry, self.state)
        answer = await self.ask(self.start("--ttl", "50"), keep_alive(cookie, host="10.0.0.1"))
        self.assertTrue(answer.endswith(b"TTL is 50 seconds\n"), answer)

    async def test_it_answers_on_its_socket(self) -> None:
        service = self.start("--registry", "memory", on=None)
        self.assertIsInstance(service.registry, MemoryStore)
        await self.ask(service, request("Register", "cookie:", "port:4394", host="10.0.0.1"))
        status = await self.control("status")
        self.assertEqual((status["role"], status["active"], status["records"]), ("rs", 1, 1))
        peers = await self.control("peers")
        self.assertEqual([peer["hostName"] for peer in peers["items"]], ["10.0.0.1"])
        settings = await self.control("config")
        self.assertIn({"name": "registry", "value": "memory", "origin": "flag"}, settings["items"])

    async def test_it_resets_the_connections_of_addresses_that_may_not_connect(self) -> None:
        service = self.start("--registry", "memory", "--allow", "192.0.2.0/24", "--allow", "198.51.100.7")
        with captured_log() as log:
            with self.assertRaises(ConnectionResetError):
                await self.ask(service, keep_alive(1))
            await deferLater(running, 1.5)
        lines = [formatEvent(event) for event in log]
        self.assertIn("connections refused (allow, deny): 1, the last from 127.0.0.1", lines)
        status = await self.control("status")
        self.assertEqual((status["role"], status["connections"]), ("rs", 0))
        settings = await self.control("config")
        allow = {"name": "allow", "value": ["192.0.2.0/24", "198.51.100.7/32"], "origin": "flag"}
        self.assertIn(allow, settings["items"])
        self.assertIn({"name": "deny", "value": [], "origin": "default"}, settings["items"])

    async def test_a_port_for_both_takes_ipv4_addresses_for_ipv4(self) -> None:
        port = ["--registry", "memory", "--listen", r"tcp6:0:interface=\:\:"]
        allowed = self.start(*port, "--allow", "127.0.0.0/8", "--deny", "::/0")
        answer = await self.ask(allowed, request("Register", "cookie:", "port:4394"))
        self.assertIn(b"cookie:", answer)
        await allowed.stopService()
        self.state = self.state.with_name("other")
        denied = self.start(*port, "--allow", "127.0.0.0/8", "--deny", "127.0.0.1")
        with self.assertRaises(ConnectionResetError):
            await self.ask(denied, keep_alive(1))

    async def test_it_serves_the_experiment_page(self) -> None:
        self.start("--registry", "memory", "--lab", "--web", "tcp:0:interface=127.0.0.1")
        self.assertIn("items", await self.control("lab/runs"))

    async def test_a_second_one_on_the_same_folder(self) -> None:
        self.start()
        self.assertIn("p2p-rs", self.refused(1, self.make))


def _exchange(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(data)
        return b"".join(iter(lambda: client.recv(65536), b""))
