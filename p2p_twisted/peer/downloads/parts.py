"""The parts of a peer that its downloads use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...events.publisher import Publisher
from ...net.connect import Reactor
from ...net.throttle import Throttle
from ...swarm.sites import Sites
from ..peers.discovery import Discovery
from ..serving.content_store import ContentStore
from ..serving.index_feed import IndexFeed
from ..serving.piece_server import PieceSource
from .model import Claims


@dataclass(frozen=True)
class Parts:
    """The parts of a peer, and `claims`, which its downloads share. `now` gives monotonic seconds."""

    reactor: Reactor
    content_store: ContentStore
    index_feed: IndexFeed
    piece_source: PieceSource
    discovery: Discovery
    downlink: Throttle
    now: Callable[[], float]
    publisher: Publisher
    claims: Claims
    sites: Callable[[], Sites | None]
    """Returns where the sources of a new swarm are, None if that does not matter."""
