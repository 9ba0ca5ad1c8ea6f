"""The rules by which the requests of peers change the peer records; pure.

A request names the records that it looks at (`Lookup`). It is given them (`Found`) and the time (`Moment`), and returns
the records that change (`Changes`) or raises `wire.errors.Forbidden` (403). Stores (`registry.store`) do the rest.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import NamedTuple

from ..wire.address import Address, neighbourhood
from ..wire.errors import Forbidden
from ..wire.limits import MAX_COOKIE, MAX_COOKIE_1_0
from .record import Moment, PeerRecord


class Lookup(NamedTuple):
    """The records that a request looks at."""

    cookie: int
    """Cookie of the peer that makes the request; of a new one, the cookie that it is to get."""
    address: Address | None = None
    """The address whose active peer is looked up; None: the address of the record itself."""
    neighbourhood: str | None = None
    """The neighbourhood whose records are counted, if any."""


class Found(NamedTuple):
    """The records that a store has for a `Lookup`."""

    lookup: Lookup
    record: PeerRecord | None = None
    """The record with the cookie."""
    holder: PeerRecord | None = None
    """The record that is active at the address; it may be `record` itself."""
    neighbours: int = 0
    """Number of records of the neighbourhood, active or not."""
    replaceable: PeerRecord | None = None
    """The record of the neighbourhood that has been inactive for the longest time."""


class Changes(NamedTuple):
    """The records that a request changes: a store stores all of them or none."""

    record: PeerRecord
    """The record of the peer that made the request."""
    displaced: PeerRecord | None = None
    """The record that becomes inactive because `record` takes its address: two peers cannot listen there."""
    dropped: PeerRecord | None = None
    """The inactive record that is forgotten to make room for `record`."""


class Request(NamedTuple):
    """A request of a peer."""

    lookup: Callable[[], Lookup]
    """Returns the records to look at; for a new peer, each time with another cookie."""
    decide: Callable[[Found, Moment], Changes | None]
    """Returns the changes; None if the new cookie is in use: look up again. Raises Forbidden."""
    durable: bool
    """Whether the changes are on disk before the peer is answered. If not, they follow within seconds."""


def register(host: str, port: int, cookie: int | None = None, wide: bool = True, limit: int | None = None) -> Request:
    """Enter a new peer, or bring back the one with `cookie`. Another peer at the same address becomes inactive.

    A new peer gets a cookie that nobody had before and nobody can guess: of 63 bits if `wide`, else of 31. If its host
    (of IPv6, the /64) has `limit` records, it replaces the one that has been inactive for the longest time. Forbidden:
    the cookie is unknown; all records of a full host are active.
    """
    address = host, port
    if cookie is not None:
        return Request(lambda: Lookup(cookie, address), lambda found, at: _bring_back(found, address, at), True)
    counted = None if limit is None else neighbourhood(host)
    return Request(
        lambda: Lookup(_draw_cookie(wide), address, counted), lambda found, at: _enter(found, address, limit, at), True
    )


def leave(cookie: int, port: int) -> Request:
    """Make an active peer inactive. Forbidden: unknown, other port, inactive."""
    return Request(lambda: Lookup(cookie), lambda found, at: Changes(_active(found, port, at).inactive()), True)


def keep_alive(cookie: int, port: int) -> Request:
    """Renew the TTL of a peer; an inactive one becomes active again. Forbidden: unknown, other port."""
    return Request(lambda: Lookup(cookie), lambda found, at: _take(found, _own(found, port).renewed(at)), False)


def query(cookie: int, port: int) -> Request:
    """Renew the TTL of an active peer. Forbidden: unknown, other port, inactive."""
    return Request(lambda: Lookup(cookie), lambda found, at: Changes(_active(found, port, at).renewed(at)), False)


def _draw_cookie(wide: bool) -> int:
    low, high = (MAX_COOKIE_1_0, MAX_COOKIE) if wide else (0, MAX_COOKIE_1_0)
    return low + 1 + secrets.randbelow(high - low)


def _enter(found: Found, address: Address, limit: int | None, at: Moment) -> Changes | None:
    if found.record is not None:
        return None
    dropped = found.replaceable if limit is not None and found.neighbours >= limit else None
    if limit is not None and found.neighbours >= limit and dropped is None:
        raise Forbidden("too many peers are registered from this address; use a cookie that was given to one of them")
    record = PeerRecord(*address, found.lookup.cookie)
    return _take(found, record.registered(address, at), dropped)


def _bring_back(found: Found, address: Address, at: Moment) -> Changes:
    if found.record is None:
        raise Forbidden("this cookie was never given out: register with an empty one")
    return _take(found, found.record.registered(address, at))


def _take(found: Found, record: PeerRecord, dropped: PeerRecord | None = None) -> Changes:
    """Let `record` have its address, from which another peer may be displaced."""
    holder = found.holder
    displaced = None if holder is None or holder.cookie == record.cookie else holder.inactive()
    return Changes(record, displaced, dropped)


def _own(found: Found, port: int) -> PeerRecord:
    if found.record is None or found.record.port != port:
        raise Forbidden("no peer is registered with this cookie and port")
    return found.record


def _active(found: Found, port: int, at: Moment) -> PeerRecord:
    record = _own(found, port)
    if not record.alive(at.now):
        raise Forbidden("this peer is not active: it has left, or its TTL ran out; register again")
    return record
