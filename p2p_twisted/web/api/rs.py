"""The control API of an RS, as a tree of resources: ``/api/v1/`` (docs/api.rst)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ... import __version__
from ...registry.record import PeerRecord
from ...registry.store import Registry
from ..extension import SiteExtension
from ..http.calls import Call, Endpoint, Reply, api_root, paging, plain
from .facade import Json


def rs_root(
    registry: Registry, status: Callable[[], Json], config: Sequence[Json] = (), page: SiteExtension | None = None
) -> Endpoint:
    """The root of an RS's site, with the API in it, and with `page` if there is one.

    `status` says how the RS is, besides its role and version; `config` is `settings_json` of its options.
    """

    def peers(call: Call) -> Reply:
        return Reply(_page(registry, *paging(call.query(("limit", "offset")))))

    root = api_root(
        status=plain(lambda: {"role": "rs", "version": __version__, **status()}),
        peers=Endpoint({b"GET": peers}),
        config=plain(lambda: {"items": list(config)}),
        **({page.name: page.api} if page else {}),
    )
    if page:
        root.putChild(page.name.encode(), page.page)
    return root


def _page(registry: Registry, limit: int, offset: int) -> Json:
    records = sorted(registry.records(), key=lambda record: record.address)
    return {"total": len(records), "items": [_public(registry, record) for record in records[offset : offset + limit]]}


def _public(registry: Registry, record: PeerRecord) -> Json:
    """All fields but the cookie: who knows it can act as that peer."""
    return {name: value for name, value in registry.describe(record).items() if name != "cookie"}
