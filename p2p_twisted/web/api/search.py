"""GET index and GET search: the documents that this peer knows, and those that have words, here or also at others."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.defer import Deferred

from ...index.sorting import SORTS
from ...wire import fields
from ...wire.errors import BadRequest
from ...wire.limits import MAX_HITS
from ...wire.search_terms import as_typed
from ..http.calls import Call, Endpoint, Reply, paging
from .facade import PeerFacade

DEFAULT_LIMIT = 20
"""Documents in an answer unless asked for another number."""


def index(peer: PeerFacade) -> Endpoint:
    """Return the path ``index``."""
    return Endpoint({b"GET": lambda call: _index(call, peer)})


def _index(call: Call, peer: PeerFacade) -> Deferred[Reply]:
    query = call.query(("q", "sort", "limit", "offset"))
    limit, offset = paging(query)
    return peer.index(query.get("q", ""), limit, offset, chosen_sort(query)).addCallback(Reply)


def chosen_sort(query: Mapping[str, str]) -> str:
    """Return the order that `query` asks for, that of the names without one. Raises BadRequest."""
    sort = query.get("sort") or SORTS[0]
    if sort not in SORTS:
        raise BadRequest(f"sort must be one of {', '.join(SORTS)}")
    return sort


def search(peer: PeerFacade) -> Endpoint:
    """Return the path ``search``."""
    return Endpoint({b"GET": lambda call: _search(call, peer)})


def _search(call: Call, peer: PeerFacade) -> Deferred[Reply]:
    query = call.query(("q", "limit", "swarm"))
    terms = as_typed(query.get("q", ""))
    limit = fields.number(query["limit"], "limit", 1, MAX_HITS) if "limit" in query else DEFAULT_LIMIT
    swarm = query.get("swarm", "no")
    if swarm not in ("yes", "no"):
        raise BadRequest("swarm must be yes or no")
    return peer.search(terms, limit, swarm == "yes").addCallback(Reply)
