"""Announce the changes of this peer's index to its followers: files added and removed, and pieces of unfinished files.

That this peer takes part in the swarm of a file is announced at once; other changes in batches, because with many
followers the announcements themselves cost uplink. The pieces of a file of many are announced seldom: whoever downloads
here hears of them with its turns (piece_news.py).
"""

from __future__ import annotations

import math
from enum import Enum, auto
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Cooperator
from twisted.logger import Logger

from ...events.types import LibraryChanged
from ...swarm.storage import Storage
from ...swarm.turns import MIN_PIECES
from ...wire.changes import encode_change
from .content_store import ContentStore
from .index_answers import IndexAnswer, IndexAnswers
from .index_log import IndexLog

BATCH_INTERVAL = 0.1
BATCH_INTERVAL_EACH = 0.02
"""Seconds for which changes are gathered: at least, and for each follower."""
PIECES_INTERVAL = 10
"""The same for the pieces of unfinished files, of which downloaders hear with their turns."""
KEEPALIVE_INTERVAL = 30
"""Seconds after which a follower gets an empty answer if nothing has changed."""


class State(Enum):
    """How far a follower is."""

    CURRENT = auto()
    """It has all changes up to the last announcement, and gets the next."""
    CATCHING_UP = auto()
    """What it lacks is being put together."""
    STALE = auto()
    """It has been sent the newest body that there is, which is older than the last announcement."""
    BUSY = auto()
    """It does not keep up; it asks for what it lacks when it does."""


class Follower(Protocol):
    """A follower of the index: the address at which it reached this peer, and the version that it has come to."""

    here: str
    since: str

    def push(self, answer: IndexAnswer) -> bool:
        """Send an answer; return False if the client does not keep up, and will catch up itself."""


class IndexFeed:
    """Gathers the changes and announces them to the followers."""

    log = Logger()

    def __init__(self, clock: IReactorTime, content_store: ContentStore, cooperator: Cooperator) -> None:
        self._clock = clock
        self._content_store = content_store
        self._log = IndexLog()
        self.answers = IndexAnswers(content_store, self._log, cooperator)
        self._followers: dict[Follower, State] = {}
        self._announced = self._log.version
        self._announced_at = -math.inf
        self._is_announcing = False
        self._is_due = False
        self._new: dict[str, set[int]] = {}
        self._timer: Any = None
        self._due = 0.0
        content_store.library.publisher.subscribe(LibraryChanged, self._changed)

    @property
    def version(self) -> str:
        """The present version of the index."""
        return self._log.version

    def stop(self) -> None:
        """Announce nothing more, unless something changes again."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    # changes

    def _changed(self, event: LibraryChanged) -> None:
        self._log.add(event.removed + event.added)
        self._announce_soon()

    def download_started(self, content: Storage) -> None:
        """Announce that this peer takes part in the swarm of an unfinished file, though it may have no piece yet."""
        if content.count > 1:
            self._new.setdefault(content.sha256, set())
            self._announce_in(0)

    def piece_verified(self, content: Storage, piece: int) -> None:
        """Announce a verified piece of an unfinished file."""
        self._new.setdefault(content.sha256, set()).add(piece)
        if content.count < MIN_PIECES:
            self._announce_soon()
        else:
            self._announce_in(PIECES_INTERVAL)

    def _announce_soon(self) -> None:
        interval = max(BATCH_INTERVAL, BATCH_INTERVAL_EACH * len(self._followers))
        self._announce_in(max(0.0, self._announced_at + interval - self._clock.seconds()))

    def _announce_in(self, delay: float) -> None:
        due = self._clock.seconds() + delay
        if self._timer is not None and self._timer.active():
            if self._due <= due:
                return
            self._timer.cancel()
        self._due = due
        self._timer = self._clock.callLater(delay, self._announce)

    # announcements

    def follow(self, follower: Follower) -> None:
        """Send `follower` the changes since its version, and all further ones."""
        self._followers[follower] = State.CATCHING_UP
        self.catch_up(follower, follower.since)
        if self._timer is None or not self._timer.active():
            self._announce_in(KEEPALIVE_INTERVAL)

    def unfollow(self, follower: Follower) -> None:
        """Stop sending changes to `follower`."""
        self._followers.pop(follower, None)

    def catch_up(self, follower: Follower, since: str) -> None:
        """Send one follower all changes since that version, and the pieces of all unfinished files."""
        if follower in self._followers:
            self._followers[follower] = State.CATCHING_UP
            caught_up = Deferred.fromCoroutine(self._catch_up(follower, since))
            caught_up.addErrback(lambda failure: self.log.failure("answering a follower", failure))

    async def _catch_up(self, follower: Follower, since: str) -> None:
        while True:
            answer = await self.answers.since(since, follower.here)
            if follower not in self._followers:
                return
            state = self._state_after(follower, answer, since)
            if state is not State.CATCHING_UP:
                self._followers[follower] = state
                return
            since = answer.index

    def _state_after(self, follower: Follower, answer: IndexAnswer, since: str) -> State:
        """Push `answer` to a follower that has come to `since`, unless it brings nothing; return how far it is then."""
        if answer.since is None and answer.index == since:
            return State.STALE
        if not follower.push(answer):
            return State.BUSY
        is_behind = self._log.is_before(answer.index, self._announced)
        return State.CATCHING_UP if is_behind else State.CURRENT

    def _announce(self) -> None:
        self._is_due = self._is_announcing
        if not self._is_announcing:
            self._is_announcing = True
            announced = Deferred.fromCoroutine(self._announce_changes())
            announced.addErrback(lambda failure: self.log.failure("announcing", failure))
            announced.addCallback(lambda _: self._has_announced())

    def _has_announced(self) -> None:
        self._is_announcing = False
        if self._is_due:
            self._announce_in(0)
        elif self._followers:
            self._announce_in(KEEPALIVE_INTERVAL)

    async def _announce_changes(self) -> None:
        have = self._new_pieces()
        since, self._announced = self._announced, self._log.version
        index, names = self._announced, self._log.names_since(since)
        self._announced_at = self._clock.seconds()
        followers, stale = self._those_that_are(State.CURRENT), self._those_that_are(State.STALE)
        for follower in stale if names is not None else followers + stale:
            self.catch_up(follower, follower.since)
        if names is None:  # more changes at once than are remembered
            return
        bodies = {here: await self.answers.changes(names, here) for here in {follower.here for follower in followers}}
        for follower in followers:
            is_current = self._followers.get(follower) is State.CURRENT
            if is_current and not follower.push(IndexAnswer((*bodies[follower.here], have), since, index)):
                self._followers[follower] = State.BUSY

    def _those_that_are(self, state: State) -> list[Follower]:
        return [follower for follower, its_state in self._followers.items() if its_state is state]

    def _new_pieces(self) -> bytes:
        """Return the lines about pieces that were verified since the last announcement."""
        new, self._new = self._new, {}
        contents = self._content_store.parts
        have = (self.answers.have(contents[sha256], new[sha256]) for sha256 in new.keys() & contents)
        return "".join(f"{encode_change(one)}\n" for one in have).encode()
