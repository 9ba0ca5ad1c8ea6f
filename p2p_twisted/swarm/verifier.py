"""Proving what came: each piece by its hash, then the whole by its own, in threads where that is worth it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure

from ..net.connect import Reactor
from .errors import DownloadError, WrongContent
from .source import PieceSink
from .storage import Storage

T = TypeVar("T")
Outcome = bool | DownloadError
"""Whether a piece is right, or why this side could not write it."""

INLINE = 128 * 1024
"""A piece up to this size, in bytes, is hashed and written at once; a thread would cost more than it saves."""
MAX_UNVERIFIED = 16 * 2**20
"""Bytes that may wait to be hashed and written before the sources are made to wait."""


def in_thread(reactor: Reactor, work: Callable[..., T], *args: object) -> Deferred[T]:
    """Run `work` in the reactor's thread pool; fires with what it returns, fails with what it raises."""
    return deferToThreadPool(reactor, reactor.getThreadPool(), work, *args)


def in_thread_until_cancelled(reactor: Reactor, work: Callable[[Event], T]) -> Deferred[T]:
    """As `in_thread`; `work` gets an event, which is set when the Deferred is cancelled, and is to end then."""
    stop = Event()
    done: Deferred[T] = Deferred(lambda _: stop.set())

    def fire(outcome: T | Failure) -> None:
        if not stop.is_set():  # cancelled: it has fired already
            done.errback(outcome) if isinstance(outcome, Failure) else done.callback(outcome)

    in_thread(reactor, work, stop).addBoth(fire)
    return done


class Verifier:
    """Proves pieces and files. `completed` is told of each file that is wholly there: with an error if it is not right.

    `pause` is told when too much waits to be verified, and when no longer; `broken` of errors in this program.

    Threads: all of it belongs to the reactor's thread. In others run only `PieceSink.store`, for a sink that nothing
    else touches any more, and `Storage.hash_on`, for each file in one at a time.
    """

    def __init__(
        self,
        reactor: Reactor,
        completed: Callable[[Storage, DownloadError | None], object],
        pause: Callable[[bool], object],
        broken: Callable[[Failure], object],
    ) -> None:
        self._reactor = reactor
        self._completed = completed
        self._pause = pause
        self._broken = broken
        self._waiting = 0
        self._hashing: set[str] = set()

    @property
    def is_busy(self) -> bool:
        """Whether threads are at work."""
        return self._waiting > 0 or bool(self._hashing)

    def verify(self, sink: PieceSink, size: int, verified: Callable[[Outcome], object]) -> None:
        """Hash the piece of `size` bytes in `sink`, and write it if it is right. `verified` is told the outcome."""
        if size <= INLINE:
            verified(_store(sink))
            return
        self._waiting += size
        self._pause(self._waiting > MAX_UNVERIFIED)
        storing = in_thread(self._reactor, _store, sink)
        storing.addCallback(self._stored, size, verified).addErrback(self._broken)

    def _stored(self, outcome: Outcome, size: int, verified: Callable[[Outcome], object]) -> None:
        self._waiting -= size
        verified(outcome)
        self._pause(self._waiting > MAX_UNVERIFIED)

    def hash_on(self, content: Storage) -> None:
        """Take what can be taken into the hash of the whole; tell `completed` when that was the last of it."""
        if content.count <= 1:
            if content.complete:
                self._judge(content)
        elif content.can_hash_on and content.sha256 not in self._hashing:
            self._hashing.add(content.sha256)
            in_thread(self._reactor, content.hash_on).addBoth(self._hashed, content).addErrback(self._broken)

    def _hashed(self, outcome: Any, content: Storage) -> None:
        self._hashing.discard(content.sha256)
        if isinstance(outcome, Failure):
            outcome.trap(DownloadError)
            self._completed(content, outcome.value)  # type: ignore[arg-type]
        elif content.is_hashed:
            self._judge(content)
        else:
            self.hash_on(content)

    def _judge(self, content: Storage) -> None:
        right = content.count == 1 or content.is_right()  # an only piece is the whole
        wrong = WrongContent("its pieces are right, but the whole file is not: the index record is false")
        self._completed(content, None if right else wrong)


def _store(sink: PieceSink) -> Outcome:
    try:
        return sink.store()
    except DownloadError as e:
        return e
