"""A DNS server on loopback that knows a few names.

``python -m tests.support.dns_server "rs.example A 127.0.0.2" "_x._tcp.rs.example SRV 10 1 4000 rs.example"`` answers at
127.0.0.1:53.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet import reactor
from twisted.names import dns, server
from twisted.names.common import ResolverBase
from twisted.names.error import DNSNameError

from p2p_twisted.wire.address import Address


class Zone(ResolverBase):
    """Answers questions from `records`: (name, type) -> records of twisted.names. `asked` are the names asked for."""

    def __init__(self, records: dict[tuple[str, int], list[Any]]) -> None:
        super().__init__()
        self.records = records
        self.asked: list[str] = []

    def _lookup(self, name: bytes, cls: int, type: int, timeout: object) -> Any:  # noqa: A002
        text = name.decode().lower()
        self.asked.append(text)
        found = self.records.get((text, type), [])
        if not found and text not in {known for known, _ in self.records}:
            raise DNSNameError(text)
        answers = [dns.RRHeader(name, type, cls, 60, record, auth=True) for record in found]
        return answers, [], []


def listen(reactor: Any, zone: Zone, address: Address = ("127.0.0.1", 0)) -> Any:
    """Return the UDP port at which `zone` answers."""
    host, number = address
    factory = server.DNSServerFactory(clients=[zone])
    factory.noisy = False
    return reactor.listenUDP(number, dns.DNSDatagramProtocol(factory), interface=host)


def parse(lines: list[str]) -> dict[tuple[str, int], list[Any]]:
    """Return the records in `lines`, each a name, a type, and what its record is made of."""
    records: dict[tuple[str, int], list[Any]] = {}
    for name, kind, *fields in map(str.split, lines):
        if kind == "A":
            made: Any = dns.Record_A(*fields)
        else:
            priority, weight, port, target = fields
            made = dns.Record_SRV(int(priority), int(weight), int(port), target)
        records.setdefault((name, made.TYPE), []).append(made)
    return records


if __name__ == "__main__":
    running: Any = reactor
    listen(running, Zone(parse(sys.argv[1:])), ("127.0.0.1", dns.PORT))
    running.run()
