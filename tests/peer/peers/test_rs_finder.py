"""The RS behind names: IP addresses, host names, and SRV records of a real DNS server on loopback."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.names import dns
from twisted.trial.unittest import TestCase

from p2p_twisted.peer.peers.rs_choice import Rs
from p2p_twisted.peer.peers.rs_cookies import Name
from p2p_twisted.peer.peers.rs_finder import RsFinder
from tests.support.dns_server import Zone, listen
from tests.support.real_reactor import reactor

HOSTS = {"a.example": ["192.0.2.1"], "b.example": ["192.0.2.2", "192.0.2.3"], "rs.example": ["192.0.2.9"]}


class NamingReactor:
    """The reactor, with a resolver that knows HOSTS."""

    def __init__(self) -> None:
        self.nameResolver = self

    def resolveHostName(self, receiver: Any, host: str) -> None:
        for found in HOSTS.get(host, []):
            receiver.addressResolved(IPv4Address("TCP", found, 0))
        receiver.resolutionComplete()

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)


class Finds(TestCase):
    def setUp(self) -> None:
        records = [dns.Record_SRV(1, 0, 4000, "a.example"), dns.Record_SRV(2, 0, 4001, "b.example")]
        self.zone = Zone({("_p2p-rs._tcp.rs.example", dns.SRV): records, ("x.example", dns.A): []})
        self.port = listen(reactor, self.zone)
        self.addCleanup(self.port.stopListening)

    def finder(self, *names: Name) -> RsFinder:
        return RsFinder(NamingReactor(), names, [("127.0.0.1", self.port.getHost().port)])

    async def test_addresses_need_no_dns(self) -> None:
        finder = self.finder(("192.0.2.1", None), ("2001:db8::1", 4000), ("192.0.2.1", None))
        self.assertEqual(
            sorted(await finder.find()), [Rs("192.0.2.1", 65423, "192.0.2.1"), Rs("2001:db8::1", 4000, "2001:db8::1")]
        )
        self.assertFalse(finder.may_change)
        self.assertEqual(self.zone.asked, [])

    async def test_all_addresses_of_a_name_with_a_port(self) -> None:
        found = await self.finder(("b.example", 7)).find()
        self.assertEqual(sorted(found), [Rs("b.example", 7, "192.0.2.2"), Rs("b.example", 7, "192.0.2.3")])
        self.assertEqual(self.zone.asked, [], "who names a port means the host")

    async def test_srv_records_of_a_name_without_a_port(self) -> None:
        finder = self.finder(("rs.example", None))
        found = await finder.find()
        self.assertEqual(found[0], Rs("rs.example", 4000, "192.0.2.1"), "the name that TLS checks is the user's")
        self.assertEqual({rs.host for rs in found[1:]}, {"192.0.2.2", "192.0.2.3"})
        self.assertTrue(finder.may_change)

    async def test_a_name_without_such_records(self) -> None:
        found = await self.finder(("a.example", None), ("nobody.example", None)).find()
        self.assertEqual(found, [Rs("a.example", 65423, "192.0.2.1")])
