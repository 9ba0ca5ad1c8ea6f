"""Announce the changes of this peer's index to its followers: files added and removed, and pieces of unfinished files.

A super-seeded piece is announced at once, because all others wait for it; other changes in batches, because with many
followers the announcements themselves cost uplink.
"""

from __future__ import annotations

import itertools
import math
import secrets
from collections import deque
from typing import Any, Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ...events.types import LibraryChanged
from ...swarm.storage import Storage
from ...wire.changes import Change, Have, Removed, encode_change
from ...wire.ranges import to_ranges
from .content_store import ContentStore

BATCH_INTERVAL = 0.3
BATCH_INTERVAL_EACH = 0.05
"""Seconds for which changes that are not urgent are gathered: at least, and for each follower."""
KEEPALIVE_INTERVAL = 30
"""Seconds after which a follower gets an empty answer if nothing has changed."""
MAX_REMEMBERED = 10_000
"""Most changes of the index that are remembered; a follower further behind gets the whole index."""


class Follower(Protocol):
    """A follower of the index. `here` is the address at which it reached this peer."""

    here: str

    def push(self, body: bytes, since: str | None, index: str) -> None:
        """Send changes that lead from the version `since` (None: from nothing) to `index`."""


class IndexFeed:
    """Gathers the changes and announces them to the followers."""

    log = Logger()

    def __init__(self, clock: IReactorTime, content_store: ContentStore) -> None:
        self._clock = clock
        self._content_store = content_store
        self._epoch = secrets.token_hex(6)
        self._version = 1
        self._log: deque[tuple[int, str]] = deque(maxlen=MAX_REMEMBERED)
        self._followers: set[Follower] = set()
        self._announced = 1
        self._announced_at = -math.inf
        self._new: dict[str, set[int]] = {}
        self._timer: Any = None
        self._due = 0.0
        content_store.library.publisher.subscribe(LibraryChanged, self._changed)

    @property
    def version(self) -> str:
        """The present version of the index."""
        return f"{self._epoch}.{self._version}"

    def stop(self) -> None:
        """Announce nothing more, unless something changes again."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    # changes

    def _changed(self, event: LibraryChanged) -> None:
        self._version += 1
        self._log.extend((self._version, name) for name in event.removed + event.added)
        self._announce_in(max(0.0, self._announced_at + self._batch_interval - self._clock.seconds()))

    def piece_verified(self, content: Storage, piece: int, super_seeded: bool) -> None:
        """Announce a verified piece of an unfinished file; `super_seeded`: its source gave it to no other peer."""
        self._new.setdefault(content.sha256, set()).add(piece)
        self._announce_in(0 if super_seeded else self._batch_interval)

    @property
    def _batch_interval(self) -> float:
        return max(BATCH_INTERVAL, BATCH_INTERVAL_EACH * len(self._followers))

    def _announce_in(self, delay: float) -> None:
        due = self._clock.seconds() + delay
        if self._timer is not None and self._timer.active():
            if self._due <= due:
                return
            self._timer.cancel()
        self._due = due
        self._timer = self._clock.callLater(delay, self._announce)

    # announcements

    def follow(self, follower: Follower, since: str) -> None:
        """Send `follower` the changes since that version, and all further ones."""
        self._followers.add(follower)
        self.catch_up(follower, since)
        if self._timer is None or not self._timer.active():
            self._announce_in(KEEPALIVE_INTERVAL)

    def unfollow(self, follower: Follower) -> None:
        """Stop sending changes to `follower`."""
        self._followers.discard(follower)

    def catch_up(self, follower: Follower, since: str) -> None:
        """Send one follower all changes since that version, and the pieces of all unfinished files."""
        body, told_since = self.since(since, follower.here)
        follower.push(body, told_since, self.version)

    def since(self, since: str, here: str) -> tuple[bytes, str | None]:
        """Return (lines, version): the changes since the version `since`; the version is None for the whole index."""
        after = self._known(since)
        changes = self._all(here) if after is None else self._changes(after, here)
        changes += (self._have(content, content.have) for content in self._content_store.parts.values() if content.have)
        return _lines(changes), None if after is None else since

    def _known(self, since: str) -> int | None:
        """Return the number of that version if every change since then is remembered, else None."""
        epoch, _, number = since.partition(".")
        if epoch != self._epoch or not number.isdigit() or int(number) > self._version:
            return None
        forgotten = self._log[0][0] if len(self._log) == MAX_REMEMBERED else 1
        return int(number) if int(number) >= forgotten else None

    def _announce(self) -> None:
        new, self._new = self._new, {}
        haves: list[Change] = [
            self._have(self._content_store.parts[sha256], new[sha256])
            for sha256 in new.keys() & self._content_store.parts
        ]
        since, self._announced = f"{self._epoch}.{self._announced}", self._version
        self._announced_at = self._clock.seconds()
        after = self._known(since)
        bodies: dict[str, bytes] = {}
        for follower in list(self._followers):
            if after is None:  # more changes at once than are remembered
                self.catch_up(follower, since)
                continue
            if follower.here not in bodies:
                bodies[follower.here] = _lines(self._changes(after, follower.here) + haves)
            follower.push(bodies[follower.here], since, self.version)
        if self._followers:
            self._announce_in(KEEPALIVE_INTERVAL)

    # the lines

    def _all(self, here: str) -> list[Change]:
        return [self._content_store.record(file, here) for file in self._content_store.library.public.values()]

    def _changes(self, after: int, here: str) -> list[Change]:
        newest = itertools.takewhile(lambda entry: entry[0] > after, reversed(self._log))
        changes: list[Change] = []
        for name in {name for _, name in newest}:
            file = self._content_store.library.public.get(name)
            changes.append(Removed(name) if file is None else self._content_store.record(file, here))
        return changes

    @staticmethod
    def _have(content: Storage, pieces: set[int]) -> Have:
        return Have(content.sha256, content.size, to_ranges(pieces))


def _lines(changes: list[Change]) -> bytes:
    return "".join(f"{encode_change(change)}\n" for change in changes).encode()
