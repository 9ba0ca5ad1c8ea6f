"""What a peer tells those who follow its index: files that come and go, and the pieces of unfinished ones.

A piece that the source gave to nobody else is told at once, for everybody waits for it; the rest is told in batches,
for with many followers the telling itself costs uplink.
"""

from __future__ import annotations

import itertools
import math
import secrets
from collections import deque
from typing import Any, Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ...library.catalogue import SharedFile
from ...swarm.storage import Storage
from ...wire.changes import Change, Have, Removed, encode_change
from ...wire.ranges import to_ranges
from .content_store import ContentStore

LAZY = 0.3
LAZY_EACH = 0.05
"""Seconds for which what is not urgent is gathered, at least and for each follower."""
SILENCE = 30
"""Seconds after which a follower is told that nothing has changed."""
REMEMBERED = 10_000
"""Changes of the index that are remembered; who is further behind is told everything."""


class Follower(Protocol):
    """One who follows. `here` is the address under which it reached this peer."""

    here: str

    def push(self, body: bytes, since: str | None, index: str) -> None:
        """Send changes that lead from the version `since` (None: from nothing) to `index`."""


class IndexFeed:
    """Gathers what changes and tells the followers."""

    log = Logger()

    def __init__(self, clock: IReactorTime, content_store: ContentStore) -> None:
        self._clock = clock
        self._content_store = content_store
        self._epoch = secrets.token_hex(6)
        self._version = 1
        self._log: deque[tuple[int, str]] = deque(maxlen=REMEMBERED)
        self._followers: set[Follower] = set()
        self._told = 1
        self._told_at = -math.inf
        self._new: dict[str, set[int]] = {}
        self._call: Any = None
        self._due = 0.0
        content_store.library.on_change.append(self._changed)

    @property
    def version(self) -> str:
        """The version of the index as it is now."""
        return f"{self._epoch}.{self._version}"

    # what changes

    def _changed(self, added: list[SharedFile], removed: list[str]) -> None:
        self._version += 1
        self._log.extend((self._version, name) for name in itertools.chain(removed, (file.name for file in added)))
        self._tell_in(max(0.0, self._told_at + self._lazy - self._clock.seconds()))

    def kept(self, content: Storage, piece: int, first_hand: bool) -> None:
        """A piece of an unfinished file is there; `first_hand`: the source gave it to nobody else."""
        self._new.setdefault(content.sha256, set()).add(piece)
        self._tell_in(0 if first_hand else self._lazy)

    @property
    def _lazy(self) -> float:
        return max(LAZY, LAZY_EACH * len(self._followers))

    def _tell_in(self, delay: float) -> None:
        due = self._clock.seconds() + delay
        if self._call is not None and self._call.active():
            if self._due <= due:
                return
            self._call.cancel()
        self._due = due
        self._call = self._clock.callLater(delay, self._tell)

    # telling

    def follow(self, follower: Follower, since: str) -> None:
        """Tell `follower` what has changed since that version, and from now on whatever changes."""
        self._followers.add(follower)
        self.catch_up(follower, since)
        if self._call is None or not self._call.active():
            self._tell_in(SILENCE)

    def unfollow(self, follower: Follower) -> None:
        """It does not follow any more."""
        self._followers.discard(follower)

    def catch_up(self, follower: Follower, since: str) -> None:
        """Tell one follower all that has changed since that version, and of all unfinished files."""
        body, told_since = self.since(since, follower.here)
        follower.push(body, told_since, self.version)

    def since(self, since: str, here: str) -> tuple[bytes, str | None]:
        """(lines, version) of what has changed since the version `since`; the version is None when all is told."""
        after = self._known(since)
        changes = self._all(here) if after is None else self._changes(after, here)
        changes += (self._have(content, content.have) for content in self._content_store.parts.values() if content.have)
        return _lines(changes), None if after is None else since

    def _known(self, since: str) -> int | None:
        """The number of that version, if every change since then is remembered."""
        epoch, _, number = since.partition(".")
        if epoch != self._epoch or not number.isdigit() or int(number) > self._version:
            return None
        forgotten = self._log[0][0] if len(self._log) == REMEMBERED else 1
        return int(number) if int(number) >= forgotten else None

    def _tell(self) -> None:
        new, self._new = self._new, {}
        haves: list[Change] = [
            self._have(self._content_store.parts[sha256], new[sha256])
            for sha256 in new.keys() & self._content_store.parts
        ]
        since, self._told = f"{self._epoch}.{self._told}", self._version
        self._told_at = self._clock.seconds()
        after = self._known(since)
        bodies: dict[str, bytes] = {}
        for follower in list(self._followers):
            if after is None:  # more has changed at once than is remembered
                self.catch_up(follower, since)
                continue
            if follower.here not in bodies:
                bodies[follower.here] = _lines(self._changes(after, follower.here) + haves)
            follower.push(bodies[follower.here], since, self.version)
        if self._followers:
            self._tell_in(SILENCE)

    # the lines

    def _all(self, here: str) -> list[Change]:
        return [self._content_store.record(file, here) for file in self._content_store.library.files.values()]

    def _changes(self, after: int, here: str) -> list[Change]:
        newest = itertools.takewhile(lambda entry: entry[0] > after, reversed(self._log))
        changes: list[Change] = []
        for name in {name for _, name in newest}:
            file = self._content_store.library.get(name)
            changes.append(Removed(name) if file is None else self._content_store.record(file, here))
        return changes

    @staticmethod
    def _have(content: Storage, pieces: set[int]) -> Have:
        return Have(content.sha256, content.size, to_ranges(pieces))


def _lines(changes: list[Change]) -> bytes:
    return "".join(f"{encode_change(change)}\n" for change in changes).encode()
