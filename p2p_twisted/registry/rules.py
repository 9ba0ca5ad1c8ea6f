"""The rules by which the requests of peers change the peer records; pure.

A request names the records that it looks at (`Lookup`). It is given them (`Found`) and the time (`Moment`), and returns
the records that change (`Changes`) or raises `wire.errors.Forbidden` (403). Stores (`registry.store`) do the rest.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..wire.address import Address
from ..wire.errors import Forbidden
from ..wire.fields import neighbourhood
from ..wire.limits import MAX_COOKIE, MAX_COOKIE_1_0
from .record import Moment, PeerRecord

MAX_RECORDS = 1_000_000
"""Most records of a store, about 300 bytes each; inactive ones make room for new ones."""

Origin = Sequence[str]
"""The hosts that a request may speak for: the address that it comes from, and one that it may name."""


class WrongCookie(Forbidden):
    """The cookie is that of no peer, or of one at another port, or of one elsewhere: it may be a guess."""


class HostFull(Forbidden):
    """The host has as many active peers as it may have."""


class Lookup(NamedTuple):
    """The records that a request looks at."""

    cookie: int
    """Cookie of the peer that makes the request; of a new one, the cookie that it is to get."""
    address: Address | None = None
    """The address whose active peer is looked up; None: the address of the record itself."""
    neighbourhood: str | None = None
    """The neighbourhood whose records are counted, if any."""
    most: int | None = None
    """The number of records that the store may have, if another one is to be entered."""


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
    """The inactive record of the neighbourhood that makes room: one that was never used, or the longest inactive."""
    is_full: bool = False
    """Whether the store has `most` records."""
    oldest: PeerRecord | None = None
    """If it is full, the inactive record that makes room, as in the neighbourhood."""


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
    """Enter a new peer, or bring back the one with `cookie`.

    Another peer at the same address becomes inactive, unless it has renewed within PROTECTED_TIME. A cookie of 31 bits
    counts only on the host it was given to.

    A new peer gets a cookie that nobody had before and nobody can guess: of 63 bits if `wide`, else of 31. If its host
    (of IPv6, the /64) has `limit` records, or the store MAX_RECORDS, it replaces an inactive one.

    Forbidden: the address is protected; all records of a full host or store are active. WrongCookie: the cookie is
    unknown, or of a host elsewhere.
    """
    address = host, port
    if cookie is not None:
        return Request(lambda: Lookup(cookie, address), lambda found, at: _bring_back(found, address, at), True)
    counted = None if limit is None else neighbourhood(host)
    return Request(
        lambda: Lookup(_draw_cookie(wide), address, counted, MAX_RECORDS),
        lambda found, at: _enter(found, address, limit, at),
        True,
    )


def leave(cookie: int, port: int, origin: Origin) -> Request:
    """Make an active peer inactive. Forbidden: inactive. WrongCookie: unknown, other port or host."""
    return Request(lambda: Lookup(cookie), lambda found, at: Changes(_active(found, port, origin, at).inactive()), True)


def keep_alive(cookie: int, port: int, origin: Origin) -> Request:
    """Renew the TTL of a peer; an inactive one becomes active again.

    Forbidden: its address is protected for another peer. WrongCookie: unknown, other port or host.
    """
    return Request(
        lambda: Lookup(cookie), lambda found, at: _take(found, _own(found, port, origin).renewed(at), at), False
    )


def query(cookie: int, port: int, origin: Origin) -> Request:
    """Renew the TTL of an active peer. Forbidden: inactive. WrongCookie: unknown, other port or host."""
    return Request(
        lambda: Lookup(cookie), lambda found, at: Changes(_active(found, port, origin, at).renewed(at)), False
    )


def _draw_cookie(wide: bool) -> int:
    low, high = (MAX_COOKIE_1_0, MAX_COOKIE) if wide else (0, MAX_COOKIE_1_0)
    return low + 1 + secrets.randbelow(high - low)


def _enter(found: Found, address: Address, limit: int | None, at: Moment) -> Changes | None:
    if found.record is not None:
        return None
    dropped = None
    if limit is not None and found.neighbours >= limit:
        dropped = found.replaceable
        if dropped is None:
            raise HostFull("too many peers are registered from this address; use a cookie given to one of them")
    elif found.is_full:
        dropped = found.oldest
        if dropped is None:
            raise Forbidden("this RS has as many peers as it can hold; try again later")
    record = PeerRecord(*address, found.lookup.cookie)
    return _take(found, record.registered(address, at), at, dropped)


def _bring_back(found: Found, address: Address, at: Moment) -> Changes:
    if found.record is None or not _is_at_home(found.record, (address[0],)):
        raise WrongCookie("this cookie was never given out: register with an empty one")
    return _take(found, found.record.registered(address, at), at)


def _take(found: Found, record: PeerRecord, at: Moment, dropped: PeerRecord | None = None) -> Changes:
    """Let `record` have its address, from which a peer that has not renewed lately is displaced."""
    holder = found.holder
    if holder is None or holder.cookie == record.cookie:
        return Changes(record, None, dropped)
    if wait := math.ceil(holder.protected(at)):
        raise Forbidden(
            "another peer is registered at this address and port and has renewed lately: use its cookie or another "
            "port, or try again later",
            wait,
        )
    return Changes(record, holder.inactive(), dropped)


def _own(found: Found, port: int, origin: Origin) -> PeerRecord:
    record = found.record
    if record is None or record.port != port or not _is_at_home(record, origin):
        raise WrongCookie("no peer is registered with this cookie and port")
    return record


def _is_at_home(record: PeerRecord, origin: Origin) -> bool:
    """Return whether the cookie of `record` counts from `origin`: 31 bits could be guessed from anywhere."""
    if record.cookie > MAX_COOKIE_1_0:
        return True
    return neighbourhood(record.host) in map(neighbourhood, origin)


def _active(found: Found, port: int, origin: Origin, at: Moment) -> PeerRecord:
    record = _own(found, port, origin)
    if not record.alive(at.now):
        raise Forbidden("this peer is not active: it has left, or its TTL ran out; register again")
    return record
