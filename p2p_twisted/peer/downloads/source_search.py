"""In a large swarm, find others that have or download the same files.

A peer knows few others there, and hardly any downloader among them. So those that have some of a file are asked for the
names of its downloaders; while none of them sends anything, the holders that hearsay names are asked, too. Who is named
is asked for its index, as any peer that others name; from then on `source_feed` tells the swarm what it has.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from ...index.search import Document
from ...net.errors import FetchError
from ...swarm.swarm import Swarm
from ...wire import fields
from ...wire.address import Address
from ...wire.errors import BadRequest
from ...wire.messages import GetSources
from .parts import Parts

ENOUGH = 20
"""Sources of a file with which no others are looked for."""
FIRST_WAIT = 0.5
"""Seconds until the first search: neighbours that begin at the same time have told of it by then, and those that begin
first are not named to all the others."""
FIRST_PAUSE, LAST_PAUSE = 1.0, 30.0
"""Seconds between two searches: at first, and at most; doubled each time."""
AT_ONCE = 3
"""Sources that are asked in one search."""
MAX_NAMED = 32
"""Addresses that are taken from one answer, and the bytes of a longer one that are too much."""
MAX_ANSWER = MAX_NAMED * 300
CONFIRM_TIMEOUT = 10
"""Seconds for which those that are named are waited for."""


async def ask_named(parts: Parts, names: Iterable[str], may_ask: Callable[[Address], bool]) -> None:
    """Have the holders that hearsay names for these documents asked for their index. Never fails."""
    told = parts.discovery.index.hints(names, parts.now())
    await parts.discovery.confirm(list(filter(may_ask, told)), CONFIRM_TIMEOUT)


class SourceSearch:
    """Looks for sources of `documents` (by SHA-256), which `swarm` fetches; `may_ask` says who may be asked."""

    log = Logger()

    def __init__(
        self, parts: Parts, swarm: Swarm, may_ask: Callable[[Address], bool], documents: Mapping[str, Document]
    ) -> None:
        self._parts = parts
        self._discovery = parts.discovery
        self._swarm = swarm
        self._may_ask = may_ask
        self._names = {sha256: document.name for sha256, document in documents.items() if not document.private}
        self._received = -1
        """Bytes that the swarm had received at the last search."""
        self._searching: Deferred[None] = Deferred()

    def start(self) -> None:
        """Search until `stop`."""
        self._searching = Deferred.fromCoroutine(self._run())
        self._searching.addErrback(lambda failure: failure.trap(CancelledError) and None)
        self._searching.addErrback(lambda failure: self.log.failure("looking for sources", failure))

    def stop(self) -> None:
        """End the search."""
        self._searching.cancel()

    async def _run(self) -> None:
        pause = FIRST_PAUSE
        await deferLater(self._parts.reactor, FIRST_WAIT)
        while True:
            wanted = [sha256 for sha256 in self._swarm.unfinished if sha256 in self._names]
            if wanted and self._discovery.retelling.is_on:
                await self._search(random.choice(wanted))
                self._received = self._swarm.received
            await deferLater(self._parts.reactor, pause)
            pause = min(2 * pause, LAST_PAUSE)

    async def _search(self, sha256: str) -> None:
        """Ask some sources of the file for others, unless enough are known, and the holders told if none gives."""
        if self._swarm.received == self._received:
            await ask_named(self._parts, [self._names[sha256]], self._may_ask)
        known = [address for address in self._known(sha256) if self._may_ask(address)]
        if len(known) >= ENOUGH:
            return
        named: dict[Address, None] = {}
        for address in random.sample(known, min(AT_ONCE, len(known))):
            named.update(dict.fromkeys(await self._ask(address, sha256)))
        new = [address for address in named if address not in known and self._may_ask(address)]
        await self._discovery.confirm(random.sample(new, min(ENOUGH, len(new))), CONFIRM_TIMEOUT)

    def _known(self, sha256: str) -> list[Address]:
        """Return the peers that have the file, or some of it."""
        holders = self._discovery.index.holders_of(self._names[sha256], self._parts.now())
        whole = [(holder.host, holder.port) for holder in holders if holder.sha256 == sha256]
        peers = self._discovery.peers.values()
        return list(dict.fromkeys([*whole, *(one.address for one in peers if sha256 in one.subscription.parts)]))

    async def _ask(self, address: Address, sha256: str) -> list[Address]:
        """Return the downloaders of the file that the peer at `address` names; none if it does not answer."""
        try:
            connection = await self._discovery.dialler.dial_holder(address, self._parts.downlink)
            try:
                message = GetSources(sha256, self._parts.content_store.port)
                _, body = await connection.collect(message, MAX_ANSWER)
            finally:
                connection.close()
            return [fields.address(line) for line in body.decode().splitlines()[:MAX_NAMED]]
        except (FetchError, BadRequest, UnicodeDecodeError) as e:
            self.log.debug("{peer} names no sources: {why}", peer=address, why=str(e))
            return []
