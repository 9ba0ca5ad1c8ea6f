"""Announce the changes of this peer's index to its followers: files added and removed, and pieces of unfinished files.

In batches: when, is decided in announcing.py. Of the pieces of a file of many, whoever downloads here hears with its
turns (piece_news.py).
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
from ...wire.changes import Have, encode_change
from .announcing import Announcing
from .content_store import ContentStore
from .index_answers import IndexAnswer, IndexAnswers
from .index_log import IndexLog

Pieces = dict[str, tuple[Storage, set[int]]]
"""Pieces of files, by their hashes."""
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
        self._times = Announcing()
        self._is_announcing = False
        self._is_due = False
        self._new: Pieces = {}
        self._copies: Pieces = {}
        """The pieces to be announced; of files of few, those that others have too."""
        self._told: set[str] = set()
        """The files of which pieces were announced since documents were."""
        self._timer: Any = None
        self._timer_due = 0.0
        self._silent_until = clock.seconds() + KEEPALIVE_INTERVAL
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
        files = [self._content_store.library.public.get(name) for name in event.added]
        is_told = not event.removed and all(file is None or self._is_told(file.sha256) for file in files)
        self._times.documents_changed(self._clock.seconds(), len(self._followers), is_told)
        self._arm()

    def _is_told(self, sha256: str) -> bool:
        return sha256 in self._told or sha256 in self._new or sha256 in self._copies

    def content_sent(self) -> None:
        """Note that content is being sent to another peer: what can wait, waits."""
        self._times.content_sent(self._clock.seconds())

    def download_started(self, content: Storage) -> None:
        """Announce that this peer takes part in the swarm of an unfinished file, though it may have no piece yet."""
        if content.count > 1:
            self._new.setdefault(content.sha256, (content, set()))
            self._times.download_started(self._clock.seconds())
            self._arm()

    def piece_verified(self, content: Storage, piece: int, alone: bool) -> None:
        """Announce a verified piece of an unfinished file; `alone` says that no other downloader was given it."""
        now, is_copy = self._clock.seconds(), content.count < MIN_PIECES and not alone
        (self._copies if is_copy else self._new).setdefault(content.sha256, (content, set()))[1].add(piece)
        if is_copy:
            self._times.copy_verified(now)
        else:
            self._times.piece_verified(now, alone and content.count < MIN_PIECES)
        self._arm()

    def _arm(self) -> None:
        """Come again when something is due."""
        now = self._clock.seconds()
        due = min(self._times.due, self._silent_until if self._followers else math.inf)
        if self._timer is not None and self._timer.active():
            if self._timer_due <= due:
                return
            self._timer.cancel()
        if due < math.inf:
            self._timer_due = due
            self._timer = self._clock.callLater(max(0.0, due - now), self._announce_due)

    # announcements

    def follow(self, follower: Follower) -> None:
        """Send `follower` the changes since its version, and all further ones."""
        if not self._followers:
            self._silent_until = self._clock.seconds() + KEEPALIVE_INTERVAL
        self._followers[follower] = State.CATCHING_UP
        self.catch_up(follower, follower.since)
        self._arm()

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

    def _announce_due(self) -> None:
        """Announce what is due; content sent meanwhile may have put it off."""
        now = self._clock.seconds()
        if self._times.due <= now or self._silent_until <= now:
            self._announce()
        else:
            self._arm()

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
            self._announce()
        else:
            self._arm()

    async def _announce_changes(self) -> None:
        now = self._clock.seconds()
        self._silent_until = now + KEEPALIVE_INTERVAL
        names: set[str] | None = set()
        since, due = self._announced, self._times.announced(now)
        have = self._new_pieces(due.copies)
        if due.documents:
            self._announced, names = self._log.version, self._log.names_since(since)
            self._told.clear()
        index = self._announced
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

    def _new_pieces(self, copies: bool) -> bytes:
        """Return the lines about pieces that are to be announced, with those that others have too if `copies`."""
        pieces, self._new = self._new, {}
        have = self._have(pieces)
        if copies:
            others, self._copies = self._copies, {}
            have += self._have(others)
        return "".join(f"{encode_change(one)}\n" for one in have).encode()

    def _have(self, pieces: Pieces) -> list[Have]:
        """Return what there is to say of `pieces`; nothing of files that are not served any more."""
        store, have = self._content_store, []
        for sha256, (content, numbers) in pieces.items():
            if sha256 in store.parts or store.library.find("", sha256, None) is not None:
                self._told.add(sha256)
                have.append(self.answers.have(content, numbers))
        return have
