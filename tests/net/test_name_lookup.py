"""Host names and SRV records, asked of a real DNS server on loopback."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import Clock
from twisted.names import dns
from twisted.trial.unittest import TestCase

from p2p_twisted.net import name_lookup
from p2p_twisted.net.name_lookup import MAX_RECORDS, Service, look_up_addresses, look_up_service, machine_servers
from tests.support.dns_server import Zone, listen
from tests.support.real_reactor import reactor

NAME = "_p2p-rs._tcp.rs.example"


class Services(TestCase):
    """SRV records."""

    async def ask(self, records: dict[tuple[str, int], list[Any]]) -> list[Service] | None:
        port = listen(reactor, Zone(records))
        try:
            return await look_up_service(reactor, NAME, [("127.0.0.1", port.getHost().port)])
        finally:
            await port.stopListening()

    async def test_records(self) -> None:
        records = [dns.Record_SRV(10, 5, 4000, "a.example"), dns.Record_SRV(20, 0, 4001, "b.example")]
        found = await self.ask({(NAME, dns.SRV): records})
        assert found is not None
        self.assertEqual(sorted(found), [Service(10, 5, 4000, "a.example"), Service(20, 0, 4001, "b.example")])

    async def test_no_such_name_and_no_such_record(self) -> None:
        self.assertIsNone(await self.ask({}))
        self.assertIsNone(await self.ask({(NAME, dns.A): [dns.Record_A("192.0.2.1")]}))

    async def test_the_service_is_not_there(self) -> None:
        self.assertEqual(await self.ask({(NAME, dns.SRV): [dns.Record_SRV(0, 0, 1, "")]}), [])

    async def test_records_that_cannot_be_used(self) -> None:
        records = [dns.Record_SRV(0, 0, 0, "a.example"), dns.Record_SRV(0, 0, 7, "a b.example")]
        self.assertEqual(await self.ask({(NAME, dns.SRV): [*records, dns.Record_SRV(0, 0, 7, "c.example")]}), [
            Service(0, 0, 7, "c.example")
        ])  # fmt: skip

    async def test_many_records(self) -> None:
        records = [dns.Record_SRV(0, 0, number, f"h{number}.example") for number in range(1, 12 + MAX_RECORDS)]
        found = await self.ask({(NAME, dns.SRV): records})
        assert found is not None
        self.assertEqual(len(found), MAX_RECORDS)

    async def test_a_name_that_is_too_long(self) -> None:
        self.assertIsNone(await look_up_service(reactor, "x" * 70 + ".example", [("127.0.0.1", 1)]))

    async def test_a_server_that_does_not_answer(self) -> None:
        self.patch(name_lookup, "DNS_TIMEOUTS", (0.05, 0.05))
        port = reactor.listenUDP(0, DatagramProtocol(), interface="127.0.0.1")
        try:
            self.assertIsNone(await look_up_service(reactor, NAME, [("127.0.0.1", port.getHost().port)]))
        finally:
            await port.stopListening()


class Addresses(TestCase):
    """Through the resolver of a reactor."""

    def resolve(self, *hosts: str, is_slow: bool = False) -> tuple[Any, list[list[str]]]:
        class Resolver:
            def resolveHostName(self, receiver: Any, host: str) -> None:
                for found in hosts:
                    receiver.addressResolved(IPv4Address("TCP", found, 0))
                if not is_slow:
                    receiver.resolutionComplete()

        clock: Any = Clock()
        clock.nameResolver = Resolver()
        outcome: list[list[str]] = []
        Deferred.fromCoroutine(look_up_addresses(clock, "rs.example")).addCallback(outcome.append)
        return clock, outcome

    def test_several(self) -> None:
        self.assertEqual(self.resolve("192.0.2.1", "192.0.2.2", "192.0.2.1")[1], [["192.0.2.1", "192.0.2.2"]])

    def test_none(self) -> None:
        self.assertEqual(self.resolve()[1], [[]])

    def test_too_late(self) -> None:
        clock, outcome = self.resolve("192.0.2.1", is_slow=True)
        self.assertEqual(outcome, [])
        clock.advance(name_lookup.LOOK_UP_TIMEOUT)
        self.assertEqual(outcome, [[]])

    async def test_of_this_machine(self) -> None:
        self.assertIn("127.0.0.1", await look_up_addresses(reactor, "localhost"))


class Servers(TestCase):
    """The file that names DNS servers."""

    def test_what_it_names(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "resolv.conf"
            path.write_bytes(
                b"# x\nsearch a.example\nnameserver 192.0.2.1\nnameserver\nnameserver ::1 \xff\nnameserver x\n"
            )
            self.assertEqual(machine_servers(path), [("192.0.2.1", 53), ("::1", 53)])
            path.write_text("")
            self.assertRaises(ValueError, machine_servers, path)
