"""The control API of an RS, as a tree of resources: ``/api/v1/`` (docs/api.rst)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred

from ...registry.registry import Registry
from ...registry.rules import PeerRecord
from ..extension import SiteExtension
from ..http.calls import Call, Endpoint, Reply, api_root, paging, plain
from .schema import PeerRecordPage, PeerRecordView, RsStatus, Settings


def rs_root(
    registry: Registry,
    status: Callable[[], Coroutine[Any, Any, RsStatus]],
    config: Settings,
    page: SiteExtension | None = None,
) -> Endpoint:
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


async def _page(registry: Registry, limit: int, offset: int) -> PeerRecordPage:
    records = sorted(await registry.records(), key=lambda record: record.address)
    return PeerRecordPage(len(records), [_public(registry, record) for record in records[offset : offset + limit]])


def _public(registry: Registry, record: PeerRecord) -> PeerRecordView:
    """Return all fields except the cookie: anybody who knows it can act in the name of that peer."""
    fields = registry.describe(record)
    return PeerRecordView(**{name: value for name, value in fields.items() if name != "cookie"})  # type: ignore[arg-type]  # because the dict mixes types
