"""Read the files that walks have found, smallest first, while further walks go on. For the reactor's thread.

One huge file may take hours to read. Meanwhile new files are found and smaller ones are read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from .walk import Found

BIG = 2**20
"""Bytes from which a file is worth reading beside another: hashing releases the interpreter. The cost of a smaller one
is mostly Python, in which two threads are slower than one."""

HUGE = 2**30
"""Bytes from which a file may take so long that other files need a thread of their own."""

BATCH = 64
"""Most small files read before they are shared."""

_READERS = ((0,), (1,), (1, 2))
"""Which kinds of files each reader takes: 0 is below BIG bytes, 2 is HUGE, 1 between them."""


class Readers:
    """Up to three readers at a time. `read` reads a batch in a thread and stores the result."""

    log = Logger()

    def __init__(self, read: Callable[[list[Found]], Deferred[None]]) -> None:
        self._read = read
        self._waiting: Sequence[deque[list[Found]]] = batches([])
        self._in_hand: set[Found] = set()
        self._at_work: set[int] = set()
        self._idle: list[Deferred[None]] = []

    @property
    def is_busy(self) -> bool:
        """Whether anything but huge files is still to be read."""
        small, big, _ = self._waiting
        return bool(small or big) or any(found.stamp.size < HUGE for found in self._in_hand)

    def give(self, unread: Sequence[Found]) -> None:
        """Read these files instead of those that are waiting. Files being read are not interrupted."""
        self._waiting = batches([found for found in unread if found not in self._in_hand])
        for number in range(len(_READERS)):
            if number not in self._at_work:
                Deferred.fromCoroutine(self._work(number))

    def idle(self) -> Deferred[None]:
        """Return a Deferred that fires when nothing is being read and nothing is waiting."""
        if self._is_idle():
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._idle.append(done)
        return done

    def _is_idle(self) -> bool:
        return not self._at_work and not any(self._waiting)

    async def _work(self, number: int) -> None:
        self._at_work.add(number)
        while batch := self._next(number):
            self._in_hand.update(batch)
            try:
                await self._read(batch)
            except Exception:
                self.log.failure("reading shared files failed")
            self._in_hand.difference_update(batch)
        self._at_work.discard(number)
        if self._is_idle():
            idle, self._idle = self._idle, []
            for done in idle:
                done.callback(None)

    def _next(self, number: int) -> list[Found]:
        """Return the smallest batch that this reader takes, [] if there is none."""
        return next((self._waiting[kind].popleft() for kind in _READERS[number] if self._waiting[kind]), [])


def batches(unread: Sequence[Found]) -> tuple[deque[list[Found]], deque[list[Found]], deque[list[Found]]]:
    """Divide files into batches, smallest first: many small files in one, big and huge ones one by one."""
    ordered = sorted(unread, key=lambda file: file.stamp.size)
    small = [file for file in ordered if file.stamp.size < BIG]
    big = deque([file] for file in ordered if BIG <= file.stamp.size < HUGE)
    huge = deque([file] for file in ordered if file.stamp.size >= HUGE)
    return deque(small[i : i + BATCH] for i in range(0, len(small), BATCH)), big, huge
