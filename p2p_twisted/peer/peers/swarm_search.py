"""Asks other peers which of their documents have the terms of a search: all at the same time, for a short time."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

from twisted.internet import defer
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ...net.errors import FetchError
from ...net.throttle import Throttle
from ...wire.address import Address
from ...wire.errors import BadRequest
from ...wire.limits import MAX_HITS, MAX_SEARCH_ANSWER
from ...wire.messages import Search, Version
from ...wire.search import Hit, parse_hit
from ...wire.search_terms import Term
from .discovery import Discovery
from .known_peer import KnownPeer

TIMEOUT = 1.8
"""Seconds for which answers are waited for: with what comes before and after, less than 2 s."""
MAX_ASKED = 64
"""Peers that are asked: in a small swarm everybody, in a large one neighbours."""

Answer = tuple[Address, list[Hit]]


class Answers(NamedTuple):
    """How many peers were asked, and what those have found that have answered."""

    asked: int
    answers: list[Answer]


class SwarmSearch:
    """Asks the peers that `discovery` knows; `downlink` limits the rate of what they answer."""

    log = Logger()

    def __init__(self, reactor: IReactorTime, discovery: Discovery, downlink: Throttle) -> None:
        self._reactor = reactor
        self._discovery = discovery
        self._downlink = downlink

    async def ask(self, terms: Sequence[Term], limit: int) -> Answers:
        """Return what other peers find, each at most `limit` documents; within TIMEOUT seconds."""
        peers = self._to_ask()
        message = Search(tuple(terms), limit)
        asking = [Deferred.fromCoroutine(self._ask_in_time(peer.address, message)) for peer in peers]
        answers = await gatherResults(asking)
        return Answers(len(peers), [answer for answer in answers if answer is not None])

    def _to_ask(self) -> list[KnownPeer]:
        """Return peers of 1.1 that have answered when they were asked last, those first that are followed."""
        known = [one for one in self._discovery.peers.values() if one.version is Version.V11 and not one.is_self]
        answering = [peer for peer in known if not peer.failures]
        random.shuffle(answering)
        return sorted(answering, key=lambda peer: peer.subscription.connection is None)[:MAX_ASKED]

    async def _ask_in_time(self, address: Address, message: Search) -> Answer | None:
        """Return what the peer at `address` finds; None if it does not answer in time."""
        asking = Deferred.fromCoroutine(self._ask(address, message)).addTimeout(TIMEOUT, self._reactor)
        try:
            return await asking
        except (FetchError, defer.TimeoutError) as e:
            self.log.debug("{peer} has found nothing: {why}", peer=address, why=str(e))
        except Exception:
            self.log.failure("asking {peer} for documents", peer=address)
        return None

    async def _ask(self, address: Address, message: Search) -> Answer:
        """Return what the peer at `address` finds. Raises FetchError."""
        connection = await self._discovery.dialler.dial_holder(address, self._downlink)
        try:
            _, body = await connection.collect(message, MAX_SEARCH_ANSWER)
        finally:
            connection.close()
        return address, _hits(body)[: message.limit]


def _hits(body: bytes) -> list[Hit]:
    """Return the documents in an answer; lines of another form are passed over."""
    hits = []
    for line in body.decode("utf-8", "replace").split("\n")[:MAX_HITS]:
        try:
            hits.append(parse_hit(line))
        except BadRequest:
            continue
    return hits
