"""The control API of an RS, as a tree of resources: ``/api/v1/`` (docs/api.rst); and a store of records seen as one."""

from __future__ import annotations

from collections.abc import Callable

from twisted.web.resource import Resource

from ..registry.record import PeerRecord
from ..registry.store import Registry
from .calls import Call, Endpoint, Reply, api_root, paging, plain
from .facade import Json, RSFacade


def rs_root(rs: RSFacade) -> Resource:
    """The root of an RS's site, with the API in it; pages may be put beside it."""

    def peers(call: Call) -> Reply:
        return Reply(rs.peers(*paging(call.query(("limit", "offset")))))

    return api_root(status=plain(rs.status), peers=Endpoint({b"GET": peers}))


class RegistryFacade:
    """An RSFacade over `registry`. `about` says the rest of the status: version, host, port, uptime."""

    def __init__(self, registry: Registry, about: Callable[[], Json]) -> None:
        self._registry = registry
        self._about = about

    def status(self) -> Json:
        """Who it is, the TTL it grants, how many peers are active and how many it ever knew."""
        return {
            "role": "rs",
            **self._about(),
            "ttl": self._registry.ttl,
            "active": len(self._registry.active()[0]),
            "known": len(self._registry.records()),
        }

    def peers(self, limit: int, offset: int) -> Json:
        """The records by address, without the cookie: who knows it can act as that peer."""
        records = sorted(self._registry.records(), key=lambda record: record.address)
        return {"total": len(records), "items": [self._public(record) for record in records[offset : offset + limit]]}

    def _public(self, record: PeerRecord) -> Json:
        return {name: value for name, value in self._registry.describe(record).items() if name != "cookie"}
