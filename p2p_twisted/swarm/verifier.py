"""Verifying by hash: each piece as it is received, then the whole file; in threads where that is worth it."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from typing import TypeVar

from twisted.internet.defer import Deferred, execute
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure

from ..net.connect import Reactor
from .recent_pieces import RecentPieces
from .storage import Storage

T = TypeVar("T")

INLINE = 128 * 1024
"""A piece up to this size, in bytes, is hashed and written at once; a thread would cost more than it saves."""
MAX_UNVERIFIED = 16 * 2**20
"""Bytes that may wait to be hashed and written before no source is read."""
MAX_BATCH = 4
"""Pieces that a thread takes at a time: each time costs a hop there and back."""


def in_thread(reactor: Reactor, work: Callable[..., T], *args: object) -> Deferred[T]:
    """Run `work` in the reactor's thread pool; fires with what it returns, fails with what it raises."""
    return deferToThreadPool(reactor, reactor.getThreadPool(), work, *args)


def in_thread_until_cancelled(reactor: Reactor, work: Callable[[Event], T]) -> Deferred[T]:
    """Run `work` as `in_thread` does; it is to end when the event that it gets is set: the Deferred was cancelled."""
    stop = Event()
    done: Deferred[T] = Deferred(lambda _: stop.set())

    def fire(outcome: T | Failure) -> None:
        if not stop.is_set():  # cancelled: it has fired already
            done.errback(outcome) if isinstance(outcome, Failure) else done.callback(outcome)

    in_thread(reactor, work, stop).addBoth(fire)
    return done


@dataclass
class _Job:
    """A piece to store; `done` fires with whether it is right."""

    storage: Storage
    piece: int
    parts: Sequence[bytes]
    done: Deferred[bool] = field(default_factory=Deferred)


class Verifier:
    """Verifies pieces and files.

    Threads: all of it belongs to the reactor's thread. Others run only `_store_all`, one at a time, with parts that
    nobody changes any more, and `Storage.hash_on`, for each file in one at a time. So a download keeps two processors
    busy beside the reactor's, and leaves the other threads of the pool to others.
    """

    def __init__(self, reactor: Reactor) -> None:
        self.unverified = 0
        """Bytes that threads are to hash and write."""
        self._reactor = reactor
        self._hashing: set[str] = set()
        self._waiting: deque[_Job] = deque()
        self._storing = False
        self._recent = RecentPieces()

    @property
    def is_busy(self) -> bool:
        """Whether threads are at work."""
        return self.unverified > 0 or bool(self._hashing)

    @property
    def is_full(self) -> bool:
        """Whether so much waits to be verified that nothing more should be read."""
        return self.unverified > MAX_UNVERIFIED

    def store(self, storage: Storage, piece: int, parts: list[bytes]) -> Deferred[bool]:
        """Hash the piece made of `parts`, and write it if it is right.

        Fires with whether it is right; fails with a DownloadError if it cannot be written.
        """
        size = storage.piece_range(piece)[1]
        if size <= INLINE:
            return execute(_store, storage, piece, parts)
        self.unverified += size
        job = _Job(storage, piece, parts)
        self._waiting.append(job)
        self._store_waiting()
        return job.done

    def _store_waiting(self) -> None:
        """Have a thread store the next pieces, unless one is at work."""
        if self._waiting and not self._storing:
            self._storing = True
            jobs = [self._waiting.popleft() for _ in range(min(MAX_BATCH, len(self._waiting)))]
            in_thread(self._reactor, _store_all, jobs).addCallback(self._stored, jobs)

    def _stored(self, outcomes: list[bool | Failure], jobs: list[_Job]) -> None:
        self._storing = False
        self._store_waiting()
        for job, outcome in zip(jobs, outcomes, strict=True):
            self.unverified -= job.storage.piece_range(job.piece)[1]
            if outcome is True and job.storage.count > 1:
                self._recent.add(job.storage.sha256, job.piece, job.parts)
            job.done.callback(outcome)

    async def hash_on(self, storage: Storage) -> bool | None:
        """Hash the whole file as far as its pieces are here.

        Returns whether the file is right; None until all of it is hashed. Raises DownloadError if it cannot be read.
        """
        if storage.count <= 1:  # an only piece is the whole
            return (storage.count == 1 or storage.is_right()) if storage.complete else None
        if storage.sha256 in self._hashing:
            return None
        self._hashing.add(storage.sha256)
        try:
            while storage.can_hash_on:
                await in_thread(self._reactor, storage.hash_on, partial(self._recent.take, storage.sha256))
        finally:
            self._hashing.discard(storage.sha256)
        return storage.is_right() if storage.is_hashed else None


def _store_all(jobs: list[_Job]) -> list[bool | Failure]:
    """Return for each job whether its piece is right, or how it has failed. For a thread."""
    outcomes: list[bool | Failure] = []
    for job in jobs:
        try:
            outcomes.append(_store(job.storage, job.piece, job.parts))
        except Exception:
            outcomes.append(Failure())
    return outcomes


def _store(storage: Storage, piece: int, parts: Sequence[bytes]) -> bool:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    right = storage.matches(piece, digest.digest())
    if right:
        storage.write(storage.piece_range(piece)[0], *parts)
    return right
