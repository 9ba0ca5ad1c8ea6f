"""The control API of an RS, as a tree of resources: ``/api/v1/`` (docs/api.rst)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import datetime, timezone
from heapq import nsmallest
from typing import Any

from twisted.internet.defer import Deferred

from ...events.rs import PeerLeft, PeerRegistered, PeersExpired
from ...registry.record import Moment, PeerRecord
from ...registry.store import Store
from ...wire import fields
from ...wire.errors import BadRequest
from ..extension import SiteExtension
from ..http.calls import ApiRoot, Call, Endpoint, Reply, api_root, paging, plain
from .event_log import EventLog
from .rs_schema import PeerRecordPage, PeerRecordView, RsStatus
from .schema import Settings

EVENTS = (PeerRegistered, PeerLeft, PeersExpired)
"""The events of an RS that are passed on."""

SORTS: Mapping[str, Callable[[PeerRecord, float], Any]] = {
    "address": lambda record, now: record.address,
    "ttl": lambda record, now: (not record.alive(now), record.ttl(now), record.address),
    "count": lambda record, now: (-len(record.activations), record.address),
    "last": lambda record, now: (-record.registered_at, record.address),
}
"""The orders of the list of peers: by address, next to expire, most often registered, latest registered first."""
STATES = ("active", "inactive", "all")
MAX_WITHIN = 2**31
AT_ONCE = 2000
"""Records that are looked at between two pauses, which takes about 10 ms."""

Peers = Callable[[Mapping[str, str], int, int], Coroutine[Any, Any, PeerRecordPage]]
"""Returns the peer records that match a query, as `peer_records` does: at most so many, from an offset on."""


def rs_root(
    peers: Peers,
    status: Callable[[], Coroutine[Any, Any, RsStatus]],
    config: Settings,
    page: SiteExtension | None = None,
    events: EventLog | None = None,
) -> ApiRoot:
    """Return the root of an RS's site, with the API in it, and with `page` if there is one.

    `config` is `describe_settings` of the options with which the RS was started.
    """

    def state(call: Call) -> Deferred[Reply]:
        call.query()
        return Deferred.fromCoroutine(status()).addCallback(Reply)

    def records(call: Call) -> Deferred[Reply]:
        query = call.query(("q", "state", "sort", "within", "limit", "offset"))
        return Deferred.fromCoroutine(peers(query, *paging(query))).addCallback(Reply)

    root = api_root(
        status=Endpoint({b"GET": state}),
        peers=Endpoint({b"GET": records}),
        config=plain(lambda: config),
        **({"events": Endpoint({b"GET": events.follow})} if events else {}),
        **({page.name: page.api} if page else {}),
    )
    if page:
        root.putChild(page.name.encode(), page.page)
    return root


async def _go_on() -> None:
    pass


async def peer_records(
    registry: Store,
    query: Mapping[str, str],
    limit: int,
    offset: int,
    pause: Callable[[], Awaitable[object]] = _go_on,
) -> PeerRecordPage:
    """Return the peer records that match `query`: `q` in HOST:PORT, `state` of STATES, in the order `sort` of SORTS.

    With `within`, only active ones whose TTL is at most so many seconds. In each `pause`, peers are answered: a million
    records take seconds. Raises BadRequest.
    """
    words, state, sort = query.get("q", "").lower(), query.get("state", "all"), query.get("sort", "address")
    if state not in STATES:
        raise BadRequest(f"state must be one of {', '.join(STATES)}")
    if sort not in SORTS:
        raise BadRequest(f"sort must be one of {', '.join(SORTS)}")
    within = fields.number(query["within"], "within", 0, MAX_WITHIN) if "within" in query else None
    at = registry.clocks.moment()
    first, total = list[PeerRecord](), 0
    for start in range(0, registry.places, AT_ONCE):
        found = [
            record
            for record in await registry.records(range(start, start + AT_ONCE))
            if (state == "all" or record.alive(at.now) == (state == "active"))
            and words in f"{record.host}:{record.port}"
            if within is None or (record.alive(at.now) and record.ttl(at.now) <= within)
        ]
        total += len(found)
        first = nsmallest(offset + limit, [*first, *found], key=lambda record: SORTS[sort](record, at.now))
        await pause()
    return PeerRecordPage(total, [_public(record, at) for record in first[offset:]])


def _public(record: PeerRecord, at: Moment) -> PeerRecordView:
    """Return all fields except the cookie: anybody who knows it can act in the name of that peer."""
    registered_at = datetime.fromtimestamp(record.registered_at, timezone.utc)
    return PeerRecordView(
        hostName=record.host,
        isActive=record.alive(at.now),
        TTL=record.ttl(at.now),
        port=record.port,
        registered_count=record.registered_count(at.wall),
        last_registered=f"{registered_at:%Y-%m-%d %H:%M:%S}",
    )
