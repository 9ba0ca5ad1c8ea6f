"""The control API of an RS, as a tree of resources: ``/api/v1/`` (docs/api.rst)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime, timezone
from typing import Any

from twisted.internet.defer import Deferred

from ...registry.record import Moment, PeerRecord
from ...registry.store import Store
from ..extension import SiteExtension
from ..http.calls import ApiRoot, Call, Endpoint, Reply, api_root, paging, plain
from .schema import PeerRecordPage, PeerRecordView, RsStatus, Settings


def rs_root(
    registry: Store,
    status: Callable[[], Coroutine[Any, Any, RsStatus]],
    config: Settings,
    page: SiteExtension | None = None,
) -> ApiRoot:
    """Return the root of an RS's site, with the API in it, and with `page` if there is one.

    `config` is `describe_settings` of the options with which the RS was started.
    """

    def state(call: Call) -> Deferred[Reply]:
        call.query()
        return Deferred.fromCoroutine(status()).addCallback(Reply)

    def peers(call: Call) -> Deferred[Reply]:
        limit, offset = paging(call.query(("limit", "offset")))
        return Deferred.fromCoroutine(_page(registry, limit, offset)).addCallback(Reply)

    root = api_root(
        status=Endpoint({b"GET": state}),
        peers=Endpoint({b"GET": peers}),
        config=plain(lambda: config),
        **({page.name: page.api} if page else {}),
    )
    if page:
        root.putChild(page.name.encode(), page.page)
    return root


async def _page(registry: Store, limit: int, offset: int) -> PeerRecordPage:
    records, at = sorted(await registry.records(), key=lambda record: record.address), registry.clocks.moment()
    return PeerRecordPage(len(records), [_public(record, at) for record in records[offset : offset + limit]])


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
