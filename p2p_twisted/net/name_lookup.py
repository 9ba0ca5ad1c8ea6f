"""Look up a host name that the user has named: its IP addresses, and its SRV records (RFC 2782)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from twisted.internet import defer
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IHostResolution, IResolutionReceiver
from zope.interface import implementer

from ..wire.address import Address
from ..wire.fields import clean_host, parse_address

RESOLV_CONF = Path("/etc/resolv.conf")
DNS_PORT = 53
DNS_TIMEOUTS = (1, 2)
"""Seconds after which a question to a DNS server is asked again, and given up."""
LOOK_UP_TIMEOUT = 4
"""Seconds in which the addresses of a host name must be known."""
MAX_RECORDS = 16
MAX_ADDRESSES = 16
"""Most SRV records of a name, and most addresses of a host, that are used."""


class Service(NamedTuple):
    """An SRV record."""

    priority: int
    weight: int
    port: int
    host: str


async def look_up_addresses(reactor: Any, host: str) -> list[str]:
    """Return the IP addresses of `host`, in the order of the resolver; none if none are known in time."""
    found = _Addresses()
    reactor.nameResolver.resolveHostName(found, host)
    found.done.addTimeout(LOOK_UP_TIMEOUT, reactor)
    try:
        await found.done
    except defer.TimeoutError:
        return []
    return list(dict.fromkeys(found.hosts))[:MAX_ADDRESSES]


@implementer(IResolutionReceiver)
class _Addresses:
    """Collects the addresses of a host name in `hosts`, all of them when `done` fires."""

    def __init__(self) -> None:
        self.hosts: list[str] = []
        self.done: defer.Deferred[None] = defer.Deferred()

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """Take note of nothing."""

    def addressResolved(self, address: IAddress) -> None:
        """Take one more address."""
        self.hosts.append(cast(Any, address).host)

    def resolutionComplete(self) -> None:
        """Fire `done`, unless it is too late."""
        if not self.done.called:
            self.done.callback(None)


async def look_up_service(reactor: Any, name: str, servers: Sequence[Address] | None = None) -> list[Service] | None:
    """Return the SRV records of `name`, such as ``_p2p-rs._tcp.example.org``; None if there are none, or not in time.

    `servers` are the DNS servers, None for those of the machine. A list without records says that there is no service.
    """
    from twisted.names import client, dns

    try:
        resolver = client.Resolver(servers=servers or machine_servers(), timeout=DNS_TIMEOUTS, reactor=reactor)
        asked = resolver.lookupService(name).addTimeout(LOOK_UP_TIMEOUT, reactor)
        answers, _, _ = await asked
    except (ValueError, defer.TimeoutError, OSError, CannotListenError):  # those of twisted.names are ValueErrors
        return None
    records = [answer.payload for answer in answers if answer.type == dns.SRV]
    services = [_service(record) for record in records[:MAX_RECORDS]]
    return [service for service in services if clean_host(service.host) and service.port] if records else None


def _service(record: Any) -> Service:
    return Service(record.priority, record.weight, record.port, record.target.name.decode("ascii", "replace"))


def machine_servers(path: Path = RESOLV_CONF) -> list[Address]:
    """Return the DNS servers that the file `path` names. Raises OSError, and ValueError if it names none."""
    words = [line.split() for line in path.read_text(errors="replace").splitlines()]
    servers = [line[1] for line in words if len(line) > 1 and line[0] == "nameserver"]
    found = [(server, DNS_PORT) for server in servers if parse_address(server) is not None]
    if not found:
        raise ValueError(f"{path} names no DNS server")
    return found
