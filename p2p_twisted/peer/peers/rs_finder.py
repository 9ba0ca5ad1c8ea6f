"""The RS that the user has named: the names, and the addresses to which DNS leads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from ...net.name_lookup import look_up_addresses, look_up_service
from ...wire.address import Address
from ...wire.fields import parse_address
from ...wire.limits import RS_PORT
from .rs_choice import Record, Rs, draw
from .rs_cookies import Name

SERVICE = "_p2p-rs._tcp"
"""The SRV records of a name ``rs.example`` without a port are those of ``_p2p-rs._tcp.rs.example``."""


class RsFinder:
    """Finds the RS of `names`: host and port; without a port, SRV records say which hosts and ports those are."""

    nothing = "no address is known for this host name"

    def __init__(self, reactor: Any, names: Sequence[Name], dns_servers: Sequence[Address] | None = None) -> None:
        """`dns_servers` answer for SRV records, None: those of the machine."""
        self.names: Sequence[Name] = tuple(dict.fromkeys(names))
        self.may_change = any(parse_address(host) is None for host, _ in names)
        """Whether any RS was named by a host name, which may lead elsewhere later."""
        self._reactor = reactor
        self._dns_servers = dns_servers

    async def find(self) -> list[Rs]:
        """Return the RS in an order drawn by chance, without those whose names are not known now."""
        found = await gatherResults([Deferred.fromCoroutine(self._records(*name)) for name in self.names])
        return draw(zip([host for host, _ in self.names], found, strict=True))

    async def _records(self, host: str, port: int | None) -> list[Record]:
        ip = parse_address(host)
        if ip is not None:
            return [Record(port or RS_PORT, [str(ip)])]
        services = (
            await look_up_service(self._reactor, f"{SERVICE}.{host}", self._dns_servers) if port is None else None
        )
        if services is None:
            return [Record(port or RS_PORT, await look_up_addresses(self._reactor, host))]
        asked = [Deferred.fromCoroutine(look_up_addresses(self._reactor, service.host)) for service in services]
        hosts = await gatherResults(asked)
        return [
            Record(service.port, found, service.priority, service.weight)
            for service, found in zip(services, hosts, strict=True)
        ]
