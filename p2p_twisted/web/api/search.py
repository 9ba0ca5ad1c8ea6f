"""GET index and GET search: the documents that this peer knows, and those that have words, here or also at others."""

from __future__ import annotations

from twisted.internet.defer import Deferred

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
    query = call.query(("q", "limit", "offset"))
    limit, offset = paging(query)
    return peer.index(query.get("q", ""), limit, offset).addCallback(Reply)


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
