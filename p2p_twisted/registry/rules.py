"""The peer record and the rules by which it changes; pure.

A rule is given the records that it looks at (`Found`) and the time (`Moment`), and returns the records that change
(`Changes`). It refuses by raising `wire.errors.Forbidden` (403). Reading and writing records is up to the registry.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from ipaddress import IPv6Address
from typing import NamedTuple

from ..wire.address import Address
from ..wire.errors import Forbidden

COUNTED_SECONDS = 30 * 24 * 3600
"""`registered_count` looks back this many seconds."""

MAX_ACTIVATIONS = 1000
"""Most activations that a record remembers, and the highest `registered_count`."""

UNREGISTERED = "no peer is registered with this cookie and port"
INACTIVE = "this peer is not active: it has left, or its TTL ran out; register again"
UNKNOWN_COOKIE = "this cookie was never given out: register with an empty one"
FULL = "too many peers are registered from this address; use a cookie that was given to one of them"


class Moment(NamedTuple):
    """The time at which a rule is applied.

    TTLs run on a monotonic clock, so that setting the machine's clock neither expires nor revives a peer. Unix time is
    for the fields that people read.
    """

    now: float
    """Monotonic seconds."""
    wall: float
    """Unix seconds."""
    deadline: float
    """Monotonic second at which a TTL that starts now runs out."""


@dataclass(eq=False, slots=True)
class PeerRecord:
    """A peer as the registry knows it.

    The methods leave the record as it is and return a changed one. Only a store may set the `deadline` of its record
    in place, when a peer renews its TTL.
    """

    host: str
    port: int
    cookie: int
    active: bool = False
    deadline: float = 0.0
    """Monotonic second at which the TTL runs out. It means nothing while `active` is false."""
    registered_at: int = 0
    """Unix second of the last Register."""
    activations: tuple[int, ...] = ()
    """Unix seconds at which the peer became active, oldest first."""

    @property
    def address(self) -> Address:
        """The address at which the peer listens."""
        return self.host, self.port

    def ttl(self, now: float) -> int:
        """Return the whole seconds until the TTL runs out, rounded up; 0 for an inactive peer."""
        return max(0, math.ceil(self.deadline - now)) if self.active else 0

    def alive(self, now: float) -> bool:
        """Return whether the peer is active and its TTL has not run out, swept or not."""
        return self.active and self.deadline > now

    def registered(self, host: str, port: int, at: Moment) -> PeerRecord:
        """Return the record after a Register from `host` and `port`, which may be a new address."""
        return replace(self.renewed(at), host=host, port=port, registered_at=int(at.wall))

    def renewed(self, at: Moment) -> PeerRecord:
        """Return the record with a new TTL; a peer that was inactive becomes active."""
        if self.alive(at.now):
            return replace(self, deadline=at.deadline)
        kept = [time for time in self.activations if time > at.wall - COUNTED_SECONDS]
        activations = (*kept[1 - MAX_ACTIVATIONS :], int(at.wall))
        return replace(self, active=True, deadline=at.deadline, activations=activations)

    def inactive(self) -> PeerRecord:
        """Return the record of the peer when it has left, lost its address or run out of TTL."""
        return PeerRecord(self.host, self.port, self.cookie, False, self.deadline, self.registered_at, self.activations)

    def registered_count(self, wall: float) -> int:
        """Return the number of activations in the last 30 days."""
        return sum(time > wall - COUNTED_SECONDS for time in self.activations)

    def fields(self, now: float, wall: float) -> dict[str, str | int | bool]:
        """Return the seven fields under their names in the protocol; the time is in UTC. The cookie is a secret."""
        return {
            "hostName": self.host,
            "cookie": self.cookie,
            "isActive": self.alive(now),
            "TTL": self.ttl(now),
            "port": self.port,
            "registered_count": self.registered_count(wall),
            "last_registered": f"{datetime.fromtimestamp(self.registered_at, timezone.utc):%Y-%m-%d %H:%M:%S}",
        }


@dataclass(frozen=True, slots=True)
class Lookup:
    """The records that a rule looks at, named."""

    cookie: int
    """Cookie of the record that the request is about, or that a new record is to get."""
    address: Address | None = None
    """The address whose active peer is looked up; None: the address of the record itself."""
    neighbourhood: str | None = None
    """The neighbourhood whose records are counted, if any."""


@dataclass(frozen=True, slots=True)
class Found:
    """The records that a store has for a `Lookup`."""

    lookup: Lookup
    record: PeerRecord | None = None
    """The record with the cookie."""
    holder: PeerRecord | None = None
    """The record that is active at the address; it may be `record` itself."""
    neighbours: int = 0
    """How many records the neighbourhood has, active or not."""
    replaceable: PeerRecord | None = None
    """The record of the neighbourhood that has been inactive for the longest time."""


class Changes(NamedTuple):
    """The records that a request changes: all of them, or none if they cannot be stored."""

    record: PeerRecord
    """The record of the peer that made the request."""
    displaced: PeerRecord | None = None
    """The record that becomes inactive because `record` takes its address: two peers cannot listen there."""
    dropped: PeerRecord | None = None
    """The inactive record that is forgotten to make room for `record`."""


def neighbourhood(host: str) -> str:
    """Return the key under which the records of one host are counted: its address; of IPv6 the /64.

    A host with IPv6 usually has a whole /64 for itself.
    """
    if ":" not in host:
        return host
    try:
        return str(IPv6Address(int(IPv6Address(host)) >> 64 << 64))
    except ValueError:
        return host


def register_new(found: Found, host: str, port: int, limit: int | None, at: Moment) -> Changes | None:
    """Enter a new peer under the cookie of the lookup; None if the cookie is in use: draw another one.

    Where the neighbourhood of `host` has `limit` records, the one that has been inactive for the longest time is
    dropped. Raises Forbidden if all of them are active.
    """
    if found.record is not None:
        return None
    dropped = found.replaceable if limit is not None and found.neighbours >= limit else None
    if limit is not None and found.neighbours >= limit and dropped is None:
        raise Forbidden(FULL)
    record = PeerRecord(host, port, found.lookup.cookie).registered(host, port, at)
    return Changes(record, _displaced(found, record), dropped)


def register_again(found: Found, host: str, port: int, at: Moment) -> Changes:
    """Bring back the peer with the cookie of the lookup. Raises Forbidden if no record has it."""
    if found.record is None:
        raise Forbidden(UNKNOWN_COOKIE)
    record = found.record.registered(host, port, at)
    return Changes(record, _displaced(found, record))


def leave(found: Found, port: int, at: Moment) -> Changes:
    """Make an active peer inactive. Raises Forbidden."""
    return Changes(_active_record(found, port, at).inactive())


def keep_alive(found: Found, port: int, at: Moment) -> Changes:
    """Renew the TTL of a peer, active or not. Raises Forbidden if no record has this cookie and port."""
    record = _own_record(found, port).renewed(at)
    return Changes(record, _displaced(found, record))


def query(found: Found, port: int, at: Moment) -> Changes:
    """Renew the TTL of an active peer. Raises Forbidden."""
    return Changes(_active_record(found, port, at).renewed(at))


def _own_record(found: Found, port: int) -> PeerRecord:
    if found.record is None or found.record.port != port:
        raise Forbidden(UNREGISTERED)
    return found.record


def _active_record(found: Found, port: int, at: Moment) -> PeerRecord:
    record = _own_record(found, port)
    if not record.alive(at.now):
        raise Forbidden(INACTIVE)
    return record


def _displaced(found: Found, record: PeerRecord) -> PeerRecord | None:
    if found.holder is None or found.holder.cookie == record.cookie:
        return None
    return found.holder.inactive()
