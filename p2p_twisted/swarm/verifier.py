"""Verifying by hash: each piece as it is received, then the whole file; in threads where that is worth it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from twisted.internet.defer import Deferred, execute
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure

from ..net.connect import Reactor
from .storage import Storage

T = TypeVar("T")

INLINE = 128 * 1024
"""A piece up to this size, in bytes, is hashed and written at once; a thread would cost more than it saves."""
MAX_UNVERIFIED = 16 * 2**20
"""Bytes that may wait to be hashed and written before no source is read."""


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


class Verifier:
    """Verifies pieces and files.

    Threads: all of it belongs to the reactor's thread. Others run only `_store`, with parts that nothing else touches
    any more, and `Storage.hash_on`, for each file in one at a time.
    """

    def __init__(self, reactor: Reactor) -> None:
        self.unverified = 0
        """Bytes that threads are to hash and write."""
        self._reactor = reactor
        self._hashing: set[str] = set()

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
        return in_thread(self._reactor, _store, storage, piece, parts).addBoth(self._stored, size)

    def _stored(self, outcome: bool | Failure, size: int) -> bool | Failure:
        self.unverified -= size
        return outcome

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
                await in_thread(self._reactor, storage.hash_on)
        finally:
            self._hashing.discard(storage.sha256)
        return storage.is_right() if storage.is_hashed else None


def _store(storage: Storage, piece: int, parts: list[bytes]) -> bool:
    data = b"".join(parts)
    parts.clear()
    right = storage.matches(piece, hashlib.sha256(data).digest())
    if right:
        storage.write(storage.piece_range(piece)[0], data)
    return right
