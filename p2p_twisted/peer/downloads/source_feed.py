"""Tell a swarm which peers have its files: at the start, as peers announce it, and as the index learns of more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from twisted.internet.task import LoopingCall

from ...events.types import IndexChanged
from ...index.search import Document
from ...swarm.swarm import Swarm
from ...wire.address import Address
from ...wire.changes import Change, Have, Removed
from ...wire.ranges import from_ranges
from ...wire.records import IndexRecord
from .parts import Parts

LOOK_INTERVAL = 5
"""Seconds between two looks at the index, for the records that come from peers that are not followed."""
RECENT = 120.0
"""Seconds for which a peer that has answered ranks before one of which others have told."""


class SourceFeed:
    """Tells a swarm of the peers that have `documents` (by SHA-256); `may_ask` says which peers may be asked.

    A peer that gives another size or piece list for the same content is none of them: at most one of both is right. Of
    a private document only those who have told of it by its name are; a request would tell others that name.
    """

    def __init__(self, parts: Parts, may_ask: Callable[[Address], bool], documents: Mapping[str, Document]) -> None:
        self._discovery = parts.discovery
        self._now = parts.now
        self._may_ask = may_ask
        self._documents = documents
        self._said = {sha256: (document.size, document.piece_list) for sha256, document in documents.items()}
        """The size and the piece list of each."""
        self._contents: dict[tuple[Address, str], str] = {}
        """(peer, name) -> the content that the peer is last known to have under that name."""
        self._names: dict[tuple[Address, str], set[str]] = {}
        """(peer, content) -> its names."""
        self._publisher = parts.publisher
        self._unsubscribe: Callable[[], object] = lambda: None
        self._swarm: Swarm
        self._looked_at = -1
        """The generation of the index at the last look."""
        self._looking = LoopingCall(self._look)
        self._looking.clock = parts.reactor

    def rank(self, address: Address) -> int:
        """Return 0 for a peer that is followed, more for one that is less likely to be there."""
        peer = self._discovery.peers.get(address)
        if peer is None:
            return 1000  # hearsay: known neither from itself nor from the RS
        if peer.subscription.connection is not None:
            return 0
        recently = peer.seen is not None and self._now() - peer.seen < RECENT
        return (1 if recently else 2) + peer.failures + self._discovery.dialler.backoff.failures(address)

    def start(self, swarm: Swarm) -> None:
        """Tell `swarm` of all known sources, and of new ones until `stop`."""
        self._swarm = swarm
        peers = [one for one in self._discovery.peers.values() if one.subscription.parts and self._may_ask(one.address)]
        for sha256, document in self._documents.items():
            for holder in document.holders:
                if self._is_wanted(holder):
                    address = holder.host, holder.port
                    self._note(address, holder.name, sha256)
                    swarm.add_seed(address, sha256)
            for peer in peers if not document.private else ():
                part = peer.subscription.parts.get(sha256)
                if part is not None:
                    swarm.add_pieces(peer.address, sha256, part.pieces)
        self._unsubscribe = self._publisher.subscribe(IndexChanged, self._index_changed)
        self._looking.start(LOOK_INTERVAL, now=False)

    def stop(self) -> None:
        """Stop telling it of sources."""
        self._unsubscribe()
        self._looking.stop()

    def has_more(self, sha256: str) -> bool:
        """Return whether the index knows a peer with the document of which the swarm was not told."""
        return any(True for _ in self._untold(sha256))

    def _untold(self, sha256: str) -> Iterator[Address]:
        name = self._documents[sha256].name
        for holder in self._discovery.index.holders_of(name, self._now()):
            address = holder.host, holder.port
            is_it = holder.sha256 == sha256 and self._is_wanted(holder)
            if is_it and self._may_ask(address) and self._contents.get((address, name)) != sha256:
                yield address

    def _is_wanted(self, record: IndexRecord) -> bool:
        """Return whether `record` is that of a wanted document, with the same size and piece list."""
        if record.sha256 is None or self._said.get(record.sha256) != (record.size, record.pieces):
            return False
        document = self._documents[record.sha256]
        return record.name == document.name or not document.private

    def _look(self) -> None:
        if self._looked_at == self._discovery.index.generation:
            return
        self._looked_at = self._discovery.index.generation
        for sha256 in list(self._swarm.unfinished):
            for address in list(self._untold(sha256)):
                self._note(address, self._documents[sha256].name, sha256)
                self._swarm.add_complete(address, sha256)

    def _note(self, address: Address, name: str, sha256: str) -> None:
        self._contents[address, name] = sha256
        self._names.setdefault((address, sha256), set()).add(name)

    def _forget(self, address: Address, name: str) -> str | None:
        """Return the content that the peer had under that name, None if there was none."""
        sha256 = self._contents.pop((address, name), None)
        if sha256 is not None:
            self._names[address, sha256].discard(name)
        return sha256

    def _index_changed(self, event: IndexChanged) -> None:
        """Apply additions first: a renamed file is removed and added in one batch, and must not be lost in between."""
        if self._may_ask(event.peer):
            for change in sorted(event.changes, key=lambda change: isinstance(change, Removed)):
                self._change(event.peer, change)

    def _change(self, address: Address, change: Change) -> None:
        wanted = self._swarm.files
        if isinstance(change, Have):
            is_it = change.sha256 in wanted and change.size == wanted[change.sha256].size
            if is_it and not self._documents[change.sha256].private:
                pieces = from_ranges(change.pieces, wanted[change.sha256].count)
                self._swarm.add_pieces(address, change.sha256, pieces)
            return
        before = self._forget(address, change.name)
        if not isinstance(change, Removed) and change.sha256 is not None and self._is_wanted(change):
            self._note(address, change.name, change.sha256)
            self._swarm.add_complete(address, change.sha256)
        if before is not None and not self._names[address, before]:
            self._swarm.remove(address, before)
