"""One peer as the RS knows it: the record's seven fields and the rules by which they change.

Pure: the time is always an argument. There are two clocks. `now` is monotonic seconds, on which the TTL runs down, so
that setting the machine's clock neither kills nor revives anybody; `wall` is Unix seconds, for what people read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from ipaddress import IPv6Address

from ..wire.address import Address

COUNTED = 30 * 24 * 3600
"""`registered_count` looks back this many seconds."""

MAX_ACTIVATIONS = 1000
"""A record remembers so many times of becoming active, and `registered_count` goes no further."""


@dataclass(eq=False, slots=True)
class PeerRecord:
    """A peer. `deadline` is the monotonic second at which the TTL is 0; it means nothing while `active` is false.

    `registered_at` is when it last registered and `activations` when it became active, oldest first: Unix seconds.
    """

    host: str
    port: int
    cookie: int
    active: bool = False
    deadline: float = 0.0
    registered_at: int = 0
    activations: tuple[int, ...] = ()

    @property
    def address(self) -> Address:
        """Where the peer listens."""
        return self.host, self.port

    def ttl(self, now: float) -> int:
        """Whole seconds until the peer counts as gone, rounded up; 0 when it is inactive."""
        return max(0, math.ceil(self.deadline - now)) if self.active else 0

    def alive(self, now: float) -> bool:
        """Whether it is active and its TTL has not run down, swept or not."""
        return self.active and self.deadline > now

    def registered(self, host: str, port: int, deadline: float, wall: float) -> PeerRecord:
        """The record after a Register from `host` and `port`; the same cookie may come from a new address."""
        record = replace(self, host=host, port=port, registered_at=int(wall))
        record.revive(deadline, wall)
        return record

    def inactive(self) -> PeerRecord:
        """The record after a Leave; it and its cookie stay."""
        return replace(self, active=False)

    def revive(self, deadline: float, wall: float) -> None:
        """Let the TTL run until `deadline`; counts as becoming active if it was not."""
        self.deadline = deadline
        if not self.active:
            self.active = True
            kept = [at for at in self.activations if at > wall - COUNTED]
            self.activations = (*kept[1 - MAX_ACTIVATIONS :], int(wall))

    def registered_count(self, wall: float) -> int:
        """How often it became active in the last 30 days."""
        return sum(at > wall - COUNTED for at in self.activations)

    def fields(self, now: float, wall: float) -> dict[str, str | int | bool]:
        """The seven fields, named as the protocol names them. The time is UTC. The cookie is a secret of the peer."""
        return {
            "hostName": self.host,
            "cookie": self.cookie,
            "isActive": self.alive(now),
            "TTL": self.ttl(now),
            "port": self.port,
            "registered_count": self.registered_count(wall),
            "last_registered": f"{datetime.fromtimestamp(self.registered_at, timezone.utc):%Y-%m-%d %H:%M:%S}",
        }


def neighbourhood(host: str) -> str:
    """What counts as one host when records are counted: the address; of IPv6 the /64, as one host may use all of it."""
    if ":" not in host:
        return host
    try:
        return str(IPv6Address(int(IPv6Address(host)) >> 64 << 64))
    except ValueError:
        return host
