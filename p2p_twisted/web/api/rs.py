"""The control API of an RS, as a tree of resources: ``/api/v1/`` (docs/api.rst)."""

from __future__ import annotations

from collections.abc import Callable

from ...registry.record import PeerRecord
from ...registry.store import Registry
from ..extension import SiteExtension
from ..http.calls import Call, Endpoint, Reply, api_root, paging, plain
from .schema import PeerRecordPage, PeerRecordView, RsStatus, Settings


def rs_root(
    registry: Registry, status: Callable[[], RsStatus], config: Settings, page: SiteExtension | None = None
) -> Endpoint:
    """Return the root of an RS's site, with the API in it, and with `page` if there is one.

    `config` is `describe_settings` of the options with which the RS was started.
    """

    def peers(call: Call) -> Reply:
        return Reply(_page(registry, *paging(call.query(("limit", "offset")))))

    root = api_root(
        status=plain(status),
        peers=Endpoint({b"GET": peers}),
        config=plain(lambda: config),
        **({page.name: page.api} if page else {}),
    )
    if page:
        root.putChild(page.name.encode(), page.page)
    return root


def _page(registry: Registry, limit: int, offset: int) -> PeerRecordPage:
    records = sorted(registry.records(), key=lambda record: record.address)
    return PeerRecordPage(len(records), [_public(registry, record) for record in records[offset : offset + limit]])


def _public(registry: Registry, record: PeerRecord) -> PeerRecordView:
    """Return all fields except the cookie: anybody who knows it can act in the name of that peer."""
    fields = registry.describe(record)
    return PeerRecordView(**{name: value for name, value in fields.items() if name != "cookie"})  # type: ignore[arg-type]  # because the dict mixes types
